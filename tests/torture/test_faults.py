#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real faults of the machine: full and vanishing disks, limits, refused system calls.

For each: producers never wait, the writer says once what happened, goes on when the fault ends,
and then everything that was accepted is on the disk, once.

usage: test_faults.py BUILD_DIR [words of test names…]
"""
import os
import re
import resource
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import rig
from rig import Skip, check, equal, nap, wait_for

STALLED = "the rings keep what they have"
AGAIN = "writing again"
LAST_WORDS = re.compile(
    r"stopped: (\d+) spans in \d+ bytes, (\d+) points in \d+ bytes, (\d+) logs in \d+ bytes, "
    r"\d+ invalid, (\d+) lost"
)
SMALL = ("--batch-bytes", "64KiB", "--rotate-bytes", "256KiB")
RETRIES_SECONDS = 2.2  # the writer tries again each second, and must not say so each time


def small_ext4(pipe, name, mebibytes):
    return rig.loop_mounted(pipe, name, "ext4", mebibytes, "-F", "-m", "0")


def fill(folder, leave_bytes):
    """All but so many bytes, with a file that can be removed."""
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_bsize
        os.posix_fallocate(file.fileno(), 0, max(free - leave_bytes, 1))
    return ballast


class Scene:
    """A writer, a producer that tries each record until it is accepted, and one that does not."""

    def __init__(self, pipe, sync="batch", writer=True, **others):
        self.pipe, self.sync = pipe, sync
        self.ledger = pipe.scratch / f"ledger-{len(pipe.processes)}"
        self.output = others.pop("output", pipe.output)
        self.patient = None
        self.writer = self.start(**others) if writer else None

    def start(self, *words, io="auto", **others):
        words = (*words, *SMALL, "--sync", self.sync, "--io", io)
        return self.pipe.writer(*words, output=self.output, interval="10ms", **others)

    def push(self):
        """Before the fault, or while it lasts: it ends when all of its records are accepted."""
        self.patient = rig.producer(
            self.pipe, self.ledger, 0, 2, "--tries", 1500, "--ring-bytes", 32768, "--burst", 64
        )

    def push_and_drop(self):
        """It ends by itself, whatever the writer does; what it dropped is counted."""
        hasty = rig.producer(
            self.pipe, self.ledger, 2, 2, "--tries", 2000, "--give-up", "--ring-bytes", 16384
        )
        hasty.wait()
        counts = hasty.json()
        equal(counts["accepted"] + counts["refused"], 4000, "records that were tried")
        equal(counts["dropped"], counts["refused"], "records dropped, as the library counts them")

    def wait_said(self, text):
        wait_for(
            lambda: text in self.writer.err or not self.writer.is_running(), f"it says {text!r}"
        )
        check(self.writer.is_running(), lambda: f"the writer has ended\n{self.writer.tail()}")

    def check_pushes_make_no_calls(self):
        """Into a full ring, from two threads: the calls are those of any short program."""
        if shutil.which("strace") is None:
            return
        trace = self.pipe.scratch / "calls"
        strace = ["strace", "-f", "-qq", "-o", trace]
        words = ("--tries", 20000, "--give-up", "--burst", 0, "--ring-bytes", 16384)
        rig.producer(self.pipe, self.ledger, 6, 2, *words, prefix=strace).wait()
        lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
        begin = [number for number, line in enumerate(lines) if '"ready' in line]
        check(begin, "strace saw the producer say that it is ready")
        calls = len(lines) - begin[0]
        check(calls < 200, f"{calls} system calls around 40,000 pushes while the writer stands")

    def check_said_once(self):
        nap(RETRIES_SECONDS)
        for name in ("traces: ", "metrics: ", "logs: "):
            said = [line for line in self.writer.err.splitlines() if name in line]
            said = [STALLED in line for line in said if STALLED in line or AGAIN in line]
            twice = any(both == (True, True) for both in zip(said, said[1:]))
            check(not twice, lambda: f"said twice without an end between:\n{self.writer.err}")

    def finish(self, *outputs, lost=0):
        """The fault is over: everything is written."""
        if self.patient is not None:
            self.patient.wait()
        self.writer.stop()
        found = rig.compare(self.pipe, self.ledger, *(outputs or [self.output]))
        equal((found["lost"], found["invalid"]), (lost, 0), "lost and invalid items")
        check(found["items"] >= 1000, f"{found}: so few were accepted")
        if not outputs:
            rig.verify(self.pipe, self.output)

    def finish_with_losses(self, is_first_writer=True):
        """All that is missing is reported, to the item; returns how much that is."""
        self.patient.wait()
        wait_for(lambda: not self.pipe.regions(), "all regions are drained and gone")
        self.writer.stop()
        # Its last words, from the counters that stat shows: a file may still fail when it stops.
        *written, lost = map(int, LAST_WORDS.search(self.writer.err).groups())
        found = rig.compare(self.pipe, self.ledger, self.output, flags=["--lost"])
        equal(found["items"] + found["lost"], found["accepted"], "items on the disk and lost")
        equal(found["missing"], found["lost"], "items that are missing")
        verified = rig.verify(self.pipe, self.output, expected=1 if found["lost"] else 0)
        identity = verified["identity"]
        check(identity["holds"], f"the identity does not hold: {identity}")
        equal(identity["lost"], found["lost"], "lost items, as verify counts them")
        equal(identity["written"], found["items"], "written items, as verify counts them")
        equal(identity["committed"], found["accepted"], "committed items, as verify counts them")
        if is_first_writer:
            equal(lost, found["lost"], "lost items, as the writer counts them")
            equal(sum(written), found["items"], "written items, as the writer counts them")
        return found["lost"]


def full_disk(pipe, folder, sync):
    scene = Scene(pipe, sync, output=folder / "data")
    ballast = fill(folder, 900 << 10)
    scene.push()
    scene.push_and_drop()
    scene.wait_said(STALLED)
    scene.push_and_drop()
    scene.check_pushes_make_no_calls()
    scene.check_said_once()
    ballast.unlink()
    scene.wait_said(AGAIN)
    scene.finish()


def a_full_tmpfs_as_output(pipe):
    for runs, sync in enumerate(("batch", "interval"), 1):
        full_disk(pipe, rig.tmpfs_mounted(pipe, f"tmpfs-{sync}", 16), sync)
    rig.reliability("the disk is full", "a tmpfs of 16 MiB, filled", runs, 0, "faults")


def a_full_ext4_as_output(pipe):
    for runs, sync in enumerate(("batch", "interval"), 1):
        full_disk(pipe, small_ext4(pipe, f"ext4-{sync}", 24), sync)
    how = "ext4 of 24 MiB on a loop device, filled"
    rig.reliability("the disk is full", how, runs, 0, "faults")


def a_quota_that_is_used_up(pipe):
    """btrfs has quotas of its own; those of ext4 need a module that kernels often lack."""
    folder = rig.loop_mounted(pipe, "btrfs", "btrfs", 160)
    rig.system("btrfs", "quota", "enable", folder)
    for runs, sync in enumerate(("batch", "interval"), 1):
        limited = folder / sync
        rig.system("btrfs", "subvolume", "create", limited)
        rig.system("btrfs", "qgroup", "limit", "600K", limited)
        scene = Scene(pipe, sync, output=limited / "data")
        scene.push()
        scene.push_and_drop()
        scene.wait_said("Disk quota exceeded")
        scene.check_said_once()
        rig.system("btrfs", "qgroup", "limit", "none", limited)
        scene.wait_said(AGAIN)
        scene.finish()
    how = "a btrfs subvolume of 600 KiB: EDQUOT, lifted later"
    rig.reliability("the quota is used up", how, runs, 0, "faults")


def a_file_system_that_becomes_read_only(pipe):
    """As after an error of its own, with a file of the writer's open: it ends with a new mount."""
    folder = small_ext4(pipe, "aborted", 24)
    scene = Scene(pipe, output=folder / "data")
    early = rig.producer(pipe, scene.ledger, 4, 2, "--tries", 500, "--ring-bytes", 32768)
    early.wait()
    rig.system("mount", "-o", "remount,abort", folder)
    scene.push()
    scene.push_and_drop()
    scene.wait_said("Read-only file system")
    scene.check_said_once()
    scene.writer.kill()
    rig.system("umount", folder)
    rig.system("mount", "-o", "loop", pipe.scratch / "aborted.img", folder)
    scene.writer = scene.start()
    scene.finish()
    how = "ext4 on a loop device, mount -o remount,abort: EROFS; mounted again with a new writer"
    rig.reliability("the file system becomes read-only", how, 1, 0, "faults")


def a_limit_on_file_sizes(pipe):
    scene = Scene(pipe, prefix=["prlimit", "--fsize=131072:unlimited"])
    scene.push()
    scene.push_and_drop()
    scene.wait_said(STALLED)
    scene.check_said_once()
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(scene.writer.pid, resource.RLIMIT_FSIZE, unlimited)
    scene.wait_said(AGAIN)
    scene.finish()
    how = "RLIMIT_FSIZE of 128 KiB, lifted later"
    rig.reliability("files may not be so large", how, 1, 0, "faults")


def an_output_directory_that_is_removed(pipe):
    scene = Scene(pipe)
    shutil.rmtree(pipe.output)
    scene.push()
    scene.push_and_drop()
    scene.wait_said(STALLED)
    scene.check_said_once()
    scene.writer.kill()
    scene.writer = scene.start()
    scene.finish()
    rig.reliability("the output directory is removed", "rm -r under the writer", 1, 0, "faults")


def an_output_directory_that_is_made_read_only(pipe):
    scene = Scene(pipe)
    folder = pipe.output / "traces"
    rig.system("chattr", "+i", folder)
    pipe.undo.append(lambda: subprocess.run(["chattr", "-i", folder], check=False))
    scene.push()
    scene.push_and_drop()
    scene.wait_said(STALLED)
    scene.check_said_once()
    rig.system("chattr", "-i", folder)
    scene.wait_said(AGAIN)
    scene.finish()
    how = "chattr +i on ext4, taken back later"
    rig.reliability("the output directory takes no new files", how, 1, 0, "faults")


def an_output_directory_that_is_replaced(pipe):
    scene = Scene(pipe)
    scene.push()
    scene.push_and_drop()
    moved = pipe.scratch / "moved"
    pipe.output.rename(moved)
    pipe.output.mkdir()
    scene.push_and_drop()
    scene.patient.wait()
    scene.writer.stop()
    scene.writer = scene.start()
    scene.push_and_drop()
    scene.finish(moved, pipe.output)
    how = "rename and mkdir under the writer"
    rig.reliability("the output directory is replaced by another", how, 1, 0, "faults")


def a_runtime_directory_that_is_full(pipe):
    folder = rig.tmpfs_mounted(pipe, "runtime", 4)
    ballast = fill(folder, 200 << 10)
    ledger = pipe.scratch / "ledger"
    for first in range(0, 20, 2):
        refused = rig.producer(pipe, ledger, first, 2, "--tries", 10, runtime=folder)
        refused.wait(3)
        check("open: " in refused.err, f"what open() answers: {refused.err!r}")
        equal(rig.regions(folder), [], "regions of a producer that was refused")
    ballast.unlink()
    rig.producer(pipe, ledger, 0, 2, "--tries", 60, "--burst", 0, runtime=folder).wait()
    rig.drain(pipe, pipe.output, runtime=folder)
    rig.compare(pipe, ledger, pipe.output)
    how = "a tmpfs of 4 MiB, filled: open() fails, no SIGBUS"
    rig.reliability("no room in the runtime directory", how, 10, 0, "faults")


def no_locked_memory(pipe):
    prefix = ["setpriv", "--bounding-set=-ipc_lock", "prlimit", "--memlock=4096:4096"]
    scene = Scene(pipe, prefix=prefix)
    scene.push()
    scene.push_and_drop()
    scene.finish()
    how = "RLIMIT_MEMLOCK of 4 KiB, no CAP_IPC_LOCK"
    rig.reliability("no memory may be locked", how, 1, 0, "faults")


def io_uring_that_is_refused(pipe):
    for error in ("EPERM", "ENOSYS"):
        refuse = [pipe.build / "tests/pipeline/refuse", error, "io_uring_setup"]
        scene = Scene(pipe, prefix=refuse)
        check("pwrite" in scene.writer.err, f"it says how it writes: {scene.writer.err!r}")
        scene.push()
        scene.push_and_drop()
        scene.finish()
        shutil.rmtree(pipe.output)
    rig.reliability("io_uring is refused", "seccomp: EPERM, ENOSYS", 2, 0, "faults")


def too_few_descriptors(pipe):
    scene = Scene(pipe, prefix=["prlimit", "--nofile=24:24"])
    arguments = ("--tries", 100, "--ring-bytes", 16384, "--burst", 1, "--pause-us", 20000)
    many = [rig.producer(pipe, scene.ledger, 4 + 2 * n, 2, *arguments) for n in range(30)]
    scene.wait_said("that there is no room for")
    scene.push()
    scene.push_and_drop()
    for process in many:
        process.wait()
    scene.finish()
    said = scene.writer.err.count("that there is no room for")
    check(said <= 10, lambda: f"said {said} times:\n{scene.writer.tail()}")
    how = "RLIMIT_NOFILE of 24 and 30 producers"
    rig.reliability("no descriptors are left", how, 1, 0, "faults")


def a_sync_that_fails(pipe):
    runs = 0
    for sync, numbers in (("batch", (1, 2, 5)), ("interval", (1, 2))):
        for n in numbers:
            environment = {
                "LD_PRELOAD": pipe.preload("tests/torture/libdiskload.so"),
                "DISKLOAD_FAIL_SYNC": str(n),
            }
            scene = Scene(pipe, sync, io="pwrite", environment=environment)
            scene.push()
            scene.push_and_drop()
            scene.wait_said("is given up behind byte")
            scene.finish()
            shutil.rmtree(pipe.output)
            runs += 1
    rig.reliability(
        "a sync of a data file fails",
        "the Nth fdatasync() returns EIO: the file is given up, its rest written again",
        runs,
        0,
        "faults",
    )


def syncs_that_fail_for_long(pipe):
    for runs, sync in enumerate(("batch", "interval"), 1):
        broken = pipe.scratch / f"broken-{sync}"
        broken.touch()
        environment = {
            "LD_PRELOAD": pipe.preload("tests/torture/libdiskload.so"),
            "DISKLOAD_FAIL_WHILE": str(broken),
        }
        scene = Scene(pipe, sync, io="pwrite", environment=environment)
        scene.push()
        scene.push_and_drop()
        scene.wait_said(STALLED)
        scene.check_said_once()
        given_up = scene.writer.err.count("is given up behind byte")
        check(given_up <= 3, lambda: f"said {given_up} times:\n{scene.writer.tail()}")
        broken.unlink()
        scene.wait_said(AGAIN)
        scene.finish()
        shutil.rmtree(pipe.output)
    how = "each fdatasync() returns EIO for some seconds"
    rig.reliability("no sync of a data file works", how, runs, 0, "faults")


# What fails, with which kind of sync, and what becomes of what was written and not synced.
LOSSES = [
    ("interval", "DISKLOAD_FAIL_SYNC", "2", "holes"),
    ("interval", "DISKLOAD_FAIL_SYNC", "1", "reads"),
    ("interval", "DISKLOAD_FAIL_SYNC", "2", "some"),
    ("none", "DISKLOAD_FAIL_SEAL", "1", "reads"),
    ("none", "DISKLOAD_FAIL_SEAL", "2", "some"),
    ("batch", "DISKLOAD_FAIL_SYNC", "2", "holes"),
    ("batch", "DISKLOAD_FAIL_SYNC", "5", "reads"),
]


def lose(pipe, sync, variable, nth, how, kill):
    environment = {
        "LD_PRELOAD": pipe.preload("tests/torture/libdiskload.so"),
        variable: nth,
        "DISKLOAD_LOSE": how,
    }
    scene = Scene(pipe, sync, io="pwrite", environment=environment)
    scene.push()
    scene.push_and_drop()
    scene.wait_said("is given up behind byte")
    if kill:
        scene.wait_said(STALLED)
        scene.writer.kill()
        scene.writer = scene.start()
    lost = scene.finish_with_losses(is_first_writer=not kill)
    # Otherwise it depends on what was not synced just then; below, something has to be.
    if sync == "batch":
        equal(lost, 0, f"lost with --sync batch, {variable} {nth}, {how}")
    for signal in ("traces", "metrics", "logs"):
        left = pipe.runtime / f"rescue-{signal}"
        check(not left.exists(), f"{left} is left")
    shutil.rmtree(pipe.output)
    return lost


def a_disk_that_does_not_give_back_what_was_released(pipe):
    """With --sync batch nothing is lost. Otherwise the records that are gone are, to the item,
    those of the ranges that the files report as lost, also by a writer that comes after a kill."""
    lost = dict.fromkeys(("batch", "interval", "none"), 0)
    runs = dict.fromkeys(lost, 0)
    for sync, *rest in LOSSES:
        for kill in (False, True):
            lost[sync] += lose(pipe, sync, *rest, kill)
            runs[sync] += 1
    check(lost["interval"] > 0 and lost["none"] > 0, f"nothing was put to the test: {lost}")
    rig.reliability(
        "a sync fails, and what it was to cover is gone; with and without a kill after it",
        "fdatasync() returns EIO, then holes are punched or reads fail; --sync batch",
        runs["batch"],
        lost["batch"],
        "faults",
    )
    rig.reliability(
        "the same where no sync is waited for: reported as lost, to the item",
        "the same; --sync interval and none",
        runs["interval"] + runs["none"],
        0,
        "faults",
        reported=lost["interval"] + lost["none"],
    )


if __name__ == "__main__":
    rig.harness.run(
        [
            a_full_tmpfs_as_output,
            a_full_ext4_as_output,
            a_quota_that_is_used_up,
            a_file_system_that_becomes_read_only,
            a_limit_on_file_sizes,
            an_output_directory_that_is_removed,
            an_output_directory_that_is_made_read_only,
            an_output_directory_that_is_replaced,
            a_runtime_directory_that_is_full,
            no_locked_memory,
            io_uring_that_is_refused,
            too_few_descriptors,
            a_sync_that_fails,
            syncs_that_fail_for_long,
            a_disk_that_does_not_give_back_what_was_released,
        ]
    )
