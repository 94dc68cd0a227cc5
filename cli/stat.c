/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe stat`: the writer and the rings as they are now, from shared memory.
 * It takes nothing, locks nothing and stores nothing; the numbers of a ring are
 * read one after the other, so they may be a push apart. How they are shown is
 * stat_print.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/guard.h"
#include "base/units.h"
#include "cli/each_region.h"
#include "cli/stat_print.h"
#include "cli/tool.h"
#include "shm/budget.h"
#include "shm/region_view.h"

#define STAT_WATCH_SECONDS_MAX 86400u
#define STAT_NS_PER_SECOND     INT64_C(1000000000)
#define STAT_BLOCK_BYTES       512u /* of st_blocks, whatever the file system has */

struct stat_options {
	const char *dir;
	bool json;
	bool watch;
	uint64_t watch_seconds;
};

/* ---- looking ---- */

static void look_ring(const struct region_view *view, unsigned signal, bool is_alive,
		      struct stat_ring *ret)
{
	const struct ring_shared *shared = view->rings[signal].shared;
	struct ring_reader reader;
	struct ring_entry entry;
	uint64_t tail;

	memset(ret, 0, sizeof(*ret));
	ret->size_bytes = view->rings[signal].bytes;
	ret->is_present = true;
	ret->accepted_items = atomic_load_relaxed_u64(&shared->accepted_items);
	ret->dropped_full_items = atomic_load_relaxed_u64(&shared->dropped_full_items);
	ret->dropped_too_large_items = atomic_load_relaxed_u64(&shared->dropped_too_large_items);
	ret->dropped_invalid_items = atomic_load_relaxed_u64(&shared->dropped_invalid_items);
	if (ring_reader_init(&reader, view->rings[signal].shared, view->rings[signal].data,
			     view->rings[signal].bytes, false) < 0 ||
	    ring_reader_tail(&reader, &tail) < 0)
		return;
	ret->is_sound = true;
	ret->used_bytes = tail - reader.head;
	ret->waiting_bytes = tail - reader.read;
	/* Where the writer is done and can go no further. */
	ret->is_blocked = is_alive && ring_reader_peek(&reader, tail, false, &entry) == 0 &&
			  entry.kind == RING_ENTRY_BUSY;
}

static void look_region(const struct region_view *view, struct stat_region *ret)
{
	struct stat st;
	unsigned signal;

	memset(ret, 0, sizeof(*ret));
	ret->id = view->region_id;
	ret->pid = view->pid;
	ret->start_unix_ns = view->start_unix_ns;
	memcpy(ret->program, view->program, sizeof(ret->program));
	if (fstat(view->fd, &st) == 0)
		ret->held_bytes = (uint64_t)st.st_blocks * STAT_BLOCK_BYTES;
	ret->is_alive = region_is_alive(view) != 0;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (view->rings[signal].shared != NULL)
			look_ring(view, signal, ret->is_alive, &ret->rings[signal]);
	for (; signal < REGION_RINGS_MAX; signal++)
		if (view->rings[signal].shared != NULL)
			ret->unknown_ring = signal;
}

/* Into the sums, which are of all regions, also of those that are not listed. */
static void sum_region(struct stat_view *view, const struct stat_region *region)
{
	struct stat_memory *memory = &view->memory;
	struct stat_ring *total = &view->total;
	unsigned signal;

	memory->regions++;
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

static int look_name(void *context, const char *name)
{
	const struct stat_regions *look = context;
	struct stat_view *view = look->view;
	struct stat_region found;
	struct region_view region;
	struct guard guard;
	int rc;

	rc = region_attach(&region, look->dir, name, false);
	if (rc == -ENOENT || rc == -EAGAIN)
		return 0; /* gone, or not begun */
	if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE)
		return rc;
	if (rc < 0) {
		view->unreadable_count++;
		return 0;
	}
	guard_add(&guard, region.header, region.bytes);
	look_region(&region, &found);
	if (guard.has_failed) { /* it was cut: what was read are zeros */
		view->unreadable_count++;
	} else {
		sum_region(view, &found);
		rc = list_region(view, &found);
	}
	guard_remove(&guard);
	region_detach(&region);
	return rc;
}

static int region_compare(const void *a, const void *b)
{
	const struct stat_region *left = a, *right = b;

	if (left->start_unix_ns != right->start_unix_ns)
		return left->start_unix_ns < right->start_unix_ns ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id;
}

static int look_regions(struct stat_view *view, const struct runtime_dir *dir)
{
	struct stat_regions look = {view, dir};
	int rc = each_region(dir, look_name, &look);

	if (view->region_count > 0)
		qsort(view->regions, view->region_count, sizeof(view->regions[0]), region_compare);
	return rc;
}

static int look_dir(struct stat_view *view, const struct runtime_dir *dir)
{
	int rc = status_read(dir, &view->page, &view->is_running);
	struct budget budget;

	view->has_page = rc == 0;
	/* No page yet: a writer that is just starting, or none. A group's is not for its members.
	 */
	if (rc < 0 && rc != -ENOENT && rc != -EPROTO && (rc != -EACCES || !dir->group)) {
		return tool_path_error(view->path, "its " RUNTIME_WRITER_LOCK " cannot be read",
				       rc);
	}
	(void)budget_from_environment(&budget);
	rc = budget_bytes(&budget, dir, &view->memory.budget_bytes);
	if (rc == 0)
		rc = look_regions(view, dir);
	if (rc == 0)
		rc = counters_read(dir, &view->without_ring);
	if (rc < 0)
		(void)tool_path_error(view->path, "its regions cannot be looked at", rc);
	return rc < 0 ? TOOL_FAILED : TOOL_OK;
}

/* Everything that is there. Nothing there is a success. */
static int stat_look(struct stat_view *view, const char *path)
{
	struct runtime_dir dir;
	int rc, status;

	rc = runtime_path(view->path, sizeof(view->path), path);
	if (rc == 0)
		rc = runtime_open(&dir, view->path, false);
	if (rc == -ENOENT)
		return TOOL_OK;
	if (rc < 0)
		return tool_runtime_error(view->path, rc);
	status = look_dir(view, &dir);
	runtime_close(&dir);
	return status;
}

/* ---- the command ---- */

static int stat_once(const struct stat_options *options)
{
	struct stat_view *view = calloc(1, sizeof(*view));
	int status;

	if (view == NULL) {
		tool_error("there is no memory for what it looks at");
		return TOOL_FAILED;
	}
	status = stat_look(view, options->dir);
	if (status == TOOL_OK && options->json)
		stat_print_json(view);
	else if (status == TOOL_OK)
		stat_print(view);
	free(view->regions);
	free(view);
	return status;
}

static int stat_watch(const struct stat_options *options)
{
	static const char clear[] = "\033[H\033[J";
	const bool is_terminal = isatty(STDOUT_FILENO) && !options->json;
	int status;

	tool_catch_signals();
	do {
		if (is_terminal)
			tool_write(clear, sizeof(clear) - 1);
		status = stat_once(options);
	} while (status == TOOL_OK && tool_flush() == 0 &&
		 tool_rest((int64_t)options->watch_seconds * STAT_NS_PER_SECOND));
	return status;
}

static const struct argp_option options_table[] = {
	{"dir", 'd', "DIR", 0, "runtime directory ($OTLPIPE_DIR, else /dev/shm/otlpipe-UID)", 0},
	{"json", 'j', NULL, 0, "one JSON object, on one line", 0},
	{"watch", 'w', "SECONDS", OPTION_ARG_OPTIONAL,
	 "again and again, each SECONDS (1), until SIGINT or SIGTERM", 0},
	{0},
};

static error_t take_watch(struct stat_options *options, const char *text, struct argp_state *state)
{
	options->watch = true;
	if (text != NULL &&
	    units_parse_count(text, 1, STAT_WATCH_SECONDS_MAX, &options->watch_seconds) < 0)
		return arguments_refuse(state, "--watch takes 1 to %u seconds, not '%s'",
					STAT_WATCH_SECONDS_MAX, text);
	return 0;
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct stat_options *options = state->input;

	switch (key) {
	case 'd':
		options->dir = text;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case 'w':
		return take_watch(options, text, state);
	case ARGP_KEY_ARG:
		/* argp takes an optional value with "=" only. */
		if (options->watch && state->arg_num == 0)
			return take_watch(options, text, state);
		return arguments_refuse(state, "it takes no argument, and not '%s'", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int stat_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.doc = "Show the writer, the rings of every producer, their fill and their drops.\v"
		       "No runtime directory and no writer are an answer, not an error.",
	};
	struct stat_options options = {.watch_seconds = 1};
	int rc = tool_parse(&argp, argc, argv, &options);

	if (rc != 0)
		return rc - 1;
	rc = guard_install();
	if (rc < 0) {
		tool_error("SIGBUS cannot be caught, which a region that is cut would raise: %s",
			   strerror(-rc));
		return tool_finish(TOOL_FAILED);
	}
	return tool_finish(options.watch ? stat_watch(&options) : stat_once(&options));
}
