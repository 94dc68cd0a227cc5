#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The directory that a killed writer wrote to is not there any more: another one has its name, or
none. What stands in its files is not written again without the user's word.

usage: test_output.py BUILD_DIR [words of test names…]
"""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from recovery_rig import Dead, rig
from rig import Skip, check, equal, reliability

ESCAPE = "--lost-output=rewrite"


def refused(dead, why, **where):
    """A writer that says what is wrong and what to do, and touches nothing."""
    before = {name: os.stat(dead.runtime / name).st_size for name in rig.regions(dead.runtime)}
    said = dead.drain(expected=1, **where)
    for text in (f"{dead.output}, where the last writer wrote, {why}", "Bring that directory back", ESCAPE):
        check(text in said, f"{text!r} is not in what it says:\n{said}")
    after = {name: os.stat(dead.runtime / name).st_size for name in rig.regions(dead.runtime)}
    equal(after, before, "regions")


def renamed(pipe, dead, moved):
    dead.output.rename(moved)


def replaced(pipe, dead, moved):
    dead.output.rename(moved)
    dead.output.mkdir(mode=0o750)


def replaced_by_one_of_a_writers(pipe, dead, moved):
    """It looks like an output directory, and has been one."""
    dead.output.rename(moved)
    other = pipe.shm / "elsewhere"
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir(mode=0o700)
    dead.drain(runtime=other)


def a_new_directory_under_the_old_name(pipe):
    """Refused, whether the next writer goes there or elsewhere; and as if nothing had been when the
    old one is back, under its name or another."""
    dead = Dead(pipe)
    runs = 0
    for change, why in ((renamed, "is gone"), (replaced, "is another directory now"),
                        (replaced_by_one_of_a_writers, "is another directory now")):
        for goes_back in (True, False):
            dead.kill_behind_write()
            moved = pipe.scratch / "out-moved"
            elsewhere = pipe.scratch / "out-elsewhere"
            change(pipe, dead, moved)
            there = sorted(dead.output.iterdir()) if dead.output.exists() else None
            refused(dead, why)
            refused(dead, why, output=elsewhere)
            check(not elsewhere.exists(), "one that is refused made an output directory")
            equal(sorted(dead.output.iterdir()) if dead.output.exists() else None, there,
                  "what is in the new directory")
            if goes_back:
                shutil.rmtree(dead.output, ignore_errors=True)
                moved.rename(dead.output)
                dead.drain()
                dead.compare()
            else:
                dead.drain(output=moved)
                shutil.rmtree(dead.output, ignore_errors=True)
                dead.compare(moved)
            runs += 1
    reliability("the output directory is renamed or replaced while no writer runs",
                "rename, mkdir, another writer's directory; the killed writer's batch is in the old one",
                runs, 0, "attack output")


def a_file_system_that_is_not_mounted(pipe):
    """The directory below has the name then."""
    if os.geteuid() != 0:
        raise Skip("only root can mount")
    dead = Dead(pipe)
    volume = pipe.scratch / "volume"
    volume.mkdir()
    image = pipe.scratch / "volume.img"
    with open(image, "wb") as file:
        file.truncate(24 << 20)

    def system(*words):
        done = subprocess.run([str(w) for w in words], capture_output=True, check=False)
        if done.returncode != 0:
            raise Skip(f"{words[0]}: {done.stderr.decode().strip()}")

    if shutil.which("mkfs.ext4") is None:
        raise Skip("no mkfs.ext4")
    system("mkfs.ext4", "-q", "-F", image)
    system("mount", "-o", "loop", image, volume)
    pipe.undo.append(lambda: subprocess.run(["umount", "-l", volume], check=False))
    dead.output = volume / "data"
    begin = dead.begin

    def begin_there():
        begin()
        shutil.rmtree(dead.output, ignore_errors=True)

    dead.begin = begin_there
    dead.kill_behind_write()
    system("umount", volume)
    refused(dead, "is gone")
    dead.output.mkdir()
    refused(dead, "is another directory now")
    dead.output.rmdir()
    system("mount", "-o", "loop", image, volume)
    dead.drain()
    dead.compare()
    reliability("the output's file system is not mounted when a writer starts",
                "ext4 on a loop device, unmounted and mounted again", 1, 0, "attack output")


def a_directory_that_is_gone_for_good(pipe):
    """The user says so: what the rings hold is written, and nothing else was lost with it."""
    dead = Dead(pipe)
    dead.kill_behind_write()
    shutil.rmtree(dead.output)
    refused(dead, "is gone")
    said = dead.drain(options=(ESCAPE,))
    check("is written again" in said, said)
    dead.compare()
    # It is forgotten then.
    said = dead.drain()
    check("where the last writer wrote" not in said, said)


def a_writer_that_nobody_told_where_the_last_one_wrote(pipe):
    """writer.lock is gone with the killed writer, and the next one has another output directory: what
    it drained was in the old one's open files too. Each region itself says that something is."""
    dead = Dead(pipe)
    runs = 0
    for goes_back in (True, False):
        dead.kill_behind_write()
        (dead.runtime / "writer.lock").unlink()
        elsewhere = pipe.scratch / "out-elsewhere"
        said = dead.drain(output=elsewhere)
        for text in ("are not drained", "Start a writer with that directory as --output", ESCAPE):
            check(text in said, f"{text!r} is not in what it says:\n{said}")
        equal(pipe.files(output=elsewhere), [], "what a writer wrote that knew of nothing")
        check(rig.regions(dead.runtime), "the regions are left")
        if goes_back:
            dead.drain()
            dead.compare()
        else:
            shutil.rmtree(dead.output)
            dead.drain(output=elsewhere, options=(ESCAPE,))
            dead.compare(elsewhere)
        runs += 1
    reliability("the writer is killed, writer.lock is removed, and the next writer writes elsewhere",
                "rm; the killed writer's batch is in the old output directory", runs, 0,
                "attack output")


def a_directory_that_nothing_is_missing_from(pipe):
    """The writer ended in order, or was killed with nothing on its way: it can be done without."""
    dead = Dead(pipe)
    dead.begin()
    dead.drain()
    shutil.rmtree(dead.output)
    said = dead.drain()
    check("is gone; nothing that the rings hold is in files there" in said, said)
    # Killed at work; but no region is left whose records could be there.
    dead.kill_behind_write()
    shutil.rmtree(dead.output)
    for name in rig.regions(dead.runtime):
        (dead.runtime / name).unlink()
    said = dead.drain()
    check("is gone; nothing that the rings hold is in files there" in said, said)
    writer = pipe.writer(interval="5ms")
    pipe.load("--count", 500, "--wait", service="first").wait()
    rig.wait_for(lambda: not pipe.regions(), "all of it is given back")
    writer.kill()
    moved = pipe.scratch / "moved"
    pipe.output.rename(moved)
    pipe.output.mkdir()
    writer = pipe.writer(interval="5ms")
    check("is another directory now; nothing that the rings hold" in writer.err, writer.tail)
    pipe.load("--count", 500, "--wait", service="second").wait()
    writer.stop()
    other = pipe.shm / "other"
    other.mkdir(mode=0o700)
    dead.drain(output=moved, runtime=other)
    found = pipe.scan(moved, pipe.output)["services"]
    for name in ("first", "second"):
        equal(found.get(name), {"spans": 500, "points": 500}, name)


def a_lock_file_that_somebody_cleaned_away(pipe):
    """It has the directory's id. The directory is known all the same, while it is where it was."""
    dead = Dead(pipe)
    dead.kill_behind_write()
    (dead.output / ".otlpipe-writer.lock").unlink()
    dead.drain()
    dead.compare()


if __name__ == "__main__":
    rig.harness.run([
        a_new_directory_under_the_old_name,
        a_file_system_that_is_not_mounted,
        a_directory_that_is_gone_for_good,
        a_writer_that_nobody_told_where_the_last_one_wrote,
        a_directory_that_nothing_is_missing_from,
        a_lock_file_that_somebody_cleaned_away,
    ])
