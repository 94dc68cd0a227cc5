// SPDX-License-Identifier: Apache-2.0
/*
 * Counts the lines of files, with opentelemetry-cpp: a span for the whole and one for each file, a
 * counter and a histogram, and a log record for each file that cannot be read. All of it goes into
 * shared memory; the writer makes files of it.
 *
 * Only main() knows of otlpipe, and not even its providers do: the rest is as with any exporter.
 *
 * usage: count-lines FILE…
 */
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <opentelemetry/common/key_value_iterable_view.h>
#include <opentelemetry/logs/logger.h>
#include <opentelemetry/metrics/sync_instruments.h>
#include <opentelemetry/sdk/logs/logger_provider.h>
#include <opentelemetry/sdk/logs/simple_log_record_processor_factory.h>
#include <opentelemetry/sdk/metrics/export/periodic_exporting_metric_reader_factory.h>
#include <opentelemetry/sdk/metrics/export/periodic_exporting_metric_reader_options.h>
#include <opentelemetry/sdk/metrics/meter_provider.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/simple_processor_factory.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/trace/scope.h>
#include <otlpipe/opentelemetry.h>

namespace logs_sdk = opentelemetry::sdk::logs;
namespace metrics_sdk = opentelemetry::sdk::metrics;
namespace trace_sdk = opentelemetry::sdk::trace;
namespace trace_api = opentelemetry::trace;

namespace
{

/* What the program tells about itself, by the names that OpenTelemetry has for it. */
struct Telemetry {
	opentelemetry::nostd::shared_ptr<trace_api::Tracer> tracer;
	opentelemetry::nostd::shared_ptr<opentelemetry::logs::Logger> logger;
	opentelemetry::nostd::unique_ptr<opentelemetry::metrics::Counter<uint64_t>> lines;
	opentelemetry::nostd::unique_ptr<opentelemetry::metrics::Histogram<uint64_t>> bytes;
};

/* The lines of a file; -1: it cannot be read. */
int64_t count(Telemetry &telemetry, const std::string &path)
{
	/* Its parent is the span that is active in this thread; so will be those below it. */
	auto span = telemetry.tracer->StartSpan("count file", {{"file.path", path}});
	trace_api::Scope scope(span);
	std::ifstream file(path, std::ios::binary);
	std::string line;
	int64_t lines = 0;
	uint64_t bytes = 0;

	for (; std::getline(file, line); lines++)
		bytes += line.size() + (file.eof() ? 0 : 1);
	if (!file.eof()) {
		span->SetStatus(trace_api::StatusCode::kError, "cannot be read");
		/* It gets the ids of the active span. */
		telemetry.logger->Warn(
			"cannot read {file.path}",
			opentelemetry::common::MakeAttributes(
				{{"file.path", opentelemetry::nostd::string_view(path)}}));
		return -1;
	}
	span->SetAttribute("file.lines", lines);
	telemetry.lines->Add(static_cast<uint64_t>(lines));
	telemetry.bytes->Record(bytes, {}, opentelemetry::context::Context{});
	return lines;
}

} // namespace

int main(int argc, char **argv)
try {
	/* One library for all three: they share this process's region. What it is not told comes
	 * from the environment: the runtime directory is $OTLPIPE_DIR. */
	const auto library = otlpipe::Library::open();
	const auto resource =
		opentelemetry::sdk::resource::Resource::Create({{"service.name", "count-lines"}});

	trace_sdk::TracerProvider traces(trace_sdk::SimpleSpanProcessorFactory::Create(
						 otlpipe::OtlpSpanExporterFactory::Create(library)),
					 resource);
	logs_sdk::LoggerProvider logs(
		logs_sdk::SimpleLogRecordProcessorFactory::Create(
			otlpipe::OtlpLogRecordExporterFactory::Create(library)),
		resource);
	metrics_sdk::MeterProvider metrics(std::make_unique<metrics_sdk::ViewRegistry>(), resource);
	metrics_sdk::PeriodicExportingMetricReaderOptions every;

	every.export_interval_millis = std::chrono::milliseconds(1000);
	every.export_timeout_millis = std::chrono::milliseconds(500);
	metrics.AddMetricReader(metrics_sdk::PeriodicExportingMetricReaderFactory::Create(
		otlpipe::OtlpMetricExporterFactory::Create(library), every));

	const auto meter = metrics.GetMeter("count-lines");
	Telemetry telemetry{
		traces.GetTracer("count-lines"), logs.GetLogger("count-lines", "count-lines"),
		meter->CreateUInt64Counter("lines", "lines that were counted", "{line}"),
		meter->CreateUInt64Histogram("file.size", "sizes of the files", "By")};
	bool failed = false;

	{
		auto whole = telemetry.tracer->StartSpan("count all");
		trace_api::Scope scope(whole);

		for (int i = 1; i < argc; i++) {
			const int64_t lines = count(telemetry, argv[i]);

			failed = failed || lines < 0;
			std::cout << lines << ' ' << argv[i] << '\n';
		}
	}
	/*
	 * The last points: a reader that is shut down before its thread has run once exports none.
	 * Nothing waits for a writer: what is in shared memory is safe there.
	 */
	metrics.ForceFlush(std::chrono::seconds(5));
	metrics.Shutdown();
	return failed ? 1 : 0;
} catch (const otlpipe::Error &error) {
	std::cerr << error.what() << '\n';
	return 2;
}
