#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Producers whose writer is not there: they never block, and what they were told is accepted
is written by the writer that comes later."""
import os
import signal

import harness

SMALL = ("--span-ring-bytes", "256KiB", "--metric-ring-bytes", "128KiB")


def accepted_of(*results):
    return {
        name: sum(result[name]["accepted"] for result in results) for name in ("spans", "points")
    }


def fill(pipe, count=20000):
    """Two producers that push more than fits, and exit; returns what they were told."""
    loads = [
        pipe.load("--threads", 2, "--count", count, *SMALL, service=f"exited-{i}") for i in range(2)
    ]
    for load in loads:
        load.wait()
    results = [load.json() for load in loads]
    for result in results:
        for name in ("spans", "points"):
            harness.equal(sum(result[name].values()), count, f"{name} accepted and dropped")
            harness.check(result[name]["accepted"] > 0, f"no {name} were accepted: {result}")
            harness.check(result[name]["dropped"] > 0, f"no {name} were dropped: {result}")
    harness.equal(len(pipe.regions()), 2, "regions that wait for a writer")
    return results


def compare(pipe, results):
    found = pipe.scan()
    for name, count in accepted_of(*results).items():
        harness.equal(found[name], count, f"{name} in the files")
    sums = pipe.verify()
    for name in ("spans", "points"):
        lost = sum(result[name]["dropped"] for result in results)
        harness.equal(sums[name]["dropped_items"]["full"], lost, f"dropped {name} in the ledger")
    harness.equal(pipe.regions(), [], "regions of producers that have exited")


def producers_without_a_writer_drop_and_count_and_a_later_writer_writes_the_rest(pipe):
    results = fill(pipe)
    writer = pipe.writer()
    harness.wait_for(lambda: not pipe.regions(), "the regions are drained and gone")
    writer.stop()
    compare(pipe, results)


def a_drain_writes_what_producers_that_have_exited_left(pipe):
    results = fill(pipe)
    pipe.run("otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, "--drain")
    compare(pipe, results)
    harness.equal(pipe.files("open"), [], "files left open by --drain")


def a_drain_leaves_living_producers_alone(pipe):
    load = pipe.endless_load("--rate", 2000, *SMALL)
    for _ in range(5):
        harness.nap(0.1)
        pipe.run("otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, "--drain")
        harness.equal(len(pipe.regions()), 1, "regions of a living producer")
    load.stop()
    pipe.run("otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, "--drain")
    found = pipe.scan()
    for name, count in accepted_of(load.json()).items():
        harness.equal(found[name], count, f"{name} in the files")
    pipe.verify()


def what_a_killed_producer_had_pushed_is_written(pipe):
    loads = [pipe.endless_load("--threads", 2, "--rate", 20000, *SMALL) for _ in range(3)]
    harness.nap(0.3)
    for load in loads:
        os.kill(load.workers[0], signal.SIGKILL)
    for load in loads:
        load.wait(1)
        harness.equal(load.json().get("killed"), 1, "workers that load says were killed")
    pipe.run("otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, "--drain")
    harness.equal(pipe.regions(), [], "regions of killed producers")
    sums = pipe.verify()
    # The three have the same sequence numbers, so these are counted and not scanned.
    for name, count in accepted_of(*(load.json() for load in loads)).items():
        written = sums[name]["written_items"]
        # A record that was committed and not counted yet, one for each thread at most.
        harness.check(count <= written <= count + 6, f"{name}: {written} written of {count}")


def a_producer_waits_for_no_writer_at_its_end(pipe):
    """shutdown() and exit with full rings and nobody there: they end."""
    pipe.environment["OTLPIPE_DIR"] = str(pipe.runtime)
    pipe.run("treewalk", harness.TESTS)
    harness.equal(len(pipe.regions()), 1, "regions of the exited producer")
    pipe.run("otlpipe-writer", "--output", pipe.output, "--drain")
    sums = pipe.verify()
    harness.check(sums["spans"]["written_items"] >= 1, f"no spans: {sums}")


def regions_that_cannot_all_be_opened_are_drained_by_and_by(pipe):
    """What the last writer wrote of those is not passed over, and not written again."""
    load = pipe.load("--processes", 24, "--count", 100, *SMALL)
    load.wait()
    harness.equal(len(pipe.regions()), 24, "regions that wait for a writer")
    writer = pipe.writer(prefix=("prlimit", "--nofile=24:24"))
    harness.check("regions that there is no room for" in writer.err, writer.tail)
    harness.wait_for(lambda: not pipe.regions(), "all regions are drained")
    writer.stop()
    sums = pipe.verify()
    for name, count in accepted_of(load.json()).items():
        harness.equal(sums[name]["written_items"], count, f"{name} written")


def a_writer_that_is_told_to_stop_looks_for_regions_once_more(pipe):
    """All that was pushed before the signal, also where the writer has not seen its region yet."""
    writer = pipe.writer(interval="60s")
    writer.send(signal.SIGSTOP)
    load = pipe.load("--count", 100, *SMALL)
    load.wait()
    harness.equal(len(pipe.regions()), 1, "regions that the writer has not seen")
    writer.send(signal.SIGTERM)
    writer.send(signal.SIGCONT)
    writer.wait()
    found = pipe.scan()
    for name, count in accepted_of(load.json()).items():
        harness.equal(found[name], count, f"{name} in the files")
    pipe.verify()


if __name__ == "__main__":
    harness.run(
        [
            producers_without_a_writer_drop_and_count_and_a_later_writer_writes_the_rest,
            a_drain_writes_what_producers_that_have_exited_left,
            a_drain_leaves_living_producers_alone,
            what_a_killed_producer_had_pushed_is_written,
            a_producer_waits_for_no_writer_at_its_end,
            regions_that_cannot_all_be_opened_are_drained_by_and_by,
            a_writer_that_is_told_to_stop_looks_for_regions_once_more,
        ]
    )
