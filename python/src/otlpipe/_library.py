# SPDX-License-Identifier: Apache-2.0
"""The library handle: this process's rings, shared by any number of exporters."""
from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _native
from ._native import OtlpError
from ._report import Reporter

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

    from ._exporters import OtlpMetricExporter, OtlpSpanExporter
    from ._log_exporter import OtlpLogExporter

__all__ = ["OtlpError", "OtlpLibrary", "SignalStats", "Stats", "default_library", "to_ns"]

_logger = logging.getLogger("otlpipe")

FLUSH_MILLIS = 30_000
_TEMPORALITIES = ("cumulative", "delta", "lowmemory")
_NS_MAX = 2**63 - 1
_UINT_MAX = 2**32 - 1


def _no_exporter(name: str) -> Any:
    raise ImportError(f"{name} is to be had of the package otlpipe")


# An exporter by its name. They need this module, and the SDK: so the package puts its own here.
exporter_class: Callable[[str], Any] = _no_exporter


class SignalStats(NamedTuple):
    """Counters of one signal since the library was opened: spans, data points, or log records."""

    accepted: int
    accepted_bytes: int
    dropped_full: int
    dropped_too_large: int
    dropped_invalid: int


class Stats(NamedTuple):
    spans: SignalStats
    metrics: SignalStats
    logs: SignalStats
    rejected_after_shutdown: int  # export calls
    # Why this process has no ring, or could make no new one: 0, or an OtlpError.code. last_error()
    # has it in words. How often in a row that was tried.
    ring_error: int
    ring_failures: int


def to_ns(timeout_millis: float | None) -> int:
    """The library's timeout: None waits for ever, nothing below zero is waited for."""
    if timeout_millis is None or timeout_millis == math.inf:
        return -1
    return max(0, min(_NS_MAX, int(timeout_millis * 1_000_000)))


def _number(name: str, value: int, of: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _UINT_MAX:
        raise ValueError(f"{name} must be a number of {of}, not {value!r}")
    return value


def _ring_bytes(name: str, value: int) -> int:
    return _number(name, value, "bytes")


class OtlpLibrary:
    """This process's shared-memory rings.

    runtime_dir          where the writer looks; default $OTLPIPE_DIR, else /dev/shm/otlpipe-<uid>
    resource             a Resource or a mapping of attributes, for what has none of its own;
                         default from $OTEL_RESOURCE_ATTRIBUTES and $OTEL_SERVICE_NAME
    span_ring_bytes,     0: the library's default; rounded up to a power of two
    metric_ring_bytes,
    log_ring_bytes
    lanes                1, 2, 4 or 8: how many threads can push side by side into a ring; 0:
                         $OTLPIPE_LANES, else by the processors. With 1 all records are in one order
    temporality          "cumulative", "delta" or "lowmemory"; default from
                         $OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE

    Raises OtlpError if the rings cannot be made. All methods may be called from any thread; after
    fork() the child makes rings of its own with its first export.
    """

    def __init__(
        self,
        runtime_dir: str | os.PathLike[str] | None = None,
        resource: Resource | Mapping[str, Any] | None = None,
        *,
        span_ring_bytes: int = 0,
        metric_ring_bytes: int = 0,
        log_ring_bytes: int = 0,
        lanes: int = 0,
        temporality: str | None = None,
    ) -> None:
        if temporality is not None and temporality.lower() not in _TEMPORALITIES:
            raise ValueError(f"temporality must be one of {_TEMPORALITIES}, not {temporality!r}")
        options: dict[str, Any] = {
            "resource": resource,
            "span_ring_bytes": _ring_bytes("span_ring_bytes", span_ring_bytes),
            "metric_ring_bytes": _ring_bytes("metric_ring_bytes", metric_ring_bytes),
            "log_ring_bytes": _ring_bytes("log_ring_bytes", log_ring_bytes),
            "lanes": _number("lanes", lanes, "lanes"),
        }
        if runtime_dir is not None:
            options["runtime_dir"] = runtime_dir
        if temporality is not None:
            options["temporality"] = _TEMPORALITIES.index(temporality.lower())
        try:
            from . import _sdk

            _sdk.bind()
        except ImportError:
            pass  # without the SDK, objects are read by their public properties alone
        self._native = _native.Library(**options)
        self._reporter = Reporter("library", self._native.last_error)
        self._metrics: _native.MetricExporter = self._native.metric_exporter()
        self._logs: _native.LogExporter = self._native.log_exporter()
        for text in self._native.diagnostics():
            _logger.warning("otlpipe: %s", text)

    def span_exporter(self) -> OtlpSpanExporter:
        """A span exporter that shares this library. OtlpError after shutdown()."""
        exporter: OtlpSpanExporter = exporter_class("OtlpSpanExporter")(self)
        return exporter

    def metric_exporter(
        self,
        preferred_temporality: dict[type, Any] | None = None,
        preferred_aggregation: dict[type, Any] | None = None,
    ) -> OtlpMetricExporter:
        """A metric exporter that shares this library. OtlpError after shutdown()."""
        exporter: OtlpMetricExporter = exporter_class("OtlpMetricExporter")(
            self, preferred_temporality, preferred_aggregation
        )
        return exporter

    def log_exporter(self) -> OtlpLogExporter:
        """A log exporter that shares this library. OtlpError after shutdown()."""
        exporter: OtlpLogExporter = exporter_class("OtlpLogExporter")(self)
        return exporter

    def export_traces(self, spans: Sequence[ReadableSpan]) -> bool:
        """Push finished spans. False if any was not taken: it is counted, and the cause logged."""
        return self._reporter.exported(self._native.export_traces(spans))

    def export_metrics_ref(self, metrics_data: MetricsData) -> bool:
        """Push metrics, read in place. False if any was not taken, as for export_traces()."""
        return self._reporter.exported(self._metrics.export(metrics_data))

    def export_logs(self, records: Sequence[ReadableLogRecord]) -> bool:
        """Push log records. False if any was not taken, as for export_traces()."""
        return self._reporter.exported(self._logs.export(records))

    def flush(self, timeout_millis: float | None = FLUSH_MILLIS) -> bool:
        """Wait until the writer has written all that was accepted so far; None: for ever.

        False, with the cause logged, if the time passed or if no writer is running.
        """
        return self._reporter.waited(self._native.flush(to_ns(timeout_millis)))

    def snapshot(self) -> bool:
        """Ask a writer that is a flight recorder to write what it holds, with everything that this
        thread pushed before. Does not wait. False, with the cause logged, if it cannot be asked.
        """
        return self._reporter.waited(self._native.snapshot())

    def shutdown(self, timeout_millis: float | None = FLUSH_MILLIS) -> bool:
        """Take no more, then flush. Exporters stay valid and fail. Twice is harmless."""
        return self._reporter.waited(self._native.shutdown(to_ns(timeout_millis)))

    @property
    def temporality_preference(self) -> str:
        """ "cumulative", "delta" or "lowmemory": what metric exporters of this library prefer."""
        return _TEMPORALITIES[self._metrics.temporality_preference()]

    def stats(self) -> Stats:
        spans, metrics, logs, *rest = self._native.stats()
        return Stats(SignalStats(*spans), SignalStats(*metrics), SignalStats(*logs), *rest)

    def last_error(self) -> str:
        """What went wrong last, in words: why there are no rings (in a forked child say), how large
        a record was that no ring takes, or what the constructor went on without. "": nothing did.
        """
        return self._native.last_error()

    def __enter__(self) -> OtlpLibrary:
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()


# The library of exporters that were made without one, as the SDK's auto-configuration does.
_default: dict[str, OtlpLibrary] = {}


def default_library() -> OtlpLibrary:
    """The one library of this process for exporters that were given none; made on first use."""
    library = _default.get("library")
    # No lock, which a fork could leave taken: of two that race, one is thrown away unused.
    return library if library is not None else _default.setdefault("library", OtlpLibrary())
