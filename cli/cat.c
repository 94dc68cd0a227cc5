/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe cat`: prints stored telemetry as OTLP JSON lines, as frames or as text. Here are the
 * options. read.c reads files once, follow.c waits for more; cat_file.c prints what is in them.
 */
#include <errno.h>
#include <string.h>

#include "base/arguments.h"
#include "base/array.h"
#include "cli/cat_file.h"
#include "cli/follow.h"
#include "cli/read.h"
#include "cli/tool.h"

static const struct argp_option options_table[] = {
	{"follow", 'f', NULL, 0,
	 "wait for more: of a file that is being written, of newer files of a directory, of what "
	 "is not there yet; SIGINT and SIGTERM end it",
	 0},
	{"signal", 's', "SIGNAL", 0,
	 "traces, metrics or logs: what a file holds, if neither it nor its name says so; of a "
	 "directory, this signal alone",
	 0},
	{"format", 'F', "FORMAT", 0,
	 "json: OTLP JSON lines below 1 MiB (the default); frames: length (4 bytes, big-endian) "
	 "and an Export...ServiceRequest; text: a line for each log record, and logs alone",
	 0},
	{0},
};

struct cat_words {
	struct cat_options options;
	char **paths;
	size_t path_count;
};

static error_t choose_format(const struct argp_state *state, const char *text, enum cat_format *ret)
{
	static const char *const names[] = {
		[CAT_JSON] = "json", [CAT_FRAMES] = "frames", [CAT_TEXT] = "text"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum cat_format)i;
			return 0;
		}
	}
	return arguments_refuse(state, "--format takes json, frames or text, not '%s'", text);
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct cat_words *words = state->input;

	switch (key) {
	case 'f':
		words->options.follow = true;
		return 0;
	case 's':
		words->options.signal = signal_by_name(text);
		if (words->options.signal == SIGNAL_NONE)
			return arguments_refuse(
				state, "--signal takes traces, metrics or logs, not '%s'", text);
		return 0;
	case 'F':
		return choose_format(state, text, &words->options.format);
	case ARGP_KEY_ARGS:
		words->paths = state->argv + state->next;
		words->path_count = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		return arguments_refuse(state, "no file and no directory given");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cat_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.args_doc = "FILE|DIR|-...",
		.doc = "Print batch files and any other OTLP protobuf file, one object a line. A "
		       "directory stands for its files in the order of their sequence; - is "
		       "standard input.\v"
		       "Exit status: 0 if all was printed, 1 if something could not be read or was "
		       "missing.",
	};
	struct cat_words words = {.options.signal = SIGNAL_NONE};
	int status;
	int rc = tool_parse(&argp, argc, argv, &words);

	if (rc != 0)
		return rc - 1;
	if (words.options.format == CAT_TEXT) {
		if (words.options.signal != SIGNAL_NONE && words.options.signal != OTLP_SIGNAL_LOGS)
			return tool_usage("--format text has lines for log records alone: not for "
					  "--signal %s",
					  signal_name(words.options.signal));
		words.options.signal = OTLP_SIGNAL_LOGS;
	}
	if (words.options.follow)
		return tool_finish(cat_follow(&words.options, words.paths, words.path_count));
	status = read_paths(words.paths, words.path_count,
			    &(struct read_options){.signal = words.options.signal}, cat_item,
			    &words.options);
	/* A reader that left made what came after it fail. */
	return tool_finish(tool_flush() == -EPIPE ? TOOL_OK : status);
}
