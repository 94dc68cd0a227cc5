#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whose directory is taken for a runtime directory: strangers who come first, modes that are nearly
right, and umasks that take the owner's own rights."""
import os
import pathlib
import shutil
import stat
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
import users
from harness import check, equal
from users import GROUP, MEMBER, STRANGER, WRITER


def as_user(uid, *groups):
    """A user with a group of its own number, and these."""
    return users.as_user(uid, uid, *groups)


def needs_users(pipe):
    users.needs_users(pipe)
    pipe.output = pipe.shm / "data"


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def refused_by_both(pipe, words, path=None, prefix=(), environment=None):
    """A writer and a producer both end at once, and say all of these words in a line."""
    where = ["--dir", path] if path else []
    writer = pipe.start("otlpipe-writer", *where, "--output", pipe.scratch / "none", prefix=prefix,
                        environment=environment)
    writer.wait(1)
    load = pipe.start("otlpipe", "load", *where, "--count", 1, prefix=prefix,
                      environment=environment)
    load.wait(1)
    for process in (writer, load):
        for word in words:
            check(str(word) in process.err, lambda: f"{word!r} is missing\n{process.tail()}")


def a_stranger_who_makes_the_default_directory_first_gets_nothing(pipe):
    """The victim has named no directory. It took the stranger's for a group directory: the stranger
    read all of it, and could end the victim by cutting its region, root's programs too."""
    needs_users(pipe)
    for victim, prefix in ((MEMBER, as_user(MEMBER, STRANGER)), (0, ())):
        path = pathlib.Path(f"/dev/shm/otlpipe-{victim}")
        if path.exists():
            raise harness.Skip(f"{path} is somebody's: it is left alone")
        for mode in (0o3770, 0o3777, 0o1777, 0o700):
            pipe.undo.append(lambda path=path: remove(path))
            path.mkdir(mode=0o700)
            os.chown(path, STRANGER, STRANGER)
            path.chmod(mode)
            words = (path, f"belongs to user {STRANGER}", f"user {victim}", "OTLPIPE_DIR")
            if mode == 0o700 and victim != 0:
                words = (path, f"belongs to user {STRANGER}", f"user {victim}")
            refused_by_both(pipe, words, prefix=prefix)
            # Named, it is no more trusted: by its path, and by another.
            for name in (path, f"/dev/shm/../shm/{path.name}"):
                refused_by_both(pipe, (path.name, f"user {STRANGER}"), prefix=prefix,
                                environment={"OTLPIPE_DIR": str(name)})
            equal(os.listdir(path), [], "what the victim left in the stranger's directory")
            path.rmdir()


def the_default_directory_is_made_private_and_used(pipe):
    needs_users(pipe)
    path = pathlib.Path(f"/dev/shm/otlpipe-{WRITER}")
    if path.exists():
        raise harness.Skip(f"{path} is somebody's: it is left alone")
    pipe.undo.append(lambda: remove(path))
    pipe.output.mkdir(mode=0o750)
    os.chown(pipe.output, WRITER, WRITER)
    load = pipe.start("otlpipe", "load", "--count", 100, prefix=as_user(WRITER))
    load.wait()
    equal(mode_of(path), 0o700, "the mode of the default directory")
    pipe.start("otlpipe-writer", "--drain", "--output", pipe.output, prefix=as_user(WRITER)).wait()
    equal(pipe.scan()["spans"], 100, "spans")


def a_group_directory_of_a_third_user_must_be_where_only_root_could_put_it(pipe):
    """In /dev/shm whoever comes first makes it: there it must belong to root, or to oneself."""
    needs_users(pipe)
    victim = as_user(MEMBER, GROUP)
    open_to_all = pipe.shm / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    path = open_to_all / "run"
    path.mkdir()
    os.chown(path, STRANGER, GROUP)
    path.chmod(0o3770)
    refused_by_both(pipe, (path, f"of user {STRANGER}", f"user {MEMBER}", "/run"), path, victim)
    refused_by_both(pipe, (path, f"of user {STRANGER}", "user 0", "/run"), path)
    equal(os.listdir(path), [], "what the victims left there")
    # The administrator's own, in the same place, and in one that is closed to others.
    os.chown(path, 0, GROUP)
    path.chmod(0o3770)
    pipe.start("otlpipe", "load", "--dir", path, "--count", 1, prefix=victim).wait()
    os.chown(pipe.runtime, WRITER, GROUP)
    pipe.runtime.chmod(0o3770)
    pipe.start("otlpipe", "load", "--dir", pipe.runtime, "--count", 1, prefix=victim).wait()
    # Who is not in its group is told so.
    refused_by_both(pipe, (pipe.runtime, f"group {GROUP}", f"user {STRANGER}"), pipe.runtime,
                    as_user(STRANGER))
    for folder in (path, pipe.runtime):
        for file in folder.iterdir():
            file.unlink()


def a_mode_that_is_nearly_a_group_directorys_is_refused(pipe):
    needs_users(pipe)
    os.chown(pipe.runtime, WRITER, GROUP)
    for mode in (0o3775, 0o3771, 0o3774, 0o3772, 0o3760, 0o7770, 0o2770, 0o1770, 0o770):
        pipe.runtime.chmod(mode)
        refused_by_both(pipe, (pipe.runtime, f"{mode:04o}", "03770"), pipe.runtime,
                        as_user(MEMBER, GROUP) if mode & 0o010 else ())
        equal(os.listdir(pipe.runtime), [], f"files in a directory of mode {mode:o}")


UMASKS = (0o177, 0o777, 0o377, 0o137, 0o077, 0)


def no_umask_makes_a_directory_that_nobody_can_enter(pipe):
    """Without x the owner's own next step failed, and so did the next start."""
    needs_users(pipe)
    prefix = as_user(WRITER)
    for number, umask in enumerate(UMASKS):
        root = pipe.shm / f"umask-{umask:o}"
        root.mkdir(mode=0o700)
        os.chown(root, WRITER, WRITER)
        before = os.umask(umask)
        try:
            # Whoever comes first makes it: a producer here, a writer there.
            pipe.runtime = root / "run"
            pipe.output = root / "data"
            if number % 2 == 0:
                pipe.load("--count", 100, service="early", prefix=prefix).wait()
            writer = pipe.writer(prefix=prefix)
            load = pipe.load("--count", 100, "--wait", service="late", prefix=prefix)
        finally:
            os.umask(before)
        load.wait()
        directory, file = (0o700, 0o600) if umask & 0o040 else (0o750, 0o640)
        equal(mode_of(pipe.runtime), 0o700, f"umask {umask:o}: the runtime directory")
        for path in (pipe.output, pipe.output / "traces", pipe.output / "metrics"):
            equal(mode_of(path), directory, f"umask {umask:o}: {path}")
        for path in (pipe.runtime / "control", pipe.runtime / "writer.lock",
                     pipe.output / ".otlpipe-writer.lock"):
            equal(mode_of(path), 0o600, f"umask {umask:o}: {path}")
        writer.stop()
        for _, path in pipe.files():
            equal(mode_of(path), file, f"umask {umask:o}: {path}")
        # And the next one finds its way in.
        pipe.writer("--drain", interval=None, ready=False, prefix=prefix).wait()
        equal(pipe.scan()["spans"], 200 if number % 2 == 0 else 100, "spans")


harness.run(
    [
        a_stranger_who_makes_the_default_directory_first_gets_nothing,
        the_default_directory_is_made_private_and_used,
        a_group_directory_of_a_third_user_must_be_where_only_root_could_put_it,
        a_mode_that_is_nearly_a_group_directorys_is_refused,
        no_umask_makes_a_directory_that_nobody_can_enter,
    ]
)
