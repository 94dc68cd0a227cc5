#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Forked workers without space, and many threads in a first push: what they drop is in the counts.

usage: test_host_fork.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import Skip, check, equal, wait_for

NO_SPACE, LIMIT = -28, -122
NOBODY = 65534
MIB = 1 << 20
WORKERS, THREADS, PUSHES = 7, 8, 500


def small_tmpfs(pipe, size):
    """A runtime directory on a file system of its own."""
    if os.geteuid() != 0:
        raise Skip("mounts are root's")
    mount = pipe.shm / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", mount], check=True)
    pipe.undo.append(lambda: subprocess.run(["umount", "-l", mount], check=True))
    runtime = mount / "run"
    runtime.mkdir(mode=0o700)
    return mount, runtime


def workers(pipe, runtime, *numbers, **others):
    process = rig.start(
        pipe, "host_fork", *numbers, runtime=runtime, folder="tests/attack", **others
    )
    process.wait()
    return process.json()


def stat(pipe, runtime):
    return pipe.tool("stat", "--json", "--dir", runtime).json()


def dropped_in_rings(found):
    return sum(
        ring["dropped_full_items"] for region in found["regions"] for ring in region["rings"]
    )


def all_drops_are_shown(pipe, runtime, found):
    """By stat and by verify, in rings and without."""
    shown = stat(pipe, runtime)
    without = shown["without_ring"]["dropped_items"]["traces"]
    equal(without + dropped_in_rings(shown), found["dropped"], f"drops that stat shows in {shown}")
    text = pipe.tool("stat", "--dir", runtime).out
    if without:
        check(f"dropped without a ring: {without} spans" in text, text)
    rig.drain(pipe, pipe.output, runtime=runtime)
    verified = rig.verify(pipe, pipe.output, runtime=runtime)
    equal(
        verified["dropped_without_ring_items"]["traces"] + verified["dropped_items"]["full"],
        found["dropped"],
        "drops that verify shows",
    )
    equal(verified["identity"]["written"], found["accepted"], "spans on the disk")
    return without


def drops_of_workers_without_space_are_shown(pipe):
    """16 MiB are enough for three regions, the parent's among them."""
    _, runtime = small_tmpfs(pipe, 16 * MIB)
    found = workers(pipe, runtime, WORKERS, THREADS, PUSHES)
    equal(found["accepted"] + found["dropped"], WORKERS * THREADS * PUSHES, "pushes")
    without = all_drops_are_shown(pipe, runtime, found)
    check(without >= (WORKERS - 3) * THREADS * PUSHES / 2, f"{without} drops without a ring")


def drops_of_threads_beside_a_first_push_are_shown(pipe):
    found = workers(pipe, pipe.runtime, WORKERS, THREADS, PUSHES)
    all_drops_are_shown(pipe, pipe.runtime, found)


def a_worker_gets_its_ring_when_there_is_space_again(pipe):
    mount, runtime = small_tmpfs(pipe, 8 * MIB)
    process = rig.start(
        pipe,
        "host_limits",
        "child",
        "wait",
        runtime=runtime,
        folder="tests/attack",
        stdin=subprocess.PIPE,
    )

    def turn(number, action):
        wait_for(
            lambda: process.err.count("ready") >= number or not process.is_running(),
            "the host waits for the test",
        )
        check(process.is_running(), lambda: f"it has ended\n{process.tail()}")
        action()
        process.popen.stdin.write(b"\n")
        process.popen.stdin.flush()

    turn(1, lambda: None)
    remount = ["mount", "-o", f"remount,size={32 * MIB}", mount]
    turn(2, lambda: subprocess.run(remount, check=True))
    process.popen.stdin.close()
    process.wait()
    found = process.json()
    equal((found["result"], found["ring_error"]), (NO_SPACE, NO_SPACE), f"errors in {found}")
    for part in (str(runtime), "by uid 0", "budget is used up", "the region takes"):
        check(part in found["text"], f"{part} is not in {found['text']}")
    equal(found["dropped"], 1 + found["refused"], "drops")
    shown = stat(pipe, runtime)["without_ring"]
    equal(shown["dropped_items"], {"traces": found["dropped"], "metrics": 0, "logs": 0}, "drops of stat")
    rig.drain(pipe, pipe.output, runtime=runtime)


def an_open_that_is_refused_is_counted(pipe):
    _, runtime = small_tmpfs(pipe, 4 * MIB)
    for count in (1, 2):
        process = rig.start(
            pipe, "host_limits", "open", "none", runtime=runtime, folder="tests/attack"
        )
        process.wait()
        equal(process.json()["result"], NO_SPACE, "the result of an open")
        equal(stat(pipe, runtime)["without_ring"]["refused_opens"], count, "refused opens")


def drops_of_a_member_of_a_group_directory_are_shown_to_the_writers_user(pipe):
    """The member cannot write the control page there, and the writer's user can read the member's
    counts."""
    if os.geteuid() != 0:
        raise Skip("another user can be had by root alone")
    pipe.shm.chmod(0o711)
    runtime = pipe.shm / "group"
    runtime.mkdir()
    os.chown(runtime, 0, NOBODY)
    runtime.chmod(0o3770)
    for program in ("tests/attack/host_limits", "core/libotlpipe.so.0"):
        copy = pipe.shm / pathlib.Path(program).name
        shutil.copy((pipe.build / program).resolve(), copy)
        copy.chmod(0o755)
    environment = {"OTLPIPE_DIR": str(runtime), "LD_LIBRARY_PATH": str(pipe.shm)}
    drop = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    command = [*drop, pipe.shm / "host_limits", "child", f"fsize={MIB}"]
    process = rig.harness.Process(pipe, "host_limits", command, environment)
    process.wait()
    found = process.json()
    equal(found["result"], LIMIT, "the result of the first push")
    shown = stat(pipe, runtime)["without_ring"]["dropped_items"]
    equal(shown["traces"], found["dropped"], "drops that stat shows")
    # What another member puts there under that name counts for nothing.
    (runtime / "counters.4711").write_bytes((runtime / f"counters.{NOBODY}").read_bytes())
    shown = stat(pipe, runtime)["without_ring"]["dropped_items"]
    equal(shown["traces"], found["dropped"], "drops that stat shows beside a false file")
    rig.drain(pipe, pipe.output, runtime=runtime)


if __name__ == "__main__":
    rig.harness.run(
        [
            drops_of_workers_without_space_are_shown,
            drops_of_threads_beside_a_first_push_are_shown,
            a_worker_gets_its_ring_when_there_is_space_again,
            an_open_that_is_refused_is_counted,
            drops_of_a_member_of_a_group_directory_are_shown_to_the_writers_user,
        ]
    )
