# SPDX-License-Identifier: Apache-2.0
"""Tells the extension which of the SDK's classes it may read by their private fields.

Fields are several times cheaper to read than properties, but they are not the SDK's interface. So
each class is tried first, on an object made for that: only where each field is what the public
property says is the class bound. Any other object is read by its public properties.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.metrics import export as metrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode

from . import _native

_STATE = TraceState([("a", "b")])
_CONTEXT = SpanContext(0x0102, 0x0304, True, TraceFlags(1), _STATE)
_CONTEXT_FIELDS = ("trace_id", "span_id", "is_remote", "trace_flags", "trace_state")
_SPAN_FIELDS = (
    "name context kind parent start_time end_time status resource instrumentation_scope".split()
)


def _attributes() -> BoundedAttributes:
    attributes = BoundedAttributes(attributes={"a": 1, "b": (2, 3)})
    attributes.dropped = 1
    return attributes


def _list() -> BoundedList:
    items = BoundedList(1)
    items.extend(["a", "b"])
    return items


def _has_fields(item: Any, *names: str) -> bool:
    return all(getattr(item, "_" + name) is getattr(item, name) for name in names)


def _is_attributes(item: Any) -> bool:
    return isinstance(item._dict, dict) and item._dict == dict(item) and item.dropped == 1


def _is_list(item: Any) -> bool:
    return list(item._dq) == list(item) == ["b"] and item.dropped == 1


def _is_state(item: Any) -> bool:
    return type(item._dict) is dict and list(item._dict.items()) == list(item.items())


def _is_context(item: Any) -> bool:
    return isinstance(item, tuple) and all(
        item[place] is getattr(item, name) for place, name in enumerate(_CONTEXT_FIELDS)
    )


def _is_span(item: Any) -> bool:
    return (
        _has_fields(item, *_SPAN_FIELDS)
        and dict(item._attributes) == dict(item.attributes)
        and item._attributes.dropped == item.dropped_attributes
        and list(item._events) == list(item.events)
        and item._events.dropped == item.dropped_events
        and list(item._links) == list(item.links)
        and item._links.dropped == item.dropped_links
    )


def _readable_span() -> sdk_trace.ReadableSpan:
    return sdk_trace.ReadableSpan(
        name="probe",
        context=_CONTEXT,
        parent=_CONTEXT,
        resource=Resource({}),
        attributes=_attributes(),
        events=_list(),
        links=_list(),
        kind=SpanKind.SERVER,
        status=Status(StatusCode.OK),
        start_time=1,
        end_time=2,
        instrumentation_scope=InstrumentationScope("probe"),
    )


# The extension's name for a class: how to make an object of it, and what must hold for that.
_PROBES: dict[str, tuple[Callable[[], Any], Callable[[Any], bool]]] = {
    "bounded_attributes": (_attributes, _is_attributes),
    "bounded_list": (_list, _is_list),
    "event": (
        lambda: sdk_trace.Event("probe", _attributes(), 1),
        lambda item: _has_fields(item, "name", "timestamp", "attributes"),
    ),
    "link": (
        lambda: Link(_CONTEXT, _attributes()),
        lambda item: _has_fields(item, "context", "attributes"),
    ),
    "readable_span": (_readable_span, _is_span),
    "span_context": (lambda: _CONTEXT, _is_context),
    "status_type": (
        lambda: Status(StatusCode.ERROR, "probe"),
        lambda item: _has_fields(item, "status_code", "description"),
    ),
    "trace_state_type": (lambda: _STATE, _is_state),
}


def _probe(make: Callable[[], Any], holds: Callable[[Any], bool]) -> type | None:
    try:
        item = make()
        return type(item) if holds(item) else None
    except Exception:  # an SDK of another shape: its public properties will do
        return None


def _severities() -> tuple[Any, ...]:
    try:
        from opentelemetry._logs import SeverityNumber
    except ImportError:  # its place is not settled yet; its members have their numbers anywhere
        return ()
    return tuple(SeverityNumber)


def known_types() -> dict[str, Any]:
    """What the extension is told; a class that failed its probe is not among it."""
    known: dict[str, Any] = {
        "gauge": metrics.Gauge,
        "sum_type": metrics.Sum,
        "histogram": metrics.Histogram,
        "exponential_histogram": metrics.ExponentialHistogram,
    }
    for name, (make, holds) in _PROBES.items():
        found = _probe(make, holds)
        if found is not None:
            known[name] = found
    # A span that was not turned into a ReadableSpan has the same fields, by inheritance.
    recording = getattr(sdk_trace, "_Span", None)
    if "readable_span" in known and recording is not None:
        if all(
            getattr(recording, name) is getattr(sdk_trace.ReadableSpan, name)
            for name in (*_SPAN_FIELDS, "attributes", "events", "links")
        ):
            known["recording_span"] = recording
    if [kind.value for kind in SpanKind] == list(range(5)):
        known["span_kinds"] = tuple(SpanKind)
    if [code.value for code in StatusCode] == list(range(3)):
        known["status_codes"] = tuple(StatusCode)
    severities = _severities()
    if [getattr(severity, "value", None) for severity in severities] == list(range(25)):
        known["severity_numbers"] = severities
    return known


_bound: list[bool] = []


def bind() -> None:
    """Once an interpreter; a second call, or a race of two, does no harm."""
    if not _bound:
        _native.bind_sdk(known_types())
        _bound.append(True)
