# SPDX-License-Identifier: Apache-2.0
"""Log records of the real SDK, and of the logging module by its handler, read back from the file and
compared with what the SDK's own encoder makes of the same objects, field by field."""
from __future__ import annotations

import contextlib
import logging
import threading
import unittest
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest import mock

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import (
    LoggerProvider,
    LoggingHandler,
    LogRecordDroppedAttributesWarning,
    LogRecordLimits,
    ReadableLogRecord,
)
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from decode import by_content, logs
from support import flushed, pipeline

CONTEXT = SpanContext(0xF0000000000000000000000000000001, 0xF000000000000002, True, TraceFlags(1))

VALUES: dict[str, Any] = {
    "text": "grün \N{SNOWMAN}",
    "empty text": "",
    "true": True,
    "false": False,
    "one": 1,
    "minus": -(2**63),
    "large": 2**63 - 1,
    "double": 0.1,
    "inf": float("inf"),
    "bytes": b"\0\xff",
    "list": [1, 2, 3],
    "tuple": ("a", "b"),
    "mixed": [True, 1, 1.0, "1", None, b""],
    "nested": {"map": {"list": [{"deep": (1,)}]}, "empty": {}},
    "nothing": None,
    "empty list": [],
    "empty map": {},
}


def with_theirs_corrected(records: Sequence[ReadableLogRecord]) -> list[dict[str, Any]]:
    """What the SDK's encoder makes; it has an empty message for no body, which reads the same."""
    encoded = encode_logs(records)
    for group in encoded.resource_logs:
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                if record.body.WhichOneof("value") is None:
                    record.ClearField("body")
    return by_content(encoded)


def make_provider(exporter: Any, name: str, **options: Any) -> LoggerProvider:
    resource = Resource({"service.name": name, "list": [1, 2]}, "https://example.com/resource")
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False, **options)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return provider


def emit_everything(provider: LoggerProvider) -> int:
    """How many records that are."""
    logger = provider.get_logger("lib", "1.2", "https://example.com/scope", {"scope.int": 1})
    bare = provider.get_logger("bare")
    inside = trace.set_span_in_context(NonRecordingSpan(CONTEXT))
    for severity in SeverityNumber:
        logger.emit(
            timestamp=2**63 + severity.value, observed_timestamp=5, context=inside,
            severity_number=severity, severity_text=f"{severity.name} ü", body="text",
            attributes=VALUES, event_name=f"event of {severity.name}",
        )  # fmt: skip
    for number, body in enumerate(VALUES.values()):
        bare.emit(observed_timestamp=number, body=body)
    logger.emit(LogRecord(observed_timestamp=9))
    bare.emit(LogRecord(trace_id=1, body="a trace without a span", severity_text=""))
    bare.emit(LogRecord(span_id=1, body="a span without a trace", event_name=""))
    try:
        raise ValueError("on purpose")
    except ValueError as error:
        bare.emit(exception=error, severity_number=SeverityNumber.ERROR)
    return len(SeverityNumber) + len(VALUES) + 4


@contextlib.contextmanager
def handled(provider: LoggerProvider, name: str) -> Iterator[logging.Logger]:
    """A logger of the logging module whose records go to the provider, and nowhere else."""
    logger = logging.getLogger(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        handler = LoggingHandler(logger_provider=provider)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


class LogsTest(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        # The SDK's record still takes ids, and says that it will not for ever.
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", LogRecordDroppedAttributesWarning)

    def assert_same(self, records: Sequence[ReadableLogRecord], pipe: Any) -> None:
        expected, found = with_theirs_corrected(records), by_content(logs(pipe))
        self.assertEqual(len(expected), len(found))
        for theirs, ours in zip(expected, found, strict=True):
            self.assertEqual(theirs, ours)

    def test_every_field_is_what_the_sdks_own_encoder_makes_of_it(self) -> None:
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemoryLogRecordExporter()
            provider = make_provider(library.log_exporter(), "fields")
            provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
            count = emit_everything(provider)
            flushed(library)
            pipe.stop_writer()
            records = memory.get_finished_logs()
            self.assertEqual(len(records), count)
            self.assertEqual(library.stats().logs.accepted, count)
            self.assert_same(records, pipe)

    def test_the_logging_module_reaches_the_file_by_the_sdks_handler(self) -> None:
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemoryLogRecordExporter()
            provider = make_provider(library.log_exporter(), "handler")
            provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
            with handled(provider, "otlpipe.test.handler") as logger:
                for level in (5, 10, 15, 20, 30, 40, 50, 60):
                    logger.log(level, "level %d of %s", level, "eight", extra={"level": level})
                with trace.use_span(NonRecordingSpan(CONTEXT)):
                    logger.warning("inside of a span")
                logger.info({"a": {"map": [1, None]}})
                logger.info(b"bytes")
                try:
                    raise RuntimeError("on purpose")
                except RuntimeError:
                    logger.exception("it broke")
            flushed(library)
            pipe.stop_writer()
            records = memory.get_finished_logs()
            self.assertEqual(len(records), 11)
            self.assert_same(records, pipe)
            found = {str(item["record"].get("body")): item for item in by_content(logs(pipe))}
            inside = found[str({"string_value": "inside of a span"})]
            self.assertEqual(inside["record"]["severity_number"], "SEVERITY_NUMBER_WARN")
            self.assertEqual(inside["scope"]["name"], "otlpipe.test.handler")
            self.assertIn("trace_id", inside["record"])

    def test_a_batch_processor_delivers_every_record_once(self) -> None:
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemoryLogRecordExporter()
            provider = make_provider(memory, "batch")
            provider.add_log_record_processor(BatchLogRecordProcessor(library.log_exporter()))
            logger = provider.get_logger("t")
            for number in range(1000):
                logger.emit(body=f"record {number}", attributes={"n": number})
            provider.shutdown()
            flushed(library)
            pipe.stop_writer()
            self.assertEqual(library.stats().logs.accepted, 1000)
            self.assert_same(memory.get_finished_logs(), pipe)

    def test_dropped_counts_are_those_of_the_sdk(self) -> None:
        limits = LogRecordLimits(max_log_record_attributes=2, max_log_record_attribute_length=3)
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemoryLogRecordExporter()
            provider = make_provider(library.log_exporter(), "limits", log_record_limits=limits)
            provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
            with self.assertLogs("opentelemetry.attributes", "WARNING"):
                provider.get_logger("t").emit(
                    body="x", attributes={"a": 1, "b": 2, "c": "long text"}
                )
            flushed(library)
            pipe.stop_writer()
            (found,) = by_content(logs(pipe))
            self.assertEqual(found["record"]["dropped_attributes_count"], 1)
            self.assert_same(memory.get_finished_logs(), pipe)

    def test_records_made_by_hand_are_read_by_what_they_hold(self) -> None:
        resource = Resource({"service.name": "hand"})
        records = [
            ReadableLogRecord(LogRecord(observed_timestamp=number, attributes=attributes), resource, scope)
            for number, (attributes, scope) in enumerate(
                [
                    (None, None),
                    ({"plain": "dict"}, InstrumentationScope("s", "1", "", {"a": 1})),
                    ({}, InstrumentationScope("")),
                ]
            )
        ]  # fmt: skip
        with pipeline() as pipe:
            library = pipe.library()
            self.assertIs(
                library.log_exporter().export(records), LogRecordExportResult.SUCCESS
            )
            flushed(library)
            pipe.stop_writer()
            self.assert_same(records, pipe)

    def test_public_properties_give_the_same_as_private_fields(self) -> None:
        """The way that is taken for an SDK that otlpipe/_sdk.py does not recognise."""
        from otlpipe import _native, _sdk

        known = _sdk.known_types()
        self.assertEqual(known["severity_numbers"], tuple(SeverityNumber))
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemoryLogRecordExporter()
            limits = LogRecordLimits(max_log_record_attributes=len(VALUES) - 1)
            with self.assertLogs("opentelemetry.attributes", "WARNING"):
                emit_everything(make_provider(memory, "public", log_record_limits=limits))
            records = memory.get_finished_logs()
            try:
                _native.bind_sdk({})
                self.assertTrue(library.export_logs(records))
            finally:
                _native.bind_sdk(known)
            flushed(library)
            pipe.stop_writer()
            self.assert_same(records, pipe)

    def test_records_of_an_sdk_before_1_39_have_their_resource_inside(self) -> None:
        """Its LogData; also the empty resource and the ids of None that it allows."""
        memory = InMemoryLogRecordExporter()
        emit_everything(make_provider(memory, "older"))
        records = memory.get_finished_logs()
        older = []
        for record in records:
            inner = SimpleNamespace(**vars(record.log_record), resource=record.resource)
            inner.trace_id, inner.span_id = inner.trace_id or None, inner.span_id or None
            inner.dropped_attributes = record.dropped_attributes
            older.append(
                SimpleNamespace(
                    log_record=inner, instrumentation_scope=record.instrumentation_scope
                )
            )
        with pipeline() as pipe:
            library = pipe.library()
            self.assertTrue(library.export_logs(older))
            flushed(library)
            pipe.stop_writer()
            self.assert_same(records, pipe)

    def test_a_body_without_an_otlp_form_becomes_its_text(self) -> None:
        """The SDK's encoder fails there, and with it the whole batch."""

        class Money:
            def __str__(self) -> str:
                return "3 €"

        bodies = {"whole": Money(), "inside": [{"price": Money()}, 2**70]}
        texts = {"whole": "3 €", "inside": [{"price": "3 €"}, str(2**70)]}
        record = ReadableLogRecord(LogRecord(observed_timestamp=1), Resource({"r": 1}))

        def with_body(body: Any) -> ReadableLogRecord:
            return replace(record, log_record=LogRecord(observed_timestamp=1, body=body))

        with pipeline() as pipe:
            library = pipe.library()
            exported = [with_body(body) for body in bodies.values()]
            for body in (*bodies.values(), 2**70, "\ud800"):
                with self.assertRaises(Exception):
                    encode_logs([with_body(body)])
            self.assertIs(
                library.log_exporter().export(exported), LogRecordExportResult.SUCCESS
            )
            flushed(library)
            pipe.stop_writer()
            self.assert_same([with_body(text) for text in texts.values()], pipe)

    def test_one_exporter_keeps_the_resource_of_each_of_its_providers(self) -> None:
        """More of them than the extension keeps a place for; from several threads at once."""
        count, each = 24, 40
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemoryLogRecordExporter()
            exporter = library.log_exporter()

            def work(number: int) -> None:
                provider = make_provider(exporter, f"service {number}")
                provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
                logger = provider.get_logger("t")
                for n in range(each):
                    logger.emit(body=f"{n} of {number}")

            threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            flushed(library)
            pipe.stop_writer()
            records = memory.get_finished_logs()
            self.assertEqual(len(records), count * each)
            self.assert_same(records, pipe)

    def test_what_is_logged_of_a_failure_is_a_record_too_and_leads_to_no_more(self) -> None:
        """The exporter logs, the handler makes a record of that, and it goes to the exporter."""
        with pipeline(writer=False) as pipe:
            library = pipe.library(log_ring_bytes=4096)
            provider = make_provider(library.log_exporter(), "loop")
            clock = mock.patch("otlpipe._report.time.monotonic", return_value=100.0)
            with clock, handled(provider, "otlpipe"):
                logger = provider.get_logger("app")
                logger.emit(body="broken \ud800")
                logger.emit(body="x" * 5000)
                self.assertEqual(library.stats().logs.accepted, 2)
                for _ in range(100):
                    logger.emit(body="x" * 200)
            stats = library.stats().logs
            self.assertEqual(stats.dropped_invalid, 1)
            self.assertEqual(stats.dropped_too_large, 1)
            # Of the failure before, and of the full ring: a line each.
            self.assertEqual(stats.accepted + stats.dropped_full, 2 + 100 + 1)
            self.assertGreater(stats.dropped_full, 0)
            pipe.drain()
            texts = pipe.log_texts()
            self.assertIn("refused log record 'app': UnicodeEncodeError", texts[0])
            self.assertRegex(texts[1], "refused log record 'app': .* takes 5[0-9]{3} bytes")


if __name__ == "__main__":
    unittest.main()
