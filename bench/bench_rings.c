/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stock ring costs a producer: ck_ring, MPSC and SPSC, the records as 64-byte slots in the
 * ring, or as references to records that are copied into an arena first. One thread fills three
 * quarters of the ring, as in bench_push.c, and empties it between the bursts.
 */
#include <ck_ring.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro.h"

#define RING_ENTRIES	 8192u
#define BURST_OPERATIONS 4096u
#define SLOT_BYTES	 64

struct slot {
	unsigned char bytes[SLOT_BYTES];
};

struct reference {
	unsigned char *record;
};

CK_RING_PROTOTYPE(slots, slot)
CK_RING_PROTOTYPE(references, reference)

struct ring_case {
	enum bench_record record; /* references: what each points to */
	bool is_reference;
	bool is_mpsc;
};

static struct ck_ring ring;
static void *entries;
static unsigned char *records;
static unsigned char source[4096];

static int rings_setup(const struct bench *bench)
{
	const struct ring_case *of = bench->argument;
	const size_t entry_bytes =
		of->is_reference ? sizeof(struct reference) : sizeof(struct slot);
	const size_t record_bytes = of->is_reference ? bench_record_bytes(of->record) : SLOT_BYTES;

	ck_ring_init(&ring, RING_ENTRIES);
	entries = calloc(RING_ENTRIES, entry_bytes);
	records = malloc(RING_ENTRIES * record_bytes);
	if (entries == NULL || records == NULL || record_bytes > sizeof(source))
		return -ENOMEM;
	memset(records, 0, RING_ENTRIES * record_bytes);
	memset(source, 1, sizeof(source));
	return 0;
}

static bool put_slot(bool is_mpsc)
{
	struct slot slot;

	memcpy(slot.bytes, source, sizeof(slot.bytes));
	return is_mpsc ? CK_RING_ENQUEUE_MPSC(slots, &ring, entries, &slot)
		       : CK_RING_ENQUEUE_SPSC(slots, &ring, entries, &slot);
}

static bool put_reference(bool is_mpsc, unsigned char *at, size_t len)
{
	struct reference reference = {at};

	memcpy(at, source, len);
	return is_mpsc ? CK_RING_ENQUEUE_MPSC(references, &ring, entries, &reference)
		       : CK_RING_ENQUEUE_SPSC(references, &ring, entries, &reference);
}

static bool take_one(bool is_reference)
{
	struct reference reference;
	struct slot slot;

	return is_reference ? CK_RING_DEQUEUE_SPSC(references, &ring, entries, &reference)
			    : CK_RING_DEQUEUE_SPSC(slots, &ring, entries, &slot);
}

static int64_t rings_burst(const struct bench *bench, uint64_t operations)
{
	const struct ring_case *of = bench->argument;
	const size_t len = bench_record_bytes(of->record);
	static uint64_t next;
	uint64_t elapsed_ns, started_ns, full = 0, i;

	started_ns = bench_cpu_ns();
	if (of->is_reference)
		for (i = 0; i < operations; i++)
			full += !put_reference(of->is_mpsc,
					       records + (next + i) % RING_ENTRIES * len, len);
	else
		for (i = 0; i < operations; i++)
			full += !put_slot(of->is_mpsc);
	elapsed_ns = bench_cpu_ns() - started_ns;
	next += operations;
	for (i = 0; i < operations; i++)
		full += !take_one(of->is_reference);
	return full > 0 ? -ENOBUFS : (int64_t)elapsed_ns;
}

static void rings_teardown(const struct bench *bench)
{
	(void)bench;
	free(entries);
	free(records);
}

#define RING(title, record, is_reference, is_mpsc)                                    \
	{                                                                             \
		.name = title, .setup = rings_setup, .burst = rings_burst,            \
		.teardown = rings_teardown,                                           \
		.argument = &(const struct ring_case){record, is_reference, is_mpsc}, \
		.burst_operations = BURST_OPERATIONS                                  \
	}

const struct bench bench_rings_table[] = {
	RING("ck_ring_mpsc/reference_S", BENCH_RECORD_S, true, true),
	RING("ck_ring_spsc/reference_S", BENCH_RECORD_S, true, false),
	RING("ck_ring_mpsc/slot_64", BENCH_RECORD_S0, false, true),
	RING("ck_ring_spsc/slot_64", BENCH_RECORD_S0, false, false),
	{.name = NULL},
};
