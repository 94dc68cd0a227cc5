#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A runtime directory that is emptied, removed, moved away or replaced while a writer and programs
use it: a session manager at logout, a cleaner of temporary files, an administrator. The writer served
the one that was deleted for ever, and what programs pushed that came later was never collected."""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

GROUP, WRITER, MEMBER = 30000, 30001, 30002
# Small rings, so that they are half full soon; and a rate at which the writer keeps up.
LOAD = ("--rate", 3000, "--span-ring-bytes", "64KiB", "--metric-ring-bytes", "64KiB", "--retry")


def empty(pipe):
    for path in pipe.runtime.iterdir():
        path.unlink()


def remove(pipe):
    shutil.rmtree(pipe.runtime)


def remove_and_make(pipe):
    shutil.rmtree(pipe.runtime)
    pipe.runtime.mkdir(mode=0o700)


def move_away(pipe):
    pipe.runtime.rename(pipe.shm / "old")


def replace(pipe):
    pipe.runtime.rename(pipe.shm / "old")
    pipe.runtime.mkdir(mode=0o700)


WAYS = (empty, remove, remove_and_make, move_away, replace)


def status(pipe):
    found = pipe.start("otlpipe", "stat", "--json", "--dir", pipe.runtime,
                       prefix=getattr(pipe, "prefix", ()))
    if found.wait(None) != 0:
        return None
    return found.json()["writer"]


def is_served(pipe, pid):
    found = status(pipe)
    return found is not None and found["running"] and found["pid"] == pid


def regions_of(pipe, load):
    try:
        names = pipe.regions()
    except FileNotFoundError:
        return []
    return [n for n in names if n.startswith(tuple(f"{pid}-" for pid in load.workers))]


def written(pipe):
    return status(pipe)["signals"]["traces"]["written_items"]


def settle(pipe, loads, outputs=None):
    """All loads end; then each of their records is there once."""
    for load in loads:
        load.stop()
    wait_for(lambda: not pipe.regions(), "the regions are drained")
    return {kind: sum(load.json()[kind]["accepted"] for load in loads)
            for kind in ("spans", "points")}


def compare(pipe, accepted, *outputs):
    # A program's second region is drained beside its first one, so a thread's records may change places.
    found = pipe.scan(*(outputs or [pipe.output]))
    for kind, count in accepted.items():
        equal(found[kind], count, kind)


def clean(pipe):
    shutil.rmtree(pipe.shm / "old", ignore_errors=True)


def the_writer_and_the_programs_go_on_in_the_directory_that_is_there(pipe):
    runs = 0
    for way in WAYS:
        name = way.__name__
        pipe.output = pipe.scratch / f"data-{name}"
        writer = pipe.writer()
        early = pipe.endless_load(*LOAD, service=f"early-{name}")
        wait_for(lambda: written(pipe) > 500, "some are written")
        way(pipe)
        wait_for(lambda: is_served(pipe, writer.pid), f"{name}: the same writer serves it")
        late = pipe.endless_load(*LOAD, service=f"late-{name}")
        # The early one notices too, where it is slow anyway, and has a region that others find.
        wait_for(lambda: regions_of(pipe, early), f"{name}: the early program has a new region")
        before = written(pipe)
        wait_for(lambda: written(pipe) > before + 2000, f"{name}: both are drained")
        flush = pipe.load("--count", 100, "--wait", service=f"flush-{name}")
        flush.wait()
        accepted = settle(pipe, [early, late])
        writer.stop()
        accepted = {kind: count + 100 for kind, count in accepted.items()}
        compare(pipe, accepted)
        check(str(pipe.runtime) in writer.err, lambda: f"{name}: the log says nothing\n{writer.err}")
        pipe.verify()
        clean(pipe)
        runs += 1
    harness.reliability("the runtime directory is emptied, removed, moved away or replaced",
                        "rm, mv, mkdir under the writer and the programs", runs, 0, "attack place")


def another_writer_that_has_the_new_directory_gets_what_comes(pipe):
    """It was started before the first one looked. The first one drains on what it has mapped, until
    the programs have ended; then it ends."""
    outputs = [pipe.scratch / "first", pipe.scratch / "second"]
    first = pipe.writer(output=outputs[0])
    early = pipe.endless_load(*LOAD, service="early")
    wait_for(lambda: written(pipe) > 500, "some are written")
    first.send(harness.signal.SIGSTOP)
    replace(pipe)
    second = pipe.writer(output=outputs[1])
    first.send(harness.signal.SIGCONT)
    wait_for(lambda: "another writer" in first.err, "the first one finds that out")
    check(str(second.pid) in first.err, first.tail)
    late = pipe.endless_load(*LOAD, service="late")
    wait_for(lambda: regions_of(pipe, early), "the early program has a new region")
    before = written(pipe)
    wait_for(lambda: written(pipe) > before + 2000, "both are drained")
    check(first.is_running(), lambda: f"the first one has left what only it can drain\n{first.tail()}")
    accepted = settle(pipe, [early, late])
    first.wait(1)
    second.stop()
    compare(pipe, accepted, *outputs)
    clean(pipe)


def a_flush_does_not_wait_for_what_nobody_can_write(pipe):
    """The writer that had the region mapped is gone, and so is its name."""
    writer = pipe.writer()
    host = harness.Process(pipe, "place_host", [pipe.build / "tests/attack/place_host"],
                           {"OTLPIPE_DIR": str(pipe.runtime)}, stdin=harness.subprocess.PIPE)

    def ask(word):
        lines = len(host.out.splitlines())
        host.popen.stdin.write(f"{word}\n".encode())
        host.popen.stdin.flush()
        wait_for(lambda: len(host.out.splitlines()) > lines or not host.is_running(), word)
        check(host.is_running(), host.tail)
        return host.out.splitlines()[-1]

    equal(ask("push"), "0", "a push")
    equal(ask("flush"), "0", "a flush")
    # The writer still has it mapped: what was pushed counts, whatever its name is.
    remove_and_make(pipe)
    equal(ask("push"), "0", "a push into a region without a name")
    wait_for(lambda: is_served(pipe, writer.pid), "the writer is there again")
    equal(ask("flush"), "0", "a flush of it")
    equal(len(pipe.regions()), 1, "a region with a name, made by the flush")
    equal(ask("push"), "0", "a push into the new one")
    equal(ask("flush"), "0", "a flush of both")
    # Now the one and only name goes, and the writer with it.
    writer.stop()
    remove_and_make(pipe)
    equal(ask("push"), "0", "a push that nobody will write")
    other = pipe.writer(output=pipe.scratch / "other")
    equal(ask("flush"), "no writer", "a flush of what nobody can write")
    equal(ask("flush"), "0", "it is said once")
    equal(ask("push"), "0", "a push")
    equal(ask("flush"), "0", "a flush to the new writer")
    host.popen.stdin.close()
    host.wait()
    wait_for(lambda: not pipe.regions(), "the region is drained")
    other.stop()
    equal(pipe.verify()["spans"]["written_items"], 3, "spans of the first writer")
    equal(pipe.verify(output=pipe.scratch / "other")["spans"]["written_items"], 1, "of the second")


def what_cannot_be_found_any_more_is_said(pipe):
    """A writer that stops cannot take it with it."""
    writer = pipe.writer()
    load = pipe.endless_load("--rate", 200, service="load")
    wait_for(lambda: written(pipe) > 100, "some are written")
    for name in pipe.regions():
        (pipe.runtime / name).unlink()
    wait_for(lambda: "has removed from" in writer.err, "the writer says that names are gone")
    writer.stop()
    check("no later writer can find" in writer.err, lambda: writer.err[-2000:])
    load.stop()
    found = pipe.scan()
    check(found["spans"] <= load.json()["spans"]["accepted"], "spans")


def a_group_directory_is_not_made_by_anybody_else(pipe):
    if os.geteuid() != 0:
        raise harness.Skip("only root can become other users")
    os.chmod(pipe.shm, 0o755)
    os.chown(pipe.shm, WRITER, GROUP)  # where the writer's user could make a private one
    pipe.undo.append(lambda: os.chown(pipe.shm, 0, 0))
    prefix = pipe.prefix = ("setpriv", f"--reuid={WRITER}", f"--regid={GROUP}", "--clear-groups")
    if pipe.start("otlpipe", "--help", prefix=prefix).wait(None) != 0:
        raise harness.Skip("other users cannot run what is in the build directory")

    def make():
        pipe.runtime.mkdir(exist_ok=True)
        os.chown(pipe.runtime, WRITER, GROUP)
        pipe.runtime.chmod(0o3770)

    make()
    pipe.output = pipe.shm / "data"
    pipe.output.mkdir(mode=0o750)
    os.chown(pipe.output, WRITER, GROUP)
    writer = pipe.writer(prefix=prefix)
    load = pipe.endless_load(*LOAD, service="load", prefix=prefix)
    wait_for(lambda: written(pipe) > 500, "some are written")
    remove(pipe)
    wait_for(lambda: "No such file" in writer.err, "the writer says that it is gone")
    harness.nap(0.5)
    check(not pipe.runtime.exists(), "somebody has made a private directory in its place")
    make()
    wait_for(lambda: is_served(pipe, writer.pid), "the same writer serves it")
    wait_for(lambda: regions_of(pipe, load), "the program has a new region")
    equal(pipe.runtime.stat().st_mode & 0o7777, 0o3770, "its mode")
    accepted = settle(pipe, [load])
    writer.stop()
    compare(pipe, accepted)


def a_stranger_in_the_directorys_place_is_refused(pipe):
    """What is there under the old name is somebody else's: nothing goes there."""
    if os.geteuid() != 0:
        raise harness.Skip("only root can make a directory of another user")
    writer = pipe.writer()
    load = pipe.endless_load(*LOAD, service="load")
    wait_for(lambda: written(pipe) > 500, "some are written")
    pipe.runtime.rename(pipe.shm / "old")
    pipe.runtime.mkdir()
    os.chown(pipe.runtime, MEMBER, GROUP)
    pipe.runtime.chmod(0o3777)
    wait_for(lambda: f"belongs to user {MEMBER}" in writer.err, "the writer says whose it is")
    harness.nap(0.5)
    equal(os.listdir(pipe.runtime), [], "files in the stranger's directory")
    pipe.runtime.rmdir()
    wait_for(lambda: is_served(pipe, writer.pid), "the same writer serves it")
    wait_for(lambda: regions_of(pipe, load), "the program has a new region")
    accepted = settle(pipe, [load])
    writer.stop()
    compare(pipe, accepted)
    clean(pipe)


harness.run(
    [
        the_writer_and_the_programs_go_on_in_the_directory_that_is_there,
        another_writer_that_has_the_new_directory_gets_what_comes,
        a_flush_does_not_wait_for_what_nobody_can_write,
        what_cannot_be_found_any_more_is_said,
        a_group_directory_is_not_made_by_anybody_else,
        a_stranger_in_the_directorys_place_is_refused,
    ]
)
