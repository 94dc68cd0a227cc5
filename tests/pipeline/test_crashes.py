#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at any moment, of the writer and of producers: nothing is lost, nothing is twice.

--kills N: how often a writer is killed. --seed S: with which random numbers.
"""
import os
import random
import signal

import harness

WORKERS, THREADS = 2, 2


def random_way(pipe):
    """Options of a writer, drawn by lot."""
    words = ["--batch-bytes", random.choice(["64KiB", "256KiB", "1MiB"])]
    words += ["--rotate-bytes", random.choice(["1MiB", "4MiB", "64MiB"])]
    words += ["--sync", random.choice(["interval", "interval", "batch", "none"])]
    words += ["--io", random.choice(["auto", "auto", "pwrite"])]
    return words


def run_and_kill(pipe, output, limit):
    """A writer that is killed after a random time, at its start too."""
    writer = pipe.writer(
        *random_way(pipe), output=output, interval=random.choice(["5ms", "50ms"]), ready=False
    )
    if random.random() < 0.8:
        harness.wait_for(
            lambda: "; pid " in writer.err or not writer.is_running(), "the writer is ready"
        )
    harness.nap(random.random() * limit)
    harness.check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")
    writer.kill()


def steady(pipe, service="steady", rate=20000):
    return pipe.endless_load(
        *("--threads", THREADS, "--rate", rate),
        *("--span-ring-bytes", "256KiB", "--metric-ring-bytes", "128KiB"),
        processes=WORKERS,
        service=service,
    )


def finish(pipe, output):
    """The last writer drains and seals; every region goes with its producer."""
    writer = pipe.writer(output=output)
    harness.wait_for(lambda: not pipe.regions(), "all regions are drained and gone")
    writer.stop()
    harness.equal(pipe.files("open", output), [], "files left open")
    harness.equal(pipe.files("bad", output), [], "files given up without a disk error")


def compare(pipe, loads, outputs):
    """What each load generator says it was told, against the files."""
    found = pipe.scan(*outputs)
    for service, load in loads.items():
        result = load.json()
        # A thread that is killed between commit and count has one more in the ring.
        uncounted = result.get("killed", 0) * THREADS
        for name in ("spans", "points"):
            accepted = result[name]["accepted"]
            written = found["services"].get(service, {}).get(name, 0)
            harness.check(
                accepted <= written <= accepted + uncounted,
                f"{service}: {written} {name} written, {accepted} accepted of {result}",
            )
    services = set(found["services"]) - set(loads)
    harness.equal(services, set(), "services that nobody had")


def a_writer_killed_again_and_again_loses_nothing_and_writes_nothing_twice(pipe):
    load = steady(pipe)
    for _ in range(pipe.options["kills"]):
        run_and_kill(pipe, pipe.output, 0.2)
    load.stop()
    finish(pipe, pipe.output)
    compare(pipe, {"steady": load}, [pipe.output])
    pipe.verify()


def restarts_with_other_output_directories_recover_the_one_before(pipe):
    load = steady(pipe)
    outputs = []
    for number in range(max(pipe.options["kills"] // 3, 3)):
        if number % 2 == 0:
            outputs.append(pipe.scratch / f"data-{number:03d}")
        run_and_kill(pipe, outputs[-1], 0.2)
    load.stop()
    outputs.append(pipe.scratch / "data-last")
    finish(pipe, outputs[-1])
    # A writer that was killed as it began may have made none, or half of one.
    outputs = [output for output in outputs if (output / "metrics").is_dir()]
    compare(pipe, {"steady": load}, outputs)
    pipe.verify(outputs[-1])
    for output in outputs[:-1]:
        harness.equal(pipe.files("open", output), [], "files left open in an earlier directory")
        pipe.verify(output, runtime=False)


def going_back_to_an_earlier_directory_is_no_gap_and_no_repetition(pipe):
    """Each directory alone has gaps then; together they have everything once."""
    load = steady(pipe)
    outputs = [pipe.scratch / name for name in ("data-a", "data-b")]
    for number in range(max(pipe.options["kills"] // 3, 4)):
        run_and_kill(pipe, outputs[number % 2], 0.2)
    load.stop()
    finish(pipe, outputs[0])
    compare(pipe, {"steady": load}, outputs)


def producers_and_writer_killed_together_lose_nothing_that_was_committed(pipe):
    loads = {"steady": steady(pipe)}
    for number in range(max(pipe.options["kills"] // 3, 3)):
        service = f"victim-{number}"
        victim = loads[service] = steady(pipe, service)
        if random.random() < 0.5:
            run_and_kill(pipe, pipe.output, 0.15)
            os.kill(random.choice(victim.workers), signal.SIGKILL)
        else:
            writer = pipe.writer(*random_way(pipe))
            harness.nap(random.random() * 0.15)
            for pid in victim.workers:
                os.kill(pid, signal.SIGKILL)
            if random.random() < 0.5:
                harness.nap(random.random() * 0.05)
            writer.kill()
        victim.send(signal.SIGTERM)
        victim.wait(1)
    loads["steady"].stop()
    finish(pipe, pipe.output)
    compare(pipe, loads, [pipe.output])
    pipe.verify()


def a_killed_drain_is_done_again(pipe):
    """Killed during recovery and drain, with nobody pushing any more."""
    load = steady(pipe, rate=0)
    harness.nap(0.2)
    load.stop()
    for _ in range(max(pipe.options["kills"] // 3, 3)):
        words = ("--batch-bytes", "64KiB", "--sync", "batch", "--drain")
        drain = pipe.writer(*words, ready=False)
        harness.nap(random.random() * 0.02)
        drain.kill()
    finish(pipe, pipe.output)
    compare(pipe, {"steady": load}, [pipe.output])
    pipe.verify()


if __name__ == "__main__":
    harness.run(
        [
            a_writer_killed_again_and_again_loses_nothing_and_writes_nothing_twice,
            restarts_with_other_output_directories_recover_the_one_before,
            going_back_to_an_earlier_directory_is_no_gap_and_no_repetition,
            producers_and_writer_killed_together_lose_nothing_that_was_committed,
            a_killed_drain_is_done_again,
        ],
        kills=45,
    )
