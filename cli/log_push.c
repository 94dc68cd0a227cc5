/* SPDX-License-Identifier: Apache-2.0 */
/* Into the ring of logs: waiting, cutting, counting what could not be kept. */
#include "cli/log_push.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/tool.h"

/* A full ring is looked at again after 1 ms at first, and 32 ms at last. */
#define FULL_NS_MIN INT64_C(1000000)
#define FULL_NS_MAX INT64_C(32000000)

/* Told to stop, it goes on for so long. */
#define STOP_NS INT64_C(2000000000)

/* A piece is a sixteenth of its ring at most: of a quarter, what remains when each byte becomes
 * three (U+FFFD). */
#define RING_SHARE 16u

int log_push_open(struct log_push *push, const struct otlp_options *options, bool drop)
{
	uint32_t ring_bytes = options->ring_bytes[OTLP_SIGNAL_LOGS];
	sigset_t ends;
	int rc;

	memset(push, 0, sizeof(*push));
	push->drop = drop;
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, &push->waiting_mask);
	if (ring_bytes == 0)
		ring_bytes = OTLP_LOG_RING_BYTES_DEFAULT;
	push->line_bytes_max = ring_bytes / RING_SHARE;
	if (push->line_bytes_max > LOG_LINE_BYTES_MAX)
		push->line_bytes_max = LOG_LINE_BYTES_MAX;
	if (log_parser_init(&push->parser, push->line_bytes_max) < 0)
		return OTLP_ERR_NO_MEMORY;
	rc = otlp_library_open(&push->library, options);
	if (rc != OTLP_OK) {
		log_parser_free(&push->parser);
		return rc;
	}
	return OTLP_OK;
}

void log_push_close(struct log_push *push)
{
	otlp_library_unref(push->library);
	log_parser_free(&push->parser);
}

int log_push_rest(const struct log_push *push, int fd, int64_t ns)
{
	struct pollfd input = {.fd = fd, .events = POLLIN};
	const struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	const int rc = ppoll(&input, 1, ns < 0 ? NULL : &limit, &push->waiting_mask);

	return rc < 0 ? (errno == EINTR ? 0 : -errno) : rc;
}

/* What has come while signals were blocked. */
static void take_signals(struct log_push *push)
{
	sigset_t pending;

	if (sigpending(&pending) == 0 &&
	    (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1))
		log_push_rest(push, -1, 0);
}

int64_t log_push_left_ns(struct log_push *push)
{
	int64_t left_ns;

	take_signals(push);
	if (!tool_interrupted())
		return -1;
	if (push->deadline_ns == 0)
		push->deadline_ns = clock_monotonic_ns() + STOP_NS;
	left_ns = push->deadline_ns - clock_monotonic_ns();
	return left_ns > 0 ? left_ns : 0;
}

int log_push_record(struct log_push *push, const struct otlp_log_record *record)
{
	int64_t pause_ns = FULL_NS_MIN;

	for (;;) {
		const int rc = otlp_library_export_logs(push->library, record, 1);

		if (rc != OTLP_ERR_FULL || push->drop || log_push_left_ns(push) == 0)
			return rc;
		log_push_rest(push, -1, pause_ns);
		if (pause_ns < FULL_NS_MAX)
			pause_ns *= 2;
	}
}

void log_push_lose(struct log_push *push, size_t bytes, int error)
{
	push->lost_records++;
	push->lost_bytes += bytes;
	if (push->error == OTLP_OK && error != OTLP_ERR_FULL)
		push->error = error;
}

size_t log_push_cut(const char *text, size_t bytes)
{
	size_t at = bytes;

	while (at > 0 && bytes - at < 3 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	return at > 0 && ((unsigned char)text[at] & 0xc0) != 0x80 ? at : bytes;
}

static int push_now(struct log_push *push, struct otlp_log_record *record)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	record->observed_time_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return log_push_record(push, record);
}

/* A text of its own, or a piece of a longer one. */
static void push_text(struct log_push *push, const char *text, size_t bytes, bool is_begin,
		      bool is_end)
{
	const struct otlp_str part = OTLP_STR("otlpipe.line.part");
	const struct otlp_str last = OTLP_STR("otlpipe.line.last");
	struct otlp_log_record record;
	size_t half;
	int rc;

	log_parse(&push->parser, text, bytes, is_begin ? LOG_PARSE_TEXT : LOG_PARSE_PIECE, &record);
	if (is_begin) {
		push->part = 0;
		push->severity_number = record.severity_number;
		push->severity_text = record.severity_text;
	}
	record.severity_number = push->severity_number;
	record.severity_text = push->severity_text;
	if (!is_begin || !is_end)
		log_parse_add(&push->parser, &record, otlp_attr_int(part, (int64_t)push->part + 1));
	if (!is_begin && is_end)
		log_parse_add(&push->parser, &record, otlp_attr_bool(last, true));
	rc = push_now(push, &record);
	if (rc == OTLP_ERR_TOO_LARGE && bytes > 1) {
		half = log_push_cut(text, bytes / 2);
		push_text(push, text, half, is_begin, false);
		push_text(push, text + half, bytes - half, false, is_end);
		return;
	}
	push->part++;
	if (rc != OTLP_OK)
		log_push_lose(push, bytes, rc);
}

void log_push_line(struct log_push *push, const char *line, size_t bytes, bool is_begin,
		   bool is_end)
{
	struct otlp_log_record record;
	int rc;

	/* What a record cannot hold as JSON it can as text: nested too deep, say. */
	if (is_begin && is_end && log_parse(&push->parser, line, bytes, LOG_PARSE_LINE, &record)) {
		rc = push_now(push, &record);
		if (rc == OTLP_OK)
			return;
		if (rc != OTLP_ERR_TOO_LARGE && rc != OTLP_ERR_INVALID) {
			log_push_lose(push, bytes, rc);
			return;
		}
	}
	push_text(push, line, bytes, is_begin, is_end);
}
