# SPDX-License-Identifier: Apache-2.0
"""Metrics of the real SDK, read back from the file and compared with what the SDK's own encoder
makes of the same objects, field by field."""
from __future__ import annotations

import unittest
from collections.abc import Iterable
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import (
    AlwaysOnExemplarFilter,
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    InMemoryMetricReader,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from decode import by_metric, metrics
from support import flushed, pipeline

RESOURCE = Resource({"service.name": "m"}, "https://example.com/resource")


def with_theirs_corrected(data: MetricsData) -> dict[Any, Any]:
    """What the SDK's encoder makes, and the one field that it leaves out: a gauge's start time."""
    encoded = encode_metrics(data)
    starts = {
        (metric.name, number): point.start_time_unix_nano
        for group in data.resource_metrics
        for scoped in group.scope_metrics
        for metric in scoped.metrics
        if isinstance(metric.data, Gauge)
        for number, point in enumerate(metric.data.data_points)
    }
    for group in encoded.resource_metrics:
        for scoped in group.scope_metrics:
            for metric in scoped.metrics:
                for number, point in enumerate(metric.gauge.data_points):
                    point.start_time_unix_nano = starts[metric.name, number] or 0
    return by_metric(encoded)


def observe(options: CallbackOptions) -> Iterable[Observation]:
    yield Observation(7, {"k": "int"})
    yield Observation(7.5, {"k": "float"})


def record_every_kind(provider: MeterProvider) -> None:
    meter = provider.get_meter("lib", "1.2", "https://example.com/scope", {"scope": True})
    attributes = {"text": "ü", "int": 1, "bool": True, "list": ["a"]}
    with TracerProvider().get_tracer("t").start_as_current_span("exemplar's"):
        meter.create_counter("counter.int", "1", "ints").add(3, attributes)
        meter.create_counter("counter.float").add(0.5)
        updown = meter.create_up_down_counter("updown", "By")
        updown.add(-(2**40), {"a": 1})
        updown.add(5, {"a": 2})
        meter.create_gauge("gauge.int").set(-4, attributes)
        meter.create_gauge("gauge.float").set(1e300)
        for name in ("histogram", "exponential"):
            histogram = meter.create_histogram(name, "ms", name)
            for value in (0, 1, 12.5, 300, 1e9, 3, 3.5):
                histogram.record(value, attributes)
                histogram.record(value)
    meter.create_observable_counter("observable.counter", [observe])
    meter.create_observable_up_down_counter("observable.updown", [observe])
    meter.create_observable_gauge("observable.gauge", [observe])
    provider.get_meter("other").create_counter("counter.int").add(1)


VIEWS = [
    View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation()),
    View(instrument_name="counter.int", attribute_keys={"int", "text"}),
]


def point(value: Any, attributes: Any = None) -> NumberDataPoint:
    return NumberDataPoint(attributes, 1, 2, value)


def data_of(*items: Metric, resource: Any = RESOURCE, scope: Any = None) -> MetricsData:
    scope = scope or InstrumentationScope("by hand")
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, items, "")], "")])


class MetricsTest(unittest.TestCase):
    maxDiff = None

    def assert_same(self, data: MetricsData, pipe: Any) -> None:
        expected, found = with_theirs_corrected(data), by_metric(metrics(pipe))
        self.assertEqual(sorted(expected), sorted(found))
        for key, metric in expected.items():
            self.assertEqual(metric, found[key])

    def test_every_kind_is_what_the_sdks_own_encoder_makes_of_it(self) -> None:
        for delta in (False, True):
            with self.subTest(delta=delta), pipeline() as pipe:
                preferred = (
                    {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
                    if delta
                    else None
                )
                reader = InMemoryMetricReader(preferred_temporality=preferred)
                provider = MeterProvider(
                    [reader], RESOURCE, AlwaysOnExemplarFilter(), views=VIEWS,
                    shutdown_on_exit=False,
                )  # fmt: skip
                record_every_kind(provider)
                data = reader.get_metrics_data()
                library = pipe.library()
                self.assertIs(
                    library.metric_exporter().export(data), MetricExportResult.SUCCESS
                )
                flushed(library)
                pipe.stop_writer()
                self.assert_same(data, pipe)
                kinds = {
                    metric.WhichOneof("data")
                    for group in metrics(pipe).resource_metrics
                    for scoped in group.scope_metrics
                    for metric in scoped.metrics
                }
                self.assertEqual(kinds, {"gauge", "sum", "histogram", "exponential_histogram"})
                self.assertIn("exemplars", str(by_metric(metrics(pipe))))

    def test_a_periodic_reader_exports_what_was_recorded(self) -> None:
        with pipeline() as pipe:
            library = pipe.library()
            reader = PeriodicExportingMetricReader(library.metric_exporter(), 60_000)
            provider = MeterProvider([reader], RESOURCE, views=VIEWS)
            record_every_kind(provider)
            self.assertTrue(provider.force_flush())
            provider.shutdown()
            flushed(library)
            pipe.stop_writer()
            names = {key[2] for key in by_metric(metrics(pipe))}
            self.assertEqual(len(names), 10)
            self.assertEqual(library.stats().metrics.dropped_invalid, 0)

    def test_preferences_follow_the_library_the_environment_and_the_arguments(self) -> None:
        delta, cumulative = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
        with pipeline(writer=False) as pipe:
            low = pipe.library(temporality="lowmemory").metric_exporter()._preferred_temporality
            self.assertEqual(low[Counter], delta)
            self.assertEqual(low[ObservableCounter], cumulative)
            exporter = pipe.library(temporality="delta").metric_exporter(
                {Counter: cumulative}, {Histogram: ExplicitBucketHistogramAggregation([1.0])}
            )
            self.assertEqual(exporter._preferred_temporality[Counter], cumulative)
            self.assertEqual(exporter._preferred_temporality[ObservableCounter], delta)
            self.assertEqual(exporter._preferred_temporality[UpDownCounter], cumulative)
            self.assertEqual(exporter._preferred_aggregation[Histogram]._boundaries, [1.0])
            script = (
                "import otlpipe\nfrom opentelemetry.sdk.metrics import Counter, Histogram\n"
                "e = otlpipe.OtlpMetricExporter()\n"
                "print(e._preferred_temporality[Counter].name)\n"
                "print(type(e._preferred_aggregation[Histogram]).__name__)"
            )
            done = pipe.run_python(
                script,
                OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta",
                OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=(
                    "base2_exponential_bucket_histogram"
                ),
            )
            self.assertEqual(
                done.stdout.split(), ["DELTA", "ExponentialBucketHistogramAggregation"]
            )

    def test_a_bad_metric_is_refused_and_counted_whole_and_its_neighbours_are_taken(self) -> None:
        good = Metric("good", None, None, Gauge([point(1), point(2.5)]))
        cumulative = AggregationTemporality.CUMULATIVE
        bad = [
            Metric("too big", "", "", Gauge([point(1), point(2**63)])),
            Metric("surrogate \ud800", "", "", Gauge([point(1)])),
            Metric("no number", "", "", Sum([point("1"), point(1), point(2)], cumulative, True)),
            Metric("no temporality", "", "", Sum([point(1)], 0, True)),
            Metric("no kind", "", "", object()),
        ]
        with pipeline() as pipe:
            library = pipe.library()
            exporter = library.metric_exporter()
            with self.assertLogs("otlpipe", "ERROR") as logs:
                result = exporter.export(data_of(*bad, good))
            self.assertIs(result, MetricExportResult.FAILURE)
            self.assertEqual(len(logs.output), len(bad))
            self.assertEqual(library.stats().metrics.dropped_invalid, 2 + 1 + 3 + 1 + 1)
            self.assertEqual(library.stats().metrics.accepted, 2)
            flushed(library)
            pipe.stop_writer()
            self.assert_same(data_of(good), pipe)

    def test_a_resource_with_a_surrogate_is_repaired_and_its_metrics_are_taken(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            broken = Resource({"service.name": "\ud800"})
            good = Metric("good", None, None, Gauge([point(1), point(2.5)]))
            with self.assertLogs("otlpipe", "WARNING"):
                result = library.metric_exporter().export(data_of(good, resource=broken))
            self.assertIs(result, MetricExportResult.SUCCESS)
            self.assertEqual(library.stats().metrics.accepted, 2)

    def test_nothing_to_export_is_a_success_that_writes_nothing(self) -> None:
        with pipeline(writer=False) as pipe:
            library = pipe.library()
            exporter = library.metric_exporter()
            for data in (
                MetricsData([]),
                MetricsData([ResourceMetrics(RESOURCE, [], "")]),
                data_of(),
                data_of(Metric("none", "", "", Gauge([]))),
            ):
                self.assertIs(exporter.export(data), MetricExportResult.SUCCESS)
            self.assertIs(
                exporter.export(object()), MetricExportResult.FAILURE  # type: ignore[arg-type]
            )
            self.assertEqual(library.stats().metrics.accepted_bytes, 0)


if __name__ == "__main__":
    unittest.main()
