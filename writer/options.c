/* SPDX-License-Identifier: Apache-2.0 */
/* Flags by argp, and the environment. A table says what each option takes, for the messages. */
#include "writer/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arguments.h"
#include "base/array.h"
#include "base/units.h"
#include "writer/file/pack_file.h"

#define OPTION_OUTPUT_DEFAULT "otlpipe-data"
#define OPTION_PROGRAM	      "otlpipe-writer"
#define OPTION_EXIT_USAGE     2

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
	OPTION_MIN_FREE,
	OPTION_RETAIN_FOR,
	OPTION_COMPRESS,
	OPTION_WAIT,
	OPTION_LOST_OUTPUT
};

static const struct argp_option option_table[] = {
	{"dir", OPTION_DIR, "DIR", 0, "runtime directory (/dev/shm/otlpipe-<uid>; $OTLPIPE_DIR)",
	 0},
	{"output", OPTION_OUTPUT, "DIR", 0,
	 "directory of the files (" OPTION_OUTPUT_DEFAULT "; $OTLPIPE_OUTPUT)", 0},
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
	{"retain-for", OPTION_RETAIN_FOR, "NAME", 0,
	 "keep what the otlpipe send of this --name has not sent; --min-free is the limit; may be "
	 "given several times ($OTLPIPE_RETAIN_FOR=NAME,NAME)",
	 0},
	{"compress", OPTION_COMPRESS, "HOW", 0,
	 "sealed files: none or zstd[:LEVEL] (none; $OTLPIPE_COMPRESS)", 0},
	{"drain", OPTION_DRAIN, NULL, 0,
	 "write what the rings hold now, then exit ($OTLPIPE_DRAIN=1)", 0},
	{"wait-for-producers", OPTION_WAIT, "T", OPTION_ARG_OPTIONAL,
	 "told to stop, go on until all producers have ended, for the time T at most (0, a time or "
	 "forever, which is the default for T); told again, stop at once (0; "
	 "$OTLPIPE_WAIT_FOR_PRODUCERS)",
	 0},
	{"lost-output", OPTION_LOST_OUTPUT, "WHAT", 0,
	 "where the output directory of a killed writer is not there any more, and has records "
	 "that "
	 "the rings still hold: refuse to start, or rewrite them here (refuse; "
	 "$OTLPIPE_LOST_OUTPUT)",
	 0},
	{0},
};

struct option_rule {
	int key;
	const char *variable; /* NULL: it is read elsewhere */
	const char *takes;
};

/* $OTLPIPE_DIR is read where the library reads it: in runtime_path(). */
static const struct option_rule option_rules[] = {
	{OPTION_DIR, NULL, "a path"},
	{OPTION_OUTPUT, "OTLPIPE_OUTPUT", "a path"},
	{OPTION_INTERVAL, "OTLPIPE_INTERVAL", "a time from 1ms to 1h"},
	{OPTION_BATCH_BYTES, "OTLPIPE_BATCH_BYTES", "a size from 64KiB to 64MiB"},
	{OPTION_SYNC, "OTLPIPE_SYNC", "interval, batch or none"},
	{OPTION_IO, "OTLPIPE_IO", "auto, uring or pwrite"},
	{OPTION_ROTATE_BYTES, "OTLPIPE_ROTATE_BYTES", "a size from 64KiB to 1TiB"},
	{OPTION_ROTATE_AGE, "OTLPIPE_ROTATE_AGE", "a time up to 366d, or 0 for never"},
	{OPTION_RETAIN_BYTES, "OTLPIPE_RETAIN_BYTES", "a size such as 10GiB, or 0 for no limit"},
	{OPTION_RETAIN_AGE, "OTLPIPE_RETAIN_AGE", "a time such as 7d, or 0 for no limit"},
	{OPTION_MIN_FREE, "OTLPIPE_MIN_FREE", "a size such as 1GiB, or 0 for no limit"},
	{OPTION_RETAIN_FOR, "OTLPIPE_RETAIN_FOR", "up to 8 names of a-z, 0-9, - and _"},
	{OPTION_COMPRESS, "OTLPIPE_COMPRESS", "none, zstd, or zstd:LEVEL from 1 to 19"},
	{OPTION_DRAIN, "OTLPIPE_DRAIN", "0 or 1"},
	{OPTION_WAIT, "OTLPIPE_WAIT_FOR_PRODUCERS", "a time such as 30s, 0 or forever"},
	{OPTION_LOST_OUTPUT, "OTLPIPE_LOST_OUTPUT", "refuse or rewrite"},
};

struct option_words {
	struct options *options;
	char problem[256]; /* of the environment; the help is shown all the same */
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

/* One name, or several with commas in between. */
static int add_senders(struct options *options, const char *text)
{
	struct retain_limits *retain = &options->retain;

	if (options->has_default_senders)
		retain->sender_count = 0;
	options->has_default_senders = false;
	for (;;) {
		const size_t length = strcspn(text, ",");
		char *name = retain->senders[retain->sender_count];

		if (retain->sender_count == RETAIN_SENDERS_MAX || length > CURSOR_NAME_BYTES_MAX)
			return -EINVAL;
		snprintf(name, sizeof(retain->senders[0]), "%.*s", (int)length, text);
		if (!cursor_name_is_good(name))
			return -EINVAL;
		retain->sender_count++;
		if (text[length] == '\0')
			return 0;
		text += length + 1;
	}
}

/* none, zstd, zstd:LEVEL */
static int parse_compress(const char *text, int *ret_level)
{
	static const char zstd[] = "zstd";
	uint64_t level = PACK_LEVEL_DEFAULT;
	int rc = 0;

	if (strcmp(text, "none") == 0)
		level = 0;
	else if (strncmp(text, "zstd:", sizeof(zstd)) == 0)
		rc = units_parse_count(text + sizeof(zstd), 1, PACK_LEVEL_MAX, &level);
	else if (strcmp(text, zstd) != 0)
		rc = -EINVAL;
	if (rc == 0)
		*ret_level = (int)level;
	return rc;
}

/* @return 0, or -EINVAL, -ERANGE; -ENOENT: no such option */
static int option_set(struct options *options, int key, const char *text)
{
	static const char *const syncs[] = {"interval", "batch", "none", NULL};
	static const char *const ios[] = {"auto", "uring", "pwrite", NULL};
	static const char *const flags[] = {"0", "1", NULL};
	static const char *const losses[] = {"refuse", "rewrite", NULL};
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
		options->sync = rc >= 0 ? (enum destination_sync)rc : SYNC_INTERVAL;
		return rc < 0 ? rc : 0;
	case OPTION_IO:
		rc = parse_word(text, ios);
		options->io = rc >= 0 ? (enum io_mode)rc : IO_AUTO;
		return rc < 0 ? rc : 0;
	case OPTION_ROTATE_BYTES:
		return parse_size(text, 64 << 10, UINT64_C(1) << 40, &options->files.rotate_bytes);
	case OPTION_ROTATE_AGE:
		return parse_time(text, 0, year, &options->files.rotate_age_ns);
	case OPTION_RETAIN_BYTES:
		return parse_size(text, 0, UINT64_MAX, &options->retain.total_bytes);
	case OPTION_RETAIN_AGE:
		return parse_time(text, 0, 100 * year, &options->retain.age_ns);
	case OPTION_MIN_FREE:
		return parse_size(text, 0, UINT64_MAX, &options->retain.free_bytes);
	case OPTION_RETAIN_FOR:
		return add_senders(options, text);
	case OPTION_COMPRESS:
		return parse_compress(text, &options->compress_level);
	case OPTION_DRAIN:
		rc = parse_word(text != NULL ? text : "1", flags);
		options->drain = rc == 1;
		return rc < 0 ? rc : 0;
	case OPTION_WAIT:
		options->wait_producers_ns = OPTION_WAIT_FOREVER_NS;
		if (text == NULL || strcmp(text, "forever") == 0)
			return 0;
		return parse_time(text, 0, 100 * year, &options->wait_producers_ns);
	case OPTION_LOST_OUTPUT:
		rc = parse_word(text, losses);
		options->rewrites_lost_output = rc == 1;
		return rc < 0 ? rc : 0;
	default:
		return -ENOENT;
	}
}

static error_t option_parse(int key, char *text, struct argp_state *state)
{
	const struct argp_option *option = option_table;
	struct option_words *words = state->input;
	const struct option_rule *rule = option_rules;
	int rc;

	if (key == ARGP_KEY_ARG)
		return arguments_refuse(state, "it takes no argument, and not \"%s\"", text);
	rc = option_set(words->options, key, text);
	if (rc == -ENOENT)
		return ARGP_ERR_UNKNOWN;
	if (rc == 0)
		return 0;
	while (option->key != key)
		option++;
	while (rule->key != key)
		rule++;
	return arguments_refuse(state, "--%s takes %s, not \"%s\"", option->name, rule->takes,
				text);
}

static void options_from_environment(struct option_words *words)
{
	const struct option_rule *rule;

	for (rule = option_rules; rule < option_rules + COUNT_OF(option_rules); rule++) {
		const char *text = rule->variable != NULL ? getenv(rule->variable) : NULL;

		if (text == NULL || text[0] == '\0' ||
		    option_set(words->options, rule->key, text) == 0)
			continue;
		if (words->problem[0] == '\0')
			snprintf(words->problem, sizeof(words->problem),
				 "$%s takes %s, not \"%.100s\"", rule->variable, rule->takes, text);
	}
}

/* What no single option can know. */
static void options_check(struct option_words *words)
{
	const struct options *options = words->options;

	if (words->problem[0] == '\0' && options->files.rotate_bytes < options->batch_bytes)
		snprintf(words->problem, sizeof(words->problem),
			 "--rotate-bytes (%llu) must not be less than --batch-bytes (%llu)",
			 (unsigned long long)options->files.rotate_bytes,
			 (unsigned long long)options->batch_bytes);
	if (words->problem[0] == '\0' && options->retain.sender_count > 0 &&
	    options->retain.free_bytes == 0)
		snprintf(words->problem, sizeof(words->problem),
			 "--retain-for needs --min-free, so that a sender that is away cannot fill "
			 "the disk");
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
	struct option_words words = {.options = ret};
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->output = OPTION_OUTPUT_DEFAULT;
	ret->interval_ns = 1000000000;
	ret->batch_bytes = 1 << 20;
	ret->files.rotate_bytes = 64 << 20;
	ret->files.rotate_age_ns = INT64_C(3600) * 1000000000;
	options_from_environment(&words);
	ret->has_default_senders = ret->retain.sender_count > 0;
	rc = arguments_parse(&argp, OPTION_PROGRAM " " OTLPIPE_VERSION, argc, argv, &words);
	if (rc == ARGUMENTS_SHOWN || rc == -EPIPE)
		exit(EXIT_SUCCESS);
	if (rc < 0)
		exit(rc == -EINVAL ? OPTION_EXIT_USAGE : EXIT_FAILURE);
	options_check(&words);
	if (words.problem[0] != '\0') {
		fprintf(stderr, OPTION_PROGRAM ": %s (see " OPTION_PROGRAM " --help)\n",
			words.problem);
		exit(OPTION_EXIT_USAGE);
	}
}
