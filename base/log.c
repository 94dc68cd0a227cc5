/* SPDX-License-Identifier: Apache-2.0 */
/* One write(2) a line, so that lines of several writers do not mix. Threads may log at once. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_BYTES_MAX 1024
#define LOG_LAST_BYTES	   256
#define LOG_PREFIX	   "otlpipe-writer: "
/* More formats than the program has; if not, the last kinds share one limit. */
#define LOG_KINDS_MAX 256

struct log_kind {
	const char *format;
	unsigned lines;		   /* that may be said at once now */
	int64_t lines_ns;	   /* when that was reckoned */
	uint64_t left_out;	   /* since the last summary */
	int64_t left_out_ns;	   /* when the first of them was */
	char last[LOG_LAST_BYTES]; /* the last line that was left out, cut off */
};

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct log_kind log_kinds[LOG_KINDS_MAX]; /* under the mutex, as is the count */
static unsigned log_kind_count;

static struct log_kind *find_kind(const char *format, int64_t now_ns)
{
	struct log_kind *kind = log_kinds;
	unsigned i;

	for (i = 0; i < log_kind_count; i++)
		if (log_kinds[i].format == format)
			return &log_kinds[i];
	if (log_kind_count == LOG_KINDS_MAX)
		return &log_kinds[LOG_KINDS_MAX - 1];
	kind = &log_kinds[log_kind_count++];
	kind->format = format;
	kind->lines = LOG_BURST_LINES;
	kind->lines_ns = now_ns;
	return kind;
}

/* May one line more be said? */
static bool kind_takes_line(struct log_kind *kind, int64_t now_ns)
{
	const int64_t earned = (now_ns - kind->lines_ns) / LOG_LINE_NS;

	if (earned >= LOG_BURST_LINES - (int64_t)kind->lines) {
		kind->lines = LOG_BURST_LINES;
		kind->lines_ns = now_ns;
	} else if (earned > 0) {
		kind->lines += (unsigned)earned;
		kind->lines_ns += earned * LOG_LINE_NS;
	}
	if (kind->lines == 0)
		return false;
	kind->lines--;
	return true;
}

/* The text stands behind the prefix; room for the newline is behind it. */
static void write_line(char *line, size_t bytes)
{
	size_t at;

	/* Names and texts of others reach a terminal here. */
	for (at = 0; at < bytes; at++)
		if ((unsigned char)line[at] < ' ' || line[at] == 0x7f)
			line[at] = '?';
	line[bytes++] = '\n';
	/* Nobody left to tell when this fails. */
	if (write(STDERR_FILENO, line, bytes) < 0)
		return;
}

/* What snprintf() says that it wrote, behind the prefix: cut off where it did not fit. */
static size_t line_bytes(int n)
{
	const size_t bytes = sizeof(LOG_PREFIX) - 1 + (n < 0 ? 0 : (size_t)n);

	return bytes < LOG_LINE_BYTES_MAX - 2 ? bytes : LOG_LINE_BYTES_MAX - 2;
}

/* Into a line that has its prefix. @return line_bytes() */
static size_t format_line(char line[LOG_LINE_BYTES_MAX], const char *format, va_list arguments)
{
	const size_t prefix = sizeof(LOG_PREFIX) - 1;

	return line_bytes(
		vsnprintf(line + prefix, LOG_LINE_BYTES_MAX - prefix - 1, format, arguments));
}

void log_line(const char *format, ...)
{
	char line[LOG_LINE_BYTES_MAX] = LOG_PREFIX;
	const size_t prefix = sizeof(LOG_PREFIX) - 1;
	const int64_t now_ns = clock_monotonic_ns();
	struct log_kind *kind;
	va_list arguments;
	bool is_said;
	size_t bytes;

	va_start(arguments, format);
	bytes = format_line(line, format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&log_mutex);
	kind = find_kind(format, now_ns);
	is_said = kind_takes_line(kind, now_ns);
	if (!is_said) {
		if (kind->left_out++ == 0)
			kind->left_out_ns = now_ns;
		snprintf(kind->last, sizeof(kind->last), "%.*s", LOG_LAST_BYTES - 1, line + prefix);
	}
	pthread_mutex_unlock(&log_mutex);
	if (is_said)
		write_line(line, bytes);
}

void log_always(const char *format, ...)
{
	char line[LOG_LINE_BYTES_MAX] = LOG_PREFIX;
	va_list arguments;
	size_t bytes;

	va_start(arguments, format);
	bytes = format_line(line, format, arguments);
	va_end(arguments);
	write_line(line, bytes);
}

static void sum_up(int64_t least_ns)
{
	const int64_t now_ns = clock_monotonic_ns();
	unsigned i;

	pthread_mutex_lock(&log_mutex);
	for (i = 0; i < log_kind_count; i++) {
		struct log_kind *kind = &log_kinds[i];
		char line[LOG_LINE_BYTES_MAX] = LOG_PREFIX;
		const size_t prefix = sizeof(LOG_PREFIX) - 1;

		if (kind->left_out == 0 || now_ns - kind->left_out_ns < least_ns)
			continue;
		write_line(line,
			   line_bytes(snprintf(line + prefix, sizeof(line) - prefix - 1,
					       "%llu lines like this one were left out: %s",
					       (unsigned long long)kind->left_out, kind->last)));
		kind->left_out = 0;
	}
	pthread_mutex_unlock(&log_mutex);
}

void log_sum_up(void)
{
	sum_up(LOG_SUMMARY_NS);
}

bool log_has_left_out(void)
{
	bool has = false;
	unsigned i;

	pthread_mutex_lock(&log_mutex);
	for (i = 0; i < log_kind_count; i++)
		has |= log_kinds[i].left_out != 0;
	pthread_mutex_unlock(&log_mutex);
	return has;
}

void log_end(void)
{
	sum_up(0);
	pthread_mutex_lock(&log_mutex);
	memset(log_kinds, 0, sizeof(log_kinds));
	log_kind_count = 0;
	pthread_mutex_unlock(&log_mutex);
}
