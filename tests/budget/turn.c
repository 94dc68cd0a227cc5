/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer with 256 idle producers, and what it looks at in each of its turns (writer.c): all rings
 * of all signals, whether a batch is wanted early, and whether there is news before it sleeps.
 */
#include "tests/budget/turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/lane.h"
#include "shm/region.h"
#include "writer/drain.h"
#include "writer/early.h"

#define REGIONS	     256u
#define TURNS	     10u
#define SIGNAL_BYTES (UINT64_C(64) << 10)

struct turn {
	struct runtime_dir dir;
	struct region producers[REGIONS];
	unsigned producer_count;
	struct regions regions;
	struct queue queues[SIGNAL_COUNT];
	struct drain drain;
};

/* Counted by callgrind: external, so that it keeps its name, and never inlined. */
void counted_turns(struct turn *turn);

__attribute__((noinline)) void counted_turns(struct turn *turn)
{
	for (unsigned n = 0; n < TURNS; n++) {
		struct source *source;
		int64_t next_ns = INT64_MAX;

		for (enum otlp_signal signal = 0; signal < SIGNAL_COUNT; signal++) {
			(void)drain_rings(&turn->drain, &turn->regions, &turn->queues[signal]);
			(void)early_is_wanted(&turn->regions, signal, 0, &next_ns);
		}
		for (source = turn->regions.sources; source != NULL; source = source->next)
			if (source_take_late_flush(source) || source_has_news(source) ||
			    source_waits_for_claim(source))
				abort(); /* then it would not be idle */
	}
}

static int64_t no_time(void)
{
	return 0;
}

static int make_region(struct turn *turn, unsigned lanes, unsigned used)
{
	struct region *region = &turn->producers[turn->producer_count];
	struct region_options options = {.program = "idle"};
	enum otlp_signal signal;
	unsigned lane;
	int rc;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		for (lane = 0; lane < lanes; lane++)
			options.ring_bytes[ring_number(signal, lane)] =
				lane_bytes(SIGNAL_BYTES, lanes, lane);
	rc = region_create(region, &turn->dir, &options);
	if (rc < 0)
		return rc;
	turn->producer_count++;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		for (lane = 0; lane < used; lane++) {
			struct ring *ring = &region->rings[ring_number(signal, lane)];
			struct ring_claim claim;

			if (!ring_claim(ring, 8, 1, &claim))
				return -ENOBUFS;
			ring_abort(ring, &claim);
		}
	return 0;
}

/* What is in the rings is written and given back. */
static int release_all(struct turn *turn)
{
	struct source *source;
	uint32_t bits;

	for (source = turn->regions.sources; source != NULL; source = source->next)
		for (bits = source->used; bits != 0; bits &= bits - 1) {
			const unsigned number = ring_first(bits);
			struct batch_entry entry;

			if (source_drain(source, number, &turn->drain,
					 turn->queues[ring_signal(number)].stage, 0) != DRAIN_EMPTY)
				return -EBADMSG;
			source_take_entry(source, number, &entry);
			(void)source_release(source, number, &source_ring(source, number)->staged,
					     false);
		}
	return 0;
}

static int turn_open(struct turn *turn, unsigned lanes, unsigned used)
{
	enum otlp_signal signal;
	int rc = runtime_open(&turn->dir, getenv("OTLPIPE_DIR"), true);

	if (rc < 0)
		return rc;
	while (rc == 0 && turn->producer_count < REGIONS)
		rc = make_region(turn, lanes, used);
	turn->drain = (struct drain){.record = malloc(DRAIN_RECORD_ROOM_BYTES),
				     .batch_bytes_max = 1 << 20,
				     .quota_bytes = 1 << 16,
				     .now_ns = no_time};
	if (rc == 0 && turn->drain.record == NULL)
		rc = -ENOMEM;
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		turn->queues[signal].signal = signal;
		rc = stage_open(&turn->queues[signal].stage);
	}
	regions_open(&turn->regions, &turn->dir);
	if (rc == 0)
		rc = regions_discover(&turn->regions);
	return rc == 0 ? release_all(turn) : rc;
}

static void turn_close(struct turn *turn)
{
	regions_close(&turn->regions);
	for (unsigned i = 0; i < turn->producer_count; i++) {
		region_unlink(&turn->producers[i], &turn->dir);
		region_close(&turn->producers[i]);
	}
	for (enum otlp_signal signal = 0; signal < SIGNAL_COUNT; signal++)
		stage_close(turn->queues[signal].stage);
	free(turn->drain.record);
	runtime_close(&turn->dir);
}

int turn_count(unsigned lanes, unsigned used)
{
	static struct turn turn;
	int rc = turn_open(&turn, lanes, used);

	if (rc < 0)
		return rc;
	if (turn.regions.count != REGIONS)
		return -ENOENT;
	counted_turns(&turn);
	printf("operations %u\n", REGIONS * TURNS);
	printf("bytes %llu\n", (unsigned long long)turn.producers[0].bytes);
	turn_close(&turn);
	return 0;
}
