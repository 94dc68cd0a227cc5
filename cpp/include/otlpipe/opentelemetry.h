// SPDX-License-Identifier: Apache-2.0
/**
 * @file
 * Exporters for opentelemetry-cpp (1.19 and later): spans, metrics and log records go into shared
 * memory, and the writer makes files of them. Link otlpipe-opentelemetry.
 *
 *     auto library = otlpipe::Library::open();
 *     auto exporter = otlpipe::OtlpSpanExporterFactory::Create(library);
 *     auto processor = trace_sdk::SimpleSpanProcessorFactory::Create(std::move(exporter));
 *
 * The simple processors are the ones to take: an export never waits, and what was exported outlives
 * the process, which a batch processor's queue does not.
 *
 * A factory throws otlpipe::Error where it can make no exporter: the library was shut down, or it
 * opens one and cannot. An exporter never throws. What fails is an ExportResult or a false, and a
 * line in the SDK's internal log with the cause and what to do, once in ten seconds for each cause.
 *
 * An exporter shares its library and does not end it: its Shutdown() succeeds and changes nothing.
 * It may be used from any number of threads, and goes on in a forked child.
 */
#ifndef OTLPIPE_CPP_OPENTELEMETRY_H
#define OTLPIPE_CPP_OPENTELEMETRY_H

#include <chrono>
#include <cstddef>
#include <memory>

#include <opentelemetry/sdk/logs/exporter.h>
#include <opentelemetry/sdk/metrics/export/metric_producer.h>
#include <opentelemetry/sdk/metrics/push_metric_exporter.h>
#include <opentelemetry/sdk/trace/exporter.h>

#include <otlpipe/library.h>

namespace otlpipe
{

/** What an exporter is made of. */
struct OtlpExporterOptions {
	/** The library that it shares; an empty handle: one is opened for this exporter alone. */
	Library library;
	/** How that one is opened. What it went on without is told to the SDK's internal log, if
	 * on_diagnostic is empty. */
	LibraryOptions open;
	/**
	 * How long ForceFlush() waits where it is given no deadline: the SDK's batch processors
	 * pass zero for that, so that zero is none too.
	 */
	std::chrono::milliseconds flush_limit{5000};
	/**
	 * Spans or log records that are kept for the next ones, of about 3 KiB each; more may be
	 * under way at a time, and come from the heap.
	 */
	std::size_t pool_records = 4096;
};

/** Makes span exporters. */
class OTLP_API OtlpSpanExporterFactory
{
      public:
	/** @throws Error */
	static std::unique_ptr<opentelemetry::sdk::trace::SpanExporter>
	Create(const OtlpExporterOptions &options = {});

	/** @throws Error */
	static std::unique_ptr<opentelemetry::sdk::trace::SpanExporter>
	Create(const Library &library);
};

/** Makes metric exporters. */
class OTLP_API OtlpMetricExporterFactory
{
      public:
	/** @throws Error */
	static std::unique_ptr<opentelemetry::sdk::metrics::PushMetricExporter>
	Create(const OtlpExporterOptions &options = {});

	/** @throws Error */
	static std::unique_ptr<opentelemetry::sdk::metrics::PushMetricExporter>
	Create(const Library &library);
};

/** Makes exporters of log records. */
class OTLP_API OtlpLogRecordExporterFactory
{
      public:
	/** @throws Error */
	static std::unique_ptr<opentelemetry::sdk::logs::LogRecordExporter>
	Create(const OtlpExporterOptions &options = {});

	/** @throws Error */
	static std::unique_ptr<opentelemetry::sdk::logs::LogRecordExporter>
	Create(const Library &library);
};

/**
 * Export metrics by reference, without an exporter. Any thread; not from a signal handler.
 *
 * @return the first refusal: what could not be taken was dropped and counted, the others were taken
 */
OTLP_API Result
export_metrics_ref(const Library &library,
		   const opentelemetry::sdk::metrics::ResourceMetrics &metrics) noexcept;

} // namespace otlpipe

#endif
