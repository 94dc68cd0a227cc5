/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe cat`: prints stored telemetry as OTLP JSON lines, as frames or as text. Here are the
 * options. read.c reads files once, follow.c waits for more; cat_file.c prints what is in them.
 */
#include <errno.h>
#include <string.h>

#include "base/arguments.h"
#include "base/array.h"
#include "base/units.h"
#include "cli/cat_file.h"
#include "cli/follow.h"
#include "cli/read.h"
#include "cli/tool.h"

enum { KEY_FRAME_BYTES = 0x100 };

static const struct argp_option options_table[] = {
	{"follow", 'f', NULL, 0, "wait for more, until SIGINT or SIGTERM", 0},
	{"signal", 's', "SIGNAL", 0, "traces, metrics or logs (by the file; all)", 0},
	{"format", 'F', "FORMAT", 0, "json, text, frames or protobuf (json lines)", 0},
	{"frame-bytes", KEY_FRAME_BYTES, "SIZE", 0, "no frame is larger, if it can be cut (4 MiB)",
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
		[CAT_JSON] = "json",
		[CAT_FRAMES] = "frames",
		[CAT_TEXT] = "text",
		[CAT_PROTOBUF] = "protobuf",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum cat_format)i;
			return 0;
		}
	}
	return arguments_refuse(state, "--format takes json, text, frames or protobuf, not '%s'",
				text);
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct cat_words *words = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &words->options.filter;
		return 0;
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
	case KEY_FRAME_BYTES:
		if (units_parse_size(text, &words->options.frame_bytes) < 0 ||
		    words->options.frame_bytes < CAT_FRAME_BYTES_MIN ||
		    words->options.frame_bytes > CAT_FRAME_BYTES_MAX)
			return arguments_refuse(
				state, "--frame-bytes takes a size from 4 KiB to 64 MiB, not '%s'",
				text);
		return 0;
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

/* Returns an enum tool_exit. */
static int cat_run(struct cat_words *words)
{
	struct cat_options *options = &words->options;
	const struct read_options read = {.signal = options->signal};
	int status;

	if (options->follow)
		status = cat_follow(options, words->paths, words->path_count);
	else
		status = read_paths(words->paths, words->path_count, &read, cat_item, options);
	filter_free(&options->filter);
	/* A reader that left made what came after it fail. */
	if (!options->follow && tool_flush() == -EPIPE)
		return TOOL_OK;
	return options->status > status ? options->status : status;
}

int cat_main(int argc, char **argv)
{
	static const struct argp_child children[] = {{&filter_argp, 0, "Only records", 0}, {0}};
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.children = children,
		.args_doc = "FILE|DIR|-...",
		.doc = "Print batch files, and OTLP protobuf, frames and JSON, also of gzip and "
		       "zstd; of a directory its files in their order.\v"
		       "Exit status: 1 if something could not be read or was missing.",
	};
	struct cat_words words = {.options = {.signal = SIGNAL_NONE,
					      .printed = SIGNAL_NONE,
					      .frame_bytes = CAT_FRAME_BYTES}};
	int rc = tool_parse(&argp, argc, argv, &words);

	return rc != 0 ? rc - 1 : tool_finish(cat_run(&words));
}
