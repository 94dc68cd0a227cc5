// SPDX-License-Identifier: Apache-2.0
/*
 * The span exporter. A span is recorded as a struct otlp_span with all that it points to beside it,
 * so that its export is one call of the library.
 */
#include <algorithm>
#include <memory>

#include <opentelemetry/trace/span_context.h>
#include <opentelemetry/trace/trace_state.h>

#if __has_include(<opentelemetry/sdk/trace/span_limits.h>)
#include <opentelemetry/sdk/trace/span_limits.h>
#define OTLPIPE_HAS_SPAN_LIMITS
#endif

#include <otlpipe/opentelemetry.h>

#include "cpp/opentelemetry/batch.h"
#include "cpp/opentelemetry/recordable.h"

namespace otlpipe
{

namespace nostd = opentelemetry::nostd;
namespace trace_api = opentelemetry::trace;
namespace trace_sdk = opentelemetry::sdk::trace;

using opentelemetry::common::AttributeValue;
using opentelemetry::common::KeyValueIterable;
using opentelemetry::common::SystemTimestamp;
using opentelemetry::sdk::common::ExportResult;
using opentelemetry::sdk::instrumentationscope::InstrumentationScope;
using opentelemetry::sdk::resource::Resource;

namespace
{

/* OTLP's SpanFlags: whether a context is remote is known, and whether it is. */
constexpr uint32_t flag_has_is_remote = 0x100;
constexpr uint32_t flag_is_remote = 0x200;

/* Source: trace-context, "tracestate": key=value, separated by commas. */
otlp_str trace_state(Buffer &buffer, const trace_api::SpanContext &context)
{
	const auto state = context.trace_state();
	size_t bytes = 0, at = 0;

	if (state == nullptr || state->Empty())
		return {nullptr, 0};
	state->GetAllEntries([&bytes](nostd::string_view key, nostd::string_view value) {
		bytes += (bytes == 0 ? 0 : 1) + key.size() + 1 + value.size();
		return true;
	});
	auto *text = static_cast<char *>(buffer.take(bytes, 1));
	if (text == nullptr)
		return {nullptr, 0};
	const auto put = [&at, text](nostd::string_view piece) {
		std::copy(piece.begin(), piece.end(), text + at);
		at += piece.size();
	};
	state->GetAllEntries([&](nostd::string_view key, nostd::string_view value) {
		if (at != 0)
			put(",");
		put(key);
		put("=");
		put(value);
		return true;
	});
	return {text, bytes};
}

struct Limits {
	size_t value_bytes = length_unlimited;
	uint32_t attributes = count_unlimited;
	uint32_t events = count_unlimited;
	uint32_t links = count_unlimited;
	uint32_t event_attributes = count_unlimited;
	uint32_t link_attributes = count_unlimited;
};

class SpanRecordable final : public trace_sdk::Recordable, public Pooled<SpanRecordable>
{
      public:
	SpanRecordable() noexcept : buffer_(this)
	{
	}

	void SetIdentity(const trace_api::SpanContext &context,
			 trace_api::SpanId parent) noexcept override
	{
		context.trace_id().CopyBytesTo(span_.trace_id);
		context.span_id().CopyBytesTo(span_.span_id);
		parent.CopyBytesTo(span_.parent_span_id);
		span_.trace_state = trace_state(buffer_.get(), context);
	}

	void SetAttribute(nostd::string_view key, const AttributeValue &value) noexcept override
	{
		attribute_set(attributes_, buffer_.get(), key, value, limits_.attributes,
			      limits_.value_bytes);
	}

	void AddEvent(nostd::string_view name, SystemTimestamp time,
		      const KeyValueIterable &attributes) noexcept override
	{
		otlp_span_event *event = add(events_, limits_.events);

		if (event == nullptr)
			return;
		*event = {};
		event->time_unix_ns = time_ns(time);
		event->attributes = attributes_copy(buffer_.get(), attributes,
						    limits_.event_attributes, limits_.value_bytes);
		if (!buffer_.get().text(name.data(), name.size(), event->name))
			drop(events_);
	}

	void AddLink(const trace_api::SpanContext &context,
		     const KeyValueIterable &attributes) noexcept override
	{
		/* The API allows a link to no span; OTLP has none. */
		otlp_span_link *link = add(links_, context.IsValid() ? limits_.links : 0);

		if (link == nullptr)
			return;
		*link = {};
		context.trace_id().CopyBytesTo(link->trace_id);
		context.span_id().CopyBytesTo(link->span_id);
		link->trace_state = trace_state(buffer_.get(), context);
		link->flags = context.trace_flags().flags() | flag_has_is_remote |
			      (context.IsRemote() ? flag_is_remote : 0);
		link->attributes = attributes_copy(buffer_.get(), attributes,
						   limits_.link_attributes, limits_.value_bytes);
	}

	/* Source: trace/api.md, "Set Status": of an error alone the description counts. */
	void SetStatus(trace_api::StatusCode code, nostd::string_view description) noexcept override
	{
		span_.status = static_cast<otlp_status_code>(code);
		if (code == trace_api::StatusCode::kError)
			(void)buffer_.get().text_over(description.data(), description.size(),
						      span_.status_message, span_.status_message);
		else
			span_.status_message = {nullptr, 0};
	}

	void SetName(nostd::string_view name) noexcept override
	{
		(void)buffer_.get().text_over(name.data(), name.size(), span_.name, span_.name);
	}

	void SetTraceFlags(trace_api::TraceFlags flags) noexcept override
	{
		span_.flags = flags.flags();
	}

	void SetSpanKind(trace_api::SpanKind kind) noexcept override
	{
		switch (kind) {
		case trace_api::SpanKind::kInternal:
			span_.kind = OTLP_SPAN_KIND_INTERNAL;
			break;
		case trace_api::SpanKind::kServer:
			span_.kind = OTLP_SPAN_KIND_SERVER;
			break;
		case trace_api::SpanKind::kClient:
			span_.kind = OTLP_SPAN_KIND_CLIENT;
			break;
		case trace_api::SpanKind::kProducer:
			span_.kind = OTLP_SPAN_KIND_PRODUCER;
			break;
		case trace_api::SpanKind::kConsumer:
			span_.kind = OTLP_SPAN_KIND_CONSUMER;
			break;
		default:
			span_.kind = OTLP_SPAN_KIND_UNSPECIFIED;
			break;
		}
	}

	/* It is pointed to until the export, as the SDK's own recordables do. */
	void SetResource(const Resource &resource) noexcept override
	{
		resource_ = &resource;
	}

	void SetStartTime(SystemTimestamp time) noexcept override
	{
		span_.start_time_unix_ns = time_ns(time);
	}

	void SetDuration(std::chrono::nanoseconds duration) noexcept override
	{
		duration_ = duration;
	}

#ifdef OTLPIPE_HAS_SPAN_LIMITS
	void SetSpanLimits(const trace_sdk::SpanLimits &limits) noexcept override
	{
		limits_.value_bytes = limits.attribute_value_length_limit;
		limits_.attributes = limits.attribute_count_limit;
		limits_.events = limits.event_count_limit;
		limits_.links = limits.link_count_limit;
		limits_.event_attributes = limits.event_attribute_count_limit;
		limits_.link_attributes = limits.link_attribute_count_limit;
	}
#endif

	/* It is pointed to, as the resource. */
	void SetInstrumentationScope(const InstrumentationScope &scope) noexcept override
	{
		scope_ = &scope;
	}

	const Resource *resource() const noexcept
	{
		return resource_;
	}

	const InstrumentationScope *scope() const noexcept
	{
		return scope_;
	}

	/** The span as it is now, but for its resource and its scope. */
	const otlp_span &finished() noexcept
	{
		const int64_t took_ns = duration_.count();
		const uint64_t start_ns = span_.start_time_unix_ns;

		/* A steady clock that is told by the application may end before it starts. */
		if (took_ns >= 0)
			span_.end_time_unix_ns = start_ns + static_cast<uint64_t>(took_ns);
		else
			span_.end_time_unix_ns =
				start_ns - std::min(start_ns, 0 - static_cast<uint64_t>(took_ns));
		span_.attributes = attributes_.attributes();
		span_.events = events_.items;
		span_.event_count = events_.count;
		span_.dropped_event_count = events_.dropped;
		span_.links = links_.items;
		span_.link_count = links_.count;
		span_.dropped_link_count = links_.dropped;
		return span_;
	}

      private:
	template <class Item> struct List {
		Item *items;
		uint32_t count, room;
		uint32_t dropped;
	};

	/* One more item, not set; NULL, and counted: there is no room for it. */
	template <class Item> Item *add(List<Item> &list, uint32_t count_max) noexcept
	{
		if (list.count < count_max && list.count == list.room) {
			Item *items = buffer_.get().array<Item>(2 * list.room);

			if (items != nullptr) {
				std::copy(list.items, list.items + list.count, items);
				list.items = items;
				list.room *= 2;
			}
		}
		if (list.count < std::min(count_max, list.room))
			return &list.items[list.count++];
		list.dropped++;
		return nullptr;
	}

	/* The last one turned out to have no room. */
	template <class Item> static void drop(List<Item> &list) noexcept
	{
		list.count--;
		list.dropped++;
	}

	/* Not more than the usual span has: the rest is in the buffer. */
	static constexpr uint32_t attributes_room = 16, events_room = 4, links_room = 2;

	otlp_span span_ = {};
	std::chrono::nanoseconds duration_{0};
	const Resource *resource_ = nullptr;
	const InstrumentationScope *scope_ = nullptr;
	Limits limits_;
	otlp_attribute first_attributes_[attributes_room];
	otlp_span_event first_events_[events_room];
	otlp_span_link first_links_[links_room];
	AttributeList attributes_ = {first_attributes_, 0, attributes_room, 0, 0};
	List<otlp_span_event> events_ = {first_events_, 0, events_room, 0};
	List<otlp_span_link> links_ = {first_links_, 0, links_room, 0};
	RoomyBuffer<1152> buffer_;
};

static_assert(sizeof(Slot) + sizeof(SpanRecordable) <= 3072, "3 KiB a span, as is documented");

struct SpanTraits {
	using handle = otlp_span_exporter;
	using record = otlp_span;
	using recordable = SpanRecordable;

	static constexpr const char *what = "spans";

	static int make(otlp_library *library, handle **ret) noexcept
	{
		return otlp_library_span_exporter(library, ret);
	}

	static int set(handle *exporter, const otlp_resource *resource) noexcept
	{
		return otlp_span_exporter_set_resource(exporter, resource).cause;
	}

	static int push(handle *exporter, const record *spans, size_t count) noexcept
	{
		return otlp_span_exporter_export(exporter, spans, count).cause;
	}

	static void unref(handle *exporter) noexcept
	{
		otlp_span_exporter_unref(exporter);
	}
};

class OtlpSpanExporter final : public trace_sdk::SpanExporter
{
      public:
	explicit OtlpSpanExporter(const OtlpExporterOptions &options) : exporter_(options)
	{
	}

	std::unique_ptr<trace_sdk::Recordable> MakeRecordable() noexcept override
	{
		return std::unique_ptr<trace_sdk::Recordable>(exporter_.make());
	}

	ExportResult
	Export(const nostd::span<std::unique_ptr<trace_sdk::Recordable>> &spans) noexcept override
	{
		return exporter_.export_all(spans);
	}

	bool ForceFlush(std::chrono::microseconds timeout) noexcept override
	{
		return exporter_.flush(timeout);
	}

	/* Succeeds, and leaves the library and its other users alone. */
	bool Shutdown(std::chrono::microseconds) noexcept override
	{
		return true;
	}

      private:
	BatchExporter<SpanTraits> exporter_;
};

} // namespace

std::unique_ptr<trace_sdk::SpanExporter>
OtlpSpanExporterFactory::Create(const OtlpExporterOptions &options)
{
	return std::make_unique<OtlpSpanExporter>(options);
}

std::unique_ptr<trace_sdk::SpanExporter> OtlpSpanExporterFactory::Create(const Library &library)
{
	return Create(options_of(library));
}

} // namespace otlpipe
