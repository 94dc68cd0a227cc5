# SPDX-License-Identifier: Apache-2.0
"""The exporters' lifecycle under the real SDK: who shares what, and what a shutdown ends."""
from __future__ import annotations

import gc
import unittest
from importlib.metadata import entry_points, version
from unittest import mock

import otlpipe
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import SpanContext, TraceFlags

from support import flushed, pipeline


def make_span(name: str, number: int = 1) -> ReadableSpan:
    context = SpanContext(1, number, False, TraceFlags(1))
    return ReadableSpan(name, context, start_time=1, end_time=2)


class ModelTest(unittest.TestCase):
    def test_the_exporters_are_the_sdks(self) -> None:
        self.assertTrue(issubclass(otlpipe.OtlpSpanExporter, SpanExporter))
        self.assertTrue(issubclass(otlpipe.OtlpMetricExporter, MetricExporter))

    def test_the_wheel_is_of_the_librarys_version(self) -> None:
        self.assertEqual(version("otlpipe"), otlpipe.__version__)

    def test_the_entry_points_are_found_by_the_sdks_names(self) -> None:
        for group, exporter in (
            ("opentelemetry_traces_exporter", otlpipe.OtlpSpanExporter),
            ("opentelemetry_metrics_exporter", otlpipe.OtlpMetricExporter),
        ):
            (entry,) = entry_points(group=group, name="otlpipe")
            self.assertIs(entry.load(), exporter)

    def test_an_exporters_shutdown_leaves_the_library_and_its_other_users_alone(self) -> None:
        with pipeline() as pipe:
            library = pipe.library()
            first, second = library.span_exporter(), library.span_exporter()
            provider = TracerProvider()
            provider.add_span_processor(SimpleSpanProcessor(first))
            provider.shutdown()
            library.metric_exporter().shutdown()
            for name, exporter in (("same", first), ("other", second)):
                self.assertIs(exporter.export([make_span(name)]), SpanExportResult.SUCCESS)
            flushed(library)
            self.assertTrue(first.force_flush())
            pipe.stop_writer()
            self.assertEqual(sorted(pipe.span_names()), ["other", "same"])

    def test_after_the_librarys_shutdown_an_exporter_fails_and_is_counted(self) -> None:
        with pipeline() as pipe:
            library = pipe.library()
            spans, metrics = library.span_exporter(), library.metric_exporter()
            flushed(library)
            library.shutdown()
            with self.assertLogs("otlpipe", "ERROR") as logs:
                result = spans.export([make_span("late"), make_span("later", 2)])
            self.assertIs(result, SpanExportResult.FAILURE)
            self.assertIn("shut down", logs.output[0])
            self.assertIs(metrics.export(MetricsData([])), MetricExportResult.SUCCESS)
            self.assertEqual(library.stats().rejected_after_shutdown, 1)
            self.assertEqual(library.stats().spans.accepted, 0)
            for make in (library.span_exporter, library.metric_exporter):
                with self.assertRaises(otlpipe.OtlpError):
                    make()

    def test_an_exporter_keeps_its_library_alive(self) -> None:
        with pipeline(writer=False) as pipe:
            exporter = pipe.library().span_exporter()
            gc.collect()
            self.assertIs(exporter.export([make_span("kept")]), SpanExportResult.SUCCESS)
            del exporter
            pipe.drain()
            self.assertEqual(pipe.span_names(), ["kept"])

    def test_a_failure_is_a_result_and_a_log_line_and_never_raises(self) -> None:
        with pipeline(writer=False) as pipe:
            exporter = pipe.library().span_exporter()
            with self.assertLogs("otlpipe", "ERROR") as logs:
                result = exporter.export(None)  # type: ignore[arg-type]
            self.assertIs(result, SpanExportResult.FAILURE)
            self.assertIn("TypeError", logs.output[0])

    def test_a_batch_processors_flush_reaches_the_ring(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            provider = TracerProvider()
            provider.add_span_processor(BatchSpanProcessor(library.span_exporter()))
            provider.get_tracer("t").start_span("s").end()
            provider.force_flush()
            self.assertEqual(library.stats().spans.accepted, 1)
            provider.shutdown()

    def test_the_same_failure_is_logged_once_in_a_while(self) -> None:
        with pipeline(writer=False) as pipe:
            exporter = pipe.library().span_exporter()
            bad = make_span("bad \ud800")
            with mock.patch("otlpipe._report.time.monotonic") as clock:
                clock.return_value = 100.0
                with self.assertLogs("otlpipe", "ERROR") as logs:
                    for _ in range(10):
                        exporter.export([bad])
                    clock.return_value = 200.0
                    exporter.export([bad])
            self.assertEqual(len(logs.output), 2)
            self.assertIn("9 more times", logs.output[1])


if __name__ == "__main__":
    unittest.main()
