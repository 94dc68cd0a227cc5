/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands bench_table to google-benchmark, and writes one JSON object a line and
 * benchmark to the file that $OTLPIPE_BENCH_JSON names, for a script to draw.
 * The only C++ of the project.
 */
#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "bench/harness.h"

/* Bursts are microseconds long and each leaves a few MiB to drain: a short time is enough. */
static const double min_seconds = 0.05;

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

static void run_bench(benchmark::State &state, const struct bench *bench)
{
	int error = bench->setup != nullptr ? bench->setup(bench) : 0;

	if (error < 0) {
		state.SkipWithError(std::strerror(-error));
		return;
	}
	for (auto _ : state) {
		const int64_t ns = bench->burst(bench, bench->burst_operations);

		if (ns < 0) {
			state.SkipWithError(std::strerror(static_cast<int>(-ns)));
			break;
		}
		state.SetIterationTime(static_cast<double>(ns) * 1e-9);
	}

	const auto operations = static_cast<double>(bench->burst_operations);
	using benchmark::Counter;
	state.counters["per_operation"] = Counter(
		operations, Counter::Flags(Counter::kIsIterationInvariantRate | Counter::kInvert));
	state.counters["operations_per_second"] =
		Counter(operations, Counter::kIsIterationInvariantRate);
	if (bench->operation_bytes > 0)
		state.SetBytesProcessed(
			static_cast<int64_t>(state.iterations()) *
			static_cast<int64_t>(bench->burst_operations * bench->operation_bytes));
	if (bench->counters != nullptr) {
		struct bench_counter own[BENCH_COUNTERS_MAX];
		const size_t count = bench->counters(bench, own);

		for (size_t i = 0; i < count; i++)
			state.counters[own[i].name] = static_cast<double>(own[i].value);
	}
	if (bench->teardown != nullptr)
		bench->teardown(bench);
}

/* The console as ever, and lines of JSON beside it. */
class LinesReporter : public benchmark::ConsoleReporter
{
      public:
	explicit LinesReporter(std::FILE *lines) : ConsoleReporter(OO_Tabular), lines_(lines)
	{
	}

	void ReportRuns(const std::vector<Run> &runs) override
	{
		ConsoleReporter::ReportRuns(runs);
		for (const Run &run : runs)
			if (run.error_occurred)
				failed_ = true;
			else if (lines_ != nullptr)
				write_line(run);
	}

	bool failed() const
	{
		return failed_;
	}

      private:
	void write_line(const Run &run)
	{
		std::fprintf(lines_, "{\"bench\":\"%s\"", run.run_name.function_name.c_str());
		for (const auto &counter : run.counters)
			if (counter.first == "per_operation")
				std::fprintf(lines_, ",\"ns\":%.2f", counter.second.value * 1e9);
			else
				std::fprintf(lines_, ",\"%s\":%.0f", counter.first.c_str(),
					     counter.second.value);
		std::fprintf(lines_, "}\n");
		std::fflush(lines_);
	}

	std::FILE *lines_;
	bool failed_ = false;
};

int main(int argc, char **argv)
{
	const char *path = std::getenv("OTLPIPE_BENCH_JSON");
	std::FILE *lines = path != nullptr ? std::fopen(path, "a") : nullptr;

	if (path != nullptr && lines == nullptr) {
		std::perror(path);
		return 1;
	}
	for (const struct bench *bench = bench_table; bench->name != nullptr; bench++)
		benchmark::RegisterBenchmark(bench->name, run_bench, bench)
			->UseManualTime()
			->MinTime(min_seconds);
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;

	LinesReporter reporter(lines);
	benchmark::RunSpecifiedBenchmarks(&reporter);
	if (lines != nullptr)
		std::fclose(lines);
	return reporter.failed() ? 1 : 0;
}
