// SPDX-License-Identifier: Apache-2.0
#include "theirs.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <opentelemetry/exporters/otlp/otlp_recordable_utils.h>

#include "support.h"

namespace otlp = opentelemetry::exporter::otlp;

namespace opentelemetry
{
namespace proto
{
namespace collector
{
namespace metrics
{
namespace v1
{
class ExportMetricsServiceRequest;
}
} // namespace metrics
} // namespace collector
} // namespace proto
} // namespace opentelemetry

OPENTELEMETRY_BEGIN_NAMESPACE
namespace exporter
{
namespace otlp
{
/* Its header asks for what protoc makes. */
class OtlpMetricUtils
{
      public:
	static void
	PopulateRequest(const sdk::metrics::ResourceMetrics &,
			proto::collector::metrics::v1::ExportMetricsServiceRequest *) noexcept;
};
} // namespace otlp
} // namespace exporter
OPENTELEMETRY_END_NAMESPACE

std::unique_ptr<trace_sdk::SpanExporter> their_span_exporter()
{
	return otlp::OtlpHttpExporterFactory::Create();
}

std::unique_ptr<logs_sdk::LogRecordExporter> their_log_exporter()
{
	return otlp::OtlpHttpLogRecordExporterFactory::Create();
}

/* A request that is filled in by a callable (Request *), as bytes. */
template <class Request, class Fill> static std::string filled(const char *name, Fill &&fill)
{
	using google::protobuf::DescriptorPool;
	using google::protobuf::Message;
	using google::protobuf::MessageFactory;

	const auto *type = DescriptorPool::generated_pool()->FindMessageTypeByName(name);
	CHECK(type != nullptr);
	const std::unique_ptr<Message> request(
		MessageFactory::generated_factory()->GetPrototype(type)->New());

	/* A class that protoc made is derived from Message alone. */
	fill(reinterpret_cast<Request *>(request.get()));
	return request->SerializeAsString();
}

std::string their_bytes(std::vector<std::unique_ptr<trace_sdk::Recordable>> &spans)
{
	return filled<opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest>(
		"opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest", [&](auto *to) {
			otlp::OtlpRecordableUtils::PopulateRequest(
				nostd::span<std::unique_ptr<trace_sdk::Recordable>>(spans.data(),
										    spans.size()),
				to);
		});
}

std::string their_bytes(std::vector<std::unique_ptr<logs_sdk::Recordable>> &records)
{
	return filled<opentelemetry::proto::collector::logs::v1::ExportLogsServiceRequest>(
		"opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest", [&](auto *to) {
			otlp::OtlpRecordableUtils::PopulateRequest(
				nostd::span<std::unique_ptr<logs_sdk::Recordable>>(records.data(),
										   records.size()),
				to);
		});
}

std::string their_bytes(const metrics_sdk::ResourceMetrics &metrics)
{
	return filled<opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceRequest>(
		"opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
		[&](auto *to) { otlp::OtlpMetricUtils::PopulateRequest(metrics, to); });
}

opentelemetry::sdk::common::ExportResult
TheirCapture::Export(const nostd::span<std::unique_ptr<trace_sdk::Recordable>> &spans) noexcept
{
	std::vector<std::unique_ptr<trace_sdk::Recordable>> taken;

	for (auto &span : spans)
		taken.push_back(std::move(span));
	bytes_ += their_bytes(taken);
	return opentelemetry::sdk::common::ExportResult::kSuccess;
}

template <class Message> static void free_message(Message *message)
{
	protobuf_c_message_free_unpacked(&message->base, nullptr);
}

static ProtobufCBinaryData bytes_of(const std::string &text)
{
	auto *copy = static_cast<uint8_t *>(std::malloc(text.size() + 1));

	std::memcpy(copy, text.data(), text.size());
	return {text.size(), copy};
}

/* An integer that was wider than 64 bits with a sign is a string. */
static void widen(PB_COMMON(AnyValue) * value)
{
	if (value->value_case != OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE ||
	    value->int_value >= 0)
		return;
	const auto wide = static_cast<uint64_t>(value->int_value);

	value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
	value->string_value = bytes_of(std::to_string(wide));
}

/* By the key: what kind of value the generator made. */
static void normalize_value(const std::string &key, PB_COMMON(AnyValue) * value)
{
	const bool is_array =
		value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE;

	if (key.rfind("wide", 0) == 0)
		widen(value);
	if (key.rfind("wides", 0) == 0 && is_array)
		for (size_t i = 0; i < value->array_value->n_values; i++)
			widen(value->array_value->values[i]);
	/* Bytes are an array of integers there; one of no length is no value at all. */
	if (key.rfind("bytes", 0) == 0 &&
	    (is_array ||
	     value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET)) {
		std::string bytes;

		for (size_t i = 0; is_array && i < value->array_value->n_values; i++)
			bytes += static_cast<char>(value->array_value->values[i]->int_value);
		if (is_array)
			free_message(value->array_value);
		value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE;
		value->bytes_value = bytes_of(bytes);
	}
}

/* A key that was set twice is there twice: the last value at the first place is what is meant. */
static void normalize(PbKeyValue **items, size_t &count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		const std::string key = str(items[i]->key);
		size_t first = 0;

		normalize_value(key, items[i]->value);
		while (first < kept && str(items[first]->key) != key)
			first++;
		if (first == kept) {
			items[kept++] = items[i];
			continue;
		}
		free_message(items[first]);
		items[first] = items[i];
	}
	count = kept;
}

static void sort(PbKeyValue **items, size_t count)
{
	std::sort(items, items + count, [](const PbKeyValue *one, const PbKeyValue *other) {
		return str(one->key) < str(other->key);
	});
}

static void normalize_place(PbResource *resource, PbScope *scope)
{
	normalize(resource->attributes, resource->n_attributes);
	normalize(scope->attributes, scope->n_attributes);
}

/* The SDK has resources and scopes in maps. */
template <class Record> static void sort_place(Found<Record> &found)
{
	sort(found.resource->attributes, found.resource->n_attributes);
	sort(found.scope->attributes, found.scope->n_attributes);
}

/* Bytes that the SDK owns have no value there: what ours is has at least the type. */
static void normalize_owned_bytes(PbKeyValue *const *ours, size_t our_count,
				  PbKeyValue *const *theirs, size_t their_count)
{
	for (size_t i = 0; i < their_count; i++) {
		auto *value = theirs[i]->value;

		if (value->value_case !=
			    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET ||
		    str(theirs[i]->key).rfind("bytes", 0) != 0)
			continue;
		for (size_t j = 0; j < our_count; j++)
			if (str(ours[j]->key) == str(theirs[i]->key)) {
				EQUAL(ours[j]->value->value_case,
				      OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE);
				value->value_case = ours[j]->value->value_case;
				value->bytes_value = bytes_of(str(ours[j]->value->bytes_value));
			}
	}
}

template <class Record> static void compare_one(Found<Record> &ours, Found<Record> &theirs)
{
	char where[256] = "";

	normalize_owned_bytes(ours.resource->attributes, ours.resource->n_attributes,
			      theirs.resource->attributes, theirs.resource->n_attributes);
	normalize_owned_bytes(ours.scope->attributes, ours.scope->n_attributes,
			      theirs.scope->attributes, theirs.scope->n_attributes);
	normalize_place(theirs.resource, theirs.scope);
	sort_place(ours);
	sort_place(theirs);
	if (!oracle_equal(ours.record, theirs.record, where, sizeof(where)) ||
	    !oracle_equal(ours.resource, theirs.resource, where, sizeof(where)) ||
	    !oracle_equal(ours.scope, theirs.scope, where, sizeof(where)))
		throw Failure{std::string("ours and theirs differ in ") + where};
	EQUAL(ours.resource_schema_url, theirs.resource_schema_url);
	EQUAL(ours.scope_schema_url, theirs.scope_schema_url);
}

/* A link to no span is not in OTLP; a link has the flags of its context. */
static void normalize_links(PbSpan *span, const LinkFlags &link_flags)
{
	size_t kept = 0;

	for (size_t i = 0; i < span->n_links; i++) {
		auto *link = span->links[i];
		const auto flags = link_flags.find(str(link->span_id));

		normalize(link->attributes, link->n_attributes);
		if (flags == link_flags.end()) {
			free_message(link);
			span->dropped_links_count++;
		} else {
			link->flags = flags->second;
			span->links[kept++] = link;
		}
	}
	span->n_links = kept;
}

void compare(Decoded<PbSpan> ours, Decoded<PbSpan> theirs, const LinkFlags &link_flags)
{
	std::map<std::string, Found<PbSpan>> by_id;

	for (const auto &found : ours.records)
		CHECK(by_id.emplace(str(found.record->span_id), found).second);
	EQUAL(by_id.size(), theirs.records.size());
	for (auto &expected : theirs.records) {
		PbSpan *span = expected.record;
		const auto found = by_id.find(str(span->span_id));

		CHECK(found != by_id.end());
		normalize(span->attributes, span->n_attributes);
		for (size_t i = 0; i < span->n_events; i++)
			normalize(span->events[i]->attributes, span->events[i]->n_attributes);
		normalize_links(span, link_flags);
		/* What was said of an error stays there when another status follows; a status that
		 * says nothing is an empty message. */
		if (span->status != nullptr &&
		    static_cast<int>(span->status->code) != OTLP_STATUS_ERROR) {
			std::free(span->status->message.data);
			span->status->message = {0, nullptr};
		}
		if (span->status != nullptr &&
		    static_cast<int>(span->status->code) == OTLP_STATUS_UNSET) {
			free_message(span->status);
			span->status = nullptr;
		}
		compare_one(found->second, expected);
	}
}

void compare(Decoded<PbLog> ours, Decoded<PbLog> theirs, const std::vector<std::string> &events)
{
	EQUAL(ours.records.size(), theirs.records.size());
	for (size_t i = 0; i < ours.records.size(); i++) {
		PbLog *record = ours.records[i].record, *expected = theirs.records[i].record;

		normalize(expected->attributes, expected->n_attributes);
		if (expected->body != nullptr)
			normalize_value(i % 16 == 13   ? "wide"
					: i % 16 == 14 ? "wides"
					: i % 16 == 15 ? "bytes"
						       : "",
					expected->body);
		/* 1.19 leaves the name of an event out, and any version its number. */
		EQUAL(str(record->event_name), events[i]);
		expected->event_name = bytes_of(events[i]);
		/* Severity 0 is "INVALID" there. */
		if (expected->severity_number == 0) {
			std::free(expected->severity_text.data);
			expected->severity_text = bytes_of("");
		}
		compare_one(ours.records[i], theirs.records[i]);
	}
}

void compare(Decoded<PbMetric> ours, Decoded<PbMetric> theirs)
{
	std::map<std::string, Found<PbMetric>> by_name;

	for (const auto &found : ours.records)
		CHECK(by_name.emplace(str(found.record->name), found).second);
	for (auto &expected : theirs.records) {
		PbMetric *metric = expected.record;

		/* One without points is there, with a name alone. */
		if (metric->data_case == OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA__NOT_SET)
			continue;
		const auto found = by_name.find(str(metric->name));
		CHECK(found != by_name.end());
		compare_one(found->second, expected);
		by_name.erase(found);
	}
	CHECK(by_name.empty());
}
