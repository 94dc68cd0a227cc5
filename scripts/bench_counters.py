# SPDX-License-Identifier: Apache-2.0
"""Counts that do not flap: instructions, bytes, system calls, allocations, cache misses. Tests
hold them to budgets (tests/budget, tests/pipeline); here they are only shown."""

import os
import re
import shutil
import subprocess
import sys

from bench_run import Writer

RING_BYTES = 64 << 20
FEW, MANY = 1_000, 51_000  # spans: far from half of the ring, so that nobody is woken


def instructions(run):
    program = os.path.join(run.build, "tests", "budget", "subjects")
    if shutil.which("valgrind") is None or not os.access(program, os.X_OK):
        return {"missing": "no valgrind, or tests were not built"}
    sys.path.insert(0, os.path.join(run.root, "tests", "budget"))
    import check_budget

    here = os.getcwd()
    os.chdir(run.folder)
    try:
        measured = check_budget.measure_all(program)
    finally:
        os.chdir(here)
    return {
        name: {"instructions": values[0], "bytes": values[1]} for name, values in measured.items()
    }


def producer(run, spans, wrapper):
    """What a wrapper says of a producer that pushes so many spans."""
    command = [
        *wrapper,
        run.program("bench_producer"),
        "S",
        str(spans),
        str(RING_BYTES),
        "1",
        "1",
        "0",
    ]
    done = subprocess.run(
        command,
        env=run.environment,
        cwd=run.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        return None
    return done.stderr


def per_million(run, wrapper, count):
    """The difference of two runs, so without start and end."""
    said = [producer(run, spans, wrapper) for spans in (FEW, MANY)]
    if None in said:
        return {"missing": f"{wrapper[0]} cannot run here"}
    few, many = (count(text) for text in said)
    return (many - few) / (MANY - FEW) * 1e6


def system_calls(run):
    if shutil.which("strace") is None:
        return {"missing": "no strace"}

    def count(text):
        total = re.search(r"^\S+\s+\S+\s+\S*\s*(\d+)\s+(?:\d+\s+)?total$", text, re.MULTILINE)
        return int(total.group(1)) if total else 0

    return per_million(run, ["strace", "-f", "-c", "-e", "trace=!futex,nanosleep"], count)


def allocations(run):
    if shutil.which("valgrind") is None:
        return {"missing": "no valgrind"}

    def count(text):
        return sum(int(n.replace(",", "")) for n in re.findall(r"usage: ([\d,]+) allocs", text))

    return per_million(run, ["valgrind", "--trace-children=yes"], count)


def cache_misses(run):
    if shutil.which("perf") is None:
        return {"missing": "no perf"}
    said = producer(run, MANY, ["perf", "stat", "-x,", "-e", "cache-misses"])
    found = re.search(r"^(\d+),,cache-misses", said or "", re.MULTILINE)
    if found is None:
        return {"missing": "the machine has no such counter, or forbids it"}
    return int(found.group(1)) / MANY


def run_all(run):
    counters = {"instructions_and_bytes": instructions(run)}
    with Writer(run):
        counters["system_calls_per_million_pushes"] = system_calls(run)
        counters["allocations_per_million_pushes"] = allocations(run)
        counters["cache_misses_per_push"] = cache_misses(run)
    run.results["counters"] = counters
