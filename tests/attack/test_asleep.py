#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A writer that sleeps until it is woken, and everything that may happen meanwhile: nothing may be
left in a ring for want of a wake-up. No test waits for the rare round of housekeeping."""
import ctypes
import mmap
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

# Well below the five minutes after which it looks anyway.
SOON_SECONDS = 120
PPOLL = {"x86_64": "271", "aarch64": "73"}
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}
FUTEX_WAKE, FUTEX_REQUEUE = 1, 3
DEEP_AT = 512  # of the control page


def is_asleep(writer):
    """Of all its calls, ppoll is that of the deep sleep."""
    if platform.machine() not in PPOLL:
        raise harness.Skip("the number of ppoll is not known here")
    try:
        text = pathlib.Path(f"/proc/{writer.pid}/syscall").read_text(encoding="ascii")
    except PermissionError as error:
        raise harness.Skip(f"it cannot be seen what a process does: {error}") from error
    return text.split()[0] == PPOLL[platform.machine()]


def fall_asleep(writer):
    wait_for(lambda: is_asleep(writer) or not writer.is_running(), "the writer sleeps deeply", SOON_SECONDS)
    check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")


def soon(condition, what):
    wait_for(condition, what, SOON_SECONDS)


class Logger:
    """A program that pushes a line when it is told to."""

    def __init__(self, pipe):
        self.pipe, self.lines = pipe, 0
        self.process = pipe.start("otlpipe", "log", "--dir", pipe.runtime, stdin=subprocess.PIPE)

    def push(self):
        self.lines += 1
        self.process.popen.stdin.write(f"line {self.lines}\n".encode())
        self.process.popen.stdin.flush()

    def end(self):
        self.process.popen.stdin.close()
        self.process.wait()


def written(pipe):
    """Lines in the files."""
    if not pipe.output.exists():
        return 0
    found = pipe.start("otlpipe", "cat", pipe.output)
    found.wait(None)
    return found.out.count('"line ')


def push_and_expect(logger, writer):
    logger.push()
    soon(lambda: written(logger.pipe) == logger.lines, f"line {logger.lines} is in a file")
    fall_asleep(writer)


def a_push_a_new_program_and_a_death_wake_it(pipe):
    writer = pipe.writer()
    fall_asleep(writer)
    logger = Logger(pipe)
    push_and_expect(logger, writer)
    push_and_expect(logger, writer)
    crowd = pipe.start("crowd", pipe.runtime, 3)
    wait_for(lambda: "there" in crowd.out, "the crowd is there")
    fall_asleep(writer)
    crowd.kill()
    soon(lambda: len(pipe.regions()) == 1, "regions of the dead are removed")
    fall_asleep(writer)
    logger.end()
    soon(lambda: not pipe.regions(), "the logger's region is removed")
    fall_asleep(writer)
    writer.send(signal.SIGHUP)
    fall_asleep(writer)
    writer.stop()
    equal(pipe.verify()["logs"]["written_items"], logger.lines, "lines")


def a_stop_of_the_writer_takes_no_wake_up_away(pipe):
    writer = pipe.writer()
    logger = Logger(pipe)
    push_and_expect(logger, writer)
    for _ in range(5):
        writer.send(signal.SIGSTOP)
        writer.send(signal.SIGCONT)
        push_and_expect(logger, writer)
    # Pushed while it stands still: all of it is found.
    writer.send(signal.SIGSTOP)
    for _ in range(3):
        logger.push()
    writer.send(signal.SIGCONT)
    soon(lambda: written(pipe) == logger.lines, "what was pushed meanwhile is in a file")
    logger.end()
    writer.stop()


def a_writer_that_is_killed_asleep_is_followed_by_one_that_writes_all(pipe):
    writer = pipe.writer()
    logger = Logger(pipe)
    push_and_expect(logger, writer)
    writer.kill()
    for _ in range(20):
        logger.push()
    writer = pipe.writer()
    soon(lambda: written(pipe) == logger.lines, "what was pushed without a writer is in a file")
    fall_asleep(writer)
    push_and_expect(logger, writer)
    logger.end()
    writer.stop()
    equal(pipe.verify()["logs"]["written_items"], logger.lines, "lines")


def one_that_dies_between_its_claim_and_the_wake_up_is_found_dead(pipe):
    writer = pipe.writer()
    claimers = [
        pipe.start("claimer", pipe.runtime, *words, "told", stdin=subprocess.PIPE)
        for words in ((), ("earlier",))
    ]
    for claimer in claimers:
        wait_for(lambda: "there" in claimer.out, "the region is there")
        fall_asleep(writer)
    for claimer in claimers:
        # It commits, or does not, and wakes nobody.
        claimer.popen.stdin.write(b"\n")
        claimer.popen.stdin.flush()
        wait_for(lambda: "claimed" in claimer.out, "the claim is made")
        claimer.kill()
        claimer.popen.stdin.close()
    soon(lambda: not pipe.regions(), "regions of the dead are removed")
    writer.stop()
    found = pipe.verify()["spans"]
    equal(found["written_items"], 1, "spans written")
    check(found["torn_bytes"] > 0, f"no torn bytes are reported: {found}")


def a_region_a_lock_and_a_directory_that_go_are_noticed(pipe):
    writer = pipe.writer()
    logger = Logger(pipe)
    push_and_expect(logger, writer)
    (pipe.runtime / "writer.lock").unlink()
    soon(lambda: (pipe.runtime / "writer.lock").exists(), "the lock file is made again")
    fall_asleep(writer)
    second = pipe.start("otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.scratch / "second")
    second.wait(1)
    check("another writer" in second.err, second.err)
    (pipe.runtime / "control").unlink()
    soon(lambda: (pipe.runtime / "control").exists(), "the control page is made again")
    fall_asleep(writer)
    # It has the old page mapped, where nobody sleeps.
    push_and_expect(logger, writer)
    (pipe.runtime / pipe.regions()[0]).unlink()
    soon(lambda: "regions of living programs" in writer.err, "the writer says that a name is gone")
    fall_asleep(writer)
    push_and_expect(logger, writer)
    pipe.runtime.rename(pipe.shm / "old")
    soon(lambda: pipe.runtime.exists(), "the directory is made again")
    soon(lambda: "is another directory now" in writer.err, "the writer says that it is another one")
    # What is mapped of the old one is drained on, by a writer that looks.
    logger.push()
    soon(lambda: written(pipe) == logger.lines, "what was pushed to the old one is in a file")
    logger.end()
    soon(lambda: not list((pipe.shm / "old").glob("*.region")), "the old region is removed")
    fall_asleep(writer)
    writer.stop()


def futex(page, operation, more, address):
    libc = ctypes.CDLL(None, use_errno=True)
    at = ctypes.addressof(ctypes.c_char.from_buffer(page, DEEP_AT))
    return libc.syscall(
        ctypes.c_long(SYS_FUTEX[platform.machine()]), ctypes.c_void_p(at), ctypes.c_int(operation),
        ctypes.c_int(0 if operation == FUTEX_REQUEUE else 1), ctypes.c_long(more),
        ctypes.c_void_p(address), ctypes.c_int(0),
    )


def who_leads_the_sleeper_away_or_wakes_it_for_nothing_harms_nobody(pipe):
    writer = pipe.writer()
    logger = Logger(pipe)
    push_and_expect(logger, writer)
    with open(pipe.runtime / "control", "r+b") as file:
        page = mmap.mmap(file.fileno(), 4096)
    own = ctypes.c_uint32(0)
    equal(futex(page, FUTEX_REQUEUE, 1, ctypes.addressof(own)), 1, "sleepers led away")
    push_and_expect(logger, writer)
    for _ in range(50):
        futex(page, FUTEX_WAKE, 0, 0)
    push_and_expect(logger, writer)
    logger.end()
    writer.stop()
    equal(pipe.verify()["logs"]["written_items"], logger.lines, "lines")


def without_inotify_it_looks_as_before_and_says_so(pipe):
    limit = pathlib.Path("/proc/sys/user/max_inotify_instances")
    if os.geteuid() != 0 or shutil.which("unshare") is None or not limit.exists():
        raise harness.Skip("it takes a user namespace without inotify")
    words = ("unshare", "--user", "--map-root-user", "sh", "-c",
             f'echo 0 > {limit} || exit 77; exec "$0" "$@"')
    probe = subprocess.run([*words, "true"], check=False, capture_output=True)
    if probe.returncode != 0:
        raise harness.Skip("no user namespace here")
    writer = pipe.writer(prefix=words)
    logger = Logger(pipe)
    logger.push()
    soon(lambda: written(pipe) == 1, "the line is in a file")
    soon(lambda: "cannot be watched" in writer.err, "the writer says what it cannot do")
    logger.push()
    soon(lambda: written(pipe) == 2, "the next line is in a file")
    logger.end()
    writer.stop()


if __name__ == "__main__":
    harness.run(
        [
            a_push_a_new_program_and_a_death_wake_it,
            a_stop_of_the_writer_takes_no_wake_up_away,
            a_writer_that_is_killed_asleep_is_followed_by_one_that_writes_all,
            one_that_dies_between_its_claim_and_the_wake_up_is_found_dead,
            a_region_a_lock_and_a_directory_that_go_are_noticed,
            who_leads_the_sleeper_away_or_wakes_it_for_nothing_harms_nobody,
            without_inotify_it_looks_as_before_and_says_so,
        ]
    )
