#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every benchmark in one invocation, each beside its speed of light and what one would pick
instead; then one table for people, one JSON file in bench/results, charts and docs/performance.md.

usage: bench.py BUILD [--only PART,...] [--repetitions N] [--no-docs]
  PART  micro, peers, cold, latency, deep, disk, many, idle, counters; without --only: all of them. With it
        nothing is recorded.
"""

import argparse
import contextlib
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import bench_counters
import bench_peers
import bench_report
from bench_run import Failed, Trace, Writer, node, run_json, say, spread

REPETITIONS = 9  # medians of at least as many
MIN_SECONDS = "0.02"  # google-benchmark's, a repetition; most take longer, the ring is drained too
SPANS = 2_000_000  # a run end to end: about a second
LATENCY_PUSHES, LATENCY_INTERVAL_NS = 500_000, 2000
DISK_MIB = 512
RING_LARGE, RING_DEFAULT = 64 << 20, 4 << 20
MANY_PROCESSES, MANY_ACTIVE, MANY_SPANS = 256, 3, 900_000  # 1 % of them, rounded up
IDLE_SECONDS, IDLE_SETTLE_SECONDS = 60, 8
IDLE_PRODUCERS, TRACED_PRODUCERS = 8, 100
DEEP_SAMPLES = 20
COLD_DROPPED_RUNS_MAX = 3

MICRO_PEERS = ("syslog/",)  # may be missing on a machine; what is ours may not

PARTS = ["micro", "peers", "cold", "latency", "deep", "disk", "many", "idle", "counters"]


def bench_micro(run):
    """google-benchmark's part: all repetitions of all benches in random order."""
    out = os.path.join(run.folder, "micro.json")
    with Writer(run, sync="none", interval="10ms"), bench_peers.Syslog(run):
        run.call(
            [
                run.program("bench_micro"),
                "--benchmark_repetitions=%d" % run.repetitions,
                "--benchmark_min_time=" + MIN_SECONDS,
                "--benchmark_enable_random_interleaving=true",
                "--benchmark_out=" + out,
                "--benchmark_out_format=json",
            ]
        )
    figures = bench_peers.read_google(out)
    for name, one in figures.items():
        is_missing = "missing" in one and not name.startswith(MICRO_PEERS)
        if is_missing or one.get("dropped"):
            raise Failed(f"{name}: {one}")
    run.results["micro"] = figures


def bench_cold(run):
    """Pushes after pauses, and memcpy alike; LTTng-UST's are of the part peers."""
    runs, dropped = [], 0
    while len(runs) < run.cold_repetitions:
        with Writer(run, sync="none", interval="1ms"):
            one = run_json(run, "bench_cold")
        if one.pop("dropped") == 0:
            runs.append(one)
            continue
        # The disk stood still for longer than a ring holds: that run measured it, and not pushes.
        dropped += 1
        say(f"cold: a run dropped pushes, and does not count ({dropped} so far)")
        if dropped > COLD_DROPPED_RUNS_MAX:
            raise Failed("bench_cold: pushes were dropped")
    of_subjects = {
        name: {key: spread([one[name][key] for one in runs]) for key in runs[0][name]}
        for name in runs[0]
    }
    run.results.setdefault("cold", {}).update(of_subjects)


def bench_latency(run):
    runs = []
    for _ in range(run.repetitions):
        with Writer(run):
            runs.append(run_json(run, "bench_latency", LATENCY_PUSHES, LATENCY_INTERVAL_NS, cpu=0))
    percentiles = ["p50", "p99", "p99.9", "p99.99", "max"]
    names = ["clock_ns", "dropped", *percentiles, *("spin_" + name for name in percentiles)]
    run.results["latency"] = {name: spread([one[name] for one in runs]) for name in names}
    run.results["latency"]["count"] = sum(one["count"] for one in runs)


def end_to_end(run, record, spans, ring_bytes, processes=1, active=1):
    with Writer(run) as writer:
        one = run_json(
            run,
            "bench_producer",
            record,
            spans,
            ring_bytes,
            processes,
            active,
            0,
            cpu=0 if active == 1 and processes == 1 else None,
        )
    seconds = one["seconds"]
    written = writer.spans_and_bytes()
    if written[0] != one["accepted"] or one["dropped"]:
        raise Failed(f"{one['accepted']} accepted, {one['dropped']} dropped, {written[0]} written")
    million = one["accepted"] / 1e6
    return {
        "spans_per_second": one["accepted"] / seconds,
        "disk_bytes_per_second": written[1] / seconds,
        "disk_bytes_per_span": written[1] / one["accepted"],
        "producer_cpu_seconds_per_million": one["pushing_cpu_seconds"] / million,
        "writer_cpu_seconds_per_million": writer.cpu_seconds / million,
        "pauses": one["pauses"],
    }


def disk(run, how):
    one = run_json(run, "bench_disk", how, DISK_MIB)
    return {
        "bytes_per_second": one["bytes"] / one["seconds"],
        "cpu_seconds_per_gib": one["cpu_seconds"] / one["bytes"] * 2**30,
    }


def bench_disk(run):
    """End to end beside the disk's limit: in turns, and each turn in another order."""
    cases = {
        "S_ring_64MiB": lambda: end_to_end(run, "S", SPANS, RING_LARGE),
        "S_shaped_ring_64MiB": lambda: end_to_end(run, "shaped", SPANS, RING_LARGE),
        "S_ring_default": lambda: end_to_end(run, "S", SPANS, RING_DEFAULT),
        "128_ring_64MiB": lambda: end_to_end(run, "128", SPANS, RING_LARGE),
        "disk_uring_direct": lambda: disk(run, "uring"),
        "disk_write": lambda: disk(run, "write"),
    }
    run.results["end_to_end"] = in_turns(run, cases)


def bench_many(run):
    cases = {
        "one_ring": lambda: end_to_end(run, "S", MANY_SPANS, RING_DEFAULT),
        "active_only": lambda: end_to_end(
            run, "S", MANY_SPANS, RING_DEFAULT, MANY_ACTIVE, MANY_ACTIVE
        ),
        "many_rings": lambda: end_to_end(
            run, "S", MANY_SPANS, RING_DEFAULT, MANY_PROCESSES, MANY_ACTIVE
        ),
    }
    run.results["many"] = in_turns(run, cases)


def in_turns(run, cases):
    got = {name: [] for name in cases}
    for _ in range(run.repetitions):
        for name in random.sample(list(cases), len(cases)):
            got[name].append(cases[name]())
    return {
        name: {key: spread([one[key] for one in runs]) for key in runs[0]}
        for name, runs in got.items()
    }


def idle_producers(run, writer, count):
    return run.start(
        [
            *(run.program("bench_producer"), "S", "0", str(RING_DEFAULT), str(count), "0"),
            str(IDLE_SETTLE_SECONDS + IDLE_SECONDS + 2),
        ],
        environment=writer.environment,
        stdout=subprocess.PIPE,
    )


def bench_idle(run):
    """A minute in which four writers do nothing, beside each other: the processor time of two, and
    the system calls of the two others; one of each has idle producers."""
    ret = {"seconds": IDLE_SECONDS, "producers": IDLE_PRODUCERS, "traced_producers": TRACED_PRODUCERS}
    with contextlib.ExitStack() as stack:
        alone, beside, traced, crowded = (
            stack.enter_context(Writer(run, name=name))
            for name in ("alone", "beside", "traced", "crowded")
        )
        few = idle_producers(run, beside, IDLE_PRODUCERS)
        many = idle_producers(run, crowded, TRACED_PRODUCERS)
        beside.wait_for_regions(IDLE_PRODUCERS)
        crowded.wait_for_regions(TRACED_PRODUCERS)
        # Being traced wakes them.
        traces = [Trace(run, traced, "trace-alone"), Trace(run, crowded, "trace-crowded")]
        time.sleep(IDLE_SETTLE_SECONDS)
        before, started = [one.run_ns() for one in (alone, beside)], time.monotonic()
        lines = [one.lines() for one in traces]
        time.sleep(IDLE_SECONDS)
        seconds = time.monotonic() - started
        after = [one.run_ns() for one in (alone, beside)]
        calls = [
            one.lines() - first if first is not None and one.lines() is not None else None
            for one, first in zip(traces, lines)
        ]
        for one in traces:
            one.end()
        ret["writer_alone"], ret["writer_with_producers"] = (
            (then - now) * 1e-9 / seconds for now, then in zip(before, after)
        )
        ret["producers_cpu_seconds"] = json.loads(run.finish(few))["idle_cpu_seconds"]
        run.finish(many)
    for name, count in zip(("calls_alone", "calls_with_producers"), calls):
        if count is not None:
            ret[name] = count * 60 / seconds
    run.results["idle"] = ret


def bench_deep(run):
    """The first push after the writer's deep sleep: what it costs, and when it is in the file."""
    runs = []
    for _ in range(run.deep_repetitions):
        with Writer(run, sync="none", interval="10ms"):
            runs.append(run_json(run, "bench_deep", DEEP_SAMPLES, cpu=0))
    run.results["deep"] = {name: spread([one[name] for one in runs]) for name in runs[0]}


class Run:
    """One invocation: where things are, what runs, and what came out."""

    def __init__(self, arguments):
        self.build = os.path.abspath(arguments.build)
        self.root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.repetitions = arguments.repetitions
        # Each is of 12 rounds already, and takes six seconds.
        self.cold_repetitions = (arguments.repetitions + 1) // 2
        self.deep_repetitions = (arguments.repetitions + 2) // 3
        self.results = {}
        self.children = []
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else self.build
        self.folder = tempfile.mkdtemp(prefix="bench-", dir=self.build)
        self.memory = tempfile.mkdtemp(prefix="otlpipe-bench-", dir=memory)
        for name in ("runtime", "own"):
            os.mkdir(os.path.join(self.memory, name), 0o700)
        self.environment = dict(
            os.environ,
            OTLPIPE_DIR=os.path.join(self.memory, "runtime"),
            OTLPIPE_BENCH_DIR=os.path.join(self.memory, "own"),
            OTLPIPE_SELF_METRICS="0",  # what is counted is what was pushed
        )
        for name in list(self.environment):
            if name.startswith(("OTEL_", "OTLPIPE_")) and name not in (
                "OTLPIPE_DIR",
                "OTLPIPE_BENCH_DIR",
                "OTLPIPE_SELF_METRICS",
            ):
                del self.environment[name]

    def program(self, name):
        path = os.path.join(self.build, {"otlpipe": "cli", "otlpipe-writer": "writer"}.get(name, "bench"), name)
        return path if os.access(path, os.X_OK) else None

    def start(self, command, cpu=None, environment=None, **options):
        def pin():
            usable = sorted(os.sched_getaffinity(0))
            if len(usable) > 1:
                os.sched_setaffinity(0, {usable[cpu]})

        child = subprocess.Popen(
            command,
            env=environment or self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            preexec_fn=pin if cpu is not None else None,
            **options,
        )
        self.children.append(child)
        return child

    def finish(self, child):
        """What it wrote to its standard output; it must have succeeded."""
        out, said = child.communicate()
        self.children.remove(child)
        if child.returncode != 0:
            name = os.path.basename(child.args[0])
            raise Failed(f"{name} failed ({child.returncode}) {(said or b'').decode()}")
        return out

    def call(self, command, cpu=None):
        pipe = subprocess.PIPE
        return self.finish(self.start(command, cpu, stdout=pipe, stderr=pipe))

    def close(self):
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.memory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage:")[1])
    parser.add_argument("build")
    parser.add_argument("--only", default="")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--no-docs", action="store_true")
    arguments = parser.parse_args()
    parts = arguments.only.split(",") if arguments.only else PARTS
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error("no such part: " + ", ".join(sorted(unknown)))
    run = Run(arguments)
    if run.program("bench_micro") is None:
        run.close()
        sys.exit("bench: nothing was built; it needs libbenchmark-dev and a C++ compiler")
    functions = {
        "micro": bench_micro,
        "peers": bench_peers.run_all,
        "cold": bench_cold,
        "latency": bench_latency,
        "deep": bench_deep,
        "disk": bench_disk,
        "many": bench_many,
        "idle": bench_idle,
        "counters": bench_counters.run_all,
    }
    started = datetime.datetime.now(datetime.timezone.utc)
    run.results["machine"] = node(run)
    try:
        for part in parts:
            before = datetime.datetime.now(datetime.timezone.utc)
            functions[part](run)
            say(f"{part}: {(datetime.datetime.now(datetime.timezone.utc) - before).seconds} s")
    except Failed as why:
        sys.exit(f"bench: {why}")
    finally:
        run.close()
    results = dict(
        {
            "format": 1,
            "date": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "repetitions": run.repetitions,
        },
        **run.results,
    )
    results["seconds"] = (datetime.datetime.now(datetime.timezone.utc) - started).seconds
    recorded = None
    if parts == PARTS:
        recorded = bench_report.record(run.root, results, docs=not arguments.no_docs)
    bench_report.print_table(results)
    if recorded:
        print(f"\n{results['seconds']} s; all figures are in {os.path.relpath(recorded)}")


if __name__ == "__main__":
    main()
