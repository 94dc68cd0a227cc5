/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One program and so one run for everything that is measured in nanoseconds: google-benchmark
 * shuffles the repetitions of all of them, so that a slow minute of the machine hits each alike.
 *
 * A writer must run on $OTLPIPE_DIR (scripts/bench.py starts one) for the benches with a writer;
 * the uncontended ones have a directory of their own, $OTLPIPE_BENCH_DIR.
 */
#include "bench/micro.h"

int main(int argc, char **argv)
{
	bench_register(bench_copy_table);
	bench_register(bench_push_table);
	bench_register(bench_threads_table);
	bench_register(bench_encode_table);
	bench_register(bench_ring_table);
	bench_register(bench_rings_table);
	bench_register(bench_calls_table);
	bench_register(bench_logs_table);
	return bench_main(argc, argv);
}
