/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The speed of light: memcpy of as many bytes as a record takes in the ring.
 *
 *   memcpy/…      to and fro in a buffer of the ring's size, one copy behind the other, which is
 *                 zeroed between the bursts as a drained ring is: what a push must do at least
 *   memcpy_hot/…  always to the same place, which no ring can
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro.h"

#define BURST_BYTES	 (950u << 10) /* as a burst of pushes of S */
#define BUFFER_BYTES	 (4u << 20)
#define RECORD_BYTES_MAX 4096u

struct copy_case {
	enum bench_record record;
	bool is_hot;
};

static unsigned char source[RECORD_BYTES_MAX];
static unsigned char *target;
static size_t position;

static int copy_setup(const struct bench *bench)
{
	const struct copy_case *of = bench->argument;
	const uint64_t bytes = bench_record_bytes(of->record);

	if (bytes == 0 || bytes > RECORD_BYTES_MAX)
		return -EINVAL;
	target = malloc(BUFFER_BYTES);
	if (target == NULL)
		return -ENOMEM;
	memset(target, 0, BUFFER_BYTES);
	memset(source, 1, sizeof(source));
	position = 0;
	return 0;
}

static uint64_t operations_of(const struct copy_case *of)
{
	return BURST_BYTES / bench_record_bytes(of->record);
}

static int64_t copy_burst(const struct bench *bench, uint64_t ignored)
{
	const struct copy_case *of = bench->argument;
	const size_t len = bench_record_bytes(of->record);
	const uint64_t operations = operations_of(of);
	const size_t step = of->is_hot ? 0 : len;
	unsigned char *to;
	uint64_t elapsed_ns, started_ns;

	(void)ignored; /* it depends on a record's bytes: copy_counters() says it */
	if (position + operations * step > BUFFER_BYTES)
		position = 0;
	to = target + position;
	started_ns = bench_cpu_ns();
	for (uint64_t i = 0; i < operations; i++) {
		memcpy(to, source, len);
		bench_use(to);
		to += step;
	}
	elapsed_ns = bench_cpu_ns() - started_ns;
	memset(target + position, 0, operations * step);
	position += operations * step;
	return (int64_t)elapsed_ns;
}

static size_t copy_counters(const struct bench *bench, struct bench_counter *ret)
{
	const struct copy_case *of = bench->argument;

	ret[0] = (struct bench_counter){"record_bytes", bench_record_bytes(of->record)};
	ret[1] = (struct bench_counter){"operations", operations_of(of)};
	return 2;
}

static void copy_teardown(const struct bench *bench)
{
	(void)bench;
	free(target);
	target = NULL;
}

#define COPY(title, record, is_hot)                                                          \
	{                                                                                    \
		.name = title, .setup = copy_setup, .burst = copy_burst,                     \
		.counters = copy_counters, .teardown = copy_teardown,                        \
		.argument = &(const struct copy_case){record, is_hot}, .burst_operations = 1 \
	}

const struct bench bench_copy_table[] = {
	COPY("memcpy/S", BENCH_RECORD_S, false),
	COPY("memcpy/S0", BENCH_RECORD_S0, false),
	COPY("memcpy/128", BENCH_RECORD_128, false),
	COPY("memcpy/S_shaped", BENCH_RECORD_S_SHAPED, false),
	COPY("memcpy/M_point", BENCH_RECORD_M_POINT, false),
	COPY("memcpy_hot/S", BENCH_RECORD_S, true),
	COPY("memcpy_hot/S0", BENCH_RECORD_S0, true),
	{.name = NULL},
};
