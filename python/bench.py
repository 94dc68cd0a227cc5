#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What exporting a batch of 512 spans costs: through otlpipe, and through what the SDK has.

usage: bench.py [--batch N] [--rounds N] [--writer PATH] [--json]

All of them export the same ReadableSpan objects, made by the real SDK, in one run and by turns, so
that each meets the same noise; the figures are medians of the thread's CPU time.
  otlpipe             into shared memory; the ring is drained by otlpipe-writer outside of the
                      measured time, in a process of its own (--writer, or found on $PATH)
  encode, serialize   encode_spans(…).SerializeToString() of opentelemetry-…-proto-common,
                      all that its HTTP exporter does before it has anything to send
  json file           opentelemetry-exporter-otlp-json-file into /dev/null
  attribute walk      a floor: reading each attribute of each span in a Python loop
"""
from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otlpipe import OtlpLibrary


def make_spans(count: int) -> Sequence[ReadableSpan]:
    """A web server's spans: nine attributes, an event on every 8th, an error on every 16th."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(
        resource=Resource.create({"service.name": "bench", "host.name": "localhost"})
    )
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("bench", "1.0")
    for number in range(count):
        with tracer.start_as_current_span("GET /users/{id}", kind=trace.SpanKind.SERVER) as span:
            span.set_attributes(
                {
                    "http.request.method": "GET",
                    "http.route": "/users/{id}",
                    "http.response.status_code": 200,
                    "url.scheme": "https",
                    "url.path": f"/users/{number}",
                    "server.address": "users.example.com",
                    "server.port": 443,
                    "network.protocol.version": "1.1",
                    "user_agent.original": "bench/1.0 (otlpipe)",
                }
            )
            if number % 8 == 0:
                span.add_event("cache.miss", {"cache.key": f"user:{number}", "cache.size": number})
            if number % 16 == 0:
                span.set_status(trace.StatusCode.ERROR, "upstream timed out")
    return memory.get_finished_spans()


def walk(spans: Sequence[ReadableSpan]) -> int:
    return sum(1 for span in spans for _ in span.attributes.items())


def contenders(library: OtlpLibrary, spans: Sequence[ReadableSpan]) -> dict[str, Callable[[], Any]]:
    exporter = library.span_exporter()

    def ours() -> None:
        if exporter.export(spans) is not SpanExportResult.SUCCESS:
            sys.exit(f"otlpipe refused the batch: {library.stats()}")

    found: dict[str, Callable[[], Any]] = {
        "otlpipe": ours,
        "encode, serialize": lambda: encode_spans(spans).SerializeToString(),
    }
    try:
        from opentelemetry.exporter.otlp.json.file import FileSpanExporter
    except ImportError:
        print("no opentelemetry-exporter-otlp-json-file here: not measured", file=sys.stderr)
    else:
        to_file = FileSpanExporter(os.devnull)
        found["json file"] = lambda: to_file.export(spans)
    found["attribute walk"] = lambda: walk(spans)
    return found


def measure(
    runs: dict[str, Callable[[], Any]], rounds: int, between: Callable[[], None]
) -> dict[str, list[int]]:
    times: dict[str, list[int]] = {name: [] for name in runs}
    for number in range(rounds + 2):
        for name, run in runs.items():
            start = time.thread_time_ns()
            run()
            elapsed = time.thread_time_ns() - start
            if number >= 2:  # the first ones warm up
                times[name].append(elapsed)
        between()
    return times


def report(times: dict[str, list[int]], batch: int, as_json: bool) -> None:
    medians = {name: statistics.median(values) for name, values in times.items()}
    if as_json:
        for name, median in medians.items():
            ratio = round(median / medians["otlpipe"], 2)
            line = {"bench": "python", "what": name, "batch": batch, "ratio": ratio}
            print(json.dumps({**line, "median_us": round(median / 1e3, 1)}))
        return
    print(f"{batch} spans a batch, {len(times['otlpipe'])} rounds, CPU time of the thread, medians")
    for name, median in medians.items():
        ratio = median / medians["otlpipe"]
        low, high = min(times[name]) / 1e3, max(times[name]) / 1e3
        print(
            f"{name:18} {median / 1e3:9.1f} us a batch  {median / batch:8.1f} ns a span"
            f"  {ratio:6.1f} x   ({low:.1f} to {high:.1f} us)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--writer", default=shutil.which("otlpipe-writer"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.writer is None:
        parser.error("no otlpipe-writer on $PATH: give --writer")
    spans = make_spans(options.batch)
    with tempfile.TemporaryDirectory(prefix="otlpipe-bench-") as folder:
        command = [options.writer, "--dir", f"{folder}/shm", "--output", f"{folder}/out"]
        os.mkdir(f"{folder}/shm", 0o700)
        writer = subprocess.Popen([*command, "--interval", "10ms"], stderr=subprocess.DEVNULL)
        try:
            library = OtlpLibrary(f"{folder}/shm", span_ring_bytes=8 << 20)
            while not library.flush(10_000):
                time.sleep(0.01)
            runs = contenders(library, spans)
            times = measure(runs, options.rounds, lambda: bool(library.flush(10_000)))
            library.shutdown(10_000)
        finally:
            writer.send_signal(signal.SIGTERM)
            writer.wait()
    report(times, options.batch, options.json)


if __name__ == "__main__":
    main()
