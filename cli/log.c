/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe log`: makes log records of lines of text. Here are the options and the reading of lines.
 * log_parse.c makes a record of a line, log_push.c puts it into the ring.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/units.h"
#include "cli/log_journal.h"
#include "cli/log_push.h"
#include "cli/tool.h"

/* Room for lines to be gathered in; a piece of a line is always shorter. */
#define BUFFER_BYTES (256u << 10)

/* What a pipe can hold, unless root has made it larger. */
#define PIPE_BYTES_MAX (1u << 20)

/* Told to stop, it goes on while something comes within so much time. */
#define LINGER_NS INT64_C(200000000)

enum option_id {
	OPT_SERVICE = 256,
	OPT_ATTRIBUTE,
	OPT_DROP,
	OPT_LOG_RING,
	OPT_JOURNAL,
	OPT_CURSOR,
	OPT_NO_FOLLOW,
};

struct log_options {
	const char *dir;
	uint64_t ring_bytes; /* 0: the library's */
	bool drop;
	bool is_journal;
	struct log_journal_options journal;
};

static const struct argp_option options_table[] = {
	{"service", OPT_SERVICE, "NAME", 0, "service.name of the records ($OTEL_SERVICE_NAME)", 0},
	{"attribute", OPT_ATTRIBUTE, "KEY=VALUE", 0,
	 "of their resource; may be given several times", 0},
	{"drop", OPT_DROP, NULL, 0, "drop and count, do not wait, while the ring is full", 0},
	{"dir", 'd', "DIR", 0, "runtime directory ($OTLPIPE_DIR)", 0},
	{"log-ring-bytes", OPT_LOG_RING, "SIZE", 0, "of the ring of logs, such as 64KiB (1MiB)", 0},
	{"journal", OPT_JOURNAL, "DIR", OPTION_ARG_OPTIONAL,
	 "new entries of systemd's journal, or files in DIR", 0},
	{"cursor", OPT_CURSOR, "FILE", 0, "how far the journal was pushed; the next run goes on",
	 0},
	{"no-follow", OPT_NO_FOLLOW, NULL, 0, "end where the journal ends", 0},
	{0},
};

/* A value as the list of the environment has it; OTEL_RESOURCE_ATTRIBUTES gets it at its end. */
static bool add_attribute(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *before = getenv("OTEL_RESOURCE_ATTRIBUTES");
	const size_t before_bytes = before != NULL ? strlen(before) : 0;
	const char *equals = strchr(text, '=');
	char *list = malloc(before_bytes + 3 * strlen(text) + 2), *at = list;
	bool is_set;

	if (list == NULL)
		return false;
	if (before_bytes != 0)
		at += sprintf(at, "%s,", before);
	for (const char *from = text; *from != '\0'; from++) {
		const unsigned char c = (unsigned char)*from;

		if (from == equals || (c > ' ' && c < 0x7f && strchr(",=%;\"\\", c) == NULL)) {
			*at++ = (char)c;
			continue;
		}
		*at++ = '%';
		*at++ = digits[c >> 4];
		*at++ = digits[c & 15];
	}
	*at = '\0';
	is_set = setenv("OTEL_RESOURCE_ATTRIBUTES", list, 1) == 0;
	free(list);
	return is_set;
}

static error_t check_journal(const struct log_options *options, const struct argp_state *state)
{
	if (!options->is_journal &&
	    (options->journal.cursor_path != NULL || !options->journal.follow))
		return arguments_refuse(state, "--cursor and --no-follow are for --journal");
#ifndef OTLPIPE_HAS_JOURNAL
	if (options->is_journal)
		return arguments_refuse(state, "this otlpipe was built without libsystemd, and has "
					       "no --journal; journalctl -o json -f | otlpipe log "
					       "does much of it");
#endif
	return 0;
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct log_options *options = state->input;

	switch (key) {
	case OPT_SERVICE:
		if (text[0] == '\0')
			return arguments_refuse(state, "--service takes a name");
		return setenv("OTEL_SERVICE_NAME", text, 1) == 0 ? 0 : ENOMEM;
	case OPT_ATTRIBUTE:
		if (strchr(text, '=') == NULL || text[0] == '=')
			return arguments_refuse(state, "--attribute takes KEY=VALUE, not '%s'",
						text);
		return add_attribute(text) ? 0 : ENOMEM;
	case OPT_DROP:
		options->drop = true;
		return 0;
	case OPT_LOG_RING:
		if (units_parse_size(text, &options->ring_bytes) == 0 &&
		    options->ring_bytes >= OTLP_RING_BYTES_MIN &&
		    options->ring_bytes <= OTLP_RING_BYTES_MAX)
			return 0;
		return arguments_refuse(
			state, "--log-ring-bytes takes a size from 4KiB to 1GiB, not '%s'", text);
	case OPT_JOURNAL:
		options->is_journal = true;
		options->journal.dir = text;
		return 0;
	case OPT_CURSOR:
		options->journal.cursor_path = text;
		return 0;
	case OPT_NO_FOLLOW:
		options->journal.follow = false;
		return 0;
	case ARGP_KEY_END:
		return check_journal(options, state);
	case 'd':
		options->dir = text;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_refuse(state, "it takes no argument, and not '%s'", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- lines ---- */

struct lines {
	char *buffer;
	size_t begin, end; /* of what is not pushed yet */
	bool is_inside;	   /* a piece of the line at begin was pushed */
};

/* A line ends with \n, or with \r\n. */
static size_t without_end(const char *line, size_t bytes)
{
	return bytes > 0 && line[bytes - 1] == '\r' ? bytes - 1 : bytes;
}

/* Push what is whole, and of a line that is too long a piece. At the end also what has no end. */
static void take_lines(struct log_push *push, struct lines *lines, bool is_end)
{
	const size_t max = push->line_bytes_max;

	while (lines->begin < lines->end) {
		const char *at = lines->buffer + lines->begin;
		const size_t have = lines->end - lines->begin;
		const char *newline = memchr(at, '\n', have);
		const size_t bytes = newline != NULL ? (size_t)(newline - at) : have;

		if (bytes > max) {
			const size_t piece = log_push_cut(at, max);

			log_push_line(push, at, piece, !lines->is_inside, false);
			lines->is_inside = true;
			lines->begin += piece;
			continue;
		}
		if (newline == NULL && !is_end)
			break;
		log_push_line(push, at, newline != NULL ? without_end(at, bytes) : bytes,
			      !lines->is_inside, true);
		lines->is_inside = false;
		lines->begin += bytes + (newline != NULL);
	}
	memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
	lines->end -= lines->begin;
	lines->begin = 0;
}

/* Read once what is there. @return 1: there may be more; 0: the end; -errno */
static int read_some(struct lines *lines)
{
	ssize_t n;

	do {
		n = read(STDIN_FILENO, lines->buffer + lines->end, BUFFER_BYTES - lines->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 1 : -errno;
	lines->end += (size_t)n;
	return n != 0;
}

/* What nobody has read: its writer believes that it was taken. */
static uint64_t unread_bytes(void)
{
	int bytes = 0;

	return ioctl(STDIN_FILENO, FIONREAD, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

/* When the time is over, however busy the machine was: what is in the pipe now, and no more. */
static int read_rest(struct log_push *push, struct lines *lines)
{
	uint64_t left = unread_bytes();
	int rc = 1;

	if (left > PIPE_BYTES_MAX)
		left = PIPE_BYTES_MAX;
	while (left > 0 && rc > 0) {
		const size_t before = lines->end;

		rc = read_some(lines);
		if (lines->end == before)
			break;
		left -= left < lines->end - before ? left : lines->end - before;
		take_lines(push, lines, false);
	}
	return rc;
}

/* Until the end of the input, or until it is told to stop and nothing more comes. */
static int read_lines(struct log_push *push, struct lines *lines)
{
	int rc = 1;

	while (rc > 0) {
		const int64_t left_ns = log_push_left_ns(push);
		const bool is_told = left_ns >= 0;

		if (left_ns == 0) {
			rc = read_rest(push, lines);
			break;
		}
		rc = log_push_rest(push, STDIN_FILENO, is_told ? LINGER_NS : -1);
		if (rc == 0 && is_told)
			break;
		if (rc > 0) {
			rc = read_some(lines);
			take_lines(push, lines, false);
		} else if (rc == 0) {
			rc = 1; /* a signal: look again */
		}
	}
	take_lines(push, lines, true);
	return rc < 0 ? rc : 0;
}

static int run_lines(struct log_push *push)
{
	struct lines lines = {.buffer = malloc(BUFFER_BYTES)};
	int status = TOOL_OK;
	uint64_t unread;
	int rc;

	if (lines.buffer == NULL) {
		tool_error("there is no memory for lines, %u bytes", BUFFER_BYTES);
		return TOOL_FAILED;
	}
	rc = read_lines(push, &lines);
	free(lines.buffer);
	if (rc < 0) {
		tool_error("standard input cannot be read: %s", strerror(-rc));
		status = TOOL_FAILED;
	}
	unread = tool_interrupted() ? unread_bytes() : 0;
	if (unread != 0) {
		tool_error("%" PRIu64 " bytes of standard input were not read: it was told to stop",
			   unread);
		status = TOOL_FAILED;
	}
	return status;
}

/* ---- */

static void on_diagnostic(void *context, int error, const char *text)
{
	(void)context;
	tool_error("%s (%s)", text, otlp_strerror(error));
}

static int open_push(const struct log_options *options, struct log_push *push)
{
	char text[1024];
	struct otlp_options o;
	int rc;

	otlp_options_init(&o, sizeof(o));
	o.ring_bytes[OTLP_SIGNAL_TRACES] = OTLP_RING_BYTES_MIN;
	o.ring_bytes[OTLP_SIGNAL_METRICS] = OTLP_RING_BYTES_MIN;
	o.ring_bytes[OTLP_SIGNAL_LOGS] = (uint32_t)options->ring_bytes;
	o.lanes = 1; /* one thread, and lines in their order */
	o.runtime_dir = options->dir;
	o.diagnostic = on_diagnostic;
	rc = log_push_open(push, &o, options->drop);
	if (rc == OTLP_OK)
		return 0;
	if (otlp_library_last_error(NULL, text, sizeof(text)) == 0)
		snprintf(text, sizeof(text), "%s", otlp_strerror(rc));
	tool_error("nothing was read: %s", text);
	return -1;
}

static int run_source(struct log_push *push, const struct log_options *options)
{
#ifdef OTLPIPE_HAS_JOURNAL
	if (options->is_journal)
		return log_journal(push, &options->journal);
#else
	(void)options;
#endif
	return run_lines(push);
}

static int report(const struct log_push *push)
{
	const char *why = push->error != OTLP_OK ? otlp_strerror(push->error)
			  : push->drop		 ? "the ring was full (--drop)"
						 : "the ring was full, and it was told to stop";

	if (push->lost_records == 0)
		return TOOL_OK;
	tool_error("%" PRIu64 " records of %" PRIu64 " bytes were lost: %s", push->lost_records,
		   push->lost_bytes, why);
	return TOOL_FAILED;
}

static int run(const struct log_options *options)
{
	struct log_push push;
	int status;

	/* From the first byte that is read on, no signal may end it just so. */
	tool_catch_signals();
	if (open_push(options, &push) < 0)
		return TOOL_FAILED;
	status = run_source(&push, options);
	if (report(&push) != TOOL_OK)
		status = TOOL_FAILED;
	log_push_close(&push);
	return status;
}

int log_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.doc = "Read lines from standard input and push each as a log record: "
		       "app 2>&1 | otlpipe log --service app\v"
		       "A line may begin with a priority as <3>, and may be a JSON object. While "
		       "the ring is full, it waits, and so does whoever writes the lines. SIGINT "
		       "and SIGTERM: it takes what is in the pipe, for 2 s at most, and ends.\n"
		       "Exit status: 0; 1 if something was lost, and stderr says how much.",
	};
	struct log_options options = {.journal = {.follow = true}};
	int rc = tool_parse(&argp, argc, argv, &options);

	return rc != 0 ? rc - 1 : tool_finish(run(&options));
}
