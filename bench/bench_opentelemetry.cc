// SPDX-License-Identifier: Apache-2.0
/*
 * What a span costs in opentelemetry-cpp, from StartSpan() to the end of End(), on the thread that
 * ends it: with our exporter, with its own that write (ostream to a file), with the one that keeps
 * spans in memory, and with one that records nothing, which is the SDK's own part. In turn, in one
 * run, and the best and the median of all rounds. A writer drains the rings meanwhile.
 *
 * usage: bench_opentelemetry DIRECTORY FILE [ROUNDS [NAME]]
 *        DIRECTORY: the writer's; FILE: for ostream; NAME: that way alone, as "otlpipe, simple",
 * for valgrind --tool=callgrind, which counts instructions.
 */
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <opentelemetry/exporters/memory/in_memory_span_exporter_factory.h>
#include <opentelemetry/exporters/ostream/span_exporter_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/simple_processor_factory.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <otlpipe/opentelemetry.h>

#include "tests/cpp/nothing.h"

namespace trace_api = opentelemetry::trace;
namespace trace_sdk = opentelemetry::sdk::trace;
namespace exporters = opentelemetry::exporter;

static thread_local unsigned long allocations;

extern "C" void *__libc_malloc(size_t);

/* operator new comes through here too. */
extern "C" void *malloc(size_t bytes)
{
	allocations++;
	return __libc_malloc(bytes);
}

struct Way {
	const char *name;
	std::unique_ptr<trace_sdk::TracerProvider> provider;
	opentelemetry::nostd::shared_ptr<trace_api::Tracer> tracer;
	std::vector<double> span_ns;
	double span_allocations;
	std::function<void()> after; /* of a round, not measured */
};

static constexpr int spans = 400;

/* 8 attributes, an event, a status. */
static void span(trace_api::Tracer &tracer)
{
	auto it = tracer.StartSpan("GET /api/orders/{id}");

	it->SetAttribute("http.request.method", "GET");
	it->SetAttribute("http.route", "/api/orders/{id}");
	it->SetAttribute("http.response.status_code", 200);
	it->SetAttribute("server.address", "shop.example.com");
	it->SetAttribute("server.port", 443);
	it->SetAttribute("cache.ratio", 0.5);
	it->SetAttribute("cached", false);
	it->SetAttribute("user.id", "u-12345");
	it->AddEvent("order found");
	it->SetStatus(trace_api::StatusCode::kOk);
	it->End();
}

static void round_of(Way &way)
{
	const unsigned long before = allocations;
	const auto start = std::chrono::steady_clock::now();

	for (int i = 0; i < spans; i++)
		span(*way.tracer);
	const std::chrono::duration<double, std::nano> took =
		std::chrono::steady_clock::now() - start;
	way.span_ns.push_back(took.count() / spans);
	way.span_allocations = static_cast<double>(allocations - before) / spans;
	if (way.after)
		way.after();
}

static std::unique_ptr<trace_sdk::SpanProcessor>
simple(std::unique_ptr<trace_sdk::SpanExporter> exporter)
{
	return trace_sdk::SimpleSpanProcessorFactory::Create(std::move(exporter));
}

/* As it is usually set up; a round is shorter than its queue. */
static std::unique_ptr<trace_sdk::SpanProcessor>
batch(std::unique_ptr<trace_sdk::SpanExporter> exporter)
{
	return trace_sdk::BatchSpanProcessorFactory::Create(std::move(exporter),
							    trace_sdk::BatchSpanProcessorOptions());
}

static Way way(const char *name, std::unique_ptr<trace_sdk::SpanProcessor> processor)
{
	Way ret = {name, nullptr, {}, {}, 0, {}};

	ret.provider = std::make_unique<trace_sdk::TracerProvider>(std::move(processor));
	ret.tracer = ret.provider->GetTracer("bench", "1.0.0");
	return ret;
}

static double median(std::vector<double> of)
{
	std::nth_element(of.begin(), of.begin() + of.size() / 2, of.end());
	return of[of.size() / 2];
}

int main(int argc, char **argv)
{
	otlpipe::LibraryOptions options;
	std::vector<Way> ways;

	if (argc < 3)
		return 2;
	const int rounds = argc > 3 ? std::atoi(argv[3]) : 200;
	const char *only = argc > 4 ? argv[4] : nullptr;
	std::ofstream file(argv[2]);
	options.runtime_dir = argv[1];
	options.span_ring_bytes = 16 << 20;
	const auto library = otlpipe::Library::open(options);
	const auto ours = [&library] { return otlpipe::OtlpSpanExporterFactory::Create(library); };
	const auto ostream = [&file] {
		return exporters::trace::OStreamSpanExporterFactory::Create(file);
	};
	std::shared_ptr<exporters::memory::InMemorySpanData> memory, batch_memory;

	ways.push_back(way("nothing, simple", simple(std::make_unique<Nothing>())));
	ways.push_back(way("otlpipe, simple", simple(ours())));
	ways.push_back(way("ostream, simple", simple(ostream())));
	ways.push_back(way("memory, simple",
			   simple(exporters::memory::InMemorySpanExporterFactory::Create(memory))));
	ways.back().after = [&memory] { memory->GetSpans(); };
	ways.push_back(way("otlpipe, batch", batch(ours())));
	ways.push_back(way("ostream, batch", batch(ostream())));
	ways.push_back(
		way("memory, batch",
		    batch(exporters::memory::InMemorySpanExporterFactory::Create(batch_memory))));
	for (size_t i = 4; i < ways.size(); i++)
		ways[i].after = [&ways, i] { ways[i].provider->ForceFlush(); };
	for (int i = 0; i < rounds; i++)
		for (auto &of : ways)
			if (only == nullptr || std::strcmp(only, of.name) == 0)
				round_of(of);
	for (auto &of : ways) {
		if (of.span_ns.empty())
			continue;
		std::printf("{\"name\": \"%s\", \"best_ns\": %.0f, \"median_ns\": %.0f, "
			    "\"allocations\": %.2f}\n",
			    of.name, *std::min_element(of.span_ns.begin(), of.span_ns.end()),
			    median(of.span_ns), of.span_allocations);
	}
	if (only != nullptr)
		return 0;
	/* From StartSpan() to the disk, as far as the writer's --sync says. */
	std::vector<double> to_disk;
	for (int i = 0; i < 50; i++) {
		const auto start = std::chrono::steady_clock::now();

		span(*ways[1].tracer);
		if (!library.flush(std::chrono::seconds(60)).ok())
			return 1;
		const std::chrono::duration<double, std::nano> took =
			std::chrono::steady_clock::now() - start;
		to_disk.push_back(took.count());
	}
	std::printf(
		"{\"name\": \"otlpipe, to the disk\", \"best_ns\": %.0f, \"median_ns\": %.0f}\n",
		*std::min_element(to_disk.begin(), to_disk.end()), median(to_disk));
	return library.stats().signals[OTLP_SIGNAL_TRACES].dropped_full == 0 ? 0 : 1;
}
