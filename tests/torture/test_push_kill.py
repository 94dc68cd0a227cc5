#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A producer is killed at each instruction of a push, with a writer at work (see pushkill.c).

Every record whose push had returned is on the disk once, those of the other thread behind the hole
too; the hole is skipped, and reported as torn to the byte; the regions are removed.

usage: test_push_kill.py BUILD_DIR
"""
import sys

sys.dont_write_bytecode = True
import rig
from rig import Skip, check, equal, wait_for


def kill_at_each_instruction(pipe, kind):
    ledger = pipe.scratch / f"ledger-{kind}"
    output = pipe.scratch / f"data-{kind}"
    writer = pipe.writer("--batch-bytes", "64KiB", output=output, interval="1ms")
    killer = rig.start(pipe, "pushkill", ledger, kind)
    if killer.wait(None) == 77:
        writer.stop()
        raise Skip("no ptrace here")
    equal(killer.popen.returncode, 0, f"pushkill's exit status ({killer.err})")
    counts = killer.json()
    equal(counts["is_whole"], 1, "the push is over in the end")
    check(counts["holes"] > 10, f"{counts}: so few kills between claim and commit")
    wait_for(lambda: not pipe.regions(), "all regions are drained and gone")
    writer.stop()
    found = rig.compare(pipe, ledger, output)
    equal((found["lost"], found["invalid"]), (0, 0), "lost and invalid items")
    equal(found["torn_bytes"], counts["torn_bytes"], "torn bytes")
    rig.verify(pipe, output)
    return counts


def a_push_killed_at_each_instruction_loses_nothing_else(pipe):
    kinds = ("small", "large", "shaped", "log", "shaped-log", "full")
    runs = sum(kill_at_each_instruction(pipe, kind)["runs"] for kind in kinds)
    wrap = kill_at_each_instruction(pipe, "wrap")
    check(wrap["wrapped"] > 10, f"{wrap}: so few pushes had their padding claimed with them")
    rig.reliability(
        "a producer dies in a push, while another thread pushes behind it",
        "ptrace, SIGKILL behind each instruction; small, large, across the wrap, a log record, a"
        " span and a log through a new shape, and one whose lane is full and that falls over",
        runs + wrap["runs"],
        0,
        "push_kill",
    )


if __name__ == "__main__":
    rig.harness.run([a_push_killed_at_each_instruction_loses_nothing_else])
