#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs come and go while no writer runs. Each left all that it had reserved, for ever: 370 with
rings of 64 MiB took 24 GB, and the machine stopped.

usage: test_ended.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

PROGRAMS = 60
HELD_BYTES_MAX = 4 << 20


def program(pipe, words="push\n", expected=0, **environment):
    """It opens the library, does that, and gives the library back. @return what it says of errors"""
    done = subprocess.run(
        [pipe.build / "tests/attack/place_host"], input=words, text=True, capture_output=True,
        check=False, timeout=harness.LIMIT_SECONDS,
        env={**pipe.environment, "OTLPIPE_DIR": str(pipe.runtime), **environment})
    equal(done.returncode, expected, f"exit status of a program\n{done.stderr}")
    if expected == 0:
        equal(set(done.stdout.split()), {"0"}, "what its calls answer")
    return done.stderr


def held(pipe):
    """What the files really have, whatever their sizes say."""
    return sum((pipe.runtime / name).stat().st_blocks * 512 for name in pipe.regions())


def memory(pipe, **environment):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime, environment=environment).json()["memory"]


def drain(pipe):
    pipe.run("otlpipe-writer", "--drain", "--dir", pipe.runtime, "--output", pipe.output)


def spans(pipe):
    return pipe.verify()["spans"]["written_items"]


def a_program_that_ends_in_order_leaves_its_records_and_no_more(pipe):
    for _ in range(PROGRAMS):
        program(pipe)
    equal(len(pipe.regions()), PROGRAMS, "regions")
    check(held(pipe) < HELD_BYTES_MAX,
          lambda: f"{PROGRAMS} programs with a span each hold {held(pipe)} bytes")
    found = memory(pipe)
    equal(found["ended_regions"], PROGRAMS, "what stat says of ended programs")
    equal(found["ended_held_bytes"], held(pipe), "and of what they hold")
    check(found["ended_waiting_bytes"] > 0, "and of what is in there")
    # Larger ones: half a ring of records stays, the other half goes.
    size = {"OTLPIPE_SPAN_RING_BYTES": "1MiB"}
    before = held(pipe)
    program(pipe, "push\n" * 4000, **size)
    some = held(pipe) - before
    check(HELD_BYTES_MAX / 16 < some < 1 << 20, lambda: f"4,000 spans hold {some} bytes")
    drain(pipe)
    equal(spans(pipe), PROGRAMS + 4000, "spans")
    equal(held(pipe), 0, "what is held when all is drained")


def one_that_wrapped_its_ring_leaves_its_records_too(pipe):
    """What lies across the ring's end; what is free lies in its middle then."""
    size = {"OTLPIPE_SPAN_RING_BYTES": "64KiB", "OTLPIPE_METRIC_RING_BYTES": "64KiB"}
    total = 0
    for count in (300, 450, 700):
        writer = pipe.writer()
        host = harness.Process(pipe, "place_host", [pipe.build / "tests/attack/place_host"],
                               {"OTLPIPE_DIR": str(pipe.runtime), **size},
                               stdin=subprocess.PIPE)

        def ask(words, lines):
            host.popen.stdin.write(words.encode())
            host.popen.stdin.flush()
            wait_for(lambda: len(host.out.splitlines()) >= lines or not host.is_running(), words[:20])

        ask("push\n" * count + "flush\n", count + 1)
        writer.stop()
        ask("push\n" * 200, count + 201)
        check(set(host.out.split()) == {"0"}, "what its calls answer")
        host.popen.stdin.close()
        host.wait()
        equal(len(pipe.regions()), 1, "a region")
        check(held(pipe) < 100 << 10, lambda: f"200 spans hold {held(pipe)} bytes")
        total += count + 200
        drain(pipe)
        equal(spans(pipe), total, f"spans, of {count} before the writer ended")


def beyond_the_budget_the_library_is_not_opened(pipe):
    """An error with its reason, counted; the program goes on, and so do those that have a region."""
    budget = {"OTLPIPE_BUDGET": "9MiB", "OTLPIPE_SPAN_RING_BYTES": "4MiB"}
    first = harness.Process(pipe, "place_host", [pipe.build / "tests/attack/place_host"],
                            {"OTLPIPE_DIR": str(pipe.runtime), **budget}, stdin=subprocess.PIPE)
    wait_for(pipe.regions, "the first has its region")
    said = program(pipe, expected=1, **budget)
    for text in ("budget is used up", "it may hold 9216 KiB (OTLPIPE_BUDGET", "otlpipe stat",
                 str(pipe.runtime)):
        check(text in said, lambda: f"{text!r} is not in what it says:\n{said}")
    found = pipe.tool("stat", "--json", "--dir", pipe.runtime, environment=budget).json()
    equal(found["without_ring"]["refused_opens"], 1, "opens that were refused")
    equal(found["memory"]["budget_bytes"], 9 << 20, "the budget")
    check(found["memory"]["held_bytes"] > 5 << 20, "what is held")
    check("of 9437184 (OTLPIPE_BUDGET)" in
          pipe.tool("stat", "--dir", pipe.runtime, environment=budget).out, "in words")
    first.popen.stdin.write(b"push\n")
    first.popen.stdin.close()
    first.wait()
    equal(first.out.split(), ["0"], "a push of one that has its region")
    # It has given back what it did not use: now there is room.
    program(pipe, **budget)
    drain(pipe)
    equal(spans(pipe), 2, "spans")


def a_budget_is_a_size_or_a_share(pipe):
    capacity = os.statvfs(pipe.runtime)
    capacity = capacity.f_blocks * capacity.f_frsize
    for text, expected in (("25%", capacity // 100 * 25), ("1.5GiB", 3 << 29), ("100%", capacity),
                           ("", capacity // 100 * 80)):
        found = memory(pipe, OTLPIPE_BUDGET=text)["budget_bytes"]
        check(abs(found - expected) < 1 << 20, lambda: f"{text!r} is {found}, expected {expected}")
    for text in ("0", "0%", "101%", "half", "-1", "12 %", "9" * 60):
        program(pipe, OTLPIPE_BUDGET=text)
        found = memory(pipe, OTLPIPE_BUDGET=text)["budget_bytes"]
        check(abs(found - capacity // 100 * 80) < 1 << 20, lambda: f"{text!r} is {found}")
    drain(pipe)
    equal(spans(pipe), 7, "spans")


harness.run(
    [
        a_program_that_ends_in_order_leaves_its_records_and_no_more,
        one_that_wrapped_its_ring_leaves_its_records_too,
        beyond_the_budget_the_library_is_not_opened,
        a_budget_is_a_size_or_a_share,
    ]
)
