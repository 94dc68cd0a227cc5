/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe flat`: one row a record, for programs that read tables. Options, and the way to stdout.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/array.h"
#include "cli/filter.h"
#include "cli/flat_out.h"
#include "cli/read.h"
#include "cli/tool.h"

#define FLUSH_BYTES ((size_t)1 << 18)

enum flat_format { FORMAT_CSV, FORMAT_JSONL, FORMAT_COLUMNS, FORMAT_PARQUET };

struct words {
	char **paths;
	size_t path_count;
	enum flat_format format;
	enum flat_table_number table;
	struct filter filter;
};

struct work {
	enum flat_format format;
	struct filter *filter;
	struct flat flat;
	struct flat_columns columns;
	struct grow text;
	int error; /* what ended it */
};

static int flush(struct work *work)
{
	int rc = work->text.is_failed ? -ENOMEM : tool_write(work->text.data, work->text.len);

	work->text.len = 0;
	return rc;
}

static int put_row(void *context, const struct flat_row *row)
{
	struct work *const work = context;
	int rc = 0;

	if (work->format == FORMAT_COLUMNS) {
		rc = flat_columns_add(&work->columns, row);
		if (rc == 0 && flat_columns_are_full(&work->columns))
			rc = flat_columns_emit(&work->columns, tool_write);
	} else {
		if (work->format == FORMAT_CSV)
			flat_csv_row(&work->text, row);
		else
			flat_json_row(&work->text, row);
		if (work->text.is_failed || work->text.len >= FLUSH_BYTES)
			rc = flush(work);
	}
	if (rc < 0)
		work->error = rc;
	return rc;
}

static int take_resource(void *context, const struct read_item *item)
{
	struct work *const work = context;
	struct read_item wanted;
	int rc = filter_apply(work->filter, item, &wanted);

	if (rc == 1)
		rc = flat_take(&work->flat, (struct view_bytes){wanted.data, wanted.bytes});
	if (rc == -ENOMEM)
		work->error = rc;
	return work->error != 0 || (rc == 0 && filter_is_over(work->filter)) ? READ_STOP : rc;
}

static int begin(struct work *work)
{
	if (work->format == FORMAT_CSV)
		flat_csv_header(&work->text, work->flat.table);
	else if (work->format == FORMAT_COLUMNS)
		flat_columns_header(&work->text, work->flat.table);
	return flush(work);
}

static int end(struct work *work)
{
	int rc = work->error != 0 ? work->error : flush(work);

	if (rc == 0 && work->format == FORMAT_COLUMNS && work->columns.rows > 0)
		rc = flat_columns_emit(&work->columns, tool_write);
	if (rc == 0 && work->format == FORMAT_COLUMNS)
		rc = flat_columns_emit(&work->columns, tool_write);
	return rc;
}

static int flatten(struct words *words)
{
	const struct flat_table *const table = &flat_tables[words->table];
	const struct read_options options = {.signal = table->signal};
	struct work work = {.format = words->format,
			    .filter = &words->filter,
			    .flat = {.table = table, .row = put_row},
			    .columns.table = table};
	int status = TOOL_OK;
	int rc;

	work.flat.context = &work;
	rc = begin(&work);
	if (rc == 0) {
		status =
			read_paths(words->paths, words->path_count, &options, take_resource, &work);
		rc = end(&work);
	}
	/* Errors of stdout are told at the end. */
	if (rc == -ENOMEM || rc == -EFBIG) {
		tool_error("a record does not fit into memory: %s", strerror(-rc));
		status = TOOL_FAILED;
	}
	flat_free(&work.flat);
	flat_columns_free(&work.columns);
	grow_free(&work.text);
	return status;
}

/* ---- options ---- */

static const char *const format_names[] = {
	[FORMAT_CSV] = "csv",
	[FORMAT_JSONL] = "jsonl",
	[FORMAT_COLUMNS] = "columns",
	[FORMAT_PARQUET] = "parquet",
};

static const struct argp_option options_table[] = {
	{"table", 't', "TABLE", 0,
	 "traces (the default), logs, gauge, sum, histogram, exp_histogram or summary", 0},
	{"format", 'F', "FORMAT", 0,
	 "csv (RFC 4180, the default), jsonl, columns (for python -m otlpipe.parquet); parquet "
	 "says "
	 "how to get that",
	 0},
	{0},
};

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct words *const words = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &words->filter;
		return 0;
	case 't':
		for (unsigned i = 0; i < FLAT_TABLES; i++) {
			if (strcmp(text, flat_tables[i].name) == 0) {
				words->table = i;
				return 0;
			}
		}
		return arguments_refuse(state,
					"--table takes traces, logs, gauge, sum, histogram, "
					"exp_histogram or summary, not '%s'",
					text);
	case 'F':
		for (unsigned i = 0; i < COUNT_OF(format_names); i++) {
			if (strcmp(text, format_names[i]) == 0) {
				words->format = i;
				return 0;
			}
		}
		return arguments_refuse(
			state, "--format takes csv, jsonl, columns or parquet, not '%s'", text);
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

int flat_main(int argc, char **argv)
{
	static const struct argp_child children[] = {{&filter_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options_table,
		.children = children,
		.parser = take_option,
		.args_doc = "DIR|FILE|-...",
		.doc = "Print one row a span, log record or data point, with flat columns (those "
		       "of the "
		       "crate otlp2records).\v"
		       "Exit status: 0 if all was printed, 1 if something could not be read.",
	};
	struct words words = {0};
	int rc = tool_parse(&argp, argc, argv, &words);

	if (rc != 0)
		return rc - 1;
	if (words.format == FORMAT_PARQUET)
		return tool_usage("Parquet comes from the Python package: pip install "
				  "'otlpipe[parquet]', then python -m otlpipe.parquet %s -t %s -o "
				  "FILE.parquet",
				  words.paths[0], flat_tables[words.table].name);
	if (words.format == FORMAT_COLUMNS && isatty(STDOUT_FILENO))
		return tool_usage("--format columns is not for a terminal");
	rc = flatten(&words);
	filter_free(&words.filter);
	return tool_finish(tool_flush() == -EPIPE ? TOOL_OK : rc);
}
