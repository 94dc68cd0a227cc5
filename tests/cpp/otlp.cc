// SPDX-License-Identifier: Apache-2.0
#include "otlp.h"

#include <algorithm>

#include <opentelemetry/sdk/logs/simple_log_record_processor_factory.h>
#include <opentelemetry/sdk/trace/simple_processor_factory.h>

#include "support.h"

/* The message, which ends with the last that refers to it. */
template <class Message>
static Message *unpacked(std::shared_ptr<void> &keep, const std::string &bytes,
			 const ProtobufCMessageDescriptor &descriptor)
{
	ProtobufCMessage *message =
		protobuf_c_message_unpack(&descriptor, nullptr, bytes.size(),
					  reinterpret_cast<const uint8_t *>(bytes.data()));

	CHECK(message != nullptr);
	keep = std::shared_ptr<void>(message, [](void *last) {
		protobuf_c_message_free_unpacked(static_cast<ProtobufCMessage *>(last), nullptr);
	});
	return reinterpret_cast<Message *>(message);
}

Decoded<PbSpan> traces_of(const std::string &bytes)
{
	Decoded<PbSpan> ret;
	const auto *all = unpacked<PB_TRACE(TracesData)>(
		ret.message, bytes, opentelemetry__proto__trace__v1__traces_data__descriptor);

	for (size_t r = 0; r < all->n_resource_spans; r++)
		for (size_t s = 0; s < all->resource_spans[r]->n_scope_spans; s++) {
			const auto *resource = all->resource_spans[r];
			const auto *scope = resource->scope_spans[s];

			for (size_t i = 0; i < scope->n_spans; i++)
				ret.records.push_back({scope->spans[i], resource->resource,
						       scope->scope, str(resource->schema_url),
						       str(scope->schema_url)});
		}
	return ret;
}

Decoded<PbMetric> metrics_of(const std::string &bytes)
{
	Decoded<PbMetric> ret;
	const auto *all = unpacked<PB_METRICS(MetricsData)>(
		ret.message, bytes, opentelemetry__proto__metrics__v1__metrics_data__descriptor);

	for (size_t r = 0; r < all->n_resource_metrics; r++)
		for (size_t s = 0; s < all->resource_metrics[r]->n_scope_metrics; s++) {
			const auto *resource = all->resource_metrics[r];
			const auto *scope = resource->scope_metrics[s];

			for (size_t i = 0; i < scope->n_metrics; i++)
				ret.records.push_back({scope->metrics[i], resource->resource,
						       scope->scope, str(resource->schema_url),
						       str(scope->schema_url)});
		}
	return ret;
}

Decoded<PbLog> logs_of(const std::string &bytes)
{
	Decoded<PbLog> ret;
	const auto *all = unpacked<PB_LOGS(LogsData)>(
		ret.message, bytes, opentelemetry__proto__logs__v1__logs_data__descriptor);

	for (size_t r = 0; r < all->n_resource_logs; r++)
		for (size_t s = 0; s < all->resource_logs[r]->n_scope_logs; s++) {
			const auto *resource = all->resource_logs[r];
			const auto *scope = resource->scope_logs[s];

			for (size_t i = 0; i < scope->n_log_records; i++)
				ret.records.push_back({scope->log_records[i], resource->resource,
						       scope->scope, str(resource->schema_url),
						       str(scope->schema_url)});
		}
	return ret;
}

std::string string_attribute(PbKeyValue *const *attributes, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (str(attributes[i]->key) == key)
			return str(attributes[i]->value->string_value);
	return {};
}

std::vector<std::string> span_names(const std::string &bytes)
{
	std::vector<std::string> names;

	for (const auto &found : traces_of(bytes).records)
		names.push_back(str(found.record->name));
	std::sort(names.begin(), names.end());
	return names;
}

opentelemetry::sdk::resource::Resource resource_of(const std::string &service)
{
	return opentelemetry::sdk::resource::Resource::Create({{"service.name", service}});
}

std::unique_ptr<trace_sdk::TracerProvider>
span_provider(std::unique_ptr<trace_sdk::SpanExporter> exporter, const std::string &service)
{
	return std::make_unique<trace_sdk::TracerProvider>(
		trace_sdk::SimpleSpanProcessorFactory::Create(std::move(exporter)),
		resource_of(service));
}

std::unique_ptr<logs_sdk::LoggerProvider>
log_provider(std::unique_ptr<logs_sdk::LogRecordExporter> exporter, const std::string &service)
{
	return std::make_unique<logs_sdk::LoggerProvider>(
		logs_sdk::SimpleLogRecordProcessorFactory::Create(std::move(exporter)),
		resource_of(service));
}
