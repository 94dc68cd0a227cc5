/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer: an LTTng-UST tracepoint of 128 bytes, and tracef() with the line of L, recorded to disk
 * by a session daemon that scripts/bench_peers.py starts. With --sustained COUNT THREADS it only
 * emits as many, as fast as one or two threads can, and says how long that took and what it cost;
 * with --cold it follows cold.h's schedule; otherwise it is a benchmark of bursts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cold.h"
#include "bench/harness.h"
#include "bench/pair.h"
#include "bench/tracef.h"

#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "bench/lttng_tracepoint.h"

#define BURST_OPERATIONS 4096
#define PAUSE_US	 3000 /* the consumer takes a burst to the disk */

static const uint8_t payload[LTTNG_PAYLOAD_BYTES] = {1};

static void emit(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		lttng_ust_tracepoint(otlpipe_bench, record, payload);
}

static int64_t lttng_burst(const struct bench *bench, uint64_t operations)
{
	uint64_t elapsed_ns, started_ns = bench_cpu_ns();

	if (bench->threads > 0) {
		elapsed_ns = pair_burst(operations);
	} else {
		emit(operations);
		elapsed_ns = bench_cpu_ns() - started_ns;
	}
	usleep(PAUSE_US);
	return (int64_t)elapsed_ns;
}

static int lttng_setup(const struct bench *bench)
{
	if (!lttng_ust_tracepoint_enabled(otlpipe_bench, record))
		return -ENOENT;
	if (bench->threads > 0)
		pair_open(emit);
	return 0;
}

static void lttng_teardown(const struct bench *bench)
{
	if (bench->threads > 0)
		pair_close();
}

static const struct bench table[] = {
	{.name = "lttng_ust/128",
	 .setup = lttng_setup,
	 .burst = lttng_burst,
	 .burst_operations = BURST_OPERATIONS,
	 .operation_bytes = LTTNG_PAYLOAD_BYTES},
	{.name = "lttng_ust/128/2",
	 .setup = lttng_setup,
	 .burst = lttng_burst,
	 .teardown = lttng_teardown,
	 .burst_operations = BURST_OPERATIONS,
	 .operation_bytes = LTTNG_PAYLOAD_BYTES,
	 .threads = 2},
	{.name = NULL},
};

static int sustained(uint64_t count, uint64_t threads)
{
	uint64_t started_ns, started_cpu_ns, cpu_ns;

	if (!lttng_ust_tracepoint_enabled(otlpipe_bench, record))
		return 1;
	if (threads == 2)
		pair_open(emit);
	else
		bench_pin(1);
	started_ns = bench_now_ns();
	started_cpu_ns = bench_cpu_ns();
	if (threads == 2) {
		cpu_ns = pair_burst(count);
	} else {
		emit(count);
		cpu_ns = bench_cpu_ns() - started_cpu_ns;
	}
	printf("{\"events\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
	       (unsigned long long)count, (double)(bench_now_ns() - started_ns) * 1e-9,
	       (double)cpu_ns * 1e-9);
	if (threads == 2)
		pair_close();
	return 0;
}

static int cold(void)
{
	static const struct cold_subject subject = {"lttng_ust/128", emit};

	cold_place(0);
	if (!lttng_ust_tracepoint_enabled(otlpipe_bench, record))
		return 1;
	printf("{");
	cold_run(&subject, 1);
	printf(", ");
	cold_run_together(&subject);
	puts("}");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--cold") == 0)
		return cold();
	if (argc == 4 && strcmp(argv[1], "--sustained") == 0)
		return sustained(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	bench_register(table);
	bench_register(bench_tracef_table);
	return bench_main(argc, argv);
}
