#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A writer with nothing to do does nothing: idle, it makes no system call at all; stalled by a full
disk, or behind a claim that is not committed, it makes few. Counted by strace; a writer that spins
makes thousands of them in each interval."""
import os
import re
import shutil
import signal
import subprocess
import time

import harness

# For each interval: a look at each region and at the directory, retention's look, a sleep.
CALLS_PER_INTERVAL_MAX = 100
WAKE_UPS_PER_INTERVAL_MAX = 8


def wake_ups(pid):
    """How often a thread of the process went to sleep."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("voluntary"))
    return total


def check_wake_ups(writer, interval_seconds):
    begin = time.monotonic()
    before = wake_ups(writer.pid)
    harness.nap(3 * interval_seconds)
    woken = wake_ups(writer.pid) - before
    # Whatever else this machine had to do makes the time longer, and the limit larger.
    intervals = (time.monotonic() - begin) / interval_seconds + 1
    text = f"{woken} wake-ups in {intervals:.1f} intervals"
    harness.check(woken <= WAKE_UPS_PER_INTERVAL_MAX * intervals, text)
    harness.check(woken > 0, f"it does not even look any more: {text}")


def strace(pipe, writer, summary):
    program = shutil.which("strace")
    if not program:
        raise harness.Skip("there is no strace")
    command = [program, "-qq", "-c", "-f", "-U", "calls,name", "-o", summary, "-p", writer.pid]
    process = harness.Process(pipe, "strace", command)

    def attached():
        with open(f"/proc/{writer.pid}/status", encoding="ascii") as file:
            return f"TracerPid:\t{process.pid}\n" in file.read()

    harness.wait_for(lambda: attached() or not process.is_running(), "strace is attached")
    if not process.is_running():
        raise harness.Skip(f"strace may not look: {process.err.strip()}")
    return process


def check_calls(pipe, writer, interval_seconds):
    summary = pipe.scratch / "strace"
    begin = time.monotonic()
    process = strace(pipe, writer, summary)
    harness.nap(3 * interval_seconds)
    process.send(signal.SIGINT)
    process.wait(None)
    intervals = (time.monotonic() - begin) / interval_seconds + 1
    rows = [line.split() for line in summary.read_text(encoding="ascii").splitlines()]
    counts = {words[1]: int(words[0]) for words in rows if words and words[0].isdigit()}
    counts.pop("total", None)
    text = f"system calls in {intervals:.1f} intervals: {counts}"
    harness.check(sum(counts.values()) <= CALLS_PER_INTERVAL_MAX * intervals, text)
    harness.check(counts, f"it does not even look any more: {text}")


def check_quiet(pipe, writer, interval_seconds):
    # One after the other: a traced process sleeps at each call.
    check_wake_ups(writer, interval_seconds)
    check_calls(pipe, writer, interval_seconds)


def sleep_seconds(trace):
    """How long the sleep that has begun last is to be, if nobody wakes the writer; or None."""
    found = re.findall(r"ppoll\(.*\{tv_sec=(\d+), tv_nsec=\d+\}, NULL, 8(.*)", trace)
    return int(found[-1][0]) if found and found[-1][1].strip() in ("", "<unfinished ...>") else None


def check_silent(pipe, writer):
    """Nothing in some seconds, and no timer that would end within the minute. The writer's other
    threads are those of retention and the sleeper, which wait for the writer alone."""
    trace = pipe.scratch / "trace"
    program = shutil.which("strace")
    if not program:
        raise harness.Skip("there is no strace")
    command = [program, "-qq", "-f", "-o", trace, "-p", writer.pid]
    process = harness.Process(pipe, "strace", command)

    def silent():
        before = trace.read_text(encoding="ascii") if trace.exists() else ""
        harness.nap(3)
        return sleep_seconds(before) if before and trace.read_text(encoding="ascii") == before else None

    # Being traced wakes it.
    seconds = harness.wait_for(lambda: silent() or not process.is_running(), "it sleeps deeply", 60)
    if not process.is_running():
        raise harness.Skip(f"strace may not look: {process.err.strip()}")
    process.send(signal.SIGINT)
    process.wait(None)
    harness.check(seconds > 60, f"it sleeps for {seconds} s")


def a_writer_without_producers_makes_no_system_call(pipe):
    writer = pipe.writer(interval="500ms")
    check_silent(pipe, writer)
    writer.stop()


def a_writer_of_a_hundred_idle_producers_makes_no_system_call(pipe):
    writer = pipe.writer(interval="500ms")
    load = pipe.endless_load("--rate", 400, processes=2)
    crowd = pipe.start("crowd", pipe.runtime, 98)
    harness.wait_for(lambda: "there" in crowd.out, "the crowd is there")
    harness.nap(0.2)
    pause(load)
    check_silent(pipe, writer)
    resume(load)
    load.stop()
    crowd.kill()
    harness.wait_for(lambda: not pipe.regions(), "the dead producers' regions are gone")
    writer.stop()
    harness.equal(pipe.scan()["spans"], load.json()["spans"]["accepted"], "spans")
    pipe.verify()


def pause(load):
    """Stops a load generator's workers; they stay connected."""
    for pid in load.workers:
        os.kill(pid, signal.SIGSTOP)


def resume(load):
    for pid in load.workers:
        os.kill(pid, signal.SIGCONT)


def a_claim_that_is_not_committed_makes_no_writer_spin(pipe):
    claimer = pipe.start("claimer", pipe.runtime)
    harness.wait_for(lambda: "claimed" in claimer.out, "the claim is made")
    writer = pipe.writer(interval="500ms")
    # Others are not held up by it.
    pipe.load("--count", 500, "--retry", "--wait").wait()
    harness.wait_for(lambda: len(pipe.regions()) == 1, "the other region is drained and gone")
    check_quiet(pipe, writer, 0.5)
    # It waits for no claim when it is to stop, and leaves the region to the next.
    writer.stop()
    harness.equal(len(pipe.regions()), 1, "regions with a living claim")
    writer = pipe.writer()
    claimer.kill()
    harness.wait_for(lambda: not pipe.regions(), "the dead producer's region is gone")
    writer.stop()
    harness.equal(pipe.scan()["spans"], 500, "spans")
    found = pipe.verify()
    harness.check(found["spans"]["torn_bytes"] > 0, f"no torn bytes are reported: {found}")


def small_disk(pipe, size):
    if os.geteuid() != 0:
        raise harness.Skip("it takes root to make a small disk")
    folder = pipe.scratch / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "otlpipe-test", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        raise harness.Skip("mounting is not allowed here")
    pipe.undo.append(lambda: subprocess.run(["umount", "-l", folder], check=False))
    return folder


def a_full_disk_stalls_without_spinning_and_loses_nothing(pipe):
    folder = small_disk(pipe, "1m")
    output = folder / "data"
    writer = pipe.writer(
        *("--batch-bytes", "64KiB", "--rotate-bytes", "128KiB"), output=output, interval="500ms"
    )
    load = pipe.endless_load(
        *("--rate", 4000),
        *("--span-ring-bytes", "128KiB", "--metric-ring-bytes", "128KiB"),
    )
    harness.wait_for(lambda: "No space left" in writer.err, "the writer says that the disk is full")
    # The rings fill, and their producer drops.
    harness.nap(1)
    pause(load)
    check_quiet(pipe, writer, 0.5)
    harness.check(writer.is_running(), "the writer has ended")
    lines = writer.err.count("No space left")
    harness.check(lines < 30, f"it says so {lines} times")
    resume(load)
    subprocess.run(["mount", "-o", "remount,size=256m", folder], check=True)
    before = len(pipe.files("sealed", output))
    harness.wait_for(lambda: len(pipe.files("sealed", output)) > before + 2, "it writes again")
    load.stop()
    writer.stop()
    result = load.json()
    found = pipe.scan(output)
    for name in ("spans", "points"):
        harness.check(result[name]["dropped"] > 0, f"no {name} were dropped: {result}")
        harness.equal(found[name], result[name]["accepted"], f"{name} in the files")
    sums = pipe.verify(output)
    for name in ("spans", "points"):
        harness.equal(sums[name]["dropped_items"]["full"], result[name]["dropped"], f"dropped {name}")


def a_writer_killed_on_a_full_disk_is_followed_by_one_that_writes_the_rest(pipe):
    folder = small_disk(pipe, "512k")
    output = folder / "data"
    words = ("--batch-bytes", "64KiB", "--rotate-bytes", "128KiB")
    writer = pipe.writer(*words, output=output)
    load = pipe.endless_load("--rate", 4000)
    harness.wait_for(lambda: "No space left" in writer.err, "the writer says that the disk is full")
    writer.kill()
    load.stop()
    subprocess.run(["mount", "-o", "remount,size=256m", folder], check=True)
    pipe.writer(*words, "--drain", output=output, ready=False).wait()
    harness.equal(pipe.scan(output)["spans"], load.json()["spans"]["accepted"], "spans")
    pipe.verify(output)


if __name__ == "__main__":
    harness.run(
        [
            a_writer_without_producers_makes_no_system_call,
            a_writer_of_a_hundred_idle_producers_makes_no_system_call,
            a_claim_that_is_not_committed_makes_no_writer_spin,
            a_full_disk_stalls_without_spinning_and_loses_nothing,
            a_writer_killed_on_a_full_disk_is_followed_by_one_that_writes_the_rest,
        ]
    )
