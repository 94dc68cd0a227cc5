// SPDX-License-Identifier: Apache-2.0
/*
 * An exporter whose recordables record nothing: what a span costs with it is the SDK's own part.
 */
#ifndef OTLPIPE_TESTS_CPP_NOTHING_H
#define OTLPIPE_TESTS_CPP_NOTHING_H

#include <chrono>
#include <memory>

#include <opentelemetry/nostd/span.h>
#include <opentelemetry/nostd/string_view.h>
#include <opentelemetry/sdk/trace/exporter.h>
#include <opentelemetry/sdk/trace/recordable.h>

class NoRecordable final : public opentelemetry::sdk::trace::Recordable
{
      public:
	void SetIdentity(const opentelemetry::trace::SpanContext &,
			 opentelemetry::trace::SpanId) noexcept override
	{
	}

	void SetAttribute(opentelemetry::nostd::string_view,
			  const opentelemetry::common::AttributeValue &) noexcept override
	{
	}

	void AddEvent(opentelemetry::nostd::string_view, opentelemetry::common::SystemTimestamp,
		      const opentelemetry::common::KeyValueIterable &) noexcept override
	{
	}

	void AddLink(const opentelemetry::trace::SpanContext &,
		     const opentelemetry::common::KeyValueIterable &) noexcept override
	{
	}

	void SetStatus(opentelemetry::trace::StatusCode,
		       opentelemetry::nostd::string_view) noexcept override
	{
	}

	void SetName(opentelemetry::nostd::string_view) noexcept override
	{
	}

	void SetSpanKind(opentelemetry::trace::SpanKind) noexcept override
	{
	}

	void SetResource(const opentelemetry::sdk::resource::Resource &) noexcept override
	{
	}

	void SetStartTime(opentelemetry::common::SystemTimestamp) noexcept override
	{
	}

	void SetDuration(std::chrono::nanoseconds) noexcept override
	{
	}

	void
	SetInstrumentationScope(const opentelemetry::sdk::instrumentationscope::InstrumentationScope
					&) noexcept override
	{
	}
};

class Nothing final : public opentelemetry::sdk::trace::SpanExporter
{
      public:
	std::unique_ptr<opentelemetry::sdk::trace::Recordable> MakeRecordable() noexcept override
	{
		return std::make_unique<NoRecordable>();
	}

	opentelemetry::sdk::common::ExportResult
	Export(const opentelemetry::nostd::span<
		std::unique_ptr<opentelemetry::sdk::trace::Recordable>> &) noexcept override
	{
		return opentelemetry::sdk::common::ExportResult::kSuccess;
	}

	bool ForceFlush(std::chrono::microseconds) noexcept override
	{
		return true;
	}

	bool Shutdown(std::chrono::microseconds) noexcept override
	{
		return true;
	}
};

#endif
