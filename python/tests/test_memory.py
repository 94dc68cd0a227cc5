# SPDX-License-Identifier: Apache-2.0
"""A million exports of the real SDK's spans, and a million of its log records: resident memory does
not grow."""
from __future__ import annotations

import gc
import os
import sys
import unittest

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support import pipeline

EXPORTS = int(os.environ.get("OTLPIPE_TEST_EXPORTS", "1000000"))
# A single lost reference or byte per export would be 8 MB at least.
GROWTH_BYTES_MAX = 2 << 20


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class MemoryTest(unittest.TestCase):
    def test_a_million_exports_leave_memory_as_it_was(self) -> None:
        memory = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(memory))
        tracer = provider.get_tracer("t", attributes={"a": 1})
        attributes = {"text": "ü", "list": [1, 2], "int": 1, "map": {"k": "v"}, "big": 2**70}
        with tracer.start_as_current_span("name", attributes=attributes) as span:
            span.add_event("event", {"k": 1.5})
        (finished,) = memory.get_finished_spans()
        reader = InMemoryMetricReader()
        meter = MeterProvider([reader]).get_meter("m")
        meter.create_histogram("h").record(1, {"a": "b"})
        data = reader.get_metrics_data()
        with pipeline() as pipe:
            # One lane: memory of another is touched when the kernel moves the thread.
            library = pipe.library(lanes=1)
            spans, metrics = library.span_exporter(), library.metric_exporter()
            spans._reporter._log = metrics._reporter._log = lambda *_: None  # a full ring is fine

            def work(count: int) -> None:
                for number in range(count):
                    spans.export((finished,))
                    if number % 10 == 0:
                        metrics.export(data)
                gc.collect()

            work(EXPORTS // 10)
            before, references = resident_bytes(), getattr(sys, "gettotalrefcount", int)()
            work(EXPORTS)
            self.assertLess(resident_bytes() - before, GROWTH_BYTES_MAX)
            self.assertLess(getattr(sys, "gettotalrefcount", int)() - references, 1000)
            stats = library.stats()
            calls = EXPORTS + EXPORTS // 10
            self.assertEqual(stats.spans.accepted + stats.spans.dropped_full, calls)
            self.assertGreater(stats.spans.accepted, 0)
            self.assertEqual(stats.spans.dropped_invalid, 0)

    def test_a_million_exports_of_logs_leave_memory_as_it_was(self) -> None:
        memory = InMemoryLogRecordExporter()
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
        provider.get_logger("t", attributes={"a": 1}).emit(
            body=["ü", {"k": 2**70, "bytes": b"b"}, object()],
            attributes={"text": "ü", "list": [1, 2], "int": 1},
            event_name="e",
        )
        (record,) = memory.get_finished_logs()
        with pipeline() as pipe:
            library = pipe.library(lanes=1)
            exporter = library.log_exporter()
            exporter._reporter._log = lambda *_: None

            def work(count: int) -> None:
                batch = (record,)
                for _ in range(count):
                    exporter.export(batch)
                gc.collect()

            work(EXPORTS // 10)
            before, references = resident_bytes(), getattr(sys, "gettotalrefcount", int)()
            work(EXPORTS)
            self.assertLess(resident_bytes() - before, GROWTH_BYTES_MAX)
            self.assertLess(getattr(sys, "gettotalrefcount", int)() - references, 1000)
            stats = library.stats().logs
            self.assertEqual(stats.accepted + stats.dropped_full, EXPORTS + EXPORTS // 10)
            self.assertGreater(stats.accepted, 0)


if __name__ == "__main__":
    unittest.main()
