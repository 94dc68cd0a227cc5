// SPDX-License-Identifier: Apache-2.0
/* The rules of docs/model.md, one test each, as they are in C++. */
#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "otlp.h"
#include "support.h"

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
