#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A batch names the rings that it takes from: producers that push nothing cost no room in it."""
import harness

# Their entries would take more than half of a batch of 64 KiB.
CROWD = 300


def start_crowd(pipe, size):
    crowd = pipe.start("crowd", pipe.runtime, size)
    harness.wait_for(lambda: "there" in crowd.out, "the crowd is there")
    return crowd


def batches(pipe, name, size):
    """What a load takes that has idle producers before and behind it, in whatever order a
    directory is read."""
    crowds = [start_crowd(pipe, size)] if size else []
    # One lane: how many a load uses is its scheduler's choice.
    load = pipe.load("--count", 800, "--seed", 7, lanes=1)
    load.wait()
    harness.equal(load.json()["spans"]["dropped"], 0, "spans dropped")
    crowds += [start_crowd(pipe, size)] if size else []
    writer = ("--drain", "--batch-bytes", "64KiB")
    pipe.writer(*writer, output=pipe.scratch / name, interval=None, ready=False).wait()
    for crowd in crowds:
        crowd.kill()
    found = pipe.tool("stat", "--json", "--dir", pipe.runtime).json()
    return {signal: sums["batches"] for signal, sums in found["writer"]["signals"].items()}


def producers_that_push_nothing_make_no_more_batches(pipe):
    alone = batches(pipe, "alone", 0)
    # So few that no buffer is waited for: whoever waits goes on with the ring that came last.
    harness.check(alone["traces"] > 3, f"too few batches to tell: {alone}")
    # The end of a slice of time ends a batch early, which on a busy machine, or one of sanitizers, happens
    # more than once. Entries of the idle would leave less than half of each batch.
    for number in range(5):
        beside = batches(pipe, f"beside-{number}", CROWD)
        if all(beside[signal] < max(2 * count, 2) for signal, count in alone.items()):
            break
    else:
        raise harness.Failure(f"{beside} batches beside {CROWD} idle producers, {alone} without")
    pipe.writer("--drain", interval=None, ready=False).wait()


if __name__ == "__main__":
    harness.run([producers_that_push_nothing_make_no_more_batches])
