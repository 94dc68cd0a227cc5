# SPDX-License-Identifier: Apache-2.0
"""The exporters' lifecycle under the real SDK: who shares what, and what a shutdown ends."""
from __future__ import annotations

import gc
import unittest
from importlib.metadata import entry_points, version
from unittest import mock

import otlpipe
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    LogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.resources import Resource
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


def make_log(body: str) -> ReadableLogRecord:
    return ReadableLogRecord(LogRecord(timestamp=1, body=body), Resource({}))


class ModelTest(unittest.TestCase):
    def test_the_exporters_are_the_sdks(self) -> None:
        self.assertTrue(issubclass(otlpipe.OtlpSpanExporter, SpanExporter))
        self.assertTrue(issubclass(otlpipe.OtlpMetricExporter, MetricExporter))
        self.assertTrue(issubclass(otlpipe.OtlpLogExporter, LogRecordExporter))

    def test_the_wheel_is_of_the_librarys_version(self) -> None:
        self.assertEqual(version("otlpipe"), otlpipe.__version__)

    def test_the_entry_points_are_found_by_the_sdks_names(self) -> None:
        for group, exporter in (
            ("opentelemetry_traces_exporter", otlpipe.OtlpSpanExporter),
            ("opentelemetry_metrics_exporter", otlpipe.OtlpMetricExporter),
            ("opentelemetry_logs_exporter", otlpipe.OtlpLogExporter),
        ):
            (entry,) = entry_points(group=group, name="otlpipe")
            self.assertIs(entry.load(), exporter)

    def test_an_sdk_without_logs_costs_the_log_exporter_alone(self) -> None:
        script = (
            "import sys\n"
            "class Refuse:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if name.split('.')[:3] == ['opentelemetry', 'sdk', '_logs']:\n"
            "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
            "sys.meta_path.insert(0, Refuse())\n"
            "import otlpipe\n"
            "library = otlpipe.OtlpLibrary()\n"
            "library.span_exporter(), library.metric_exporter()\n"
            "try:\n"
            "    library.log_exporter()\n"
            "except ImportError as error:\n"
            "    print(error)\n"
        )
        with pipeline(writer=False) as pipe:
            (line,) = pipe.run_python(script).stdout.splitlines()
        self.assertIn("OtlpLogExporter needs the OpenTelemetry SDK", line)
        self.assertIn("opentelemetry.sdk._logs", line)

    def test_an_exporters_shutdown_leaves_the_library_and_its_other_users_alone(self) -> None:
        with pipeline() as pipe:
            library = pipe.library()
            first, second = library.span_exporter(), library.span_exporter()
            provider = TracerProvider()
            provider.add_span_processor(SimpleSpanProcessor(first))
            provider.shutdown()
            library.metric_exporter().shutdown()
            logs = library.log_exporter()
            loggers = LoggerProvider(shutdown_on_exit=False)
            loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
            loggers.shutdown()
            self.assertIs(logs.export([make_log("after")]), LogRecordExportResult.SUCCESS)
            for name, exporter in (("same", first), ("other", second)):
                self.assertIs(exporter.export([make_span(name)]), SpanExportResult.SUCCESS)
            flushed(library)
            self.assertTrue(first.force_flush())
            self.assertTrue(logs.force_flush())
            pipe.stop_writer()
            self.assertEqual(sorted(pipe.span_names()), ["other", "same"])
            self.assertEqual(pipe.log_texts(), ["after"])

    def test_after_the_librarys_shutdown_an_exporter_fails_and_is_counted(self) -> None:
        with pipeline() as pipe:
            library = pipe.library()
            spans, metrics = library.span_exporter(), library.metric_exporter()
            logs_exporter = library.log_exporter()
            flushed(library)
            library.shutdown()
            with self.assertLogs("otlpipe", "ERROR") as logs:
                result = spans.export([make_span("late"), make_span("later", 2)])
            self.assertIs(result, SpanExportResult.FAILURE)
            self.assertIn("shut down", logs.output[0])
            self.assertIs(metrics.export(MetricsData([])), MetricExportResult.SUCCESS)
            with self.assertLogs("otlpipe", "ERROR"):
                result = logs_exporter.export([make_log("late")])
            self.assertIs(result, LogRecordExportResult.FAILURE)
            self.assertEqual(library.stats().rejected_after_shutdown, 2)
            self.assertEqual(library.stats().spans.accepted, 0)
            self.assertEqual(library.stats().logs.accepted, 0)
            for make in (library.span_exporter, library.metric_exporter, library.log_exporter):
                with self.assertRaises(otlpipe.OtlpError):
                    make()

    def test_an_exporter_keeps_its_library_alive(self) -> None:
        with pipeline(writer=False) as pipe:
            exporter, logs = pipe.library().span_exporter(), pipe.library().log_exporter()
            gc.collect()
            self.assertIs(exporter.export([make_span("kept")]), SpanExportResult.SUCCESS)
            self.assertIs(logs.export([make_log("kept too")]), LogRecordExportResult.SUCCESS)
            del exporter, logs
            pipe.drain()
            self.assertEqual(pipe.span_names(), ["kept"])
            self.assertEqual(pipe.log_texts(), ["kept too"])

    def test_a_failure_is_a_result_and_a_log_line_and_never_raises(self) -> None:
        with pipeline(writer=False) as pipe:
            exporter = pipe.library().span_exporter()
            with self.assertLogs("otlpipe", "ERROR") as logs:
                result = exporter.export(None)  # type: ignore[arg-type]
            self.assertIs(result, SpanExportResult.FAILURE)
            self.assertIn("TypeError", logs.output[0])
            with self.assertLogs("otlpipe", "ERROR") as logs:
                result = pipe.library().log_exporter().export(5)  # type: ignore[arg-type]
            self.assertIs(result, LogRecordExportResult.FAILURE)
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
            loggers = LoggerProvider(shutdown_on_exit=False)
            loggers.add_log_record_processor(BatchLogRecordProcessor(library.log_exporter()))
            loggers.get_logger("t").emit(body="b")
            loggers.force_flush()
            self.assertEqual(library.stats().logs.accepted, 1)
            loggers.shutdown()

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
