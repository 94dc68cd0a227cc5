// SPDX-License-Identifier: Apache-2.0
/*
 * Field by field: what is on the disk is what opentelemetry-cpp's own OTLP recordable makes of the
 * same calls, but for what docs/sdks.md lists.
 */
#include <cmath>
#include <cstring>

#include <opentelemetry/metrics/async_instruments.h>
#include <opentelemetry/metrics/meter.h>
#include <opentelemetry/metrics/observer_result.h>
#include <opentelemetry/metrics/sync_instruments.h>
#include <opentelemetry/sdk/metrics/aggregation/aggregation_config.h>
#include <opentelemetry/sdk/metrics/meter_provider.h>
#include <opentelemetry/sdk/metrics/metric_reader.h>
#include <opentelemetry/sdk/metrics/view/instrument_selector_factory.h>
#include <opentelemetry/sdk/metrics/view/meter_selector_factory.h>
#include <opentelemetry/sdk/metrics/view/view_factory.h>
#include <opentelemetry/sdk/trace/samplers/trace_id_ratio.h>
#include <opentelemetry/sdk/trace/simple_processor_factory.h>

#include "support.h"
#include "theirs.h"

using opentelemetry::sdk::common::ExportResult;

static constexpr uint64_t record_count = 400;

template <class Recordable>
static nostd::span<std::unique_ptr<Recordable>> all(std::vector<std::unique_ptr<Recordable>> &of)
{
	return {of.data(), of.size()};
}

/* Recordables of ours and of theirs, told the same. */
template <class Recordable, class Exporter> struct Pair {
	std::vector<std::unique_ptr<Recordable>> ours, theirs;

	void add(Exporter &our_exporter, Exporter &their_exporter, const Calls<Recordable> &calls)
	{
		ours.push_back(our_exporter.MakeRecordable());
		theirs.push_back(their_exporter.MakeRecordable());
		for (const auto &call : calls)
			for (auto *to : {ours.back().get(), theirs.back().get()})
				call(*to);
	}

	template <class Place> void place(const Place &place)
	{
		for (auto *to : {ours.back().get(), theirs.back().get()})
			place(*to);
	}
};

TEST(every_field_of_a_span_is_what_the_sdks_own_recordable_makes_of_it)
{
	Pipeline pipeline;
	Generator generator(20261128);
	LinkFlags link_flags;
	Pair<trace_sdk::Recordable, trace_sdk::SpanExporter> pair;
	auto ours = otlpipe::OtlpSpanExporterFactory::Create(pipeline.library());
	auto theirs = their_span_exporter();

	for (uint64_t i = 0; i < record_count; i++) {
		const auto &resource = generator.resource();
		const auto &scope = generator.scope();

		pair.add(*ours, *theirs, generator.span(i + 1, link_flags));
		pair.place([&](auto &to) {
			to.SetResource(resource);
			to.SetInstrumentationScope(scope);
		});
	}
	/* One at a time, a few, all the rest; more resources than an exporter keeps. */
	auto spans = all(pair.ours);
	size_t at = 0;
	for (size_t count : {1u, 1u, 16u, 17u, 100u}) {
		CHECK(ours->Export({spans.data() + at, count}) == ExportResult::kSuccess);
		at += count;
	}
	CHECK(ours->Export({spans.data() + at, spans.size() - at}) == ExportResult::kSuccess);
	const auto their_spans = traces_of(their_bytes(pair.theirs));
	ours.reset();
	compare(traces_of(pipeline.written("traces")), their_spans, link_flags);
	CHECK(!link_flags.empty());
}

TEST(every_field_of_a_log_record_is_what_the_sdks_own_recordable_makes_of_it)
{
	Pipeline pipeline;
	Generator generator(20261129);
	std::vector<std::string> events;
	Pair<logs_sdk::Recordable, logs_sdk::LogRecordExporter> pair;
	auto ours = otlpipe::OtlpLogRecordExporterFactory::Create(pipeline.library());
	auto theirs = their_log_exporter();
	const auto &resource = generator.resource();
	const auto &scope = generator.scope();

	for (uint64_t i = 0; i < record_count; i++) {
		pair.add(*ours, *theirs, generator.log(i, events.emplace_back()));
		pair.place([&](auto &to) {
			to.SetResource(resource);
			to.SetInstrumentationScope(scope);
		});
	}
	CHECK(ours->Export(all(pair.ours)) == ExportResult::kSuccess);
	const auto their_records = logs_of(their_bytes(pair.theirs));
	compare(logs_of(pipeline.written("logs")), their_records, events);
}

TEST(spans_of_a_real_provider_are_what_the_sdks_own_recordable_makes_of_them)
{
	Pipeline pipeline;
	std::string their_spans;
	LinkFlags link_flags;
	uint64_t sampled = 0;
	auto provider = std::make_unique<trace_sdk::TracerProvider>(
		trace_sdk::SimpleSpanProcessorFactory::Create(
			otlpipe::OtlpSpanExporterFactory::Create(pipeline.library())),
		resource_of("real"), std::make_unique<trace_sdk::TraceIdRatioBasedSampler>(0.5));

	provider->AddProcessor(trace_sdk::SimpleSpanProcessorFactory::Create(
		std::make_unique<TheirCapture>(their_spans)));
	auto tracer = provider->GetTracer("real", "1.2.3", "https://example.com/schema");
	for (int i = 0; i < 100; i++) {
		trace_api::StartSpanOptions options;
		auto parent = tracer->StartSpan("parent");

		options.kind = trace_api::SpanKind::kServer;
		options.parent = parent->GetContext();
		auto span = tracer->StartSpan(
			"work", {{"http.route", "/a"}, {"number", i}},
			{{parent->GetContext(), {{"why", "it is the parent"}}}}, options);
		link_flags[std::string(
			reinterpret_cast<const char *>(parent->GetContext().span_id().Id().data()),
			8)] = parent->GetContext().trace_flags().flags() | 0x100;
		sampled += span->GetContext().IsSampled();
		span->AddEvent("it happened", {{"after", 3.5}});
		span->AddEvent("and again");
		span->SetStatus(trace_api::StatusCode::kError, "no luck");
		span->UpdateName("work, done");
		span->End();
		parent->End();
	}
	provider.reset();
	const auto ours = traces_of(pipeline.written("traces"));
	CHECK(sampled > 0 && sampled < 100);
	compare(ours, traces_of(their_spans), link_flags);
}

/* A reader that collects when it is asked to. */
class Reader final : public metrics_sdk::MetricReader
{
      public:
	explicit Reader(metrics_sdk::PushMetricExporter &exporter) : exporter_(exporter)
	{
	}

	metrics_sdk::AggregationTemporality
	GetAggregationTemporality(metrics_sdk::InstrumentType type) const noexcept override
	{
		return exporter_.GetAggregationTemporality(type);
	}

      private:
	bool OnForceFlush(std::chrono::microseconds) noexcept override
	{
		return true;
	}

	bool OnShutDown(std::chrono::microseconds) noexcept override
	{
		return true;
	}

	metrics_sdk::PushMetricExporter &exporter_;
};

template <class T> static void observe(opentelemetry::metrics::ObserverResult result, void *)
{
	auto observer =
		nostd::get<nostd::shared_ptr<opentelemetry::metrics::ObserverResultT<T>>>(result);

	observer->Observe(static_cast<T>(7), {{"cpu", "0"}, {"busy", true}});
	observer->Observe(static_cast<T>(2));
}

static void add_view(metrics_sdk::MeterProvider &provider, metrics_sdk::InstrumentType type,
		     const char *name, metrics_sdk::AggregationType aggregation,
		     std::shared_ptr<metrics_sdk::AggregationConfig> config = nullptr)
{
	provider.AddView(metrics_sdk::InstrumentSelectorFactory::Create(type, name, ""),
			 metrics_sdk::MeterSelectorFactory::Create("meter", "1", ""),
			 metrics_sdk::ViewFactory::Create(std::string(name) + "_view", "by a view",
							  "", aggregation, config));
}

static void add_views(metrics_sdk::MeterProvider &provider)
{
	using metrics_sdk::AggregationType;
	using metrics_sdk::InstrumentType;
	auto bounds = std::make_shared<metrics_sdk::HistogramAggregationConfig>();
	auto no_min = std::make_shared<metrics_sdk::HistogramAggregationConfig>();

	bounds->boundaries_ = {-1.5, 0, 2.25};
	no_min->boundaries_ = {10};
	no_min->record_min_max_ = false;
	add_view(provider, InstrumentType::kHistogram, "bounds", AggregationType::kHistogram,
		 bounds);
	add_view(provider, InstrumentType::kHistogram, "no_min", AggregationType::kHistogram,
		 no_min);
	add_view(provider, InstrumentType::kHistogram, "summed", AggregationType::kSum);
	add_view(provider, InstrumentType::kCounter, "dropped", AggregationType::kDrop);
	add_view(provider, InstrumentType::kCounter, "spread", AggregationType::kHistogram, bounds);
#if OPENTELEMETRY_VERSION_MINOR >= 21
	add_view(provider, InstrumentType::kHistogram, "exponential",
		 AggregationType::kBase2ExponentialHistogram);
#endif
}

/* Every instrument; what is returned must live until the collection. */
static std::vector<std::shared_ptr<void>> measure(opentelemetry::metrics::Meter &meter)
{
	std::vector<std::shared_ptr<void>> keep;
	const opentelemetry::context::Context context;
	const auto hold = [&keep](auto instrument) {
		auto *raw = instrument.get();

		keep.push_back(std::make_shared<decltype(instrument)>(std::move(instrument)));
		return raw;
	};
	const std::map<std::string, std::string> by{{"route", "/a"}, {"method", "GET"}};

	auto *integers = hold(meter.CreateUInt64Counter("integers", "counts", "1"));
	integers->Add(3, by);
	integers->Add(4);
	hold(meter.CreateDoubleCounter("reals"))->Add(0.5, by);
	hold(meter.CreateUInt64Counter("dropped"))->Add(1);
	hold(meter.CreateUInt64Counter("spread"))->Add(1);
	hold(meter.CreateInt64UpDownCounter("up_down"))->Add(-3, by);
	hold(meter.CreateDoubleUpDownCounter("up_down_real"))->Add(-3.5);
	for (const char *name : {"sizes", "summed"})
		for (uint64_t size : {1u, 70u, 100000u})
			hold(meter.CreateUInt64Histogram(name))->Record(size, by, context);
	for (const char *name : {"times", "bounds", "no_min", "exponential"})
		for (double time : {2.0, 0.25, 1e6})
			hold(meter.CreateDoubleHistogram(name))->Record(time, by, context);
	hold(meter.CreateInt64ObservableCounter("seen"))->AddCallback(observe<int64_t>, nullptr);
	hold(meter.CreateDoubleObservableCounter("seen_real"))
		->AddCallback(observe<double>, nullptr);
	hold(meter.CreateInt64ObservableGauge("level"))->AddCallback(observe<int64_t>, nullptr);
	hold(meter.CreateDoubleObservableGauge("level_real"))
		->AddCallback(observe<double>, nullptr);
	hold(meter.CreateInt64ObservableUpDownCounter("pool"))
		->AddCallback(observe<int64_t>, nullptr);
	hold(meter.CreateDoubleObservableUpDownCounter("pool_real"))
		->AddCallback(observe<double>, nullptr);
#if OPENTELEMETRY_ABI_VERSION_NO >= 2
	hold(meter.CreateInt64Gauge("set"))->Record(5, by);
	hold(meter.CreateDoubleGauge("set_real"))->Record(5.5);
#endif
	return keep;
}

static void every_instrument(otlp_temporality_preference preference)
{
	Pipeline pipeline;
	auto options = pipeline.options();
	std::string their_metrics;

	options.temporality = preference;
	auto ours = otlpipe::OtlpMetricExporterFactory::Create(otlpipe::Library::open(options));
	auto reader = std::make_shared<Reader>(*ours);
	metrics_sdk::MeterProvider provider(std::make_unique<metrics_sdk::ViewRegistry>(),
					    resource_of("metrics"));
	provider.AddMetricReader(reader);
	add_views(provider);
	auto meter = provider.GetMeter("meter", "1");
	const auto keep = measure(*meter);
	reader->Collect([&](metrics_sdk::ResourceMetrics &metrics) {
		their_metrics = their_bytes(metrics);
		CHECK(ours->Export(metrics) == ExportResult::kSuccess);
		return true;
	});
	const auto found = metrics_of(pipeline.written("metrics"));
	/* 18 of the ABI's first version; what is dropped by a view is not there. */
	CHECK(found.records.size() >= 17);
	compare(found, metrics_of(their_metrics));
}

TEST(every_instrument_and_view_is_what_the_sdks_own_transform_makes_of_it_cumulative)
{
	every_instrument(OTLP_PREFER_CUMULATIVE);
}

TEST(every_instrument_and_view_is_what_the_sdks_own_transform_makes_of_it_delta)
{
	every_instrument(OTLP_PREFER_DELTA);
}

static metrics_sdk::MetricData metric_data(const char *name, metrics_sdk::PointType point)
{
	metrics_sdk::MetricData data;

	data.instrument_descriptor = {name, "", "", metrics_sdk::InstrumentType::kCounter,
				      metrics_sdk::InstrumentValueType::kLong};
	data.aggregation_temporality = metrics_sdk::AggregationTemporality::kCumulative;
	data.start_ts = common::SystemTimestamp(std::chrono::nanoseconds(5));
	data.end_ts = common::SystemTimestamp(std::chrono::nanoseconds(6));
	data.point_data_attr_.push_back({{{"a", "b"}}, std::move(point)});
	return data;
}

TEST(a_metric_that_no_sdk_makes_is_taken_as_far_as_it_says_something)
{
	Pipeline pipeline;
	const auto library = pipeline.library();
	auto exporter = otlpipe::OtlpMetricExporterFactory::Create(library);
	metrics_sdk::ResourceMetrics metrics;
	metrics_sdk::ScopeMetrics of_no_scope;
	metrics_sdk::SumPointData sum;
	metrics_sdk::LastValuePointData never;

	sum.value_ = static_cast<int64_t>(4);
	of_no_scope.metric_data_.push_back(metric_data("mixed", sum));
	of_no_scope.metric_data_[0].point_data_attr_.push_back({{}, never});
	of_no_scope.metric_data_[0].point_data_attr_.push_back({{}, metrics_sdk::DropPointData()});
	of_no_scope.metric_data_.push_back(metric_data("drop", metrics_sdk::DropPointData()));
	metrics.scope_metric_data_.push_back(std::move(of_no_scope));
	CHECK(exporter->Export(metrics) == ExportResult::kSuccess);
	const auto found = metrics_of(pipeline.written("metrics"));
	EQUAL(found.records.size(), 2u); /* a metric for each kind of its points */
	for (const auto &metric : found.records) {
		EQUAL(str(metric.record->name), "mixed");
		if (metric.record->data_case == OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM)
			EQUAL(metric.record->sum->data_points[0]->as_int, 4);
		else
			EQUAL(metric.record->gauge->data_points[0]->flags, 1u);
	}
}

TEST(text_that_is_not_utf8_is_repaired_and_the_span_taken)
{
	Pipeline pipeline;
	const auto library = pipeline.library();
	auto provider =
		span_provider(otlpipe::OtlpSpanExporterFactory::Create(library), "te\xffxt");
	auto span = provider->GetTracer("sc\xffope")->StartSpan("\xc3(\xed\xa0\x80 \xc3\xa9");

	span->SetAttribute("k\xff", nostd::string_view("\xf0\x9f\x98", 3));
	span->AddEvent("e\x80");
	span->SetStatus(trace_api::StatusCode::kError, "\xfe");
	span->End();
	EQUAL(library.stats().signals[OTLP_SIGNAL_TRACES].dropped_invalid, 0u);
	const auto found = traces_of(pipeline.written("traces"));
	const char *r = "\xef\xbf\xbd";
	const std::string three = std::string(r) + r + r;
	EQUAL(found.records.size(), 1u);
	EQUAL(str(found.records[0].record->name), std::string(r) + "(" + three + " \xc3\xa9");
	EQUAL(str(found.records[0].record->attributes[0]->key), std::string("k") + r);
	EQUAL(str(found.records[0].record->attributes[0]->value->string_value), three);
	EQUAL(str(found.records[0].record->events[0]->name), std::string("e") + r);
	EQUAL(str(found.records[0].record->status->message), r);
	EQUAL(str(found.records[0].scope->name), std::string("sc") + r + "ope");
	EQUAL(string_attribute(found.records[0].resource->attributes,
			       found.records[0].resource->n_attributes, "service.name"),
	      std::string("te") + r + "xt");
}

TEST(a_span_of_hundreds_of_attributes_events_and_links_is_whole)
{
	Pipeline pipeline;
	const std::string value(1000, 'v');
	auto provider = span_provider(otlpipe::OtlpSpanExporterFactory::Create(pipeline.library()),
				      "large");
	auto span = provider->GetTracer("large")->StartSpan("large");

	for (int i = 0; i < 300; i++) {
		span->SetAttribute("key" + std::to_string(i), value);
		span->AddEvent("event" + std::to_string(i), {{"i", i}});
	}
	/* The last value counts, at the place of the first, also where it is longer. */
	span->SetAttribute("key7", value + value);
	span->SetAttribute("key8", "short");
	span->SetAttribute("key9", 9);
	span->End();
	const auto found = traces_of(pipeline.written("traces"));
	EQUAL(found.records.size(), 1u);
	const PbSpan &it = *found.records[0].record;
	EQUAL(it.n_attributes, 300u);
	EQUAL(it.n_events, 300u);
	EQUAL(it.dropped_attributes_count, 0u);
	for (size_t i = 0; i < 300; i++) {
		const auto &attribute = *it.attributes[i];
		const std::string expected = i == 7 ? value + value : i == 8 ? "short" : value;

		EQUAL(str(attribute.key), "key" + std::to_string(i));
		if (i == 9)
			EQUAL(attribute.value->int_value, 9);
		else
			EQUAL(str(attribute.value->string_value), expected);
		EQUAL(str(it.events[i]->name), "event" + std::to_string(i));
	}
}
