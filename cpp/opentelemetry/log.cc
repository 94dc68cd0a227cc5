// SPDX-License-Identifier: Apache-2.0
/* The exporter of log records: made as that of spans. */
#include <algorithm>
#include <memory>

#include <opentelemetry/logs/severity.h>
#include <opentelemetry/trace/span_id.h>
#include <opentelemetry/trace/trace_flags.h>
#include <opentelemetry/trace/trace_id.h>

#if __has_include(<opentelemetry/sdk/logs/log_record_limits.h>)
#include <opentelemetry/sdk/logs/log_record_limits.h>
#define OTLPIPE_HAS_LOG_LIMITS
#endif

#include <otlpipe/opentelemetry.h>

#include "cpp/opentelemetry/batch.h"
#include "cpp/opentelemetry/recordable.h"

namespace otlpipe
{

namespace nostd = opentelemetry::nostd;
namespace logs_api = opentelemetry::logs;
namespace logs_sdk = opentelemetry::sdk::logs;
namespace trace_api = opentelemetry::trace;

using opentelemetry::common::AttributeValue;
using opentelemetry::common::SystemTimestamp;
using opentelemetry::sdk::common::ExportResult;
using opentelemetry::sdk::instrumentationscope::InstrumentationScope;
using opentelemetry::sdk::resource::Resource;

namespace
{

/* By number; that of 0 says nothing. Source: logs/data-model.md, "Displaying Severity". */
constexpr const char *severity_texts[] = {
	"",	  "TRACE",  "TRACE2", "TRACE3", "TRACE4", "DEBUG",  "DEBUG2", "DEBUG3", "DEBUG4",
	"INFO",	  "INFO2",  "INFO3",  "INFO4",	"WARN",	  "WARN2",  "WARN3",  "WARN4",	"ERROR",
	"ERROR2", "ERROR3", "ERROR4", "FATAL",	"FATAL2", "FATAL3", "FATAL4",
};

class LogRecordable final : public logs_sdk::Recordable, public Pooled<LogRecordable>
{
      public:
	LogRecordable() noexcept : buffer_(this)
	{
	}

	void SetTimestamp(SystemTimestamp time) noexcept override
	{
		record_.time_unix_ns = time_ns(time);
	}

	void SetObservedTimestamp(SystemTimestamp time) noexcept override
	{
		record_.observed_time_unix_ns = time_ns(time);
	}

	void SetSeverity(logs_api::Severity severity) noexcept override
	{
		size_t number = static_cast<size_t>(severity);

		if (number >= sizeof(severity_texts) / sizeof(severity_texts[0]))
			number = OTLP_SEVERITY_UNSPECIFIED;
		record_.severity_number = static_cast<otlp_severity_number>(number);
		record_.severity_text = otlp_str_from(severity_texts[number]);
	}

	/* A body for which there is no memory is counted with the attributes: there is no other
	 * place. */
	void SetBody(const AttributeValue &message) noexcept override
	{
		if (!value_copy(buffer_.get(), message, length_unlimited, record_.body))
			attributes_.dropped++;
	}

	void SetAttribute(nostd::string_view key, const AttributeValue &value) noexcept override
	{
		attribute_set(attributes_, buffer_.get(), key, value, attributes_max_,
			      value_bytes_max_);
	}

	/* OTLP has the name, and no field for the number. */
	void SetEventId(int64_t id, nostd::string_view name) noexcept override
	{
		(void)buffer_.get().text_over(name.data(), name.size(), record_.event_name,
					      record_.event_name);
		if (id != 0)
			SetAttribute("event.id", id);
	}

	void SetTraceId(const trace_api::TraceId &id) noexcept override
	{
		id.CopyBytesTo(record_.trace_id);
	}

	void SetSpanId(const trace_api::SpanId &id) noexcept override
	{
		id.CopyBytesTo(record_.span_id);
	}

	void SetTraceFlags(const trace_api::TraceFlags &flags) noexcept override
	{
		record_.flags = flags.flags();
	}

	/* It is pointed to until the export, as the SDK's own recordables do. */
	void SetResource(const Resource &resource) noexcept override
	{
		resource_ = &resource;
	}

	/* As the resource. */
	void SetInstrumentationScope(const InstrumentationScope &scope) noexcept override
	{
		scope_ = &scope;
	}

#ifdef OTLPIPE_HAS_LOG_LIMITS
	void SetLogRecordLimits(const logs_sdk::LogRecordLimits &limits) noexcept override
	{
		attributes_max_ = static_cast<uint32_t>(
			std::min<size_t>(limits.attribute_count_limit, count_unlimited));
		value_bytes_max_ = limits.attribute_value_length_limit;
	}
#endif

	const Resource *resource() const noexcept
	{
		return resource_;
	}

	const InstrumentationScope *scope() const noexcept
	{
		return scope_;
	}

	/** The record as it is now, but for its resource and its scope. */
	const otlp_log_record &finished() noexcept
	{
		record_.attributes = attributes_.attributes();
		return record_;
	}

      private:
	static constexpr uint32_t attributes_room = 16;

	otlp_log_record record_ = {};
	const Resource *resource_ = nullptr;
	const InstrumentationScope *scope_ = nullptr;
	uint32_t attributes_max_ = count_unlimited;
	size_t value_bytes_max_ = length_unlimited;
	otlp_attribute first_attributes_[attributes_room];
	AttributeList attributes_ = {first_attributes_, 0, attributes_room, 0, 0};
	RoomyBuffer<1792> buffer_;
};

static_assert(sizeof(Slot) + sizeof(LogRecordable) <= 3072, "3 KiB a record, as is documented");

struct LogTraits {
	using handle = otlp_log_exporter;
	using record = otlp_log_record;
	using recordable = LogRecordable;

	static constexpr const char *what = "log records";

	static int make(otlp_library *library, handle **ret) noexcept
	{
		return otlp_library_log_exporter(library, ret);
	}

	static int set(handle *exporter, const otlp_resource *resource) noexcept
	{
		return otlp_log_exporter_set_resource(exporter, resource).cause;
	}

	static int push(handle *exporter, const record *records, size_t count) noexcept
	{
		return otlp_log_exporter_export(exporter, records, count).cause;
	}

	static void unref(handle *exporter) noexcept
	{
		otlp_log_exporter_unref(exporter);
	}
};

class OtlpLogRecordExporter final : public logs_sdk::LogRecordExporter
{
      public:
	explicit OtlpLogRecordExporter(const OtlpExporterOptions &options) : exporter_(options)
	{
	}

	std::unique_ptr<logs_sdk::Recordable> MakeRecordable() noexcept override
	{
		return std::unique_ptr<logs_sdk::Recordable>(exporter_.make());
	}

	ExportResult
	Export(const nostd::span<std::unique_ptr<logs_sdk::Recordable>> &records) noexcept override
	{
		return exporter_.export_all(records);
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

#ifdef OTLPIPE_HAS_LOG_LIMITS
	bool RecordableEnforcesLogRecordLimits() const noexcept override
	{
		return true;
	}
#endif

      private:
	BatchExporter<LogTraits> exporter_;
};

} // namespace

std::unique_ptr<logs_sdk::LogRecordExporter>
OtlpLogRecordExporterFactory::Create(const OtlpExporterOptions &options)
{
	return std::make_unique<OtlpLogRecordExporter>(options);
}

std::unique_ptr<logs_sdk::LogRecordExporter>
OtlpLogRecordExporterFactory::Create(const Library &library)
{
	return Create(options_of(library));
}

} // namespace otlpipe
