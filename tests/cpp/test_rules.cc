// SPDX-License-Identifier: Apache-2.0
/* The rules of docs/model.md, one test each, as they are in C++. */
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <set>
#include <thread>

#include "otlp.h"
#include "support.h"

using opentelemetry::sdk::common::ExportResult;
using std::chrono::seconds;

static void simple_span(trace_api::TracerProvider &provider, const char *name)
{
	provider.GetTracer("rules")->StartSpan(name)->End();
}

TEST(rule_1_a_library_that_was_shut_down_makes_no_exporter)
{
	Pipeline pipeline;
	const auto library = pipeline.library();

	pipeline.start_writer();
	CHECK(library.shutdown(seconds(60)).ok());
	const auto refused = [&](auto create) {
		try {
			create();
		} catch (const otlpipe::Error &error) {
			EQUAL(error.result().code(), OTLP_ERR_SHUTDOWN);
			EQUAL(std::string(error.what()),
			      "otlpipe: the library was shut down (export before "
			      "Library::shutdown(), or open another library)");
			return true;
		}
		return false;
	};
	CHECK(refused([&] { otlpipe::OtlpSpanExporterFactory::Create(library); }));
	CHECK(refused([&] { otlpipe::OtlpMetricExporterFactory::Create(library); }));
	CHECK(refused([&] { otlpipe::OtlpLogRecordExporterFactory::Create(library); }));
}

TEST(rule_2_exporters_keep_the_library_and_each_provider_its_resource)
{
	Pipeline pipeline;
	auto library = pipeline.library();
	auto one = span_provider(otlpipe::OtlpSpanExporterFactory::Create(library), "one");
	auto two = span_provider(otlpipe::OtlpSpanExporterFactory::Create(library), "two");

	library = otlpipe::Library();
	simple_span(*one, "of one");
	one.reset();
	simple_span(*two, "of two");
	two.reset();
	const auto traces = traces_of(pipeline.written("traces"));
	std::set<std::string> found;
	for (const auto &span : traces.records)
		found.insert(str(span.record->name) + ", " +
			     string_attribute(span.resource->attributes,
					      span.resource->n_attributes, "service.name"));
	CHECK((found == std::set<std::string>{"of one, one", "of two, two"}));
}

/* A span that the SDK would make. */
static std::unique_ptr<trace_sdk::Recordable> made_span(trace_sdk::SpanExporter &exporter,
							uint64_t number, const char *name = "made")
{
	auto span = exporter.MakeRecordable();
	uint8_t trace_id[16] = {1}, span_id[8];

	std::memcpy(span_id, &number, sizeof(span_id));
	span->SetIdentity(trace_api::SpanContext(trace_api::TraceId(trace_id),
						 trace_api::SpanId(span_id),
						 trace_api::TraceFlags(1), false),
			  trace_api::SpanId());
	span->SetName(name);
	return span;
}

static ExportResult export_one(trace_sdk::SpanExporter &exporter,
			       std::unique_ptr<trace_sdk::Recordable> span)
{
	return exporter.Export({&span, 1});
}

TEST(rule_3_the_shutdown_of_an_exporter_changes_nothing)
{
	Pipeline pipeline;
	const auto library = pipeline.library();
	auto spans = otlpipe::OtlpSpanExporterFactory::Create(library);
	auto metrics = otlpipe::OtlpMetricExporterFactory::Create(library);
	auto logs = otlpipe::OtlpLogRecordExporterFactory::Create(library);

	CHECK(spans->Shutdown(seconds(1)) && metrics->Shutdown() && logs->Shutdown());
	CHECK(spans->Shutdown(std::chrono::microseconds(0)));
	CHECK(export_one(*spans, made_span(*spans, 1, "after")) == ExportResult::kSuccess);
	pipeline.start_writer();
	CHECK(library.shutdown(seconds(60)).ok());
	CHECK(library.shutdown(seconds(60)).ok());
	CHECK(span_names(pipeline.written("traces")) == std::vector<std::string>{"after"});
}

TEST(rule_4_after_the_shutdown_each_export_fails_and_is_counted)
{
	Pipeline pipeline;
	const LogLines lines;
	const auto library = pipeline.library();
	auto spans = otlpipe::OtlpSpanExporterFactory::Create(library);
	auto metrics = otlpipe::OtlpMetricExporterFactory::Create(library);
	auto logs = otlpipe::OtlpLogRecordExporterFactory::Create(library);
	std::vector<std::unique_ptr<trace_sdk::Recordable>> many;

	for (uint64_t i = 0; i < 40; i++)
		many.push_back(made_span(*spans, i + 1));
	pipeline.start_writer();
	CHECK(library.shutdown(seconds(60)).ok());
	CHECK(spans->Export({many.data(), many.size()}) == ExportResult::kFailure);
	CHECK(metrics->Export({}) == ExportResult::kFailure);
	CHECK(logs->Export({}) == ExportResult::kFailure);
	EQUAL(library.stats().rejected_after_shutdown, 3u);
	CHECK(spans->ForceFlush(seconds(60)));
	EQUAL(lines.lines().size(), 3u);
	EQUAL(lines.lines()[0],
	      "[spans to otlpipe] an export failed: otlpipe: the library was shut down (export "
	      "before Library::shutdown(), or open another library)");
	CHECK(span_names(pipeline.written("traces")).empty());
}

TEST(rule_5_empty_input_is_a_success_that_writes_nothing)
{
	Pipeline pipeline;
	const auto library = pipeline.library();
	metrics_sdk::ResourceMetrics empty, of_nothing;

	of_nothing.scope_metric_data_.emplace_back();
	of_nothing.scope_metric_data_[0].metric_data_.emplace_back();
	CHECK(otlpipe::OtlpSpanExporterFactory::Create(library)->Export({}) ==
	      ExportResult::kSuccess);
	CHECK(otlpipe::OtlpLogRecordExporterFactory::Create(library)->Export({}) ==
	      ExportResult::kSuccess);
	auto metrics = otlpipe::OtlpMetricExporterFactory::Create(library);
	CHECK(metrics->Export(empty) == ExportResult::kSuccess);
	CHECK(metrics->Export(of_nothing) == ExportResult::kSuccess);
	CHECK(otlpipe::export_metrics_ref(library, empty).ok());
	for (const auto &signal : library.stats().signals)
		EQUAL(signal.accepted, 0u);
	CHECK(pipeline.written("traces").empty() && pipeline.written("metrics").empty());
}

TEST(rule_6_bad_input_is_refused_whole_and_its_neighbours_are_taken)
{
	Pipeline pipeline;
	const LogLines lines;
	const auto library = pipeline.library();
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(library);
	std::vector<std::unique_ptr<trace_sdk::Recordable>> spans;

	spans.push_back(made_span(*exporter, 1, "before"));
	spans.push_back(made_span(*exporter, 0, "no span id"));
	spans.push_back(nullptr); /* no recordable of ours */
	spans.push_back(made_span(*exporter, 2, "behind"));
	CHECK(exporter->Export({spans.data(), spans.size()}) ==
	      ExportResult::kFailureInvalidArgument);
	EQUAL(library.stats().signals[OTLP_SIGNAL_TRACES].dropped_invalid, 1u);
	EQUAL(lines.lines().size(), 2u);
	EQUAL(lines.lines()[1],
	      "[spans to otlpipe] an export failed: otlpipe: invalid argument: a record "
	      "that this exporter's MakeRecordable() did not make (mend it: of an export, the "
	      "records that are right were taken)");

	/* A sum without a temporality. */
	metrics_sdk::ResourceMetrics metrics;
	metrics_sdk::MetricData data;
	data.aggregation_temporality = metrics_sdk::AggregationTemporality::kUnspecified;
	data.point_data_attr_.push_back({{}, metrics_sdk::SumPointData()});
	metrics.scope_metric_data_.emplace_back();
	metrics.scope_metric_data_[0].metric_data_.push_back(data);
	CHECK(otlpipe::OtlpMetricExporterFactory::Create(library)->Export(metrics) ==
	      ExportResult::kFailureInvalidArgument);
	CHECK((span_names(pipeline.written("traces")) ==
	       std::vector<std::string>{"before", "behind"}));
}

TEST(rule_7_each_error_is_the_sdks_failure_with_its_cause)
{
	Pipeline pipeline;
	const LogLines lines;
	auto options = pipeline.options();

	options.span_ring_bytes = OTLP_RING_BYTES_MIN;
	const auto library = otlpipe::Library::open(options);
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(library);
	auto large = made_span(*exporter, 1);
	large->SetAttribute("large", std::string(1 << 20, 'x'));
	CHECK(export_one(*exporter, std::move(large)) == ExportResult::kFailure);
	CHECK(lines.only().find("otlpipe: ") != std::string::npos);
	CHECK(lines.only().find("LibraryOptions::span_ring_bytes") != std::string::npos);

	/* A full ring, said once and counted from then on. */
	ExportResult result = ExportResult::kSuccess;
	for (uint64_t i = 1; i < 1000; i++)
		result = export_one(*exporter, made_span(*exporter, i));
	CHECK(result == ExportResult::kFailureFull);
	EQUAL(lines.lines().size(), 2u);
	CHECK(lines.lines()[1].find("a larger ring, or a writer that runs; do not retry") !=
	      std::string::npos);
	const auto stats = library.stats().signals[OTLP_SIGNAL_TRACES];
	EQUAL(stats.accepted + stats.dropped_full, 999u);
	EQUAL(stats.dropped_too_large, 1u);
}

TEST(rule_8_threads_share_an_exporter_without_a_lock)
{
	Pipeline pipeline;
	const auto library = pipeline.library();
	otlpipe::OtlpExporterOptions options;
	options.library = library;
	options.pool_records = 8; /* fewer than are under way */
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(options);
	const auto one = resource_of("one"), two = resource_of("two");
	std::vector<std::thread> threads;
	std::atomic<unsigned> failed{0};

	pipeline.start_writer();
	for (uint64_t thread = 0; thread < 4; thread++)
		threads.emplace_back([&, thread] {
			for (uint64_t i = 0; i < 500; i++) {
				std::vector<std::unique_ptr<trace_sdk::Recordable>> some;

				for (uint64_t n = 0; n < 3; n++) {
					some.push_back(made_span(*exporter,
								 1 + n + 3 * (i + 500 * thread)));
					some.back()->SetResource(n == 0 ? one : two);
					some.back()->SetAttribute("thread", thread);
				}
				failed += exporter->Export({some.data(), some.size()}) !=
					  ExportResult::kSuccess;
			}
		});
	for (auto &thread : threads)
		thread.join();
	EQUAL(failed.load(), 0u);
	std::set<std::string> ids;
	size_t of_one = 0;
	const auto traces = traces_of(pipeline.written("traces"));
	for (const auto &found : traces.records) {
		ids.insert(str(found.record->span_id));
		of_one += string_attribute(found.resource->attributes, found.resource->n_attributes,
					   "service.name") == "one";
	}
	EQUAL(ids.size(), 6000u);
	EQUAL(of_one, 2000u);
	pipeline.verify();
}

TEST(rule_9_each_way_of_exporting_spans_gives_the_same_otlp)
{
	Pipeline pipeline;
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(pipeline.library());
	std::vector<std::unique_ptr<trace_sdk::Recordable>> spans;
	char where[128] = "";

	for (uint64_t i = 0; i < 40; i++) {
		spans.push_back(made_span(*exporter, 1 + i / 2, i % 2 == 0 ? "even" : "even"));
		spans.back()->SetAttribute("pair", static_cast<int64_t>(i / 2));
	}
	for (size_t i = 0; i < 20; i += 2) /* one by one, then in a batch */
		CHECK(exporter->Export({&spans[i], 1}) == ExportResult::kSuccess);
	CHECK(exporter->Export({spans.data(), spans.size()}) == ExportResult::kSuccess);
	const auto traces = traces_of(pipeline.written("traces"));
	EQUAL(traces.records.size(), 50u);
	for (const auto &one : traces.records)
		for (const auto &other : traces.records)
			CHECK(str(one.record->span_id) != str(other.record->span_id) ||
			      oracle_equal(one.record, other.record, where, sizeof(where)));
}

TEST(rule_10_data_flow_to_the_disk_and_a_flush_waits_for_it)
{
	Pipeline pipeline;
	const LogLines lines;
	const auto library = pipeline.library();
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(library);

	CHECK(export_one(*exporter, made_span(*exporter, 1, "flushed")) == ExportResult::kSuccess);
	/* Without a writer at once. */
	CHECK(!exporter->ForceFlush(seconds(60)));
	CHECK(lines.only().find(
		      "[spans to otlpipe] a flush failed: otlpipe: no writer is running") == 0);
	CHECK(lines.only().find("nothing is lost") != std::string::npos);
	EQUAL(library.flush(seconds(60)).code(), OTLP_ERR_NO_WRITER);
	pipeline.start_writer();
	CHECK(exporter->ForceFlush(seconds(60)));
	CHECK(exporter->ForceFlush(std::chrono::microseconds(0))); /* no deadline, as max() */
	CHECK(exporter->ForceFlush());
	/* One that stands still: the time passes. */
	pipeline.signal_writer(SIGSTOP);
	CHECK(export_one(*exporter, made_span(*exporter, 2, "later")) == ExportResult::kSuccess);
	CHECK(!exporter->ForceFlush(std::chrono::milliseconds(20)));
	CHECK(lines.lines().back().find("`otlpipe stat` shows it") != std::string::npos);
	EQUAL(library.flush(std::chrono::nanoseconds(-5)).code(), OTLP_ERR_INVALID);
	pipeline.signal_writer(SIGCONT);
	CHECK(library.flush((seconds::max)()).ok());
	CHECK((span_names(pipeline.written("traces")) ==
	       std::vector<std::string>{"flushed", "later"}));
}
