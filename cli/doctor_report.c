/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what the checks found, and prints it. */
#include "cli/doctor_report.h"

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <otlpipe/otlpipe.h>

#include "base/utf8.h"
#include "cli/json_add.h"
#include "cli/tool.h"

#define REPORT_TEXT_BYTES 8192
#define REPORT_NAME_WIDTH 12
/* Of the JSON: a higher number where a field is taken away or means something else. */
#define REPORT_JSON_VERSION 1

static const char *const state_names[DOCTOR_STATES] = {"ok", "note", "warning", "wrong"};

const char *doctor_state_name(enum doctor_state state)
{
	return state_names[state];
}

/* One line of UTF-8 without control characters. @return NULL: no memory */
static char *clean(const char *text)
{
	const size_t len = strlen(text);
	char *ret = malloc(3 * len + 1), *at;

	if (ret == NULL)
		return NULL;
	ret[utf8_repair(ret, text, len)] = '\0';
	for (at = ret; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return ret;
}

static char *format_clean(const char *format, va_list arguments)
{
	char *text = malloc(REPORT_TEXT_BYTES), *ret = NULL;

	if (text != NULL && vsnprintf(text, REPORT_TEXT_BYTES, format, arguments) >= 0)
		ret = clean(text);
	free(text);
	return ret;
}

static bool grow(struct doctor_report *report)
{
	const size_t capacity = report->capacity != 0 ? report->capacity * 2 : 32;
	struct doctor_item *larger;

	if (report->count < report->capacity)
		return true;
	larger = realloc(report->items, capacity * sizeof(*larger));
	if (larger == NULL)
		return false;
	report->items = larger;
	report->capacity = capacity;
	return true;
}

void doctor_add(struct doctor_report *report, enum doctor_state state, const char *check,
		const char *format, ...)
{
	struct doctor_item item = {.state = state, .check = check};
	va_list arguments;

	va_start(arguments, format);
	item.text = format_clean(format, arguments);
	va_end(arguments);
	report->states[state]++;
	if (item.text == NULL || !grow(report)) {
		free(item.text);
		report->has_no_memory = true;
		return;
	}
	report->items[report->count++] = item;
}

void doctor_mend(struct doctor_report *report, const char *format, ...)
{
	struct doctor_item *item;
	va_list arguments;

	if (report->has_no_memory || report->count == 0)
		return;
	item = &report->items[report->count - 1];
	free(item->mend);
	va_start(arguments, format);
	item->mend = format_clean(format, arguments);
	va_end(arguments);
	report->has_no_memory |= item->mend == NULL;
}

const char *doctor_size(uint64_t bytes, char to[DOCTOR_SIZE_BYTES])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		value /= 1024;
		unit++;
	}
	snprintf(to, DOCTOR_SIZE_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return to;
}

const char *doctor_user(unsigned uid, char to[64])
{
	const struct passwd *entry = getpwuid(uid);

	if (entry != NULL)
		snprintf(to, 64, "%s", entry->pw_name);
	else
		snprintf(to, 64, "%u", uid);
	return to;
}

const char *doctor_group(unsigned gid, char to[64])
{
	const struct group *entry = getgrgid(gid);

	if (entry != NULL)
		snprintf(to, 64, "%s", entry->gr_name);
	else
		snprintf(to, 64, "%u", gid);
	return to;
}

const char *doctor_quote(const char *path, char *to)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_./-+:@%,=";
	size_t used = 0;

	if (path[strspn(path, plain)] == '\0') {
		snprintf(to, DOCTOR_QUOTED_BYTES, "%s", path);
		return to;
	}
	to[used++] = '\'';
	for (; *path != '\0' && used < DOCTOR_QUOTED_BYTES - 6; path++) {
		if (*path == '\'') {
			memcpy(to + used, "'\\''", 4);
			used += 4;
		} else {
			to[used++] = *path;
		}
	}
	to[used++] = '\'';
	to[used] = '\0';
	return to;
}

/* ---- for people ---- */

static void write_text(const char *text)
{
	tool_write(text, strlen(text));
}

static void write_item(const struct doctor_item *item)
{
	char head[64];

	snprintf(head, sizeof(head), "%-8s %-*s ",
		 item->state == DOCTOR_WRONG ? "WRONG" : doctor_state_name(item->state),
		 REPORT_NAME_WIDTH, item->check);
	write_text(head);
	write_text(item->text);
	write_text("\n");
	if (item->mend == NULL)
		return;
	snprintf(head, sizeof(head), "%-8s %-*s ", "", REPORT_NAME_WIDTH, "mend it:");
	write_text(head);
	write_text(item->mend);
	write_text("\n");
}

void doctor_print(const struct doctor_report *report)
{
	const unsigned wrong = report->states[DOCTOR_WRONG];
	const unsigned warnings = report->states[DOCTOR_WARNING];
	char sum[160];
	size_t i;

	for (i = 0; i < report->count; i++)
		write_item(&report->items[i]);
	if (wrong == 0)
		snprintf(sum, sizeof(sum), "\nall is well; %u warning%s\n", warnings,
			 warnings == 1 ? "" : "s");
	else
		snprintf(sum, sizeof(sum), "\n%u check%s WRONG; %u warning%s\n", wrong,
			 wrong == 1 ? " is" : "s are", warnings, warnings == 1 ? "" : "s");
	write_text(sum);
}

/* ---- JSON ---- */

static json_object *item_json(const struct doctor_item *item)
{
	json_object *json = json_object_new_object();

	json_add_text(json, "check", item->check);
	json_add_text(json, "state", doctor_state_name(item->state));
	json_add_text(json, "text", item->text);
	json_add_text(json, "mend", item->mend != NULL ? item->mend : "");
	return json;
}

static void add_path(json_object *json, const char *key, const char *path)
{
	char *text = clean(path);

	json_add_text(json, key, text != NULL ? text : "");
	free(text);
}

void doctor_print_json(const struct doctor_report *report, const char *runtime, const char *output)
{
	json_object *json = json_object_new_object();
	json_object *checks = json_object_new_array();
	size_t i;

	json_add_number(json, "version", REPORT_JSON_VERSION);
	json_add_text(json, "tool", otlp_version());
	json_add_bool(json, "ok", report->states[DOCTOR_WRONG] == 0);
	json_add_number(json, "wrong", report->states[DOCTOR_WRONG]);
	json_add_number(json, "warnings", report->states[DOCTOR_WARNING]);
	add_path(json, "runtime", runtime);
	add_path(json, "output", output);
	for (i = 0; i < report->count; i++)
		json_object_array_add(checks, item_json(&report->items[i]));
	json_object_object_add(json, "checks", checks);
	tool_write_json(json);
}

void doctor_free(struct doctor_report *report)
{
	size_t i;

	for (i = 0; i < report->count; i++) {
		free(report->items[i].text);
		free(report->items[i].mend);
	}
	free(report->items);
	memset(report, 0, sizeof(*report));
}
