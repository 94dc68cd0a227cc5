/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of all rings: its regions, its sums and its findings. Other files decide what is
 * right.
 */
#include "cli/verify_account.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ring_free(struct verify_ring *ring)
{
	size_t i;

	if (ring == NULL)
		return;
	for (i = 0; i < ring->gap_count; i++)
		free(ring->gaps[i].where);
	free(ring->gaps);
	free(ring->live.held);
	free(ring);
}

void verify_free(struct verify *verify)
{
	struct verify_region *region, *next;
	unsigned ring;
	size_t i;

	HASH_ITER(hh, verify->regions, region, next)
	{
		HASH_DELETE(hh, verify->regions, region);
		for (ring = 0; ring < REGION_RINGS_MAX; ring++)
			ring_free(region->rings[ring]);
		free(region);
	}
	for (i = 0; i < verify->dir_count; i++) {
		manifest_image_free(&verify->dirs[i].manifest);
		free(verify->dirs[i].doubts);
	}
	free(verify->dirs);
	for (i = 0; i < VERIFY_FINDINGS_MAX; i++) {
		free(verify->problems.texts[i]);
		free(verify->notes.texts[i]);
	}
	free(verify->record);
	memset(verify, 0, sizeof(*verify));
}

/* ---- the table of regions ---- */

struct verify_region *verify_find_region(const struct verify *verify, uint64_t id)
{
	struct verify_region *region;

	HASH_FIND(hh, verify->regions, &id, sizeof(id), region);
	return region;
}

struct verify_region *verify_region(struct verify *verify, uint64_t id)
{
	struct verify_region *region = verify_find_region(verify, id);

	if (region != NULL)
		return region;
	region = calloc(1, sizeof(*region));
	if (region == NULL)
		return NULL;
	region->id = id;
	HASH_ADD(hh, verify->regions, id, sizeof(region->id), region);
	if (HASH_COUNT(verify->regions) == verify->region_count) {
		free(region);
		return NULL;
	}
	verify->region_count++;
	return region;
}

/* ---- rings ---- */

struct verify_ring *verify_region_ring(struct verify_region *region, unsigned number)
{
	if (region->rings[number] == NULL)
		region->rings[number] = calloc(1, sizeof(*region->rings[number]));
	return region->rings[number];
}

uint64_t verify_live_items(const struct verify_live *live, uint64_t from, uint64_t *ret_open_bytes)
{
	uint64_t position = live->done, items = 0, open_bytes = 0;
	size_t i;

	for (i = 0; i < live->held_count; i++) {
		const struct verify_held *held = &live->held[i];

		if (position >= from) {
			items += held->items;
			open_bytes += held->is_open ? held->bytes : 0;
		}
		position += held->bytes;
	}
	*ret_open_bytes = open_bytes;
	return items;
}

/* ---- sums ---- */

static void add_signal(struct verify_signal *sum, const struct verify_signal *other)
{
	sum->files += other->files;
	sum->open_files += other->open_files;
	sum->batches += other->batches;
	sum->bytes += other->bytes;
	sum->committed_items += other->committed_items;
	sum->written_items += other->written_items;
	sum->invalid_items += other->invalid_items;
	sum->lost_items += other->lost_items;
	sum->let_go_items += other->let_go_items;
	sum->recorder_items += other->recorder_items;
	sum->held_items += other->held_items;
	sum->unlooked_items += other->unlooked_items;
	sum->removed_items += other->removed_items;
	sum->elsewhere_items += other->elsewhere_items;
	sum->torn_items += other->torn_items;
	sum->torn_bytes += other->torn_bytes;
	sum->counters.accepted_items += other->counters.accepted_items;
	sum->counters.dropped_full_items += other->counters.dropped_full_items;
	sum->counters.dropped_too_large_items += other->counters.dropped_too_large_items;
	sum->counters.dropped_invalid_items += other->counters.dropped_invalid_items;
}

struct verify_signal verify_total(const struct verify *verify)
{
	struct verify_signal sum = {0};
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		add_signal(&sum, &verify->signals[signal]);
	return sum;
}

uint64_t verify_accounted_items(const struct verify_signal *signal)
{
	return signal->written_items + signal->invalid_items + signal->lost_items +
	       signal->held_items + signal->unlooked_items + signal->removed_items +
	       signal->elsewhere_items + signal->let_go_items + signal->recorder_items;
}

bool verify_is_ok(const struct verify *verify)
{
	unsigned i;

	for (i = 0; i < SIGNAL_COUNT; i++) {
		const struct verify_signal *signal = &verify->signals[i];

		if (signal->invalid_items != 0 || signal->lost_items != 0 ||
		    signal->committed_items != verify_accounted_items(signal))
			return false;
	}
	return verify->problems.count == 0;
}

void verify_name_file(const struct verify *verify, enum otlp_signal signal, const char *name,
		      char ret[VERIFY_PLACE_BYTES])
{
	if (verify->dir_count > 1)
		snprintf(ret, VERIFY_PLACE_BYTES, "%.350s/%s/%s", verify->dirs[verify->dir].path,
			 signal_name(signal), name);
	else
		snprintf(ret, VERIFY_PLACE_BYTES, "%s/%s", signal_name(signal), name);
}

/* ---- findings ---- */

static void find(struct verify_findings *findings, const struct verify_place *place,
		 const char *format, va_list arguments)
{
	char text[VERIFY_TEXT_BYTES];
	int n = 0;

	if (findings->count++ >= VERIFY_FINDINGS_MAX)
		return;
	if (place != NULL)
		n = snprintf(text, sizeof(text), "%s: offset %" PRIu64 ": ", place->file,
			     place->offset);
	if (n < 0 || (size_t)n >= sizeof(text))
		n = 0;
	vsnprintf(text + n, sizeof(text) - (size_t)n, format, arguments);
	/* Without memory it is still counted. */
	findings->texts[findings->count - 1] = strdup(text);
}

void verify_problem(struct verify *verify, const struct verify_place *place, const char *format,
		    ...)
{
	va_list arguments;

	va_start(arguments, format);
	find(&verify->problems, place, format, arguments);
	va_end(arguments);
}

void verify_note(struct verify *verify, const struct verify_place *place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	find(&verify->notes, place, format, arguments);
	va_end(arguments);
}
