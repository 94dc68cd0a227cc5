// SPDX-License-Identifier: Apache-2.0
/*
 * What opentelemetry-cpp's own OTLP recordable makes of the same objects. Debian's package has the
 * libraries and lacks the headers that protoc makes: so recordables come from its HTTP exporter,
 * and messages from protobuf's reflection.
 */
#ifndef OTLPIPE_TESTS_CPP_THEIRS_H
#define OTLPIPE_TESTS_CPP_THEIRS_H

#include <memory>
#include <string>
#include <vector>

#include <opentelemetry/exporters/otlp/otlp_http_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter_options.h>
#include <opentelemetry/exporters/otlp/otlp_http_log_record_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_log_record_exporter_options.h>

#include "generate.h"
#include "otlp.h"

/** Makes OTLP recordables. */
std::unique_ptr<trace_sdk::SpanExporter> their_span_exporter();
std::unique_ptr<logs_sdk::LogRecordExporter> their_log_exporter();

/** The bytes of an export request. */
std::string their_bytes(std::vector<std::unique_ptr<trace_sdk::Recordable>> &spans);
std::string their_bytes(std::vector<std::unique_ptr<logs_sdk::Recordable>> &records);
std::string their_bytes(const metrics_sdk::ResourceMetrics &metrics);

/** Takes what a processor exports, as OTLP recordables. */
class TheirCapture final : public trace_sdk::SpanExporter
{
      public:
	explicit TheirCapture(std::string &bytes) : bytes_(bytes)
	{
	}

	std::unique_ptr<trace_sdk::Recordable> MakeRecordable() noexcept override
	{
		return from_->MakeRecordable();
	}

	opentelemetry::sdk::common::ExportResult
	Export(const nostd::span<std::unique_ptr<trace_sdk::Recordable>> &spans) noexcept override;

	bool ForceFlush(std::chrono::microseconds) noexcept override
	{
		return true;
	}

	bool Shutdown(std::chrono::microseconds) noexcept override
	{
		return true;
	}

      private:
	std::string &bytes_; /* requests may follow each other */
	std::unique_ptr<trace_sdk::SpanExporter> from_ = their_span_exporter();
};

/** Compare each span and its place; what docs/sdks.md lists as theirs is made ours before. */
void compare(Decoded<PbSpan> ours, Decoded<PbSpan> theirs, const LinkFlags &link_flags);
void compare(Decoded<PbLog> ours, Decoded<PbLog> theirs, const std::vector<std::string> &events);
void compare(Decoded<PbMetric> ours, Decoded<PbMetric> theirs);

#endif
