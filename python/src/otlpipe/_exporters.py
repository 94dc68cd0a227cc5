# SPDX-License-Identifier: Apache-2.0
"""The exporters, as the OpenTelemetry SDK wants them."""
from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ._library import FLUSH_MILLIS, OtlpLibrary, default_library, to_ns
from ._report import Reporter

if TYPE_CHECKING:
    from . import _native

_logger = logging.getLogger("otlpipe")

# The SDK's classes by the library's enum otlp_instrument_kind. A synchronous gauge is not among
# them in every version of the SDK, and is cumulative in each preference.
_KINDS: dict[type, int] = {
    Counter: 0,
    UpDownCounter: 1,
    Histogram: 2,
    ObservableCounter: 4,
    ObservableUpDownCounter: 5,
    ObservableGauge: 6,
}

_HISTOGRAM_VARIABLE = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"


class OtlpSpanExporter(SpanExporter):
    """Pushes finished spans into an OtlpLibrary, by default into the process's own.

    May serve any number of tracer providers and threads: each span names its own resource. Its
    shutdown() leaves the library to the others that share it.
    """

    def __init__(self, library: OtlpLibrary | None = None) -> None:
        self._library = library if library is not None else default_library()
        self._native: _native.SpanExporter = self._library._native.span_exporter()
        self._reporter = Reporter("span exporter", self._native.last_error)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            is_done = self._reporter.exported(self._native.export(spans))
        except Exception as error:  # an exporter never raises into the SDK
            is_done = self._reporter.failed(error)
        return SpanExportResult.SUCCESS if is_done else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: float | None = FLUSH_MILLIS) -> bool:
        return self._reporter.waited(self._native.force_flush(to_ns(timeout_millis)))

    def shutdown(self, timeout_millis: float | None = None) -> None:
        """Nothing to do: what was accepted is in shared memory, and the library is shared."""


def _temporalities(exporter: _native.MetricExporter) -> dict[type, AggregationTemporality]:
    return {
        instrument: AggregationTemporality(exporter.temporality(kind))
        for instrument, kind in _KINDS.items()
    }


def _aggregations() -> dict[type, Aggregation]:
    name = os.environ.get(_HISTOGRAM_VARIABLE, "explicit_bucket_histogram").strip().lower()
    if name == "base2_exponential_bucket_histogram":
        return {Histogram: ExponentialBucketHistogramAggregation()}
    if name != "explicit_bucket_histogram":
        _logger.warning("otlpipe: %s is unknown in $%s", name, _HISTOGRAM_VARIABLE)
    return {Histogram: ExplicitBucketHistogramAggregation()}


class OtlpMetricExporter(MetricExporter):
    """Pushes collected metrics into an OtlpLibrary, by default into the process's own.

    Temporality is the library's preference, aggregation that of
    $OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION; the two arguments override them by
    instrument class. May serve any number of readers; shutdown() leaves the library to the others.
    """

    def __init__(
        self,
        library: OtlpLibrary | None = None,
        preferred_temporality: dict[type, AggregationTemporality] | None = None,
        preferred_aggregation: dict[type, Aggregation] | None = None,
    ) -> None:
        self._library = library if library is not None else default_library()
        self._native: _native.MetricExporter = self._library._native.metric_exporter()
        self._reporter = Reporter("metric exporter", self._native.last_error)
        super().__init__(
            preferred_temporality={
                **_temporalities(self._native),
                **(preferred_temporality or {}),
            },
            preferred_aggregation={**_aggregations(), **(preferred_aggregation or {})},
        )

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        try:
            is_done = self._reporter.exported(self._native.export(metrics_data))
        except Exception as error:  # an exporter never raises into the SDK
            is_done = self._reporter.failed(error)
        return MetricExportResult.SUCCESS if is_done else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float | None = 10_000) -> bool:
        return self._reporter.waited(self._native.force_flush(to_ns(timeout_millis)))

    def shutdown(self, timeout_millis: float | None = 30_000, **kwargs: Any) -> None:
        """Nothing to do: what was accepted is in shared memory, and the library is shared."""
