/* SPDX-License-Identifier: Apache-2.0 */
/* A look at the writer and the rings as a table for people, or as JSON. */
#include "cli/stat_print.h"
#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "cli/json_add.h"
#include "cli/stat_look.h"
#include "cli/tool.h"
#include "shm/budget.h"

#define STAT_JSON_VERSION 1 /* of docs/stat.schema.json: what was there has changed */
#define LINE_BYTES	  640
#define PROBLEM_BYTES	  (SIGNAL_COUNT * (STATUS_MESSAGE_BYTES + 2))

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t age_seconds(uint64_t since_unix_ns)
{
	uint64_t now_ns = realtime_ns();

	return now_ns > since_unix_ns ? (now_ns - since_unix_ns) / 1000000000 : 0;
}

/* ---- JSON ---- */

static json_object *signal_json(const struct status_page *page, enum otlp_signal number)
{
	const struct status_signal *signal = &page->signals[number];
	const struct status_sync *syncs = &page->syncs[number];
	const struct status_drops *drops = &page->drops[number];
	json_object *json = json_object_new_object();

	json_add_number(json, "batches", signal->batches);
	json_add_number(json, "batch_bytes", signal->batch_bytes);
	json_add_number(json, "written_items", signal->written_items);
	json_add_number(json, "invalid_items", signal->invalid_items);
	json_add_number(json, "lost_items", signal->lost_items);
	json_add_number(json, "torn_bytes", signal->torn_bytes);
	json_add_number(json, "files_sealed", signal->files_sealed);
	json_add_number(json, "errors", signal->errors);
	json_add_number(json, "dropped_full_items", drops->full_items);
	json_add_number(json, "dropped_too_large_items", drops->too_large_items);
	json_add_number(json, "dropped_invalid_items", drops->invalid_items);
	json_add_number(json, "syncs", syncs->count);
	json_add_number(json, "sync_ns", syncs->total_ns);
	json_add_number(json, "last_sync_ns", syncs->last_ns);
	json_add_number(json, "longest_sync_ns", syncs->longest_ns);
	return json;
}

/* Of all signals, one behind the other. */
static const char *problem_text(const struct stat_view *view, char ret[PROBLEM_BYTES])
{
	unsigned i;

	ret[0] = '\0';
	for (i = 0; i < SIGNAL_COUNT; i++) {
		const char *problem = view->page.problems[i];
		const size_t used = strlen(ret);

		if (problem[0] != '\0')
			snprintf(ret + used, PROBLEM_BYTES - used, "%s%s", used > 0 ? "; " : "",
				 problem);
	}
	return ret;
}

static json_object *retention_json(const struct status_retention *retention)
{
	json_object *json = json_object_new_object();

	json_add_number(json, "runs", retention->runs);
	json_add_number(json, "removed_files", retention->removed_files);
	json_add_number(json, "removed_bytes", retention->removed_bytes);
	json_add_number(json, "missing_files", retention->missing_files);
	json_add_number(json, "failures", retention->failures);
	json_add_bool(json, "waits_on_clock", retention->waits_on_clock != 0);
	json_add_text(json, "problem", retention->problem);
	return json;
}

static json_object *items_json(const uint64_t *items)
{
	json_object *json = json_object_new_object();
	unsigned i;

	for (i = 0; i < SIGNAL_COUNT; i++)
		json_add_number(json, signal_name(i), items[i]);
	return json;
}

static json_object *flight_json(const struct status_flight *flight)
{
	json_object *json = json_object_new_object();

	json_add_bool(json, "is_on", flight->is_on != 0);
	json_add_number(json, "keep_ns", flight->keep_ns);
	json_add_number(json, "keep_bytes", flight->keep_bytes);
	json_add_number(json, "held_files", flight->held_files);
	json_add_number(json, "held_bytes", flight->held_bytes);
	json_add_number(json, "held_since_unix_nano", flight->held_since_unix_ns);
	json_object_object_add(json, "held_items", items_json(flight->held_items));
	json_add_number(json, "let_go_files", flight->let_go_files);
	json_add_number(json, "let_go_bytes", flight->let_go_bytes);
	json_object_object_add(json, "let_go_items", items_json(flight->let_go_items));
	json_add_number(json, "snapshots_begun", flight->snapshots_begun);
	json_add_number(json, "snapshots_done", flight->snapshots_done);
	return json;
}

static json_object *writer_json(const struct stat_view *view)
{
	char problem[PROBLEM_BYTES];
	json_object *json = json_object_new_object();
	json_object *signals = json_object_new_object();
	unsigned i;

	json_add_bool(json, "running", view->is_running);
	json_add_number(json, "pid", view->page.pid);
	json_add_text(json, "state", stat_state_name(view));
	json_add_text(json, "problem", problem_text(view, problem));
	json_add_number(json, "waits_for_producers",
			view->is_running ? view->page.waits_for_producers : 0);
	json_add_text(json, "output", view->page.output);
	json_add_text(json, "io", view->page.io);
	json_add_number(json, "regions_left_aside", view->page.regions_broken);
	json_add_number(json, "regions_waiting", view->is_running ? view->page.regions_waiting : 0);
	for (i = 0; i < SIGNAL_COUNT; i++)
		json_object_object_add(signals, signal_name(i), signal_json(&view->page, i));
	json_object_object_add(json, "signals", signals);
	json_object_object_add(json, "retention", retention_json(&view->page.retention));
	json_object_object_add(json, "flight_recorder", flight_json(&view->page.flight));
	return json;
}

static json_object *ring_json(const struct stat_ring *ring, const char *name)
{
	json_object *json = json_object_new_object();

	if (name != NULL)
		json_add_text(json, "signal", name);
	json_add_number(json, "size_bytes", ring->size_bytes);
	json_add_number(json, "used_bytes", ring->used_bytes);
	json_add_number(json, "waiting_bytes", ring->waiting_bytes);
	json_add_number(json, "accepted_items", ring->accepted_items);
	json_add_number(json, "dropped_full_items", ring->dropped_full_items);
	json_add_number(json, "dropped_too_large_items", ring->dropped_too_large_items);
	json_add_number(json, "dropped_invalid_items", ring->dropped_invalid_items);
	json_add_bool(json, "blocked", ring->is_blocked);
	if (ring->lanes > 1) {
		json_object *lanes = json_object_new_array();

		for (unsigned lane = 0; lane < ring->lanes; lane++)
			json_object_array_add(lanes,
					      json_object_new_uint64(ring->lane_used_bytes[lane]));
		json_object_object_add(json, "lanes_used_bytes", lanes);
	}
	return json;
}

static json_object *region_json(const struct stat_region *region)
{
	json_object *json = json_object_new_object();
	json_object *rings = json_object_new_array();
	char id[20];
	unsigned signal;

	snprintf(id, sizeof(id), "%016" PRIx64, region->id);
	json_add_text(json, "id", id);
	json_add_number(json, "pid", region->pid);
	json_add_text(json, "program", region->program);
	json_add_text(json, "service", region->service);
	json_add_number(json, "start_unix_ns", region->start_unix_ns);
	json_add_bool(json, "alive", region->is_alive);
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (region->rings[signal].is_present)
			json_object_array_add(rings, ring_json(&region->rings[signal],
							       signal_rows[signal].ring_name));
	json_add_number(json, "held_bytes", region->held_bytes);
	json_object_object_add(json, "rings", rings);
	if (region->unknown_ring != 0)
		json_add_number(json, "unknown_ring", region->unknown_ring);
	return json;
}

static json_object *memory_json(const struct stat_memory *memory)
{
	json_object *json = json_object_new_object();

	json_add_number(json, "held_bytes", memory->held_bytes);
	json_add_number(json, "budget_bytes", memory->budget_bytes);
	json_add_number(json, "ended_regions", memory->ended_regions);
	json_add_number(json, "ended_held_bytes", memory->ended_held_bytes);
	json_add_number(json, "ended_waiting_bytes", memory->ended_waiting_bytes);
	return json;
}

static json_object *without_ring_json(const struct counters_sum *sum)
{
	json_object *json = json_object_new_object();
	json_object *dropped = json_object_new_object();
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		json_add_number(dropped, signal_name(signal), sum->dropped_items[signal]);
	json_object_object_add(json, "dropped_items", dropped);
	json_add_number(json, "refused_opens", sum->refused_opens);
	return json;
}

static json_object *sender_json(const struct stat_sender *sender)
{
	json_object *json = json_object_new_object();
	json_object *signals = json_object_new_object();

	json_add_text(json, "name", sender->name);
	json_add_bool(json, "running", sender->is_running);
	json_add_text(json, "problem", sender->error == 0 ? "" : strerror(sender->error));
	json_add_number(json, "moved_unix_s", (uint64_t)sender->moved_unix_s);
	for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++) {
		const struct stat_sender_signal *signal = &sender->signals[s];
		json_object *behind;

		if (!signal->is_sent)
			continue;
		behind = json_object_new_object();
		if (signal->is_known)
			json_add_number(behind, "unsent_batches", signal->unsent_batches);
		json_add_number(behind, "unsent_files", signal->unsent_files);
		json_object_object_add(signals, signal_name(s), behind);
	}
	json_object_object_add(json, "signals", signals);
	return json;
}

static json_object *output_json(const struct stat_output *output)
{
	json_object *json = json_object_new_object();
	json_object *files = json_object_new_object();
	json_object *senders = json_object_new_array();

	json_add_bool(json, "readable", output->is_there);
	json_add_text(json, "problem", output->error == 0 ? "" : strerror(output->error));
	json_add_number(json, "free_bytes", output->free_bytes);
	json_add_number(json, "total_bytes", output->total_bytes);
	for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++) {
		json_object *signal = json_object_new_object();

		json_add_number(signal, "files", output->signals[s].files);
		json_add_number(signal, "open_files", output->signals[s].open_files);
		json_add_number(signal, "bad_files", output->signals[s].bad_files);
		json_add_number(signal, "bytes", output->signals[s].bytes);
		json_object_object_add(files, signal_name(s), signal);
	}
	json_object_object_add(json, "signals", files);
	for (size_t i = 0; i < output->sender_count; i++)
		json_object_array_add(senders, sender_json(&output->senders[i]));
	json_object_object_add(json, "senders", senders);
	return json;
}

void stat_print_json(const struct stat_view *view)
{
	json_object *json = json_object_new_object();
	json_object *regions = json_object_new_array();
	size_t i;

	json_add_number(json, "version", STAT_JSON_VERSION);
	json_add_text(json, "runtime", view->path);
	json_object_object_add(json, "writer", writer_json(view));
	json_object_object_add(json, "disk", output_json(&view->output));
	for (i = 0; i < view->region_count; i++)
		json_object_array_add(regions, region_json(&view->regions[i]));
	json_object_object_add(json, "regions", regions);
	json_object_object_add(json, "totals", ring_json(&view->total, NULL));
	json_object_object_add(json, "memory", memory_json(&view->memory));
	json_object_object_add(json, "without_ring", without_ring_json(&view->without_ring));
	json_add_number(json, "unlisted_regions", view->unlisted_count);
	json_add_number(json, "unreadable_regions", view->unreadable_count);
	tool_write_json(json);
}

/* ---- for people ---- */

static void line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void line(const char *format, ...)
{
	char text[RUNTIME_PATH_BYTES_MAX + STATUS_OUTPUT_BYTES + LINE_BYTES];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof(text) - 1, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n > sizeof(text) - 2)
		return;
	text[n] = '\n';
	tool_write(text, (size_t)n + 1);
}

static void print_wait(const struct status_page *page)
{
	char limit[64] = "";
	uint64_t now_ns = realtime_ns();

	if (page->waits_until_unix_ns != 0)
		snprintf(limit, sizeof(limit), ", for at most %" PRIu64 " s more",
			 page->waits_until_unix_ns > now_ns
				 ? (page->waits_until_unix_ns - now_ns) / 1000000000 + 1
				 : 0);
	line("told to stop: waits for %" PRIu32 " producers to end%s", page->waits_for_producers,
	     limit);
}

static void print_retention(const struct status_retention *retention)
{
	if (retention->problem[0] != '\0')
		line("problem: retention: %s", retention->problem);
	if (retention->waits_on_clock != 0)
		line("retention: removes nothing for its age until the clock has kept its pace");
	if (retention->missing_files > 0)
		line("retention: %" PRIu64 " files are gone that it did not remove",
		     retention->missing_files);
}

static uint64_t sum_items(const uint64_t *items)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < SIGNAL_COUNT; i++)
		sum += items[i];
	return sum;
}

static void print_flight(const struct status_flight *flight)
{
	char keep[UNITS_TEXT_BYTES] = "";

	line("flight recorder: keeps %s%s%" PRIu64 " bytes; holds %" PRIu64 " records in %" PRIu64
	     " bytes, since %" PRIu64 " s; let go of %" PRIu64 "; %" PRIu64 " snapshots",
	     flight->keep_ns != 0 ? units_format_duration((int64_t)flight->keep_ns, keep) : "",
	     flight->keep_ns != 0 ? ", " : "", flight->keep_bytes, sum_items(flight->held_items),
	     flight->held_bytes,
	     flight->held_since_unix_ns != 0 ? age_seconds(flight->held_since_unix_ns) : 0,
	     sum_items(flight->let_go_items), flight->snapshots_done);
}

static void print_sender(const struct stat_sender *sender)
{
	char behind[256] = "";
	size_t used = 0;

	for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++) {
		const struct stat_sender_signal *signal = &sender->signals[s];

		if (signal->is_sent && signal->is_known)
			used += (size_t)snprintf(behind + used, sizeof(behind) - used,
						 ", %s %" PRIu64 " batches", signal_name(s),
						 signal->unsent_batches);
		else if (signal->is_sent)
			used += (size_t)snprintf(behind + used, sizeof(behind) - used,
						 ", %s %" PRIu64 " files or more", signal_name(s),
						 signal->unsent_files + 1);
	}
	if (sender->error != 0)
		line("sender %s: its cursor cannot be read: %s", sender->name,
		     strerror(sender->error));
	else
		line("sender %s: %s, moved %" PRIu64 " s ago; not sent yet%s", sender->name,
		     sender->is_running ? "running" : "not running",
		     age_seconds((uint64_t)sender->moved_unix_s * 1000000000), behind);
}

static void print_disk(const struct stat_output *output)
{
	uint64_t files = 0, bytes = 0;

	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		files += output->signals[s].files;
		bytes += output->signals[s].bytes;
	}
	if (output->is_there)
		line("disk: %" PRIu64 " of %" PRIu64 " bytes are free; %" PRIu64
		     " files of %" PRIu64 " bytes",
		     output->free_bytes, output->total_bytes, files, bytes);
	else
		line("disk: the output directory cannot be read: %s", strerror(output->error));
	for (size_t i = 0; i < output->sender_count; i++)
		print_sender(&output->senders[i]);
}

static void print_writer(const struct stat_view *view)
{
	const struct status_page *page = &view->page;
	unsigned i;

	if (!view->has_page) {
		line("writer: none in %s", view->path);
		return;
	}
	if (view->is_running)
		line("writer: %s, pid %" PRIu32 ", up %" PRIu64 " s, %s", stat_state_name(view),
		     page->pid, age_seconds(page->start_unix_ns), page->io);
	else
		line("writer: not running; the last one, pid %" PRIu32 ", %s", page->pid,
		     page->state == STATUS_STOPPED ? "stopped in order" : "was killed");
	if (view->is_running && page->waits_for_producers > 0)
		print_wait(page);
	for (i = 0; i < SIGNAL_COUNT; i++)
		if (page->problems[i][0] != '\0')
			line("problem: %s", page->problems[i]);
	print_retention(&page->retention);
	if (page->regions_broken > 0)
		line("left aside: %" PRIu64 " regions that make no sense, since it started",
		     page->regions_broken);
	if (view->is_running && page->regions_waiting > 0)
		line("waiting: %" PRIu64 " regions that the writer has no room for yet",
		     page->regions_waiting);
	if (page->flight.is_on != 0)
		print_flight(&page->flight);
	line("output: %s", page->output[0] != '\0' ? page->output : "none yet");
	if (page->output[0] != '\0')
		print_disk(&view->output);
	line("%-8s %9s %13s %12s %8s %8s %8s %7s %7s", "signal", "batches", "bytes", "written",
	     "invalid", "lost", "torn B", "sealed", "errors");
	for (i = 0; i < SIGNAL_COUNT; i++) {
		const struct status_signal *signal = &page->signals[i];

		line("%-8s %9" PRIu64 " %13" PRIu64 " %12" PRIu64 " %8" PRIu64 " %8" PRIu64
		     " %8" PRIu64 " %7" PRIu64 " %7" PRIu64,
		     signal_name(i), signal->batches, signal->batch_bytes, signal->written_items,
		     signal->invalid_items, signal->lost_items, signal->torn_bytes,
		     signal->files_sealed, signal->errors);
	}
}

static void print_memory(const struct stat_memory *memory)
{
	char budget[64] = "";

	if (memory->budget_bytes != UINT64_MAX)
		snprintf(budget, sizeof(budget), " of %" PRIu64 " (" BUDGET_VARIABLE ")",
			 memory->budget_bytes);
	line("memory: %" PRIu64 " regions hold %" PRIu64 " bytes%s", memory->regions,
	     memory->held_bytes, budget);
	if (memory->ended_regions > 0)
		line("waiting: %" PRIu64 " regions of programs that have ended hold %" PRIu64
		     " bytes; %" PRIu64 " bytes of records in them are not written yet",
		     memory->ended_regions, memory->ended_held_bytes, memory->ended_waiting_bytes);
}

/* What is in no ring's count, since the runtime directory was made. */
static void print_without_ring(const struct counters_sum *sum)
{
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (sum->dropped_items[signal] > 0)
			line("dropped without a ring: %" PRIu64 " %s of processes that could make "
			     "none",
			     sum->dropped_items[signal], signal_rows[signal].item_name);
	if (sum->refused_opens > 0)
		line("refused: %" PRIu64 " programs could not open the library",
		     sum->refused_opens);
}

static void print_ring(const char *who, const char *name, const struct stat_ring *ring)
{
	char blocked[64] = "";

	if (ring->is_blocked && name[0] != '\0')
		snprintf(blocked, sizeof(blocked), "  blocked by a claim, %" PRIu64 " bytes wait",
			 ring->waiting_bytes);
	line("%-26.26s %-7s %10" PRIu64 " %10" PRIu64 " %3" PRIu64 "%% %10" PRIu64 " %11" PRIu64
	     " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "%s%s",
	     who, name, ring->size_bytes, ring->used_bytes,
	     ring->size_bytes != 0 ? ring->used_bytes * 100 / ring->size_bytes : 0,
	     ring->waiting_bytes, ring->accepted_items, ring->dropped_full_items,
	     ring->dropped_too_large_items, ring->dropped_invalid_items, blocked,
	     ring->is_present && !ring->is_sound ? "  its positions make no sense" : "");
}

void stat_print(const struct stat_view *view)
{
	size_t i;
	unsigned signal;

	print_writer(view);
	if (view->region_count == 0)
		line("no producers");
	else
		line("\n%-26s %-7s %10s %10s %4s %10s %11s %8s %8s %8s", "producer", "ring", "size",
		     "used", "fill", "waiting", "accepted", "full", "too lrg", "invalid");
	for (i = 0; i < view->region_count; i++) {
		const struct stat_region *region = &view->regions[i];
		char who[128];

		snprintf(who, sizeof(who), "%" PRIu32 " %s %.8s", region->pid,
			 region->is_alive ? "alive" : "dead", region->program);
		for (signal = 0; signal < SIGNAL_COUNT; signal++) {
			if (signal == 1)
				snprintf(who, sizeof(who), "  %08" PRIx64 " %" PRIu64 " s",
					 region->id >> 32, age_seconds(region->start_unix_ns));
			if (region->rings[signal].is_present)
				print_ring(who, signal_rows[signal].ring_name,
					   &region->rings[signal]);
		}
		if (region->unknown_ring != 0)
			line("  %08" PRIx64 " waits whole for a newer writer: the signal of its "
			     "ring %u is not known to this version",
			     region->id >> 32, region->unknown_ring);
	}
	if (view->unlisted_count > 0)
		line("%zu regions more are not shown one by one: what they have is in the total",
		     view->unlisted_count);
	if (view->region_count > 0) {
		print_ring("total", "", &view->total);
		print_memory(&view->memory);
	}
	print_without_ring(&view->without_ring);
	if (view->unreadable_count > 0)
		line("%zu regions cannot be read: they are damaged, of another version, or another "
		     "user's",
		     view->unreadable_count);
}
