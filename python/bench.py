#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What exporting 512 spans, or log records, costs: through otlpipe, and through what the SDK has.

usage: bench.py [--batch N] [--rounds N] [--writer PATH] [--json]

All of them export the same ReadableSpan or ReadableLogRecord objects, made by the real SDK, in one
run and by turns, so that each meets the same noise; the figures are medians of the thread's CPU time.
  otlpipe             into shared memory; the ring is drained by otlpipe-writer outside of the
                      measured time, in a process of its own (--writer, or found on $PATH)
  encode, serialize   encode_spans(…).SerializeToString(), or encode_logs(…), of
                      opentelemetry-…-proto-common, all that its HTTP exporter does before it has
                      anything to send
  json file           opentelemetry-exporter-otlp-json-file into /dev/null
  attribute walk      a floor: reading each attribute of each record in a Python loop
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
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
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


def make_logs(count: int) -> Sequence[ReadableLogRecord]:
    """What a web server logs inside of a span: 128 bytes of text and four attributes."""
    memory = InMemoryLogRecordExporter()
    provider = LoggerProvider(
        resource=Resource.create({"service.name": "bench", "host.name": "localhost"}),
        shutdown_on_exit=False,
    )
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    logger = provider.get_logger("bench", "1.0")
    with TracerProvider().get_tracer("bench").start_as_current_span("GET /users/{id}"):
        for number in range(count):
            logger.emit(
                timestamp=time.time_ns(),
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body=f"user {number} was found in the cache ".ljust(128, "."),
                attributes={
                    "code.file.path": "/srv/app/users.py",
                    "code.function.name": "find_user",
                    "code.line.number": 42,
                    "user.id": str(number),
                },
            )
    return memory.get_finished_logs()


def checked(library: OtlpLibrary, export: Callable[[], Any], success: Any) -> Callable[[], None]:
    def run() -> None:
        if export() is not success:
            sys.exit(f"otlpipe refused the batch: {library.stats()}")

    return run


def span_contenders(library: OtlpLibrary, count: int) -> dict[str, Callable[[], Any]]:
    spans, exporter = make_spans(count), library.span_exporter()
    found: dict[str, Callable[[], Any]] = {
        "otlpipe": checked(library, lambda: exporter.export(spans), SpanExportResult.SUCCESS),
        "encode, serialize": lambda: encode_spans(spans).SerializeToString(),
    }
    try:
        from opentelemetry.exporter.otlp.json.file import FileSpanExporter
    except ImportError:
        print("no opentelemetry-exporter-otlp-json-file here: not measured", file=sys.stderr)
    else:
        to_file = FileSpanExporter(os.devnull)
        found["json file"] = lambda: to_file.export(spans)
    found["attribute walk"] = lambda: sum(1 for span in spans for _ in span.attributes.items())
    return found


def log_contenders(library: OtlpLibrary, count: int) -> dict[str, Callable[[], Any]]:
    records, exporter = make_logs(count), library.log_exporter()
    found: dict[str, Callable[[], Any]] = {
        "otlpipe": checked(
            library, lambda: exporter.export(records), LogRecordExportResult.SUCCESS
        ),
        "encode, serialize": lambda: encode_logs(records).SerializeToString(),
    }
    try:
        from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
    except ImportError:
        print("no log exporter of opentelemetry-exporter-otlp-json-file here", file=sys.stderr)
    else:
        to_file = FileLogExporter(os.devnull)
        found["json file"] = lambda: to_file.export(records)
    found["attribute walk"] = lambda: sum(
        1 for record in records for _ in record.log_record.attributes.items()
    )
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


def report(times: dict[str, list[int]], unit: str, batch: int, as_json: bool) -> None:
    medians = {name: statistics.median(values) for name, values in times.items()}
    if as_json:
        for name, median in medians.items():
            ratio = round(median / medians["otlpipe"], 2)
            line = {"bench": "python", "unit": unit, "what": name, "batch": batch, "ratio": ratio}
            print(json.dumps({**line, "median_us": round(median / 1e3, 1)}))
        return
    rounds = len(times["otlpipe"])
    print(f"{batch} {unit}s a batch, {rounds} rounds, CPU time of the thread, medians")
    for name, median in medians.items():
        ratio = median / medians["otlpipe"]
        low, high = min(times[name]) / 1e3, max(times[name]) / 1e3
        print(
            f"{name:18} {median / 1e3:9.1f} us a batch  {median / batch:8.1f} ns a {unit}"
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
    with tempfile.TemporaryDirectory(prefix="otlpipe-bench-") as folder:
        command = [options.writer, "--dir", f"{folder}/shm", "--output", f"{folder}/out"]
        os.mkdir(f"{folder}/shm", 0o700)
        writer = subprocess.Popen([*command, "--interval", "10ms"], stderr=subprocess.DEVNULL)
        try:
            library = OtlpLibrary(
                f"{folder}/shm", span_ring_bytes=8 << 20, log_ring_bytes=8 << 20
            )
            while not library.flush(10_000):
                time.sleep(0.01)
            for unit, contenders in (("span", span_contenders), ("log record", log_contenders)):
                runs = contenders(library, options.batch)
                times = measure(runs, options.rounds, lambda: bool(library.flush(10_000)))
                report(times, unit, options.batch, options.json)
            library.shutdown(10_000)
        finally:
            writer.send_signal(signal.SIGTERM)
            writer.wait()


if __name__ == "__main__":
    main()
