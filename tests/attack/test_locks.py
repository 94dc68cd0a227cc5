#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lock files that others take away, replace, or keep putting back."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

GROUP, WRITER, MEMBER = 30000, 30001, 30002


def a_race_for_the_lock_file_ends_in_an_error_and_takes_no_descriptor(pipe):
    """A member of a group directory who always puts writer.lock back. After 16 tries the answer was
    0, which was taken for a descriptor: what stood on standard input was locked, resized to 8 KiB
    and overwritten."""
    if os.geteuid() != 0:
        raise harness.Skip("only root can be two users")
    os.chmod(pipe.shm, 0o755)
    os.chown(pipe.runtime, WRITER, GROUP)
    pipe.runtime.chmod(0o3770)
    lock = pipe.runtime / "writer.lock"
    lock.write_bytes(b"")
    os.chown(lock, MEMBER, GROUP)
    victim = pipe.scratch / "victim"
    victim.write_bytes(b"a file on standard input\n")
    with open(victim, "r+b") as stdin:
        writer = pipe.start(
            "otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, stdin=stdin,
            environment={"LD_PRELOAD": pipe.preload("tests/attack/race_preload.so"),
                         "RACE_UID": str(MEMBER), "ASAN_OPTIONS": "verify_asan_link_order=0"},
        )
        harness.wait_for(lambda: not writer.is_running() or victim.stat().st_size != 25,
                         "the writer gives up")
        check(victim.read_bytes() == b"a file on standard input\n",
              "the file on standard input was written to")
        writer.wait(1)
    check("writer.lock" in writer.err and "put back" in writer.err, writer.tail)
    for path in pipe.runtime.iterdir():
        path.unlink()


def running(pipe):
    found = pipe.tool("stat", "--json", "--dir", pipe.runtime, expected=None)
    return found.out.strip() and found.json()["writer"]["running"]


def written(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]["signals"]["traces"][
        "written_items"]


def finish(pipe, loads, *outputs):
    """Each record of each load once, in all of these directories together."""
    for load in loads:
        load.stop()
    wait_for(lambda: not pipe.regions(), "the regions are drained")
    accepted = {kind: sum(load.json()[kind]["accepted"] for load in loads)
                for kind in ("spans", "points")}

    def compare():
        found = pipe.scan(*outputs)
        for kind, count in accepted.items():
            equal(found[kind], count, kind)

    return compare


def a_second_writer_that_starts_without_the_lock_file_takes_no_record_twice(pipe):
    """Both drained one ring: 859 of 10,000 spans stood in both directories, and each verified."""
    runs = 5
    for run in range(runs):
        outputs = [pipe.scratch / f"{run}-first", pipe.scratch / f"{run}-second"]
        first = pipe.writer(output=outputs[0])
        loads = [pipe.endless_load("--rate", 4000, "--retry", service=f"{run}-{i}") for i in range(2)]
        wait_for(lambda: written(pipe) > 500, "some are written")
        if run % 2 == 0:  # the first one has no time to notice
            first.send(harness.signal.SIGSTOP)
        (pipe.runtime / "writer.lock").unlink()
        second = pipe.writer(output=outputs[1], ready=run % 2 == 0)
        first.send(harness.signal.SIGCONT)
        # Whichever has the place keeps it, and the other one says so and ends.
        wait_for(lambda: not (first.is_running() and second.is_running()), "one of them ends")
        check(run % 2 != 0 or second.is_running(), "the first one ends")
        kept, gone = (second, first) if second.is_running() else (first, second)
        gone.wait(1)
        # By its pid, unless it has just taken the lock and has not said yet who it is.
        named = any(text in gone.err for text in (f"(pid {kept.pid})", "(pid 0)", ", or somebody"))
        check("another writer" in gone.err and named, gone.tail)
        check("Traceback" not in gone.err and running(pipe), "there is a writer")
        before = written(pipe)
        wait_for(lambda: written(pipe) > before + 2000, "the other one goes on with the rings")
        compare = finish(pipe, loads, *(o for o in outputs if o.exists()))
        kept.stop()
        compare()
    harness.reliability("writer.lock is removed, and a second writer started", "rm, and another "
                        "output directory; the producers go on", runs, 0, "attack locks")


def a_lock_file_that_is_taken_away_is_made_again(pipe):
    """Nobody has come: then it is the same writer's on, and a second one is told of it."""
    writer = pipe.writer()
    load = pipe.endless_load("--rate", 2000, service="load")
    for how in ("unlink", "replace", "directory"):
        lock = pipe.runtime / "writer.lock"
        if how == "unlink":
            lock.unlink()
        elif how == "replace":
            (pipe.runtime / "other").write_bytes(b"")
            os.replace(pipe.runtime / "other", lock)
        else:
            lock.rename(pipe.shm / "lock")
        wait_for(lambda: running(pipe), f"the lock is there again ({how})")
    equal(writer.err.count("made again, and held"), 3, "it says so each time")
    other = pipe.run("otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.scratch / "other",
                     expected=1)
    check(f"another writer has this runtime directory (pid {writer.pid})" in other.err, other.tail)
    compare = finish(pipe, [load], pipe.output)
    writer.stop()
    compare()
    pipe.verify()
    # What it remembered is in the new file too: its output directory is recovered first.
    again = pipe.run("otlpipe-writer", "--drain", "--dir", pipe.runtime, "--output",
                     pipe.scratch / "other")
    check("recovery failed" not in again.err, again.tail)


def a_control_page_that_is_taken_away_is_made_again(pipe):
    """Or programs that start later wake nobody, and who waits in a flush is told by nobody."""
    writer = pipe.writer(interval="500ms")
    load = pipe.endless_load("--rate", 1000, service="load")
    (pipe.runtime / "control").unlink()
    wait_for(lambda: "there is one again" in writer.err, "the writer has a page with a name")
    for number in range(3):
        pipe.load("--count", 300, "--wait", service=f"late-{number}").wait()
    compare = finish(pipe, [load], pipe.output)
    writer.stop()
    equal(pipe.scan()["spans"], load.json()["spans"]["accepted"] + 900, "spans")
    check(compare is not None and pipe.verify()["ok"], "verify")


harness.run(
    [
        a_race_for_the_lock_file_ends_in_an_error_and_takes_no_descriptor,
        a_second_writer_that_starts_without_the_lock_file_takes_no_record_twice,
        a_lock_file_that_is_taken_away_is_made_again,
        a_control_page_that_is_taken_away_is_made_again,
    ]
)
