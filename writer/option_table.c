/* SPDX-License-Identifier: Apache-2.0 */
/* Each option once: its names, what it takes, its default, and how its text is read. */
#include "writer/option_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "writer/file/pack_file.h"
#include "writer/listen.h"

#define SECOND_NS INT64_C(1000000000)
#define YEAR_NS	  (366 * 24 * 3600 * SECOND_NS)

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
static int set_senders(struct options *options, const char *text)
{
	struct retain_limits *retain = &options->retain;

	retain->sender_count = 0;
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

/* A path, or another text that cannot be empty. */
static int set_text(const char **ret, const char *text)
{
	*ret = text;
	return text[0] != '\0' ? 0 : -EINVAL;
}

static int set_dir(struct options *options, const char *text)
{
	return set_text(&options->dir, text);
}

static int set_output(struct options *options, const char *text)
{
	return set_text(&options->output, text);
}

static int set_interval(struct options *options, const char *text)
{
	return parse_time(text, 1000000, 3600 * SECOND_NS, &options->interval_ns);
}

static int set_batch_bytes(struct options *options, const char *text)
{
	return parse_size(text, 64 << 10, 64 << 20, &options->batch_bytes);
}

static int set_sync(struct options *options, const char *text)
{
	static const char *const syncs[] = {"interval", "batch", "none", NULL};
	int rc = parse_word(text, syncs);

	options->sync = rc >= 0 ? (enum destination_sync)rc : SYNC_INTERVAL;
	return rc < 0 ? rc : 0;
}

static int set_io(struct options *options, const char *text)
{
	static const char *const ios[] = {"auto", "uring", "pwrite", NULL};
	int rc = parse_word(text, ios);

	options->io = rc >= 0 ? (enum io_mode)rc : IO_AUTO;
	return rc < 0 ? rc : 0;
}

static int set_rotate_bytes(struct options *options, const char *text)
{
	return parse_size(text, 64 << 10, UINT64_C(1) << 40, &options->files.rotate_bytes);
}

static int set_rotate_age(struct options *options, const char *text)
{
	return parse_time(text, 0, YEAR_NS, &options->files.rotate_age_ns);
}

static int set_retain_bytes(struct options *options, const char *text)
{
	return parse_size(text, 0, UINT64_MAX, &options->retain.total_bytes);
}

static int set_retain_age(struct options *options, const char *text)
{
	return parse_time(text, 0, 100 * YEAR_NS, &options->retain.age_ns);
}

static int set_min_free(struct options *options, const char *text)
{
	return parse_size(text, 0, UINT64_MAX, &options->retain.free_bytes);
}

static int set_compress(struct options *options, const char *text)
{
	return parse_compress(text, &options->compress_level);
}

static int set_mode(struct options *options, const char *text)
{
	static const char *const modes[] = {"stream", "flight-recorder", NULL};
	int rc = parse_word(text, modes);

	options->is_flight_recorder = rc == 1;
	return rc < 0 ? rc : 0;
}

/* A time or a size: each with its unit, or it could be either. */
static int set_keep_part(struct options *options, const char *text)
{
	const size_t length = strlen(text);

	if (length == 0 || isdigit((unsigned char)text[length - 1]))
		return -EINVAL;
	if (options->keep_bytes == 0 &&
	    parse_size(text, OPTION_KEEP_BYTES_MIN, UINT64_C(1) << 40, &options->keep_bytes) == 0)
		return 0;
	return options->keep_ns == 0
		       ? parse_time(text, SECOND_NS, 30 * 24 * 3600 * SECOND_NS, &options->keep_ns)
		       : -EINVAL;
}

/* One of each, with a comma in between, or one alone. */
static int set_keep(struct options *options, const char *text)
{
	char part[64];
	int rc = 0;

	options->keep_ns = 0;
	options->keep_bytes = 0;
	for (;;) {
		const size_t length = strcspn(text, ",");

		if (length >= sizeof(part))
			return -EINVAL;
		memcpy(part, text, length);
		part[length] = '\0';
		rc = set_keep_part(options, part);
		if (rc < 0 || text[length] == '\0')
			return rc;
		text += length + 1;
	}
}

static int set_drain(struct options *options, const char *text)
{
	static const char *const flags[] = {"0", "1", NULL};
	int rc = parse_word(text != NULL ? text : "1", flags);

	options->drain = rc == 1;
	return rc < 0 ? rc : 0;
}

static int set_wait(struct options *options, const char *text)
{
	options->wait_producers_ns = OPTION_WAIT_FOREVER_NS;
	if (text == NULL || strcmp(text, "forever") == 0)
		return 0;
	return parse_time(text, 0, 100 * YEAR_NS, &options->wait_producers_ns);
}

static int set_lost_output(struct options *options, const char *text)
{
	static const char *const losses[] = {"refuse", "rewrite", NULL};
	int rc = parse_word(text, losses);

	options->rewrites_lost_output = rc == 1;
	return rc < 0 ? rc : 0;
}

static int set_metrics_listen(struct options *options, const char *text)
{
	struct listen_at at;

	options->metrics_listen = text;
	return listen_parse(text, &at);
}

static int set_self_metrics(struct options *options, const char *text)
{
	int rc = parse_time(text, 0, YEAR_NS, &options->self_metrics_ns);

	return rc == 0 && options->self_metrics_ns > 0 && options->self_metrics_ns < SECOND_NS
		       ? -ERANGE
		       : rc;
}

const struct option_row option_rows[OPTION_COUNT] = {
	{.name = "dir",
	 .letter = 'd',
	 .value = "DIR",
	 .takes = "a path",
	 .help = "runtime directory (/dev/shm/otlpipe-<uid>)",
	 .set = set_dir},
	{.name = "output",
	 .letter = 'o',
	 .value = "DIR",
	 .otherwise = "otlpipe-data",
	 .takes = "a path",
	 .help = "directory of the files (otlpipe-data)",
	 .set = set_output},
	{.name = "interval",
	 .letter = 'i',
	 .value = "TIME",
	 .is_reloaded = true,
	 .otherwise = "1s",
	 .takes = "a time from 1ms to 1h",
	 .help = "a record waits this long at most (1s)",
	 .set = set_interval},
	{.name = "batch-bytes",
	 .letter = 'b',
	 .value = "SIZE",
	 .is_rare = true,
	 .otherwise = "1MiB",
	 .takes = "a size from 64KiB to 64MiB",
	 .help = "a batch is closed before it is larger (1MiB)",
	 .set = set_batch_bytes},
	{.name = "sync",
	 .value = "WHEN",
	 .otherwise = "interval",
	 .takes = "interval, batch or none",
	 .help = "fsync: interval, batch or none (interval)",
	 .set = set_sync},
	{.name = "io",
	 .value = "HOW",
	 .is_rare = true,
	 .otherwise = "auto",
	 .takes = "auto, uring or pwrite",
	 .help = "auto, uring or pwrite (auto)",
	 .set = set_io},
	{.name = "rotate-bytes",
	 .value = "SIZE",
	 .is_reloaded = true,
	 .otherwise = "64MiB",
	 .takes = "a size from 64KiB to 1TiB",
	 .help = "a file is sealed before it is larger (64MiB)",
	 .set = set_rotate_bytes},
	{.name = "rotate-age",
	 .value = "TIME",
	 .is_rare = true,
	 .is_reloaded = true,
	 .otherwise = "1h",
	 .takes = "a time up to 366d, or 0 for never",
	 .help = "a file is sealed when it is older, 0: never (1h)",
	 .set = set_rotate_age},
	{.name = "retain-bytes",
	 .value = "SIZE",
	 .is_reloaded = true,
	 .otherwise = "0",
	 .takes = "a size such as 10GiB, or 0 for no limit",
	 .help = "the oldest files go when there is more (0: never)",
	 .set = set_retain_bytes},
	{.name = "retain-age",
	 .value = "TIME",
	 .is_reloaded = true,
	 .otherwise = "0",
	 .takes = "a time such as 7d, or 0 for no limit",
	 .help = "files go when they are older (0: never)",
	 .set = set_retain_age},
	{.name = "min-free",
	 .value = "SIZE",
	 .is_rare = true,
	 .is_reloaded = true,
	 .otherwise = "0",
	 .takes = "a size such as 1GiB, or 0 for no limit",
	 .help = "the oldest go when less is free (0: never)",
	 .set = set_min_free},
	{.name = "retain-for",
	 .value = "NAME",
	 .is_rare = true,
	 .is_list = true,
	 .is_reloaded = true,
	 .takes = "up to 8 names of a-z, 0-9, - and _",
	 .help = "keep what this otlpipe send has not sent",
	 .set = set_senders},
	{.name = "compress",
	 .value = "HOW",
	 .otherwise = "none",
	 .takes = "none, zstd, or zstd:LEVEL from 1 to 19",
	 .help = "sealed files: none or zstd[:LEVEL] (none)",
	 .set = set_compress},
	{.name = "mode",
	 .value = "MODE",
	 .otherwise = "stream",
	 .takes = "stream or flight-recorder",
	 .help = "stream, or flight-recorder with --keep (stream)",
	 .set = set_mode},
	{.name = "keep",
	 .value = "WHAT",
	 .is_list = true,
	 .is_rare = true,
	 .otherwise = "60s,256MiB",
	 .takes = "a time from 1s to 30d, a size from 1MiB to 1TiB, or both, each with its unit",
	 .help = "what a flight recorder holds (60s,256MiB)",
	 .set = set_keep},
	{.name = "drain",
	 .otherwise = "0",
	 .takes = "0 or 1",
	 .help = "write what the rings hold now, then exit",
	 .set = set_drain},
	{.name = "wait-for-producers",
	 .value = "T",
	 .value_is_optional = true,
	 .is_reloaded = true,
	 .otherwise = "0",
	 .takes = "a time such as 30s, 0 or forever",
	 .help = "told to stop, go on until producers end (0)",
	 .set = set_wait},
	{.name = "lost-output",
	 .value = "WHAT",
	 .is_rare = true,
	 .otherwise = "refuse",
	 .takes = "refuse or rewrite",
	 .help = "its records: refuse to start, or rewrite (refuse)",
	 .set = set_lost_output},
	{.name = "metrics-listen",
	 .value = "AT",
	 .takes = "ADDRESS:PORT, such as 127.0.0.1:9464, or unix:PATH",
	 .help = "/metrics and /healthz at HOST:PORT or unix:PATH",
	 .set = set_metrics_listen},
	{.name = "self-metrics",
	 .value = "TIME",
	 .is_rare = true,
	 .is_reloaded = true,
	 .otherwise = "60s",
	 .takes = "a time from 1s to 366d, or 0 for never",
	 .help = "its own metrics in its output, 0: never (60s)",
	 .set = set_self_metrics},
};

void option_variable(const struct option_row *row, char ret[OPTION_VARIABLE_BYTES])
{
	char *c;

	snprintf(ret, OPTION_VARIABLE_BYTES, "OTLPIPE_%s", row->name);
	for (c = ret; *c != '\0'; c++)
		*c = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
}
