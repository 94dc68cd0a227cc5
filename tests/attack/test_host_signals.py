#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A host is taken out of the making of a region, or makes one where there is hardly any stack.

usage: test_host_signals.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import Skip, check, equal, wait_for

WRITER_STATE_OFFSET, ABANDONED = 1408, 0x4E444241
SKIPPED = 77


def host(pipe, scenario, **others):
    return rig.start(pipe, "host_signals", scenario, folder="tests/attack", **others)


def disturbed(pipe, scenario):
    """The library goes on as if nothing had been, and what it takes from then on is written."""
    writer = pipe.writer(interval="5ms")
    host(pipe, scenario).wait()
    wait_for(lambda: not pipe.regions(), "no region is left")
    writer.stop()
    check(pipe.verify()["spans"]["written_items"] >= 1, "nothing was written")


def a_thread_that_is_cancelled_in_a_first_push_leaves_the_library_working(pipe):
    disturbed(pipe, "a_thread_is_cancelled")


def a_thread_that_ends_in_a_first_push_leaves_the_library_working(pipe):
    disturbed(pipe, "a_thread_ends_in_the_making")


def a_handler_that_jumps_out_of_a_first_push_leaves_the_library_working(pipe):
    disturbed(pipe, "a_handler_jumps_away")


def a_jump_out_of_the_making_itself_is_forgotten_after_a_while(pipe):
    disturbed(pipe, "the_making_itself_is_left_by_a_jump")


def on_a_small_stack(pipe, scenario, before):
    """Two turns: what before() does comes between them; then there are two regions."""
    process = host(pipe, scenario, stdin=subprocess.PIPE)
    turns = 0

    def turn():
        check(process.popen.poll() in (None, SKIPPED), lambda: f"it has ended\n{process.tail()}")
        return process.popen.poll() == SKIPPED or process.out.count("ready") > turns

    def go_on():
        process.popen.stdin.write(b"\n")
        process.popen.stdin.flush()

    for action in before:
        wait_for(turn, "the host waits for the test")
        if process.popen.poll() == SKIPPED:
            raise Skip("a signal's frame alone takes half of 8 KiB on this machine")
        action()
        turns += 1
        go_on()
    process.popen.stdin.close()
    process.wait()


def give_up(pipe):
    """What a writer does to a region that it will not drain."""
    (name,) = pipe.regions()
    fd = os.open(pipe.runtime / name, os.O_RDWR)
    os.pwrite(fd, struct.pack("<I", ABANDONED), WRITER_STATE_OFFSET)
    os.close(fd)


def look_for_two(pipe):
    equal(len(pipe.regions()), 2, "regions after the pushes on the small stack")


def drain(pipe):
    rig.drain(pipe, pipe.output)
    for name in pipe.regions():
        (pipe.runtime / name).unlink()


def a_handler_on_8_KiB_renews_a_region_that_was_given_up(pipe):
    on_a_small_stack(
        pipe,
        "a_region_is_renewed_on_a_small_stack",
        [lambda: give_up(pipe), lambda: look_for_two(pipe)],
    )
    drain(pipe)


def a_handler_on_8_KiB_makes_a_childs_first_push(pipe):
    on_a_small_stack(
        pipe, "a_childs_first_push_is_made_on_a_small_stack", [lambda: look_for_two(pipe)]
    )
    drain(pipe)


def a_handler_on_8_KiB_pushes_the_deepest_values(pipe):
    on_a_small_stack(
        pipe,
        "the_deepest_values_are_pushed_on_a_small_stack",
        [lambda: equal(len(pipe.regions()), 1, "regions")],
    )
    drain(pipe)


if __name__ == "__main__":
    rig.harness.run(
        [
            a_thread_that_is_cancelled_in_a_first_push_leaves_the_library_working,
            a_thread_that_ends_in_a_first_push_leaves_the_library_working,
            a_handler_that_jumps_out_of_a_first_push_leaves_the_library_working,
            a_jump_out_of_the_making_itself_is_forgotten_after_a_while,
            a_handler_on_8_KiB_renews_a_region_that_was_given_up,
            a_handler_on_8_KiB_makes_a_childs_first_push,
            a_handler_on_8_KiB_pushes_the_deepest_values,
        ]
    )
