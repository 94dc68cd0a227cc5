/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of a push: our ring alone. A claim, a memcpy of bytes that are ready, a commit, and the
 * lines of the record after the next one asked for, as push_built() does. What push/… takes beyond
 * that is to read a span's fields and to make its record.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro.h"
#include "shm/ring.h"

#define RING_BYTES	 (2u << 20) /* as the first of two lanes of 4 MiB */
#define BURST_OPERATIONS 2048u	    /* as those of bench_push.c */
#define RECORD_BYTES_MAX 4096u
#define WARM_UP_BURSTS	 12 /* the smallest records: all of the ring */

static struct ring ring;
static struct ring_shared *shared;
static struct ring_reader reader;
static uint8_t *data;
static uint8_t source[RECORD_BYTES_MAX];

/* The bytes that the record's entry has for it: its payload, and what rounds that up. */
static size_t ready_bytes(const struct bench *bench)
{
	return bench_record_bytes(*(const enum bench_record *)bench->argument) - ENTRY_HEADER_BYTES;
}

static void push_ready(size_t len, uint64_t operations, uint64_t *full)
{
	struct ring_claim claim;

	for (uint64_t i = 0; i < operations; i++) {
		if (!ring_claim(&ring, (uint32_t)len, 1, &claim)) {
			++*full;
			continue;
		}
		memcpy(claim.payload, source, len);
		ring_commit(&claim);
		ring_ahead(&claim, len);
	}
}

static int drain(void)
{
	struct ring_done done = {0};
	int rc = ring_reader_tail(&reader, &done.position);

	if (rc == 0) {
		reader.read = done.position;
		ring_reader_release(&reader, &done);
	}
	return rc;
}

static int64_t ring_burst(const struct bench *bench, uint64_t operations)
{
	const size_t len = ready_bytes(bench);
	uint64_t elapsed_ns, started_ns, full = 0;

	started_ns = bench_cpu_ns();
	push_ready(len, operations, &full);
	elapsed_ns = bench_cpu_ns() - started_ns;
	if (drain() < 0)
		return -EBADMSG;
	return full > 0 ? -ENOBUFS : (int64_t)elapsed_ns;
}

static int ring_setup(const struct bench *bench)
{
	if (ready_bytes(bench) > sizeof(source))
		return -EINVAL;
	shared = aligned_alloc(LAYOUT_LINE_BYTES, sizeof(*shared));
	data = aligned_alloc(LAYOUT_PAGE_BYTES, RING_BYTES);
	if (shared == NULL || data == NULL)
		return -ENOMEM;
	memset(shared, 0, sizeof(*shared));
	memset(data, 0, RING_BYTES);
	memset(source, 1, sizeof(source));
	ring_init(&ring, shared, data, RING_BYTES);
	if (ring_reader_init(&reader, shared, data, RING_BYTES, true) < 0)
		return -EBADMSG;
	for (unsigned i = 0; i < WARM_UP_BURSTS; i++) {
		const int64_t rc = ring_burst(bench, BURST_OPERATIONS);

		if (rc < 0)
			return (int)rc;
	}
	return 0;
}

static void ring_teardown(const struct bench *bench)
{
	(void)bench;
	free(shared);
	free(data);
}

#define RING(title, record)                                                                \
	{                                                                                  \
		.name = title, .setup = ring_setup, .burst = ring_burst,                   \
		.teardown = ring_teardown, .argument = &(const enum bench_record){record}, \
		.burst_operations = BURST_OPERATIONS                                       \
	}

const struct bench bench_ring_table[] = {
	RING("ring/S", BENCH_RECORD_S),
	RING("ring/S_shaped", BENCH_RECORD_S_SHAPED),
	RING("ring/S0", BENCH_RECORD_S0),
	{.name = NULL},
};
