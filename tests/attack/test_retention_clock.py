#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Retention beside clocks that are set, times of files that lie, and files that cannot be removed:
nothing goes before its time, nothing goes without a word, and verify says ok afterwards."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

DAY = 86400
AGE = ("--retain-age", "2d")
LONGEST_WAIT = 3600 + 1
SMALL = ("--batch-bytes", "64KiB", "--rotate-bytes", "64KiB")


class Clock:
    """The clocks of a writer that was started with it."""

    def __init__(self, pipe):
        self.path = pipe.scratch / "clock-steps"
        self.wall = self.boot = 0
        self.environment = {
            "LD_PRELOAD": pipe.preload("tests/attack/clock_preload.so"),
            "CLOCK_STEPS": str(self.path),
        }
        self.write()

    def write(self):
        new = self.path.with_suffix(".new")
        new.write_text(f"{self.wall} {self.boot}\n", encoding="ascii")
        new.replace(self.path)

    def step(self, seconds):
        """Somebody sets it."""
        self.wall += seconds
        self.write()

    def pass_time(self, seconds):
        self.wall += seconds
        self.boot += seconds
        self.write()


def retention(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]["retention"]


def push(pipe, count=20):
    pipe.load("--signal", "spans", "--count", count, "--retry", "--wait").wait()


def seal(pipe):
    pipe.tool("rotate", "--dir", pipe.runtime)
    wait_for(lambda: not pipe.files("open"), "all files are sealed")


def file_sealed(pipe):
    """One more; its path."""
    before = {path for _, path in pipe.files()}
    push(pipe)
    # The end of its region is in this file too, and makes no new one.
    wait_for(lambda: not pipe.regions(), "the producer is drained to its end")
    seal(pipe)
    return next(path for _, path in pipe.files() if path not in before)


def look(pipe):
    """Retention has looked at all files since: it is asked to when a file is sealed."""
    # The next run to end may have begun before.
    runs = retention(pipe)["runs"] + 2
    while retention(pipe)["runs"] < runs:
        before = retention(pipe)["runs"]
        file_sealed(pipe)
        wait_for(lambda: retention(pipe)["runs"] > before, "retention has looked at the files")


def there(paths):
    return [path.name for path in paths if path.exists()]


def start(pipe, clock=None, *arguments, **others):
    environment = clock.environment if clock else None
    return pipe.writer(*AGE, *arguments, interval="20ms", environment=environment, **others)


def a_step_of_the_clock_takes_no_file(pipe):
    """Before: forward by ten days, and all files were gone at the next look."""
    for step in (10 * DAY, -10 * DAY):
        pipe.output = pipe.scratch / f"data{step}"
        clock = Clock(pipe)
        writer = start(pipe, clock)
        paths = [file_sealed(pipe) for _ in range(3)]
        clock.step(step)
        look(pipe)
        equal(there(paths), [path.name for path in paths], "files after the step")
        way = "forward" if step > 0 else "back"
        check(f"the clock was set {way} by" in writer.err, writer.err)
        check(retention(pipe)["waits_on_clock"], "stat does not say that it waits")
        # It keeps its new pace: the files are young all the same, as the time since boot tells.
        clock.pass_time(LONGEST_WAIT)
        look(pipe)
        equal(there(paths), [path.name for path in paths], "files after the wait")
        check("has kept its pace" in writer.err, writer.err)
        check(not retention(pipe)["waits_on_clock"], "stat says that it waits still")
        # And when their time has come they go, each with a line.
        clock.pass_time(2 * DAY)
        look(pipe)
        wait_for(lambda: not there(paths), "old files are removed")
        for path in paths:
            said = f"traces/{path.name} is removed: it is older than --retain-age"
            equal(writer.err.count(said), 1, f"lines {said!r}, in {writer.err}")
        writer.stop()
        found = pipe.verify(pipe.output)
        check(found["manifest"]["removed_files"] >= 3, f"{found['manifest']}")
        equal(found["manifest"]["missing_files"], 0, "missing files")


def a_clock_that_was_set_while_no_writer_ran_takes_no_file_at_once(pipe):
    clock = Clock(pipe)
    writer = start(pipe, clock)
    paths = [file_sealed(pipe) for _ in range(3)]
    writer.stop()
    clock.step(10 * DAY)
    writer = start(pipe, clock)
    check("ahead of the newest entry in the manifest" in writer.err, writer.err)
    look(pipe)
    equal(there(paths), [path.name for path in paths], "files after the step")
    clock.step(-10 * DAY)
    look(pipe)
    writer.stop()
    equal(there(paths), [path.name for path in paths], "files when the clock is right again")
    equal(pipe.verify()["manifest"]["removed_files"], 0, "removed files")


def a_clock_set_back_and_retention_leave_what_verify_finds_right(pipe):
    """Before: names with times that went back were removed out of order, and verify failed for ever."""
    clock = Clock(pipe)
    limits = (*SMALL, "--retain-bytes", "200KiB")
    writer = start(pipe, clock, *limits)
    push(pipe, 1500)
    clock.step(-400 * DAY)
    push(pipe, 1500)
    writer.stop()
    for _ in range(2):
        writer = start(pipe, clock, *limits)
        push(pipe, 1500)
        wait_for(lambda: retention(pipe)["removed_files"] > 3, "retention has removed files")
        writer.stop()
        found = pipe.verify()
        equal(found["manifest"]["missing_files"], 0, "missing files")
    numbers = [int(re.search(r"-(\d+)\.binpb", path.name)[1]) for _, path in pipe.files()]
    equal(numbers, list(range(numbers[0], numbers[-1] + 1)), "the numbers that are left")


def times_of_files_do_not_count(pipe):
    """A backup sets them, or anybody with touch(1). Nor do names from 1970 take others along."""
    writer = start(pipe)
    paths = [file_sealed(pipe) for _ in range(3)]
    for path in paths:
        os.utime(path, (1000, 1000))
    look(pipe)
    equal(there(paths), [path.name for path in paths], "files with old times")
    writer.stop()
    pipe.verify()


def a_file_that_cannot_be_removed_keeps_the_younger_ones_and_is_said(pipe):
    """Before: those behind it went, verify then failed for ever, and nobody read the count."""
    if os.geteuid() != 0:
        raise harness.Skip("chattr +i needs root")
    clock = Clock(pipe)
    writer = start(pipe, clock)
    paths = [file_sealed(pipe) for _ in range(4)]
    chattr(pipe, "+i", paths[1])
    clock.pass_time(3 * DAY)
    look(pipe)
    wait_for(lambda: retention(pipe)["failures"] >= 1, "stat shows the failure")
    equal(there(paths), [path.name for path in paths[1:]], "files that are left")
    said = f"traces/{paths[1].name} cannot be removed: Operation not permitted"
    check(said in retention(pipe)["problem"], f"{retention(pipe)}")
    shown = pipe.tool("stat", "--dir", pipe.runtime).out
    check(f"problem: retention: {said}" in shown, shown)
    look(pipe)
    equal(writer.err.count(said), 1, f"lines, in {writer.err}")
    pipe.verify()
    chattr(pipe, "-i", paths[1])
    look(pipe)
    wait_for(lambda: not there(paths), "all of them are removed")
    wait_for(lambda: retention(pipe)["problem"] == "", "the problem is over")
    writer.stop()
    pipe.verify()


def chattr(pipe, flag, path):
    done = subprocess.run(["chattr", flag, str(path)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise harness.Skip(f"chattr: {done.stderr.strip()}")
    if flag == "+i":
        pipe.undo.append(lambda: subprocess.run(["chattr", "-i", str(path)], capture_output=True, check=False))


if __name__ == "__main__":
    harness.run(
        [
            a_step_of_the_clock_takes_no_file,
            a_clock_that_was_set_while_no_writer_ran_takes_no_file_at_once,
            a_clock_set_back_and_retention_leave_what_verify_finds_right,
            times_of_files_do_not_count,
            a_file_that_cannot_be_removed_keeps_the_younger_ones_and_is_said,
        ]
    )
