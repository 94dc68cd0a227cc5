/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe snapshot`: asks the writer of a runtime directory, which has to be a flight recorder,
 * for what it holds (SIGUSR1), waits until that is on the disk, and prints what it is.
 *
 * The first snapshot that begins after the look at the page has everything that was pushed before
 * the command was started; the signal sees to it that there is one. Several commands at once may
 * wait for the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/arguments.h"
#include "base/clock.h"
#include "base/units.h"
#include "cli/json_add.h"
#include "cli/show_text.h"
#include "cli/tool.h"
#include "cli/writer_find.h"
#include "core/record/signal.h"

#define SNAPSHOT_LOOK_MS    20
#define SNAPSHOT_TIMEOUT_NS INT64_C(60000000000)

struct snapshot_options {
	const char *dir;
	int64_t timeout_ns;
	bool json;
};

/* ---- what came of it ---- */

/*
 * The result with this number; or, if so many have ended since that the page no longer has it, of
 * the first one behind it that is there: what was asked for is in that too, or was written before.
 * PAIR(snapshot-result): with the writer's end of a snapshot, through the page's file: the number
 * is stored behind what it is the number of, and the page is read in one piece.
 */
static bool snapshot_result(const struct status_page *page, uint64_t number,
			    struct status_snapshot *ret)
{
	bool is_found = false;

	for (unsigned i = 0; i < STATUS_SNAPSHOTS; i++) {
		const struct status_snapshot *const kept = &page->flight.snapshots[i];

		if (kept->number < number || (is_found && kept->number > ret->number))
			continue;
		*ret = *kept;
		is_found = true;
	}
	return is_found;
}

static void print_items(const char *what, const uint64_t *items)
{
	enum otlp_signal signal;

	printf("%s", what);
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		printf("%s %" PRIu64 " %s", signal == 0 ? "" : ",", items[signal],
		       signal_rows[signal].item_name);
	printf("\n");
}

static void print_result(const struct status_page *page, const struct status_snapshot *result)
{
	char begin[SHOW_TIME_BYTES], end[SHOW_TIME_BYTES], span[UNITS_TEXT_BYTES];

	printf("%s: %" PRIu64 " files, %" PRIu64 " bytes\n", page->flight.output, result->files,
	       result->bytes);
	print_items("written:", result->items);
	print_items("let go: ", result->let_go_items);
	if (result->begin_unix_ns == 0)
		return;
	printf("batches: from %s to %s (%s)\n", show_time_text(result->begin_unix_ns, begin),
	       show_time_text(result->end_unix_ns, end),
	       units_format_duration((int64_t)(result->end_unix_ns - result->begin_unix_ns), span));
}

static json_object *items_json(const uint64_t *items)
{
	json_object *json = json_object_new_object();
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		json_add_number(json, signal_name(signal), items[signal]);
	return json;
}

static void print_json(const struct status_page *page, const struct status_snapshot *result)
{
	json_object *json = json_object_new_object();

	json_add_bool(json, "ok", result->error == 0);
	json_add_text(json, "output", page->flight.output);
	json_add_number(json, "snapshot", result->number);
	json_add_number(json, "files", result->files);
	json_add_number(json, "bytes", result->bytes);
	json_object_object_add(json, "written_items", items_json(result->items));
	json_object_object_add(json, "let_go_items", items_json(result->let_go_items));
	json_add_number(json, "begin_unix_nano", result->begin_unix_ns);
	json_add_number(json, "end_unix_nano", result->end_unix_ns);
	json_add_text(json, "problem", result->problem);
	tool_write_json(json);
}

static int report(const struct snapshot_options *options, const char *path,
		  const struct status_page *page, uint64_t number)
{
	struct status_snapshot result;

	if (!snapshot_result(page, number, &result)) {
		tool_error("%s: snapshot %" PRIu64 " is over, and its result cannot be read: the "
			   "writer's log has it; or ask again",
			   path, number);
		return TOOL_FAILED;
	}
	if (options->json)
		print_json(page, &result);
	else if (result.error == 0)
		print_result(page, &result);
	if (result.error == 0)
		return TOOL_OK;
	tool_error("%s: %s", page->flight.output,
		   result.problem[0] != '\0' ? result.problem : strerror((int)result.error));
	return TOOL_FAILED;
}

/* ---- waiting ---- */

/* @return 1: it is over; 0: not yet; -1: the writer has ended, which was said */
static int look(const struct runtime_dir *dir, const char *path, int pidfd, uint64_t number,
		struct status_page *ret)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	const bool has_ended = poll(&poll_fd, 1, SNAPSHOT_LOOK_MS) > 0;
	bool is_running;
	int rc = status_read(dir, ret, &is_running);

	if (rc == 0 && ret->flight.snapshots_done >= number)
		return 1;
	if (!has_ended)
		return 0;
	tool_error("%s: the writer has ended before the snapshot was done; what it holds stays "
		   "there, and the next flight recorder takes the snapshot when it starts",
		   path);
	return -1;
}

static int wait_for(const struct snapshot_options *options, const struct runtime_dir *dir,
		    const char *path, int pidfd, uint64_t number)
{
	const int64_t until_ns = clock_monotonic_ns() + options->timeout_ns;
	struct status_page page;
	char text[UNITS_TEXT_BYTES];
	int rc;

	while ((rc = look(dir, path, pidfd, number, &page)) == 0)
		if (clock_monotonic_ns() >= until_ns)
			break;
	if (rc > 0)
		return report(options, path, &page, number);
	if (rc == 0)
		tool_error("%s: the snapshot is not on the disk after %s (--timeout); the writer "
			   "goes on with it",
			   path, units_format_duration(options->timeout_ns, text));
	return TOOL_FAILED;
}

static int snapshot_dir(const struct snapshot_options *options, const struct runtime_dir *dir,
			const char *path)
{
	struct status_page page;
	int fd = writer_find(dir, path, "there is nothing to write", "SIGUSR1", &page), status;

	if (fd < 0)
		return TOOL_FAILED;
	if (page.flight.is_on == 0) {
		tool_error("%s: its writer (pid %" PRIu32 ") is no flight recorder: it writes "
			   "everything anyway; otlpipe-writer --mode flight-recorder is one",
			   path, page.pid);
		close(fd);
		return TOOL_FAILED;
	}
	status = writer_tell(fd, path, page.pid, SIGUSR1, "SIGUSR1");
	if (status == TOOL_OK)
		status = wait_for(options, dir, path, fd, page.flight.snapshots_begun + 1);
	close(fd);
	return status;
}

static int snapshot_path(const struct snapshot_options *options)
{
	char path[RUNTIME_PATH_BYTES_MAX];
	struct runtime_dir dir;
	int status = tool_open_runtime(&dir, path, options->dir);

	if (status != TOOL_OK)
		return status;
	status = snapshot_dir(options, &dir, path);
	runtime_close(&dir);
	return status;
}

/* ---- the command ---- */

static const struct argp_option options_table[] = {
	{"dir", 'd', "DIR", 0, "runtime directory ($OTLPIPE_DIR, else /dev/shm/otlpipe-UID)", 0},
	{"timeout", 't', "TIME", 0, "wait so long at most (60s)", 0},
	{"json", 'j', NULL, 0, "one JSON object, on one line", 0},
	{0},
};

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct snapshot_options *options = state->input;

	switch (key) {
	case 'd':
		options->dir = text;
		return 0;
	case 't':
		if (units_parse_duration(text, &options->timeout_ns) < 0 ||
		    options->timeout_ns <= 0)
			return arguments_refuse(
				state, "--timeout takes a time such as 10s, and not '%s'", text);
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_refuse(state, "it takes no argument, and not '%s'", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int snapshot_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.doc = "Have a flight recorder (otlpipe-writer --mode flight-recorder) write what "
		       "it holds, wait until that is on the disk, and print what it is.\v"
		       "Exit status: 0 if all of it is on the disk, 1 if not.",
	};
	struct snapshot_options options = {.timeout_ns = SNAPSHOT_TIMEOUT_NS};
	int rc = tool_parse(&argp, argc, argv, &options);

	if (rc != 0)
		return rc - 1;
	return tool_finish(snapshot_path(&options));
}
