# SPDX-License-Identifier: Apache-2.0
"""Spans of the real SDK, read back from the file and compared with what the SDK's own encoder makes
of the same objects, field by field."""
from __future__ import annotations

import threading
import unittest
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from decode import by_span_id, traces
from support import flushed, pipeline

REMOTE = SpanContext(
    0xF0000000000000000000000000000001,
    0xF000000000000002,
    True,
    TraceFlags(1),
    TraceState([("vendor", "value"), ("other", "2")]),
)
LOCAL = SpanContext(3, 4, False, TraceFlags(0))

ATTRIBUTES: dict[str, Any] = {
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
    "mixed": [True, 1, 1.0, "1", None],
    "nested": {"map": {"list": [{"deep": (1,)}]}, "empty": {}},
    "nothing": None,
    "empty list": [],
}


def with_theirs_corrected(spans: Sequence[ReadableSpan]) -> dict[str, dict[str, Any]]:
    """What the SDK's encoder makes, and what it leaves out: docs/python.md lists it."""
    encoded = encode_spans(spans)
    by_id = {span.context.span_id: span for span in spans}
    for group in encoded.resource_spans:
        for scoped in group.scope_spans:
            for message in scoped.spans:
                span = by_id[int.from_bytes(message.span_id, "big")]
                message.flags |= int(span.context.trace_flags)
                for link, theirs in zip(span.links, message.links, strict=True):
                    theirs.flags |= int(link.context.trace_flags)
                    theirs.trace_state = link.context.trace_state.to_header()
                # An empty message for a status that was never set: no status says the same.
                if not message.status.code and not message.status.message:
                    message.ClearField("status")
    return by_span_id(encoded)


def make_provider(exporter: Any, name: str, **options: Any) -> TracerProvider:
    resource = Resource({"service.name": name, "list": [1, 2]}, "https://example.com/resource")
    provider = TracerProvider(resource=resource, **options)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def record_everything(provider: TracerProvider) -> None:
    tracer = provider.get_tracer("lib", "1.2", "https://example.com/scope", {"scope.int": 1})
    parent = trace.set_span_in_context(trace.NonRecordingSpan(REMOTE))
    for kind in SpanKind:
        links = [Link(REMOTE, {"link": 1}), Link(LOCAL)]
        with tracer.start_as_current_span(
            f"{kind.name} ü", parent, kind, ATTRIBUTES, links=links
        ) as span:
            span.add_event("an event", {"k": ["v"]}, timestamp=5)
            span.add_event("")
            span.set_status(StatusCode.ERROR, f"it broke: {kind.name}")
            with provider.get_tracer("bare").start_as_current_span("child") as child:
                child.set_status(StatusCode.OK)
            with tracer.start_as_current_span("unset"):
                pass


class TracesTest(unittest.TestCase):
    maxDiff = None

    def assert_same(self, spans: Sequence[ReadableSpan], pipe: Any) -> None:
        expected, found = with_theirs_corrected(spans), by_span_id(traces(pipe))
        self.assertEqual(sorted(expected), sorted(found))
        for key, span in expected.items():
            self.assertEqual(span, found[key])

    def test_every_field_is_what_the_sdks_own_encoder_makes_of_it(self) -> None:
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemorySpanExporter()
            provider = make_provider(library.span_exporter(), "fields")
            provider.add_span_processor(SimpleSpanProcessor(memory))
            record_everything(provider)
            flushed(library)
            pipe.stop_writer()
            spans = memory.get_finished_spans()
            self.assertEqual(len(spans), 15)
            self.assert_same(spans, pipe)

    def test_dropped_counts_are_those_of_the_sdk(self) -> None:
        limits = SpanLimits(
            max_span_attributes=2, max_events=1, max_links=1, max_event_attributes=1,
            max_link_attributes=1,
        )  # fmt: skip
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemorySpanExporter()
            provider = make_provider(library.span_exporter(), "limits", span_limits=limits)
            provider.add_span_processor(SimpleSpanProcessor(memory))
            attributes = {"a": 1, "b": 2, "c": 3, "d": 4}
            links = [Link(LOCAL, attributes), Link(REMOTE, attributes)]
            with provider.get_tracer("t").start_as_current_span(
                "limited", attributes=attributes, links=links
            ) as span:
                for number in range(4):
                    span.add_event(str(number), attributes)
            flushed(library)
            pipe.stop_writer()
            (found,) = by_span_id(traces(pipe)).values()
            self.assertEqual(found["span"]["dropped_attributes_count"], 2)
            self.assertEqual(found["span"]["dropped_events_count"], 3)
            self.assertEqual(found["span"]["dropped_links_count"], 1)
            self.assertEqual(found["span"]["events"][0]["dropped_attributes_count"], 3)
            self.assertEqual(found["span"]["links"][0]["dropped_attributes_count"], 3)
            self.assert_same(memory.get_finished_spans(), pipe)

    def test_a_batch_processor_delivers_every_span_once(self) -> None:
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemorySpanExporter()
            provider = make_provider(memory, "batch")
            provider.add_span_processor(BatchSpanProcessor(library.span_exporter()))
            tracer = provider.get_tracer("t")
            for number in range(1000):
                with tracer.start_as_current_span(f"span {number}", attributes={"n": number}):
                    pass
            provider.shutdown()
            flushed(library)
            pipe.stop_writer()
            self.assertEqual(library.stats().spans.accepted, 1000)
            self.assert_same(memory.get_finished_spans(), pipe)

    def test_spans_made_by_hand_are_read_by_what_they_hold(self) -> None:
        spans = [
            ReadableSpan(
                name=f"by hand {number}",
                context=SpanContext(1, number + 1, False, TraceFlags(1)),
                resource=Resource({"service.name": "hand"}),
                attributes=attributes,
                events=events,
                links=[Link(LOCAL, MappingProxyType({"a": 1}))],
                instrumentation_scope=scope,
                start_time=1,
                end_time=2**63,
            )
            for number, (attributes, events, scope) in enumerate(
                [
                    (None, (), None),
                    ({"plain": "dict"}, [Event("e", {"x": 1}, 1)], InstrumentationScope("s")),
                    (MappingProxyType({"p": 1}), (Event("t", None, 2),), InstrumentationScope("")),
                ]
            )
        ]
        with pipeline() as pipe:
            library = pipe.library()
            self.assertIs(library.span_exporter().export(spans), SpanExportResult.SUCCESS)
            flushed(library)
            pipe.stop_writer()
            self.assert_same(spans, pipe)

    def test_a_subclass_is_read_by_its_public_properties(self) -> None:
        class Redacted(ReadableSpan):
            @property
            def attributes(self) -> Any:
                return {"secret": "***"}

            @property
            def name(self) -> str:
                return "redacted"

        span = Redacted(
            name="plain text",
            context=SpanContext(1, 2, False, TraceFlags(1)),
            attributes={"secret": "hunter2"},
            start_time=1,
            end_time=2,
        )
        with pipeline() as pipe:
            library = pipe.library()
            self.assertTrue(library.export_traces([span]))
            flushed(library)
            pipe.stop_writer()
            self.assert_same([span], pipe)
            (found,) = by_span_id(traces(pipe)).values()
            self.assertEqual(found["span"]["name"], "redacted")

    def test_public_properties_give_the_same_as_private_fields(self) -> None:
        """The way that is taken for an SDK that otlpipe/_sdk.py does not recognise."""
        from otlpipe import _native, _sdk

        known = _sdk.known_types()
        self.assertIn("readable_span", known)
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemorySpanExporter()
            provider = make_provider(memory, "public")
            record_everything(provider)
            spans = memory.get_finished_spans()
            try:
                _native.bind_sdk({})
                self.assertTrue(library.export_traces(spans))
            finally:
                _native.bind_sdk(known)
            flushed(library)
            pipe.stop_writer()
            self.assert_same(spans, pipe)

    def test_one_exporter_keeps_the_resource_of_each_of_its_providers(self) -> None:
        """More of them than the extension keeps a place for; from several threads at once."""
        count, each = 24, 40
        with pipeline() as pipe:
            library, memory = pipe.library(), InMemorySpanExporter()
            exporter = library.span_exporter()

            def work(number: int) -> None:
                provider = make_provider(exporter, f"service {number}")
                provider.add_span_processor(SimpleSpanProcessor(memory))
                tracer = provider.get_tracer("t")
                for _ in range(each):
                    with tracer.start_as_current_span(f"of {number}"):
                        pass

            threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            flushed(library)
            pipe.stop_writer()
            spans = memory.get_finished_spans()
            self.assertEqual(len(spans), count * each)
            self.assert_same(spans, pipe)


if __name__ == "__main__":
    unittest.main()
