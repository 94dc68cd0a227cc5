/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe summary`: what is in the files, in figures. Here are the options and the way through. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/arguments.h"
#include "base/clock.h"
#include "base/units.h"
#include "cli/read.h"
#include "cli/summary_print.h"
#include "cli/tool.h"

#define LIMIT_DEFAULT 100u

struct words {
	char **paths;
	size_t path_count;
	enum otlp_signal signal;
	unsigned by;
	uint64_t since_ns;
	uint64_t limit; /* UINT64_MAX: not said */
	bool is_json;
};

struct work {
	struct summary summary;
	bool is_too_much;
};

static int take_resource(void *context, const struct read_item *item)
{
	struct work *const work = context;
	int rc = summary_take(&work->summary, item->signal,
			      (struct view_bytes){item->data, item->bytes});

	if (rc != -ENOMEM)
		return rc;
	work->is_too_much = true;
	return READ_STOP;
}

static int print(const struct words *words, const struct summary *summary)
{
	const uint64_t limit = words->limit == 0 ? UINT64_MAX : words->limit;
	struct grow grow = {0};
	int rc;

	if (words->is_json) {
		rc = summary_print_json(&grow, summary, limit, SIZE_MAX);
		grow_char(&grow, '\n');
	} else {
		rc = summary_print_table(&grow, summary,
					 words->limit == UINT64_MAX ? LIMIT_DEFAULT : limit);
	}
	if (rc == 0)
		tool_write(grow.data, grow.len);
	else
		tool_error("the summary does not fit into memory: %s", strerror(-rc));
	grow_free(&grow);
	return rc == 0 ? TOOL_OK : TOOL_FAILED;
}

static int summarize(const struct words *words)
{
	const struct read_options options = {.signal = words->signal};
	struct work work = {0};
	int status, rc;

	summary_begin(&work.summary, words->by, words->since_ns);
	status = read_paths(words->paths, words->path_count, &options, take_resource, &work);
	if (work.is_too_much) {
		tool_error("there is not enough memory for so many kinds of records");
		rc = TOOL_FAILED;
	} else {
		summary_finish(&work.summary);
		rc = print(words, &work.summary);
	}
	summary_free(&work.summary);
	return rc > status ? rc : status;
}

/* ---- options ---- */

static const struct argp_option options_table[] = {
	{"by", 'b', "FIELDS", 0,
	 "what tells spans apart: some of service, name, kind, scope (default service,name)", 0},
	{"since", 'S', "TIME", 0, "what began so long ago at most: 5m, 2h, 7d", 0},
	{"signal", 's', "SIGNAL", 0, "traces, metrics or logs alone", 0},
	{"limit", 'n', "N", 0, "rows of each table; 0: all (default 100; all with --json)", 0},
	{"json", 'j', NULL, 0, "one JSON object, on one line", 0},
	{0},
};

static error_t take_by(const struct argp_state *state, char *text, unsigned *ret)
{
	unsigned by = 0;
	char *rest = NULL;

	for (char *word = strtok_r(text, ",", &rest); word != NULL;
	     word = strtok_r(NULL, ",", &rest)) {
		unsigned found = 0;

		while (found < SUMMARY_BY_COUNT && strcmp(word, summary_by_names[found]) != 0)
			found++;
		if (found == SUMMARY_BY_COUNT)
			return arguments_refuse(state,
						"--by takes service, name, kind and scope, with "
						"commas between them, not '%s'",
						word);
		by |= 1u << found;
	}
	if (by == 0)
		return arguments_refuse(state, "--by takes service, name, kind and scope");
	*ret = by;
	return 0;
}

static error_t take_since(const struct argp_state *state, const char *text, uint64_t *ret)
{
	const uint64_t now_ns = (uint64_t)clock_now_ns(CLOCK_REALTIME);
	int64_t ns;

	if (units_parse_duration(text, &ns) < 0)
		return arguments_refuse(
			state, "--since takes a time such as 30s, 5m or 2h, not '%s'", text);
	*ret = now_ns > (uint64_t)ns ? now_ns - (uint64_t)ns : 0;
	return 0;
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct words *const words = state->input;

	switch (key) {
	case 'b':
		return take_by(state, text, &words->by);
	case 'S':
		return take_since(state, text, &words->since_ns);
	case 's':
		words->signal = signal_by_name(text);
		if (words->signal == SIGNAL_NONE)
			return arguments_refuse(
				state, "--signal takes traces, metrics or logs, not '%s'", text);
		return 0;
	case 'n':
		if (units_parse_count(text, 0, UINT32_MAX, &words->limit) < 0)
			return arguments_refuse(state, "--limit takes a number, not '%s'", text);
		return 0;
	case 'j':
		words->is_json = true;
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

int summary_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.args_doc = "DIR|FILE|-...",
		.doc = "Show what is in the files in figures: calls, errors and durations of each "
		       "kind "
		       "of span, the latest value and rate of each metric, logs by severity.\v"
		       "Exit status: 0; 1 if something could not be read.",
	};
	struct words words = {
		.signal = SIGNAL_NONE,
		.by = 1u << SUMMARY_BY_SERVICE | 1u << SUMMARY_BY_NAME,
		.limit = UINT64_MAX,
	};
	int rc = tool_parse(&argp, argc, argv, &words);

	if (rc != 0)
		return rc - 1;
	rc = summarize(&words);
	return tool_finish(tool_flush() == -EPIPE ? TOOL_OK : rc);
}
