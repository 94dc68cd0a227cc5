/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe stat`: the writer and the rings as they are now, from shared memory.
 * It takes nothing, locks nothing and stores nothing; the numbers of a ring are
 * read one after the other, so they may be a push apart. How regions are looked at is
 * stat_look.c, and how all of it is shown stat_print.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/units.h"
#include "cli/openmetrics.h"
#include "cli/stat_look.h"
#include "cli/stat_print.h"
#include "cli/tool.h"

#define STAT_WATCH_SECONDS_MAX 86400u
#define STAT_NS_PER_SECOND     INT64_C(1000000000)

struct stat_options {
	const char *dir;
	bool json;
	bool check;
	bool prometheus;
	bool watch;
	uint64_t watch_seconds;
};

/* ---- the command ---- */

static int print_openmetrics(const struct stat_view *view)
{
	size_t bytes;
	char *text;

	if (openmetrics_write(view, &text, &bytes) < 0) {
		tool_error("there is no memory for the text");
		return TOOL_FAILED;
	}
	tool_write(text, bytes);
	free(text);
	return TOOL_OK;
}

/* Is there a writer that can write? Says why not, and what to do. */
static int stat_check(const struct stat_view *view)
{
	if (view->is_running && view->page.state != STATUS_STALLED)
		return TOOL_OK;
	if (view->is_running)
		tool_error("%s: its writer, pid %" PRIu32 ", is stalled: `otlpipe doctor` says why",
			   view->path, view->page.pid);
	else
		tool_error("%s: no writer runs there: start one with `otlpipe-writer --dir '%s'`",
			   view->path, view->path);
	return TOOL_FAILED;
}

static int stat_once(const struct stat_options *options)
{
	struct stat_view *view = calloc(1, sizeof(*view));
	int status;

	if (view == NULL) {
		tool_error("there is no memory for what it looks at");
		return TOOL_FAILED;
	}
	status = stat_look(view, options->dir);
	if (status == TOOL_OK && stat_look_output(&view->output, &view->page) < 0) {
		tool_error("there is no memory for the files of %s", view->page.output);
		status = TOOL_FAILED;
	}
	if (status == TOOL_OK && options->json)
		stat_print_json(view);
	else if (status == TOOL_OK && options->prometheus)
		status = print_openmetrics(view);
	else if (status == TOOL_OK && !options->check)
		stat_print(view);
	if (status == TOOL_OK && options->check)
		status = stat_check(view);
	stat_forget(view);
	free(view);
	return status;
}

static int stat_watch(const struct stat_options *options)
{
	static const char clear[] = "\033[H\033[J";
	const bool is_terminal = isatty(STDOUT_FILENO) && !options->json && !options->prometheus;
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
	{"check", 'c', NULL, 0,
	 "print no table; exit status 1 if no writer runs, or it cannot write", 0},
	{"dir", 'd', "DIR", 0, "runtime directory ($OTLPIPE_DIR, else /dev/shm/otlpipe-UID)", 0},
	{"json", 'j', NULL, 0, "one JSON object, on one line", 0},
	{"prometheus", 'p', NULL, 0, "OpenMetrics text, for Prometheus", 0},
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
	case 'c':
		options->check = true;
		return 0;
	case 'd':
		options->dir = text;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case 'p':
		options->prometheus = true;
		return 0;
	case 'w':
		return take_watch(options, text, state);
	case ARGP_KEY_END:
		return options->json && options->prometheus
			       ? arguments_refuse(state, "--json or --prometheus, not both")
			       : 0;
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
	if (tool_guard() != TOOL_OK)
		return tool_finish(TOOL_FAILED);
	return tool_finish(options.watch ? stat_watch(&options) : stat_once(&options));
}
