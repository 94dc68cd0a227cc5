/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe report`: one page of HTML about what is in the files. Options, and where the page goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/units.h"
#include "base/write_all.h"
#include "cli/read.h"
#include "cli/report_page.h"
#include "cli/tool.h"

#define SLOWEST_DEFAULT 10u

struct words {
	char **paths;
	size_t path_count;
	const char *output, *title;
	uint64_t slowest;
};

struct work {
	struct report_data data;
	int (*take)(struct report_data *data, enum otlp_signal signal,
		    struct view_bytes resource_data);
	bool is_too_much;
};

static int take_resource(void *context, const struct read_item *item)
{
	struct work *const work = context;
	int rc =
		work->take(&work->data, item->signal, (struct view_bytes){item->data, item->bytes});

	if (rc != -ENOMEM)
		return rc;
	work->is_too_much = true;
	return READ_STOP;
}

static int too_much(void)
{
	tool_error("what is in the files does not fit into memory");
	return TOOL_FAILED;
}

/* ---- the page's file ---- */

/* The file is there whole or not at all. */
static int save(const char *path, const struct grow *page)
{
	char *part;
	int fd, rc;

	if (asprintf(&part, "%s.part-%ld", path, (long)getpid()) < 0)
		return tool_path_error(path, "it cannot be written", -ENOMEM);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	rc = fd < 0 ? -errno : write_all(fd, page->data, page->len);
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(part, path) < 0)
		rc = -errno;
	if (rc < 0 && fd >= 0)
		unlink(part);
	free(part);
	return rc < 0 ? tool_path_error(path, "it cannot be written", rc) : TOOL_OK;
}

static int put_page(const struct words *words, const struct report_data *data)
{
	struct grow page = {0};
	int status = TOOL_OK;
	int rc = report_page(&page, data, words->title, words->paths[0]);

	if (rc < 0)
		status = too_much();
	else if (strcmp(words->output, "-") == 0)
		tool_write(page.data, page.len);
	else
		status = save(words->output, &page);
	grow_free(&page);
	return status;
}

/* ---- the way ---- */

static int gather(const struct words *words, struct work *work)
{
	const struct read_options options = {.signal = SIGNAL_NONE};
	int status;

	report_data_begin(&work->data);
	work->take = report_data_first;
	status = read_paths(words->paths, words->path_count, &options, take_resource, work);
	if (work->is_too_much || report_data_choose(&work->data, (size_t)words->slowest) < 0)
		return too_much();
	work->take = report_data_second;
	/* What is wrong with the files was said. */
	tool_hush(true);
	(void)read_paths(words->paths, words->path_count, &options, take_resource, work);
	tool_hush(false);
	if (work->is_too_much || report_data_finish(&work->data) < 0)
		return too_much();
	return put_page(words, &work->data) == TOOL_OK ? status : TOOL_FAILED;
}

static const struct argp_option options_table[] = {
	{"output", 'o', "FILE", 0, "the page; - is standard output", 0},
	{"slowest", 'n', "N", 0, "so many of the slowest traces, 0 to 50 (default 10)", 0},
	{"title", 'T', "TEXT", 0, "the page's title (default: otlpipe report)", 0},
	{0},
};

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct words *const words = state->input;

	switch (key) {
	case 'o':
		words->output = text;
		return 0;
	case 'T':
		words->title = text;
		return 0;
	case 'n':
		if (units_parse_count(text, 0, REPORT_TRACES_MAX, &words->slowest) < 0)
			return arguments_refuse(state,
						"--slowest takes a number from 0 to %u, not '%s'",
						REPORT_TRACES_MAX, text);
		return 0;
	case ARGP_KEY_ARGS:
		words->paths = state->argv + state->next;
		words->path_count = (size_t)(state->argc - state->next);
		for (size_t i = 0; i < words->path_count; i++)
			if (strcmp(words->paths[i], "-") == 0)
				return arguments_refuse(state, "the files are read twice: not from "
							       "standard input");
		return 0;
	case ARGP_KEY_NO_ARGS:
		return arguments_refuse(state, "no file and no directory given");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int report_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.args_doc = "DIR|FILE...",
		.doc = "Write one page of HTML about what is in the files: the slowest traces, how "
		       "long "
		       "spans took, errors, metrics and logs over time. It loads nothing from "
		       "anywhere.\v"
		       "Exit status: 0; 1 if something could not be read or written.",
	};
	struct words words = {.title = "otlpipe report", .slowest = SLOWEST_DEFAULT};
	struct work *work;
	int rc = tool_parse(&argp, argc, argv, &words);

	if (rc != 0)
		return rc - 1;
	if (words.output == NULL)
		return tool_usage("where to? -o FILE");
	work = calloc(1, sizeof(*work));
	if (work == NULL)
		return tool_finish(too_much());
	rc = gather(&words, work);
	report_data_free(&work->data);
	free(work);
	return tool_finish(tool_flush() == -EPIPE ? TOOL_OK : rc);
}
