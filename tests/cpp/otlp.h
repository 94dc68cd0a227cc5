// SPDX-License-Identifier: Apache-2.0
/* The SDK's providers for the tests, and OTLP as protobuf-c reads it. */
#ifndef OTLPIPE_TESTS_CPP_OTLP_H
#define OTLPIPE_TESTS_CPP_OTLP_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <opentelemetry/sdk/logs/logger_provider.h>
#include <opentelemetry/sdk/logs/processor.h>
#include <opentelemetry/sdk/metrics/export/metric_producer.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <otlpipe/opentelemetry.h>

extern "C" {
#include "tests/oracle.h"
}

namespace trace_api = opentelemetry::trace;
namespace trace_sdk = opentelemetry::sdk::trace;
namespace logs_api = opentelemetry::logs;
namespace logs_sdk = opentelemetry::sdk::logs;
namespace metrics_sdk = opentelemetry::sdk::metrics;
namespace nostd = opentelemetry::nostd;
namespace common = opentelemetry::common;

using PbSpan = PB_TRACE(Span);
using PbLog = PB_LOGS(LogRecord);
using PbMetric = PB_METRICS(Metric);
using PbResource = PB_RESOURCE(Resource);
using PbScope = PB_COMMON(InstrumentationScope);
using PbKeyValue = PB_COMMON(KeyValue);

/** Text as these decoders have it. */
inline std::string str(const ProtobufCBinaryData &text)
{
	return {reinterpret_cast<const char *>(text.data), text.len};
}

/** A record in a file, with what it stands in. They belong to the Decoded. */
template <class Record> struct Found {
	Record *record;
	PbResource *resource;
	PbScope *scope;
	std::string resource_schema_url, scope_schema_url;
};

/** All records of the files of a signal, in order. */
template <class Record> struct Decoded {
	std::shared_ptr<void> message;
	std::vector<Found<Record>> records;
};

Decoded<PbSpan> traces_of(const std::string &bytes);
Decoded<PbMetric> metrics_of(const std::string &bytes);
Decoded<PbLog> logs_of(const std::string &bytes);

/** A string attribute; empty: there is none. */
std::string string_attribute(PbKeyValue *const *attributes, size_t count, const char *key);

/** The names of the spans, sorted. */
std::vector<std::string> span_names(const std::string &bytes);

opentelemetry::sdk::resource::Resource resource_of(const std::string &service);

/** A provider with a simple processor. */
std::unique_ptr<trace_sdk::TracerProvider>
span_provider(std::unique_ptr<trace_sdk::SpanExporter> exporter, const std::string &service);
std::unique_ptr<logs_sdk::LoggerProvider>
log_provider(std::unique_ptr<logs_sdk::LogRecordExporter> exporter, const std::string &service);

#endif
