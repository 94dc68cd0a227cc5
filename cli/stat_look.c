/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a runtime directory, for `otlpipe stat`, `top` and `doctor`. What the output directory
 * has is stat_output.c's.
 */
#include "cli/stat_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/each_region.h"
#include "cli/stat_keep.h"
#include "core/record/record.h"
#include "shm/budget.h"
#include "shm/region_view.h"

#define STAT_RESOURCE_BYTES_MAX 8192u
#define STAT_TABLE_ENTRIES_MAX	16u /* that are looked at for a resource: shapes stand there too */

/* One lane, into what its signal has. */
static void look_lane(const struct region_view *view, unsigned number, bool is_alive,
		      struct stat_ring *ret)
{
	const struct ring_shared *shared = view->rings[number].shared;
	const unsigned lane = ring_lane(number);
	struct ring_reader reader;
	struct ring_entry entry;
	uint64_t tail;

	ret->is_sound |= !ret->is_present;
	ret->is_present = true;
	ret->lanes++;
	ret->size_bytes += view->rings[number].bytes;
	ret->accepted_items += atomic_load_relaxed_u64(&shared->accepted_items);
	ret->dropped_full_items += atomic_load_relaxed_u64(&shared->dropped_full_items);
	ret->dropped_too_large_items += atomic_load_relaxed_u64(&shared->dropped_too_large_items);
	ret->dropped_invalid_items += atomic_load_relaxed_u64(&shared->dropped_invalid_items);
	ret->has_deep_sleep |= atomic_load_relaxed_u32(&shared->deep_sleep) != 0;
	if (ring_reader_init(&reader, view->rings[number].shared, view->rings[number].data,
			     view->rings[number].bytes, false) < 0 ||
	    ring_reader_tail(&reader, &tail) < 0) {
		ret->is_sound = false;
		return;
	}
	ret->read_positions[lane] = reader.read;
	ret->lane_used_bytes[lane] = tail - reader.head;
	ret->used_bytes += tail - reader.head;
	ret->waiting_bytes += tail - reader.read;
	/* Where the writer is done and can go no further. */
	if (is_alive && ring_reader_peek(&reader, tail, false, &entry) == 0 &&
	    entry.kind == RING_ENTRY_BUSY)
		ret->blocked_lanes |= 1u << lane;
	ret->is_blocked = ret->blocked_lanes != 0;
}

/* A text, cut between two characters where it is too long. */
static void text_cut(char *ret, size_t ret_bytes, const uint8_t *text, size_t len)
{
	if (len >= ret_bytes) {
		len = ret_bytes - 1;
		while (len > 0 && (text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(ret, text, len);
	ret[len] = '\0';
}

/* A text of a resource that record_parse_resource() accepts. @return false: it does not have it */
static bool resource_text(const uint8_t *bytes, size_t len, const char *key, char *ret,
			  size_t ret_bytes)
{
	const size_t key_bytes = strlen(key);
	struct record_resource_head head;
	struct record_attribute attribute;
	const uint8_t *at = bytes + sizeof(head);

	if (record_parse_resource(bytes, len) < 0)
		return false;
	memcpy(&head, bytes, sizeof(head));
	at += head.schema_url_bytes;
	for (uint32_t i = 0; i < head.attribute_count; i++) {
		record_attribute_read(at, &attribute);
		if (attribute.type == OTLP_VALUE_STRING && attribute.key_bytes == key_bytes &&
		    memcmp(attribute.key, key, key_bytes) == 0) {
			text_cut(ret, ret_bytes, attribute.value, attribute.value_bytes);
			return true;
		}
		at = attribute.value + attribute.value_bytes;
	}
	return false;
}

/*
 * The service.name of the first resource in the table; a process that has pushed nothing has none
 * there. The table is its producer's, so only a copy is read.
 */
static void look_service(const struct region_view *view, struct stat_region *ret)
{
	static uint8_t copy[STAT_RESOURCE_BYTES_MAX];
	uint32_t reference = 1, bytes;
	const uint8_t *entry;

	for (unsigned i = 0; i < STAT_TABLE_ENTRIES_MAX; i++) {
		if (region_table_get(view, reference, &entry, &bytes) < 0)
			return;
		if (bytes <= sizeof(copy)) {
			memcpy(copy, entry, bytes);
			if (resource_text(copy, bytes, "service.name", ret->service,
					  sizeof(ret->service)))
				return;
		}
		reference += (uint32_t)entry_bytes(bytes);
	}
}

static void look_region(struct stat_open *open, struct stat_region *ret)
{
	const struct region_view *view = &open->view;
	unsigned number;

	memset(ret, 0, sizeof(*ret));
	ret->id = view->region_id;
	ret->pid = view->pid;
	ret->start_unix_ns = view->start_unix_ns;
	memcpy(ret->program, view->program, sizeof(ret->program));
	if (open->service[0] == '\0') {
		look_service(view, ret);
		memcpy(open->service, ret->service, sizeof(open->service));
	}
	memcpy(ret->service, open->service, sizeof(ret->service));
	ret->held_bytes = open->held_bytes;
	ret->is_alive = region_is_alive(view) != 0;
	ret->is_drained = region_is_drained(view) > 0;
	ret->is_given_up = region_is_given_up(view);
	for (number = 0; number < REGION_RINGS_MAX; number++) {
		if (view->rings[number].shared == NULL)
			continue;
		if (ring_signal(number) < SIGNAL_COUNT)
			look_lane(view, number, ret->is_alive, &ret->rings[ring_signal(number)]);
		else
			ret->unknown_ring = number;
	}
}

/* Into the sums, which are of all regions, also of those that are not listed. */
static void sum_region(struct stat_view *view, const struct stat_region *region)
{
	struct stat_memory *memory = &view->memory;
	struct stat_ring *total = &view->total;
	unsigned signal;

	memory->regions++;
	view->has_drained |= region->is_drained;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		view->is_asleep |= region->is_drained && region->rings[signal].has_deep_sleep;
	memory->held_bytes += region->held_bytes;
	memory->ended_regions += !region->is_alive;
	memory->ended_held_bytes += region->is_alive ? 0 : region->held_bytes;
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct stat_ring *ring = &region->rings[signal];

		memory->ended_waiting_bytes += region->is_alive ? 0 : ring->waiting_bytes;
		total->size_bytes += ring->size_bytes;
		total->used_bytes += ring->used_bytes;
		total->waiting_bytes += ring->waiting_bytes;
		total->accepted_items += ring->accepted_items;
		total->dropped_full_items += ring->dropped_full_items;
		total->dropped_too_large_items += ring->dropped_too_large_items;
		total->dropped_invalid_items += ring->dropped_invalid_items;
		total->is_blocked |= ring->is_blocked;
	}
}

static int list_region(struct stat_view *view, const struct stat_region *region)
{
	if (view->region_count == STAT_REGIONS_MAX) {
		view->unlisted_count++;
		return 0;
	}
	if (view->region_count == view->region_capacity) {
		size_t capacity = view->region_capacity != 0 ? view->region_capacity * 2 : 16;
		struct stat_region *larger = realloc(view->regions, capacity * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		view->regions = larger;
		view->region_capacity = capacity;
	}
	view->regions[view->region_count++] = *region;
	return 0;
}

/* What look_name() is called with. */
struct stat_regions {
	struct stat_view *view;
	const struct runtime_dir *dir;
};

static void look_unreadable(const struct stat_regions *look, const char *name, int error)
{
	struct stat_unreadable *unreadable = &look->view->unreadable;

	look->view->unreadable_count++;
	if (error == -EPROTO) {
		if (region_read_layout(look->dir, name, &unreadable->layout_major,
				       &unreadable->layout_minor) == 0)
			unreadable->other_layout++;
	} else if (error == -EACCES || error == -EPERM) {
		unreadable->foreign++;
	} else {
		unreadable->damaged++;
		snprintf(unreadable->damaged_name, sizeof(unreadable->damaged_name), "%s", name);
	}
}

static int look_name(void *context, const char *name)
{
	const struct stat_regions *look = context;
	struct stat_view *view = look->view;
	struct stat_open own, *open;
	struct stat_region found;
	int rc;

	rc = stat_keep_open(view->keep, look->dir, name, &own, &open);
	if (rc == -ENOENT || rc == -EAGAIN)
		return 0; /* gone, or not begun */
	if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE)
		return rc;
	if (rc < 0) {
		look_unreadable(look, name, rc);
		return 0;
	}
	look_region(open, &found);
	if (open->guard.has_failed) { /* it was cut: what was read are zeros */
		look_unreadable(look, name, -EBADMSG);
	} else {
		sum_region(view, &found);
		rc = list_region(view, &found);
	}
	stat_keep_close(view->keep, open);
	return rc;
}

static int region_compare(const void *a, const void *b)
{
	const struct stat_region *left = a, *right = b;

	if (left->start_unix_ns != right->start_unix_ns)
		return left->start_unix_ns < right->start_unix_ns ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id;
}

int stat_look_regions(struct stat_view *view, const struct runtime_dir *dir)
{
	struct stat_regions look = {view, dir};
	int rc;

	stat_keep_begin(view->keep);
	rc = each_region(dir, look_name, &look);
	stat_keep_end(view->keep);
	if (view->region_count > 0)
		qsort(view->regions, view->region_count, sizeof(view->regions[0]), region_compare);
	return rc;
}

/* ---- all of it ---- */

int stat_look_dir(struct stat_view *view, const struct runtime_dir *dir, const char **ret_what)
{
	int rc = status_read(dir, &view->page, &view->is_running);
	struct budget budget;

	view->has_page = rc == 0;
	*ret_what = "its " RUNTIME_WRITER_LOCK " cannot be read";
	/* No page yet: a writer that is just starting, or none. A group's is not for its members.
	 */
	if (rc < 0 && rc != -ENOENT && rc != -EPROTO && (rc != -EACCES || !dir->group))
		return rc;
	*ret_what = "its regions cannot be looked at";
	(void)budget_from_environment(&budget);
	rc = budget_bytes(&budget, dir, &view->memory.budget_bytes);
	if (rc == 0)
		rc = stat_look_regions(view, dir);
	if (rc == 0)
		rc = counters_read(dir, &view->without_ring);
	return rc;
}

const char *stat_state_name(const struct stat_view *view)
{
	if (!view->has_page)
		return "none";
	if (!view->is_running)
		return "stopped";
	if (view->page.waits_for_producers > 0)
		return "waiting";
	return view->page.state == STATUS_STALLED ? "stalled" : "running";
}
