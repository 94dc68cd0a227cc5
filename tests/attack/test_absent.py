#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A region that is not attached when files are recovered is not one that is gone: when it comes, what
the files have of it is not written again. Three ways for a region to be absent.

usage: test_absent.py BUILD_DIR [words of test names…]
"""
import os
import shutil
import sys

sys.dont_write_bytecode = True
import recovery_rig
from recovery_rig import Dead, liar, rig
from rig import Skip, check, equal, reliability

CLAIMS = ".otlpipe-claims"
LIMIT, MORE = 4096, 704  # regions of one user in a group directory, and how many there are beyond
GROUP, MEMBER = 30000, 30002


def a_region_with_a_second_name_during_the_restart(pipe):
    dead = Dead(pipe)
    dead.kill_behind_write()
    for name in dead.honest:
        os.link(dead.runtime / name, pipe.shm / name)
    for _ in range(2):
        said = dead.drain()
        for name in dead.honest:
            check(f"{name} is left aside" in said, said)
        check((dead.output / CLAIMS).exists(), "what the file has of them is claimed")
        equal(pipe.files("open", dead.output), [], "files left open")
    for name in dead.honest:
        (pipe.shm / name).unlink()
    dead.drain()
    dead.compare()
    recovery_rig.verify(pipe, dead.output, dead.runtime)
    check(not (dead.output / CLAIMS).exists(), "nothing is claimed any more")
    reliability("a region has a second name while its file is recovered, and comes later",
                "a hard link, taken away behind the restart", len(dead.honest), 0, "attack absent")


def a_writer_of_another_runtime_directory_that_comes_first(pipe):
    """To the same output directory; and then the first one's writer goes there, or elsewhere."""
    dead = Dead(pipe)
    other = pipe.shm / "other"
    for number, last in enumerate(("out", "out-elsewhere")):
        dead.kill_behind_write()
        shutil.rmtree(other, ignore_errors=True)
        other.mkdir(mode=0o700)
        dead.drain(runtime=other)
        equal(pipe.files("open", dead.output), [], "files left open")
        check((dead.output / CLAIMS).exists(), "what the file has of the first one is claimed")
        # Nothing of it is this writer's to settle, however often it comes.
        dead.drain(runtime=other)
        check((dead.output / CLAIMS).exists(), "what the file has of the first one is claimed")
        dead.drain(output=pipe.scratch / last)
        dead.compare(*{dead.output, pipe.scratch / last})
        if number == 0:
            recovery_rig.verify(pipe, dead.output, dead.runtime)
            check(not (dead.output / CLAIMS).exists(), "nothing is claimed any more")
    reliability("a writer of another runtime directory comes first to an output directory",
                "two runtime directories, one output directory; then here or elsewhere", 2, 0,
                "attack absent")


def is_oldest_first(folder):
    """How a directory is listed depends on the kernel."""
    probe = folder / "probe"
    probe.mkdir()
    for name in ("first", "second"):
        (probe / name).touch()
    names = os.listdir(probe)
    shutil.rmtree(probe)
    return names == ["first", "second"]


def more_regions_of_one_user_than_may_be_attached(pipe):
    """A first writer takes from as many as it may and is killed before it gives anything back. Then
    there are newer ones, which the next writer finds first: some of the old ones have no place."""
    if os.geteuid() != 0:
        raise Skip("only root can make files of other users")
    free = os.statvfs(pipe.shm)
    if free.f_bavail * free.f_bsize < 1 << 30:
        raise Skip("its regions take 400 MB of /dev/shm")
    dead = Dead(pipe, tries=1)
    like = pipe.scratch / "like"
    like.touch(mode=0o660)  # as it shows the ACL that the library gives a region in a group
    os.chown(like, MEMBER, GROUP)
    model = liar(pipe, "die", dead.template, 3, 4096, expected=rig.SIGKILLED).strip()

    def begin():
        for path in (dead.runtime, dead.output):
            shutil.rmtree(path, ignore_errors=True)
        dead.runtime.mkdir()
        os.chown(dead.runtime, 0, GROUP)
        dead.runtime.chmod(0o3770)
        liar(pipe, "copy", model, LIMIT, dead.runtime, like)

    dead.begin = begin
    dead.kill_behind_write()
    listed = [name for name in os.listdir(dead.runtime) if name.endswith(".region")]
    equal(len(listed), LIMIT, "regions to begin with")
    liar(pipe, "copy", model, MORE, dead.runtime, like)
    # The file has records of those that were listed first. They are to be the last ones now: what
    # is renamed away and back counts as new.
    for name in listed[:MORE] if is_oldest_first(pipe.shm) else listed[MORE:]:
        os.rename(dead.runtime / name, pipe.shm / name)
        os.rename(pipe.shm / name, dead.runtime / name)
    said = dead.drain()
    check("no user may have more" in said, said[-2000:])
    # What the file has of those that wait is claimed until they have a place: before the end.
    dead.drain()
    equal(rig.regions(dead.runtime), [], "regions that are left")
    found = recovery_rig.verify(pipe, dead.output, dead.runtime)
    equal(found["signals"]["traces"]["written_items"], 3 * (LIMIT + MORE), "spans")
    check(not (dead.output / CLAIMS).exists(), "nothing is claimed any more")
    reliability("more regions of one user than may be attached, while files are recovered",
                f"{LIMIT + MORE:,} regions in a group directory, newer ones first", 1, 0,
                "attack absent")


def a_writer_killed_while_it_claims(pipe):
    """At each of its calls that leave something behind; and the region is absent all the while."""
    dead = Dead(pipe, tries=40)
    dead.kill_behind_write()
    kept = pipe.shm / "kept"
    shutil.copytree(dead.output, pipe.scratch / "kept-out", copy_function=shutil.copy2)
    shutil.copytree(dead.runtime, kept)
    runs = 0
    for number in range(1, recovery_rig.CALLS_MAX):
        for path, source in ((dead.output, pipe.scratch / "kept-out"), (dead.runtime, kept)):
            shutil.rmtree(path)
            shutil.copytree(source, path)
        hidden = dead.honest[0]
        os.link(dead.runtime / hidden, pipe.shm / hidden)
        place = dead.stepkill("calls", number, "before")
        (pipe.shm / hidden).unlink()
        dead.drain()
        dead.compare()
        recovery_rig.verify(pipe, dead.output, dead.runtime)
        if place is None:
            break
        runs += 1
    check(runs > 5, f"{runs} calls")
    reliability("the writer dies while it claims what files have of a region that is absent",
                "ptrace, SIGKILL before the Nth call for every N", runs, 0, "attack absent")


if __name__ == "__main__":
    rig.harness.run([
        a_region_with_a_second_name_during_the_restart,
        a_writer_of_another_runtime_directory_that_comes_first,
        more_regions_of_one_user_than_may_be_attached,
        a_writer_killed_while_it_claims,
    ])
