// SPDX-License-Identifier: Apache-2.0
/*
 * Faults of earlier exporters that ours must not have, of those that an exporter for C++ can have.
 * The others of them are tested with the rule or the field that they would break:
 *
 *   an export after the shutdown is a success          rule_4_... in test_rules.cc
 *   a forced flush returns before anything is flushed  rule_10_...
 *   fields are lost, a histogram becomes its sum       every_field_..., every_instrument_... in
 *                                                      test_fields.cc
 *   a killed producer blocks the others                a_kill_loses_nothing_... in test_survival.cc
 *   a fork leaves a dead exporter                      a_provider_goes_on_in_a_forked_child
 */
#include <cstdlib>

#include "otlp.h"
#include "support.h"

using opentelemetry::sdk::common::ExportResult;

static std::unique_ptr<trace_sdk::Recordable> span_named(trace_sdk::SpanExporter &exporter,
							 uint8_t number, const std::string &name)
{
	const uint8_t id[16] = {number};
	auto span = exporter.MakeRecordable();

	span->SetIdentity(trace_api::SpanContext(trace_api::TraceId(id), trace_api::SpanId({id, 8}),
						 trace_api::TraceFlags(1), false),
			  trace_api::SpanId());
	span->SetName(name);
	return span;
}

TEST(a_batch_that_does_not_fit_whole_is_taken_as_far_as_it_does_and_the_rest_is_counted)
{
	Pipeline pipeline;
	auto options = pipeline.options();

	options.span_ring_bytes = OTLP_RING_BYTES_MIN;
	const auto library = otlpipe::Library::open(options);
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(library);
	std::vector<std::unique_ptr<trace_sdk::Recordable>> batch;

	for (uint8_t i = 1; i <= 200; i++)
		batch.push_back(span_named(*exporter, i, "one of many"));
	CHECK(exporter->Export({batch.data(), batch.size()}) == ExportResult::kFailureFull);
	const auto stats = library.stats().signals[OTLP_SIGNAL_TRACES];
	CHECK(stats.accepted > 0);
	CHECK(stats.dropped_full > 0);
	EQUAL(stats.accepted + stats.dropped_full, 200u);
	EQUAL(span_names(pipeline.written("traces")).size(), stats.accepted);
}

TEST(a_span_that_no_record_holds_is_counted_and_blocks_nobody)
{
	Pipeline pipeline;
	auto options = pipeline.options();

	options.span_ring_bytes = OTLP_RING_BYTES_MIN;
	const auto library = otlpipe::Library::open(options);
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(library);
	std::vector<std::unique_ptr<trace_sdk::Recordable>> batch;

	batch.push_back(span_named(*exporter, 1, "before"));
	batch.push_back(span_named(*exporter, 2, std::string(1 << 20, 'x')));
	batch.push_back(span_named(*exporter, 3, "behind"));
	CHECK(exporter->Export({batch.data(), batch.size()}) == ExportResult::kFailure);
	EQUAL(library.stats().signals[OTLP_SIGNAL_TRACES].dropped_too_large, 1u);
	pipeline.start_writer();
	CHECK(library.flush(std::chrono::seconds(60)).ok());
	auto later = span_named(*exporter, 4, "later");
	CHECK(exporter->Export({&later, 1}) == ExportResult::kSuccess);
	CHECK((span_names(pipeline.written("traces")) ==
	       std::vector<std::string>{"before", "behind", "later"}));
}

/* Nobody reads: no call waits for that, and a flush is told at once. */
TEST(without_a_writer_an_export_refuses_and_a_flush_ends)
{
	Pipeline pipeline;
	const LogLines lines;
	auto options = pipeline.options();

	options.span_ring_bytes = OTLP_RING_BYTES_MIN;
	const auto library = otlpipe::Library::open(options);
	auto provider = span_provider(otlpipe::OtlpSpanExporterFactory::Create(library), "alone");
	auto tracer = provider->GetTracer("alone");

	for (int i = 0; i < 1000; i++)
		tracer->StartSpan("nobody reads")->End();
	const auto stats = library.stats().signals[OTLP_SIGNAL_TRACES];
	CHECK(stats.dropped_full > 0);
	EQUAL(stats.accepted + stats.dropped_full, 1000u);
	/* Without a deadline: it would wait for ever, were it to wait. */
	EQUAL(library.flush((std::chrono::nanoseconds::max)()).code(), OTLP_ERR_NO_WRITER);
	/* The exporter's own: a processor may keep the answer for itself. */
	CHECK(!otlpipe::OtlpSpanExporterFactory::Create(library)->ForceFlush());
}

/* Not "now", not an integer, not the first of them alone. */
TEST(times_booleans_and_a_status_are_those_that_were_given)
{
	Pipeline pipeline;
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(pipeline.library());
	auto span = span_named(*exporter, 1, "given");

	span->SetStartTime(common::SystemTimestamp(std::chrono::nanoseconds(1700000000000000007)));
	span->SetDuration(std::chrono::nanoseconds(11));
	span->SetAttribute("yes", true);
	span->SetStatus(trace_api::StatusCode::kError, "out of cheese");
	CHECK(exporter->Export({&span, 1}) == ExportResult::kSuccess);
	const auto found = traces_of(pipeline.written("traces"));
	EQUAL(found.records.size(), 1u);
	const PbSpan &written = *found.records[0].record;
	EQUAL(written.start_time_unix_nano, 1700000000000000007u);
	EQUAL(written.end_time_unix_nano, 1700000000000000018u);
	EQUAL(written.n_attributes, 1u);
	EQUAL(written.attributes[0]->value->value_case,
	      OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE);
	CHECK(written.attributes[0]->value->bool_value);
	EQUAL(str(written.status->message), "out of cheese");
}

/* The room that is chosen for a usual span is neither a limit nor read beyond its end: keys that
 * differ in their middle alone, values of each length around a word's, and what is not ASCII. */
TEST(keys_and_values_of_each_length_are_told_apart_and_whole)
{
	Pipeline pipeline;
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(pipeline.library());
	auto span = span_named(*exporter, 1, "lengths");
	std::vector<std::pair<std::string, std::string>> expected;

	for (size_t bytes = 1; bytes <= 40; bytes++)
		for (size_t at = 0; at < bytes; at += 3) {
			std::string key(bytes, 'k'), value(bytes, 'v');

			key[at] = 'K';
			if (bytes >= 2 && at + 2 <= bytes)
				value.replace(at, 2, "\xc3\xbc");
			expected.emplace_back(key, value);
			span->SetAttribute(key, "the first");
			span->SetAttribute(key, value);
		}
	CHECK(exporter->Export({&span, 1}) == ExportResult::kSuccess);
	const auto found = traces_of(pipeline.written("traces"));
	EQUAL(found.records.size(), 1u);
	const PbSpan &written = *found.records[0].record;
	EQUAL(written.n_attributes, expected.size());
	for (size_t i = 0; i < expected.size(); i++) {
		EQUAL(str(written.attributes[i]->key), expected[i].first);
		EQUAL(str(written.attributes[i]->value->string_value), expected[i].second);
	}
}
