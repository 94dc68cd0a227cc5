/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of verify: kept while it looks, printed at the end. */
#include "cli/verify_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/json_add.h"
#include "cli/tool.h"

static bool identity_holds(const struct verify_signal *sum)
{
	return sum->committed_items == verify_accounted_items(sum);
}

/* ---- for people ---- */

static void line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void line(const char *format, ...)
{
	char text[VERIFY_TEXT_BYTES + 64];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof(text) - 1, format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n] = '\n';
	tool_write(text, (size_t)n + 1);
}

static void print_signal(const char *name, const struct verify_signal *sum)
{
	line("%-8s %5" PRIu64 " %8" PRIu64 " %12" PRIu64 " %11" PRIu64 " %8" PRIu64 " %8" PRIu64
	     " %10" PRIu64 " %9" PRIu64,
	     name, sum->files, sum->batches, sum->bytes, sum->written_items, sum->invalid_items,
	     sum->lost_items, sum->held_items, sum->torn_bytes);
}

static void print_findings(const char *what, const struct verify_findings *findings)
{
	size_t i;

	for (i = 0; i < findings->count && i < VERIFY_FINDINGS_MAX; i++)
		line("%s: %s", what, findings->texts[i] != NULL ? findings->texts[i] : "?");
	if (findings->count > VERIFY_FINDINGS_MAX)
		line("%s: and %" PRIu64 " more", what, findings->count - VERIFY_FINDINGS_MAX);
}

/* Since the runtime directory was made, whatever output directory there was. */
static void print_without_ring(const struct counters_sum *sum)
{
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (sum->dropped_items[signal] > 0)
			line("dropped without a ring: %" PRIu64 " %s of processes that could make "
			     "none",
			     sum->dropped_items[signal], signal_rows[signal].item_name);
}

static void print_manifest(const struct verify *verify)
{
	const struct verify_manifest_sums *sums = &verify->manifest;
	size_t i;

	for (i = 0; i < verify->dir_count; i++)
		if (verify->dirs[i].manifest_error != 0)
			break;
	if (i < verify->dir_count)
		line("manifest: none in %s", verify->dirs[i].path);
	if (i < verify->dir_count && verify->dir_count == 1)
		return;
	line("manifest: files %" PRIu64 ", missing %" PRIu64 ", cut %" PRIu64 ", unknown %" PRIu64
	     ", removed by retention %" PRIu64,
	     sums->expected_files, sums->missing_files, sums->cut_files, sums->unknown_files,
	     sums->removed_files);
}

/* A term of the identity that is mostly nothing. */
static void add_term(char *to, size_t bytes, const char *name, uint64_t items)
{
	size_t at = strlen(to);

	if (items != 0)
		snprintf(to + at, bytes - at, "%s %" PRIu64, name, items);
}

void verify_print(const struct verify *verify)
{
	const struct verify_signal sum = verify_total(verify);
	char more[256] = "";
	enum otlp_signal signal;

	line("%-8s %5s %8s %12s %11s %8s %8s %10s %9s", "signal", "files", "batches", "bytes",
	     "written", "invalid", "lost", "in rings", "torn B");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		print_signal(signal_name(signal), &verify->signals[signal]);
	line("dropped: full %" PRIu64 ", too large %" PRIu64 ", invalid %" PRIu64,
	     sum.counters.dropped_full_items, sum.counters.dropped_too_large_items,
	     sum.counters.dropped_invalid_items);
	if (verify->runtime_count > 0)
		print_without_ring(&verify->without_ring);
	line("regions: %zu, final %" PRIu64 ", alive %" PRIu64 ", not closed %" PRIu64
	     ", broken %" PRIu64,
	     verify->region_count, verify->final_regions, verify->alive_regions,
	     verify->unclosed_regions, verify->broken_regions);
	print_manifest(verify);
	add_term(more, sizeof(more), " + let go", sum.let_go_items);
	add_term(more, sizeof(more), " + held by the flight recorder", sum.recorder_items);
	add_term(more, sizeof(more), " + perhaps in rings not looked at", sum.unlooked_items);
	add_term(more, sizeof(more), " + in removed files", sum.removed_items);
	add_term(more, sizeof(more), " + in other directories", sum.elsewhere_items);
	line("identity: committed %" PRIu64 " %s written %" PRIu64 " + invalid %" PRIu64
	     " + lost %" PRIu64 " + in the rings %" PRIu64 "%s",
	     sum.committed_items, identity_holds(&sum) ? "=" : "!=", sum.written_items,
	     sum.invalid_items, sum.lost_items, sum.held_items, more);
	print_findings("note", &verify->notes);
	print_findings("problem", &verify->problems);
	if (verify_is_ok(verify))
		line("ok");
	else if (verify->problems.count == 0)
		line("problem: the identity does not hold");
}

/* ---- JSON ---- */

static json_object *counters_json(const struct verify_counters *counters)
{
	json_object *json = json_object_new_object();

	json_add_number(json, "full", counters->dropped_full_items);
	json_add_number(json, "too_large", counters->dropped_too_large_items);
	json_add_number(json, "invalid", counters->dropped_invalid_items);
	return json;
}

static json_object *signal_json(const struct verify_signal *sum)
{
	json_object *json = json_object_new_object();

	json_add_number(json, "files", sum->files);
	json_add_number(json, "open_files", sum->open_files);
	json_add_number(json, "batches", sum->batches);
	json_add_number(json, "bytes", sum->bytes);
	json_add_number(json, "committed_items", sum->committed_items);
	json_add_number(json, "written_items", sum->written_items);
	json_add_number(json, "invalid_items", sum->invalid_items);
	json_add_number(json, "lost_items", sum->lost_items);
	json_add_number(json, "let_go_items", sum->let_go_items);
	json_add_number(json, "in_flight_recorder_items", sum->recorder_items);
	json_add_number(json, "in_rings_items", sum->held_items);
	json_add_number(json, "not_looked_at_items", sum->unlooked_items);
	json_add_number(json, "removed_items", sum->removed_items);
	json_add_number(json, "elsewhere_items", sum->elsewhere_items);
	json_add_number(json, "torn_items", sum->torn_items);
	json_add_number(json, "torn_bytes", sum->torn_bytes);
	json_object_object_add(json, "dropped_items", counters_json(&sum->counters));
	return json;
}

/* The worst of all directories. */
static const char *manifest_state(const struct verify *verify)
{
	const char *state = "ok";
	size_t i;

	for (i = 0; i < verify->dir_count; i++) {
		int error = verify->dirs[i].manifest_error;

		if (error != 0 && error != -ENOENT)
			return error == -EBADMSG ? "damaged" : "unreadable";
		if (error == -ENOENT)
			state = "none";
	}
	return state;
}

static json_object *manifest_json(const struct verify *verify)
{
	const struct verify_manifest_sums *sums = &verify->manifest;
	json_object *json = json_object_new_object();

	json_add_text(json, "state", manifest_state(verify));
	json_add_number(json, "files", sums->expected_files);
	json_add_number(json, "missing_files", sums->missing_files);
	json_add_number(json, "cut_files", sums->cut_files);
	json_add_number(json, "unknown_files", sums->unknown_files);
	json_add_number(json, "removed_files", sums->removed_files);
	json_add_number(json, "removed_bytes", sums->removed_bytes);
	return json;
}

static json_object *findings_json(const struct verify_findings *findings)
{
	json_object *json = json_object_new_array();
	size_t i;

	for (i = 0; i < findings->count && i < VERIFY_FINDINGS_MAX; i++)
		json_object_array_add(json, json_object_new_string(findings->texts[i] != NULL
									   ? findings->texts[i]
									   : "?"));
	return json;
}

static json_object *without_ring_json(const struct counters_sum *sum)
{
	json_object *json = json_object_new_object();
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		json_add_number(json, signal_name(signal), sum->dropped_items[signal]);
	return json;
}

void verify_print_json(const struct verify *verify)
{
	const struct verify_signal sum = verify_total(verify);
	json_object *json = json_object_new_object();
	json_object *signals = json_object_new_object();
	json_object *identity = json_object_new_object();
	json_object *regions = json_object_new_object();
	enum otlp_signal signal;

	json_add_bool(json, "ok", verify_is_ok(verify));
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		json_object_object_add(signals, signal_name(signal),
				       signal_json(&verify->signals[signal]));
	json_object_object_add(json, "signals", signals);
	json_object_object_add(json, "dropped_items", counters_json(&sum.counters));
	if (verify->runtime_count > 0)
		json_object_object_add(json, "dropped_without_ring_items",
				       without_ring_json(&verify->without_ring));
	json_add_number(regions, "count", verify->region_count);
	json_add_number(regions, "final", verify->final_regions);
	json_add_number(regions, "alive", verify->alive_regions);
	json_add_number(regions, "not_closed", verify->unclosed_regions);
	json_add_number(regions, "broken", verify->broken_regions);
	json_object_object_add(json, "regions", regions);
	json_add_bool(identity, "holds", identity_holds(&sum));
	json_add_number(identity, "committed", sum.committed_items);
	json_add_number(identity, "written", sum.written_items);
	json_add_number(identity, "invalid", sum.invalid_items);
	json_add_number(identity, "lost", sum.lost_items);
	json_add_number(identity, "let_go", sum.let_go_items);
	json_add_number(identity, "in_flight_recorder", sum.recorder_items);
	json_add_number(identity, "in_rings", sum.held_items);
	json_add_number(identity, "not_looked_at", sum.unlooked_items);
	json_add_number(identity, "removed", sum.removed_items);
	json_add_number(identity, "elsewhere", sum.elsewhere_items);
	json_object_object_add(json, "identity", identity);
	json_object_object_add(json, "manifest", manifest_json(verify));
	json_object_object_add(json, "notes", findings_json(&verify->notes));
	json_object_object_add(json, "problems", findings_json(&verify->problems));
	json_add_number(json, "problem_count", verify->problems.count);
	tool_write_json(json);
}
