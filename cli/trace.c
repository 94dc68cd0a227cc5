/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe trace`: traces as trees. The files are read once to know which traces there are, once
 * for the spans of those that are wanted, and, if these have links, once for what the links lead
 * to.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/units.h"
#include "cli/read.h"
#include "cli/tool.h"
#include "cli/trace_print.h"

#define COLUMNS_DEFAULT 80u
#define LIST_DEFAULT	20u
#define LINES_DEFAULT	1000u
#define TRACES_MAX	10000u
#define TRACE_SPANS_MAX 1000000u
#define ID_DIGITS	(2 * TRACE_ID_BYTES)
#define ID_DIGITS_MIN	4u

struct words {
	const char *path;
	const char *id; /* its first digits; NULL: any */
	uint64_t count; /* 0: not said */
	uint64_t lines_max;
	bool with_errors, with_attributes;
};

struct trace {
	struct trace_sum sum;
	struct tree tree;
	uint64_t left_out;
};

struct work {
	const struct words *words;
	struct trace_index index;
	struct trace *traces;
	size_t trace_count;
	struct trace_links links;
	bool is_too_much; /* for the memory that there is */
	int (*take)(struct work *work, const struct view_place *place, struct view_bytes message,
		    const struct view_span *span);
};

/* ---- passes over the files ---- */

static bool begins_with(struct view_bytes id, const char *digits)
{
	for (size_t i = 0; digits[i] != '\0'; i++) {
		const unsigned nibble = id.data[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15u;

		if ("0123456789abcdef"[nibble] != tolower((unsigned char)digits[i]))
			return false;
	}
	return true;
}

static int take_into_index(struct work *work, const struct view_place *place,
			   struct view_bytes message, const struct view_span *span)
{
	(void)place;
	(void)message;
	if (work->words->id != NULL &&
	    (span->trace_id.len != TRACE_ID_BYTES || !begins_with(span->trace_id, work->words->id)))
		return 0;
	return trace_index_add(&work->index, span);
}

/* They are in the order of their ids while spans are gathered. */
static struct trace *find_trace(const struct work *work, struct view_bytes id)
{
	size_t from = 0, to = work->trace_count;

	if (id.len != TRACE_ID_BYTES)
		return NULL;
	while (from < to) {
		const size_t middle = from + (to - from) / 2;
		const int order = memcmp(id.data, work->traces[middle].sum.id, TRACE_ID_BYTES);

		if (order == 0)
			return &work->traces[middle];
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

static int take_into_trace(struct work *work, const struct view_place *place,
			   struct view_bytes message, const struct view_span *span)
{
	struct trace *const trace = find_trace(work, span->trace_id);

	if (trace == NULL)
		return 0;
	if (trace->tree.count == TRACE_SPANS_MAX) {
		trace->left_out++;
		return 0;
	}
	return tree_add(&trace->tree, message, place->service);
}

static int take_into_links(struct work *work, const struct view_place *place,
			   struct view_bytes message, const struct view_span *span)
{
	(void)message;
	return trace_links_see(&work->links, span, place->service);
}

static int take_span(void *context, const struct view_place *place, struct view_bytes message)
{
	struct work *const work = context;
	struct view_span span;
	int rc = view_span(message, &span);

	return rc < 0 ? rc : work->take(work, place, message, &span);
}

static int take_resource(void *context, const struct read_item *item)
{
	struct work *const work = context;
	int rc = view_records((struct view_bytes){item->data, item->bytes}, take_span, work);

	if (rc != -ENOMEM)
		return rc;
	work->is_too_much = true;
	return READ_STOP;
}

/* Returns an enum tool_exit. */
static int pass(struct work *work, int (*take)(struct work *, const struct view_place *,
					       struct view_bytes, const struct view_span *))
{
	const struct read_options options = {.signal = OTLP_SIGNAL_TRACES};
	char *path = (char *)(uintptr_t)work->words->path;
	int status;

	/* What is wrong with the files is said at the first pass. */
	tool_hush(work->take != NULL);
	work->take = take;
	status = read_paths(&path, 1, &options, take_resource, work);
	tool_hush(false);
	if (work->is_too_much)
		return tool_path_error(path, "its traces do not fit into memory", -ENOMEM);
	return status;
}

/* ---- which traces ---- */

static int compare_ids(const void *a, const void *b)
{
	return memcmp(((const struct trace *)a)->sum.id, ((const struct trace *)b)->sum.id,
		      TRACE_ID_BYTES);
}

static int compare_durations(const void *a, const void *b)
{
	const struct trace_sum *x = &((const struct trace *)a)->sum;
	const struct trace_sum *y = &((const struct trace *)b)->sum;
	const uint64_t x_ns = x->end_ns - x->begin_ns, y_ns = y->end_ns - y->begin_ns;

	if (x_ns != y_ns)
		return x_ns > y_ns ? -1 : 1;
	return x->begin_ns < y->begin_ns ? -1 : x->begin_ns > y->begin_ns;
}

/* Is what the command line asks for there, and is it one? */
static int check_found(const struct work *work, size_t found)
{
	const struct words *const words = work->words;

	if (work->index.left_out_spans > 0)
		tool_error("%s: of more than %zu traces the rest is left out: %" PRIu64 " spans",
			   words->path, TRACE_INDEX_MAX, work->index.left_out_spans);
	if (words->id != NULL && found > 1) {
		tool_error("%s: %zu traces begin with %s: give more digits of the id", words->path,
			   found, words->id);
		return TOOL_FAILED;
	}
	if (found > 0)
		return TOOL_OK;
	if (words->id != NULL)
		tool_error("%s: no span has the trace id %s (otlpipe trace %s lists some)",
			   words->path, words->id, words->path);
	else
		tool_error("%s: there is no trace%s in it", words->path,
			   words->with_errors ? " with an error" : "");
	return TOOL_FAILED;
}

static int choose(struct work *work)
{
	const uint64_t wanted = work->words->count != 0 ? work->words->count : LIST_DEFAULT;
	struct trace_sum *sums = NULL;
	const int64_t found =
		trace_index_slowest(&work->index, (size_t)wanted, work->words->with_errors, &sums);
	int status;

	if (found < 0)
		return tool_path_error(work->words->path, "its traces do not fit into memory",
				       (int)found);
	status = check_found(work, work->words->id != NULL ? trace_index_count(&work->index)
							   : (size_t)found);
	if (status == TOOL_OK) {
		work->traces = calloc((size_t)found, sizeof(*work->traces));
		if (work->traces == NULL)
			status = tool_path_error(work->words->path,
						 "its traces do not fit into memory", -ENOMEM);
	}
	for (size_t i = 0; status == TOOL_OK && i < (size_t)found; i++)
		work->traces[i].sum = sums[i];
	work->trace_count = status == TOOL_OK ? (size_t)found : 0;
	if (status == TOOL_OK)
		qsort(work->traces, work->trace_count, sizeof(*work->traces), compare_ids);
	free(sums);
	return status;
}

/* ---- output ---- */

static size_t columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
	    size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col < TRACE_COLUMNS_MIN	 ? TRACE_COLUMNS_MIN
	       : size.ws_col > TRACE_COLUMNS_MAX ? TRACE_COLUMNS_MAX
						 : size.ws_col;
}

static bool is_list(const struct words *words)
{
	return words->id == NULL && words->count == 0 && !words->with_errors;
}

static int build(struct work *work)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < work->trace_count; i++) {
		struct tree *const tree = &work->traces[i].tree;

		rc = tree_build(tree);
		for (size_t k = 0; rc == 0 && k < tree->count && !is_list(work->words); k++)
			rc = trace_links_want(&work->links,
					      (struct view_bytes){tree->spans[k].bytes,
								  tree->spans[k].bytes_len});
	}
	if (rc < 0)
		return tool_path_error(work->words->path, "its traces cannot be shown", rc);
	if (trace_links_are_none(&work->links))
		return TOOL_OK;
	(void)pass(work, take_into_links);
	return work->is_too_much ? TOOL_FAILED : TOOL_OK;
}

static int print(struct work *work)
{
	const struct trace_style style = {
		.columns = columns(),
		.is_coloured = tool_output_is_coloured(),
		.with_attributes = work->words->with_attributes,
		.lines_max = work->words->lines_max != 0 ? work->words->lines_max : UINT64_MAX,
	};
	int rc = 0;

	qsort(work->traces, work->trace_count, sizeof(*work->traces), compare_durations);
	for (size_t i = 0; rc == 0 && i < work->trace_count && tool_flush() == 0; i++) {
		const struct trace *const trace = &work->traces[i];
		struct grow grow = {0};

		if (is_list(work->words) && i == 0)
			grow_format(&grow, "%-32s  %-24s %9s %8s %6s  root\n", "trace", "begin",
				    "duration", "spans", "errors");
		if (is_list(work->words))
			trace_print_sum(&grow, &style, &trace->sum, &trace->tree);
		else
			rc = trace_print(&grow, &style, &trace->sum, &trace->tree, &work->links);
		if (trace->left_out > 0)
			grow_format(&grow, "… and %" PRIu64 " spans that are too many\n",
				    trace->left_out);
		if (!is_list(work->words) && i + 1 < work->trace_count)
			grow_char(&grow, '\n');
		if (grow.is_failed)
			rc = -ENOMEM;
		if (rc == 0)
			tool_write(grow.data, grow.len);
		grow_free(&grow);
	}
	if (rc < 0)
		return tool_path_error(work->words->path, "a trace cannot be shown", rc);
	return TOOL_OK;
}

static int show(struct work *work)
{
	int status = pass(work, take_into_index);
	int rc = choose(work);

	if (rc == TOOL_OK) {
		(void)pass(work, take_into_trace);
		rc = work->is_too_much ? TOOL_FAILED : build(work);
	}
	if (rc == TOOL_OK)
		rc = print(work);
	for (size_t i = 0; i < work->trace_count; i++)
		tree_free(&work->traces[i].tree);
	free(work->traces);
	trace_index_free(&work->index);
	trace_links_free(&work->links);
	return rc > status ? rc : status;
}

/* ---- options ---- */

static const struct argp_option options_table[] = {
	{"slowest", 'n', "N", 0, "the N traces that took longest", 0},
	{"errors", 'e', NULL, 0, "the slowest traces in which a span has an error; 20, or N", 0},
	{"attributes", 'a', NULL, 0, "the attributes of spans too, and all of events", 0},
	{"lines", 'l', "N", 0, "of each trace so many spans; 0: all (default 1000)", 0},
	{0},
};

static error_t take_id(const struct argp_state *state, struct words *words, const char *text)
{
	const size_t len = strlen(text);

	if (len < ID_DIGITS_MIN || len > ID_DIGITS || strspn(text, "0123456789abcdefABCDEF") != len)
		return arguments_refuse(
			state,
			"a trace id has 32 hex digits (or its first ones, at least %u), not '%s'",
			ID_DIGITS_MIN, text);
	words->id = text;
	return 0;
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct words *const words = state->input;

	switch (key) {
	case 'n':
		if (units_parse_count(text, 1, TRACES_MAX, &words->count) < 0)
			return arguments_refuse(state,
						"--slowest takes a number from 1 to %u, not '%s'",
						TRACES_MAX, text);
		return 0;
	case 'l':
		if (units_parse_count(text, 0, UINT32_MAX, &words->lines_max) < 0)
			return arguments_refuse(state, "--lines takes a number, not '%s'", text);
		return 0;
	case 'e':
		words->with_errors = true;
		return 0;
	case 'a':
		words->with_attributes = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 1)
			return take_id(state, words, text);
		if (state->arg_num > 1)
			return arguments_refuse(state, "there is one file or directory and one id");
		words->path = text;
		return 0;
	case ARGP_KEY_NO_ARGS:
		return arguments_refuse(state, "no file and no directory given");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int trace_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.args_doc = "DIR|FILE [TRACE_ID]",
		.doc = "Show traces as trees, with bars of their times. Without an id and an "
		       "option: a "
		       "list of the 20 slowest traces.\v"
		       "Exit status: 0; 1 if something could not be read, or there is no such "
		       "trace.",
	};
	struct words words = {.lines_max = LINES_DEFAULT};
	struct work work = {.words = &words};
	int rc = tool_parse(&argp, argc, argv, &words);

	if (rc != 0)
		return rc - 1;
	if (words.id != NULL && (words.count != 0 || words.with_errors))
		return tool_usage("a trace id, or --slowest and --errors, not both");
	if (strcmp(words.path, "-") == 0)
		return tool_usage("the files are read more than once: not from standard input");
	rc = show(&work);
	return tool_finish(tool_flush() == -EPIPE ? TOOL_OK : rc);
}
