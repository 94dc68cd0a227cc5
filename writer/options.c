/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments by argp; a table says for each its flag, its variable and its parser. */
#include "writer/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"

#define OPTION_OUTPUT_DEFAULT "otlpipe-data"

enum option_key {
	OPTION_DIR = 'd',
	OPTION_OUTPUT = 'o',
	OPTION_INTERVAL = 'i',
	OPTION_BATCH_BYTES = 'b',
	OPTION_DRAIN = 256,
	OPTION_SYNC,
	OPTION_IO,
	OPTION_ROTATE_BYTES,
	OPTION_ROTATE_AGE,
	OPTION_RETAIN_BYTES,
	OPTION_RETAIN_AGE,
	OPTION_MIN_FREE
};

static const struct argp_option option_table[] = {
	{"dir", OPTION_DIR, "DIR", 0, "runtime directory (/dev/shm/otlpipe-<uid>; $OTLPIPE_DIR)",
	 0},
	{"output", OPTION_OUTPUT, "DIR", 0,
	 "where the files go (" OPTION_OUTPUT_DEFAULT "; $OTLPIPE_OUTPUT)", 0},
	{"interval", OPTION_INTERVAL, "TIME", 0,
	 "a record waits this long at most, 1ms to 1h (1s; $OTLPIPE_INTERVAL)", 0},
	{"batch-bytes", OPTION_BATCH_BYTES, "SIZE", 0,
	 "a batch is closed before it is larger, 64KiB to 64MiB (1MiB; $OTLPIPE_BATCH_BYTES)", 0},
	{"sync", OPTION_SYNC, "WHEN", 0,
	 "fsync: interval (each 16MiB or 200ms), batch (before a batch counts), none "
	 "(interval; $OTLPIPE_SYNC)",
	 0},
	{"io", OPTION_IO, "HOW", 0, "auto, uring or pwrite (auto; $OTLPIPE_IO)", 0},
	{"rotate-bytes", OPTION_ROTATE_BYTES, "SIZE", 0,
	 "a file is sealed before it is larger, at least a batch (64MiB; $OTLPIPE_ROTATE_BYTES)",
	 0},
	{"rotate-age", OPTION_ROTATE_AGE, "TIME", 0,
	 "a file is sealed when it is older, 0: never (1h; $OTLPIPE_ROTATE_AGE)", 0},
	{"retain-bytes", OPTION_RETAIN_BYTES, "SIZE", 0,
	 "the oldest sealed files go when there are more bytes, 0: never "
	 "(0; $OTLPIPE_RETAIN_BYTES)",
	 0},
	{"retain-age", OPTION_RETAIN_AGE, "TIME", 0,
	 "sealed files go when they are older, 0: never (0; $OTLPIPE_RETAIN_AGE)", 0},
	{"min-free", OPTION_MIN_FREE, "SIZE", 0,
	 "the oldest sealed files go when less is free on the disk, 0: never "
	 "(0; $OTLPIPE_MIN_FREE)",
	 0},
	{"drain", OPTION_DRAIN, NULL, 0,
	 "write what the rings hold now, then exit ($OTLPIPE_DRAIN=1)", 0},
	{0},
};

struct option_variable {
	const char *name;
	int key;
};

/* $OTLPIPE_DIR is read where the library reads it: in runtime_path(). */
static const struct option_variable option_variables[] = {
	{"OTLPIPE_OUTPUT", OPTION_OUTPUT},
	{"OTLPIPE_INTERVAL", OPTION_INTERVAL},
	{"OTLPIPE_BATCH_BYTES", OPTION_BATCH_BYTES},
	{"OTLPIPE_SYNC", OPTION_SYNC},
	{"OTLPIPE_IO", OPTION_IO},
	{"OTLPIPE_ROTATE_BYTES", OPTION_ROTATE_BYTES},
	{"OTLPIPE_ROTATE_AGE", OPTION_ROTATE_AGE},
	{"OTLPIPE_RETAIN_BYTES", OPTION_RETAIN_BYTES},
	{"OTLPIPE_RETAIN_AGE", OPTION_RETAIN_AGE},
	{"OTLPIPE_MIN_FREE", OPTION_MIN_FREE},
	{"OTLPIPE_DRAIN", OPTION_DRAIN},
};

static int parse_time(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	int64_t ns;
	int rc = units_parse_duration(text, &ns);

	if (rc < 0)
		return rc;
	if (ns < min || ns > max)
		return -ERANGE;
	*ret = ns;
	return 0;
}

static int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t bytes;
	int rc = units_parse_size(text, &bytes);

	if (rc < 0)
		return rc;
	if (bytes < min || bytes > max)
		return -ERANGE;
	*ret = bytes;
	return 0;
}

/* The index of a word in a list that ends with NULL, or -EINVAL. */
static int parse_word(const char *text, const char *const *words)
{
	int i;

	for (i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -EINVAL;
}

/* @return 0, or -EINVAL, -ERANGE; -ENOENT: no such option */
static int option_set(struct options *options, int key, const char *text)
{
	static const char *const syncs[] = {"interval", "batch", "none", NULL};
	static const char *const ios[] = {"auto", "uring", "pwrite", NULL};
	static const char *const flags[] = {"0", "1", NULL};
	const int64_t second = 1000000000, year = 366 * 24 * 3600 * second;
	int rc;

	switch (key) {
	case OPTION_DIR:
		options->dir = text;
		return text[0] != '\0' ? 0 : -EINVAL;
	case OPTION_OUTPUT:
		options->output = text;
		return text[0] != '\0' ? 0 : -EINVAL;
	case OPTION_INTERVAL:
		return parse_time(text, 1000000, 3600 * second, &options->interval_ns);
	case OPTION_BATCH_BYTES:
		return parse_size(text, 64 << 10, 64 << 20, &options->batch_bytes);
	case OPTION_SYNC:
		rc = parse_word(text, syncs);
		options->sink.sync = rc >= 0 ? (enum sink_sync)rc : SINK_SYNC_INTERVAL;
		return rc < 0 ? rc : 0;
	case OPTION_IO:
		rc = parse_word(text, ios);
		options->io = rc >= 0 ? (enum io_mode)rc : IO_AUTO;
		return rc < 0 ? rc : 0;
	case OPTION_ROTATE_BYTES:
		return parse_size(text, 64 << 10, UINT64_C(1) << 40, &options->sink.rotate_bytes);
	case OPTION_ROTATE_AGE:
		return parse_time(text, 0, year, &options->sink.rotate_age_ns);
	case OPTION_RETAIN_BYTES:
		return parse_size(text, 0, UINT64_MAX, &options->retain.total_bytes);
	case OPTION_RETAIN_AGE:
		return parse_time(text, 0, 100 * year, &options->retain.age_ns);
	case OPTION_MIN_FREE:
		return parse_size(text, 0, UINT64_MAX, &options->retain.free_bytes);
	case OPTION_DRAIN:
		rc = parse_word(text != NULL ? text : "1", flags);
		options->drain = rc == 1;
		return rc < 0 ? rc : 0;
	default:
		return -ENOENT;
	}
}

static const char *option_problem(int error)
{
	return error == -ERANGE ? "is out of range" : "makes no sense";
}

static error_t option_parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	const struct argp_option *option;
	int rc;

	if (key == ARGP_KEY_ARG) {
		fprintf(stderr, "otlpipe-writer: it takes no argument: \"%s\"\n", text);
		exit(argp_err_exit_status);
	}
	rc = option_set(options, key, text);
	if (rc == -ENOENT)
		return ARGP_ERR_UNKNOWN;
	if (rc == 0)
		return 0;
	for (option = option_table; option->key != key; option++)
		;
	fprintf(stderr, "otlpipe-writer: --%s: \"%s\" %s\n", option->name, text,
		option_problem(rc));
	exit(argp_err_exit_status);
}

static void options_from_environment(struct options *options)
{
	size_t i;

	for (i = 0; i < COUNT_OF(option_variables); i++) {
		const char *text = getenv(option_variables[i].name);
		int rc;

		if (text == NULL || text[0] == '\0')
			continue;
		rc = option_set(options, option_variables[i].key, text);
		if (rc < 0) {
			fprintf(stderr, "otlpipe-writer: $%s: \"%s\" %s\n",
				option_variables[i].name, text, option_problem(rc));
			exit(argp_err_exit_status);
		}
	}
}

static void option_print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "otlpipe-writer %s\n", OTLPIPE_VERSION);
}

void options_parse(struct options *ret, int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = option_parse,
		.doc = "Drain the rings of all producers in a runtime directory into OTLP files.\v"
		       "SIGTERM, SIGINT: drain, seal, exit. SIGHUP: seal and go on in new files.\n"
		       "Times: ns us ms s m h d; sizes: KiB MiB GiB, KB MB GB.",
	};

	memset(ret, 0, sizeof(*ret));
	ret->output = OPTION_OUTPUT_DEFAULT;
	ret->interval_ns = 1000000000;
	ret->batch_bytes = 1 << 20;
	ret->sink.rotate_bytes = 64 << 20;
	ret->sink.rotate_age_ns = INT64_C(3600) * 1000000000;
	argp_err_exit_status = 2;
	argp_program_version_hook = option_print_version;
	options_from_environment(ret);
	argp_parse(&argp, argc, argv, 0, NULL, ret);
	if (ret->sink.rotate_bytes < ret->batch_bytes) {
		fprintf(stderr, "otlpipe-writer: --rotate-bytes is less than --batch-bytes\n");
		exit(argp_err_exit_status);
	}
}
