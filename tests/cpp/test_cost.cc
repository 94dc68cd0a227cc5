// SPDX-License-Identifier: Apache-2.0
/*
 * What a span, a log record and a collection allocate: counted exactly, by a malloc of our own,
 * which operator new comes through too. What the SDK itself allocates for a span (the span, its
 * context) is counted with a recordable that records nothing.
 */
#include <cerrno>
#include <cstdlib>

#include <opentelemetry/common/key_value_iterable_view.h>
#include <opentelemetry/logs/severity.h>
#include <opentelemetry/sdk/instrumentationscope/instrumentation_scope.h>
#include <opentelemetry/sdk/metrics/data/metric_data.h>
#include <opentelemetry/trace/trace_state.h>

#include "nothing.h"
#include "otlp.h"
#include "support.h"

using opentelemetry::sdk::common::ExportResult;

static thread_local uint64_t allocations;

#ifndef __SANITIZE_ADDRESS__
extern "C" void *__libc_malloc(size_t);
extern "C" void *__libc_calloc(size_t, size_t);
extern "C" void *__libc_realloc(void *, size_t);
extern "C" void *__libc_memalign(size_t, size_t);

extern "C" void *malloc(size_t bytes)
{
	allocations++;
	return __libc_malloc(bytes);
}

extern "C" void *calloc(size_t count, size_t bytes)
{
	allocations++;
	return __libc_calloc(count, bytes);
}

extern "C" void *realloc(void *old, size_t bytes)
{
	allocations++;
	return __libc_realloc(old, bytes);
}

extern "C" int posix_memalign(void **ret, size_t align, size_t bytes)
{
	allocations++;
	*ret = __libc_memalign(align, bytes);
	return *ret != nullptr ? 0 : ENOMEM;
}
static constexpr bool counts = true;
#else
static constexpr bool counts = false; /* malloc is the sanitizer's */
#endif

using Attributes = std::vector<std::pair<std::string, common::AttributeValue>>;

static const Attributes &attributes()
{
	static const Attributes eight = {{"http.request.method", "GET"},
					 {"http.route", "/api/orders/{id}"},
					 {"http.response.status_code", 200},
					 {"server.address", "shop.example.com"},
					 {"server.port", 443},
					 {"ratio", 0.5},
					 {"cached", false},
					 {"user.id", "u-12345"}};

	return eight;
}

/* What is allocated by the last of some calls: the first ones warm up. */
template <class Call> static uint64_t steady(Call &&call)
{
	for (int i = 0; i < 3; i++)
		call();
	allocations = 0;
	call();
	return allocations;
}

/* A recordable as a tracer fills it in: 8 attributes, an event and a link with two each. */
static void record(trace_sdk::Recordable &to, const trace_api::SpanContext &context)
{
	static const Attributes two = {{"first", "one"}, {"second", 2}};

	to.SetName("GET /api/orders/{id}");
	to.SetIdentity(context, trace_api::SpanId());
	to.SetTraceFlags(context.trace_flags());
	for (const auto &pair : attributes())
		to.SetAttribute(pair.first, pair.second);
	to.AddEvent("it happened", common::SystemTimestamp(std::chrono::nanoseconds(5)),
		    common::KeyValueIterableView<Attributes>(two));
	to.AddLink(context, common::KeyValueIterableView<Attributes>(two));
	to.SetStatus(trace_api::StatusCode::kError, "no luck");
	to.SetSpanKind(trace_api::SpanKind::kServer);
	to.SetStartTime(common::SystemTimestamp(std::chrono::nanoseconds(4)));
	to.SetDuration(std::chrono::nanoseconds(3));
}

TEST(a_span_of_eight_attributes_an_event_and_a_link_allocates_nothing)
{
	using opentelemetry::sdk::instrumentationscope::InstrumentationScope;
	Pipeline pipeline;
	const uint8_t ids[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
				 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	const trace_api::SpanContext context(
		trace_api::TraceId(nostd::span<const uint8_t, 16>(ids, 16)),
		trace_api::SpanId(nostd::span<const uint8_t, 8>(ids + 16, 8)),
		trace_api::TraceFlags(1), false,
		trace_api::TraceState::FromHeader("vendor=with-a-long-value,other=x"));
	const auto library = pipeline.library();
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(library);
	const auto resource = resource_of("cost");
	const auto scope = InstrumentationScope::Create("scope", "1", "url", {{"of", "a scope"}});

	const uint64_t found = steady([&] {
		std::unique_ptr<trace_sdk::Recordable> span = exporter->MakeRecordable();

		record(*span, context);
		span->SetResource(resource);
		span->SetInstrumentationScope(*scope);
		CHECK(exporter->Export({&span, 1}) == ExportResult::kSuccess);
	});
	if (counts)
		EQUAL(found, 0u);
	EQUAL(library.stats().signals[OTLP_SIGNAL_TRACES].accepted, 4u);
}

TEST(a_large_span_allocates_nothing_once_there_was_one)
{
	Pipeline pipeline;
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(pipeline.library());
	const std::string value(300, 'v');
	const uint8_t id[16] = {1};

	const uint64_t found = steady([&] {
		std::unique_ptr<trace_sdk::Recordable> span = exporter->MakeRecordable();

		record(*span,
		       trace_api::SpanContext(trace_api::TraceId(id), trace_api::SpanId({id, 8}),
					      trace_api::TraceFlags(), false));
		char key[] = "key.00";
		for (char &digit = key[4]; digit <= '9'; digit++)
			span->SetAttribute(key, value);
		CHECK(exporter->Export({&span, 1}) == ExportResult::kSuccess);
	});
	if (counts)
		EQUAL(found, 0u);
}

TEST(a_log_record_of_eight_attributes_allocates_nothing)
{
	Pipeline pipeline;
	auto exporter = otlpipe::OtlpLogRecordExporterFactory::Create(pipeline.library());
	const auto resource = resource_of("cost");

	const uint64_t found = steady([&] {
		std::unique_ptr<logs_sdk::Recordable> to = exporter->MakeRecordable();

		to->SetBody("order taken");
		to->SetSeverity(logs_api::Severity::kInfo);
		to->SetEventId(0, "order.taken");
		for (const auto &pair : attributes())
			to->SetAttribute(pair.first, pair.second);
		to->SetResource(resource);
		CHECK(exporter->Export({&to, 1}) == ExportResult::kSuccess);
	});
	if (counts)
		EQUAL(found, 0u);
}

TEST(a_collection_allocates_nothing_once_there_was_one)
{
	Pipeline pipeline;
	auto exporter = otlpipe::OtlpMetricExporterFactory::Create(pipeline.library());
	const auto resource = resource_of("cost");
	const auto scope =
		opentelemetry::sdk::instrumentationscope::InstrumentationScope::Create("scope");
	metrics_sdk::ResourceMetrics metrics;
	metrics_sdk::MetricData data;
	metrics_sdk::HistogramPointData point;

	data.aggregation_temporality = metrics_sdk::AggregationTemporality::kDelta;
	point.boundaries_ = {1, 2, 3};
	point.counts_ = {1, 2, 3, 4};
	point.count_ = 10;
	for (int i = 0; i < 500; i++)
		data.point_data_attr_.push_back({{{"a", "b"}, {"number", i}}, point});
	metrics_sdk::ScopeMetrics of;
	of.scope_ = scope.get();
	of.metric_data_.push_back(std::move(data));
	metrics.resource_ = &resource;
	metrics.scope_metric_data_.push_back(std::move(of));
	const uint64_t found =
		steady([&] { CHECK(exporter->Export(metrics) == ExportResult::kSuccess); });
	if (counts)
		EQUAL(found, 0u);
}

/* Of a span through a simple processor; ending gets those of End() alone. */
static uint64_t whole_span(std::unique_ptr<trace_sdk::SpanExporter> exporter, uint64_t &ending)
{
	auto provider = span_provider(std::move(exporter), "cost");
	auto tracer = provider->GetTracer("cost");

	return steady([&] {
		auto span = tracer->StartSpan("GET /api/orders/{id}");

		for (const auto &pair : attributes())
			span->SetAttribute(pair.first, pair.second);
		span->AddEvent("it happened");
		const uint64_t before = allocations;
		span->End();
		ending = allocations - before;
	});
}

TEST(a_span_through_a_simple_processor_allocates_what_the_sdk_itself_does)
{
	Pipeline pipeline;
	uint64_t ending = 0, ignored = 0;
	const uint64_t ours =
		whole_span(otlpipe::OtlpSpanExporterFactory::Create(pipeline.library()), ending);
	const uint64_t nothing = whole_span(std::make_unique<Nothing>(), ignored);

	if (!counts)
		return;
	EQUAL(ending, 0u);
	EQUAL(ours, nothing - 1); /* which has its recordable from the heap */
}
