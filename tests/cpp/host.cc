// SPDX-License-Identifier: Apache-2.0
/*
 * A program that is killed while it exports: it says on its standard output how many spans it has
 * ended, and goes on until then.
 *
 * usage: cpp_host simple|batch DIRECTORY
 */
#include <cstdio>
#include <cstring>

#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/simple_processor_factory.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <otlpipe/opentelemetry.h>

namespace trace_sdk = opentelemetry::sdk::trace;

int main(int argc, char **argv)
{
	otlpipe::LibraryOptions options;

	if (argc != 3)
		return 2;
	options.runtime_dir = argv[2];
	const auto library = otlpipe::Library::open(options);
	auto exporter = otlpipe::OtlpSpanExporterFactory::Create(library);
	std::unique_ptr<trace_sdk::SpanProcessor> processor;
	if (std::strcmp(argv[1], "simple") == 0) {
		processor = trace_sdk::SimpleSpanProcessorFactory::Create(std::move(exporter));
	} else {
		trace_sdk::BatchSpanProcessorOptions batch;

		batch.schedule_delay_millis = std::chrono::milliseconds(5);
		processor =
			trace_sdk::BatchSpanProcessorFactory::Create(std::move(exporter), batch);
	}
	trace_sdk::TracerProvider provider(std::move(processor));
	auto tracer = provider.GetTracer("host");

	for (unsigned long ended = 0;;) {
		auto span = tracer->StartSpan("until it is killed");

		span->SetAttribute("number", static_cast<int64_t>(ended));
		span->End();
		/* What was ended, and what the library has accepted: the second is never more. */
		ended++;
		std::printf("%lu %lu\n", ended,
			    static_cast<unsigned long>(
				    library.stats().signals[OTLP_SIGNAL_TRACES].accepted));
		std::fflush(stdout);
	}
}
