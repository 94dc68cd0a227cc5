/* SPDX-License-Identifier: Apache-2.0 */
/* Hands benches to google-benchmark. Of the project's two C++ files the one that is not a peer. */
#include <benchmark/benchmark.h>
#include <cstring>
#include <ctime>
#include <sched.h>
#include <unistd.h>

#include "bench/harness.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t bench_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* What the process was allowed when it started. */
static cpu_set_t allowed;
static bool is_allowed_known = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;

/* Refused in some containers: then the scheduler decides, and the spread says so. */
void bench_pin(int is_pinned)
{
	if (is_pinned != 0)
		bench_place(0);
	else if (is_allowed_known)
		(void)sched_setaffinity(0, sizeof(allowed), &allowed);
}

void bench_place(unsigned index)
{
	cpu_set_t set;
	int cpu = -1;

	if (!is_allowed_known)
		return;
	for (index = index % static_cast<unsigned>(CPU_COUNT(&allowed)) + 1; index > 0; index--)
		while (!CPU_ISSET(++cpu, &allowed))
			;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void run_bench(benchmark::State &state, const struct bench *bench)
{
	bench_pin(bench->threads == 0);

	const int error = bench->setup != nullptr ? bench->setup(bench) : 0;

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

	state.counters["operations"] = static_cast<double>(bench->burst_operations);
	if (bench->operation_bytes > 0)
		state.counters["bytes"] = static_cast<double>(bench->operation_bytes);
	if (bench->counters != nullptr) {
		struct bench_counter own[BENCH_COUNTERS_MAX];
		const size_t count = bench->counters(bench, own);

		for (size_t i = 0; i < count; i++)
			state.counters[own[i].name] = static_cast<double>(own[i].value);
	}
	if (bench->teardown != nullptr)
		bench->teardown(bench);
}

void bench_register(const struct bench *table)
{
	for (; table->name != nullptr; table++)
		benchmark::RegisterBenchmark(table->name, run_bench, table)->UseManualTime();
}

int bench_main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}
