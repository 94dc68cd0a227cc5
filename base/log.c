/* SPDX-License-Identifier: Apache-2.0 */
/* One write(2) a line, so that lines of several writers do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_LINE_BYTES_MAX 1024
#define LOG_PREFIX	   "otlpipe-writer: "

void log_line(const char *format, ...)
{
	char line[LOG_LINE_BYTES_MAX] = LOG_PREFIX;
	const size_t prefix = sizeof(LOG_PREFIX) - 1;
	va_list arguments;
	size_t len, at;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, arguments);
	va_end(arguments);
	len = prefix + (n < 0 ? 0 : (size_t)n);
	if (len > sizeof(line) - 2) /* cut off: without its zero */
		len = sizeof(line) - 2;
	/* Names and texts of others reach a terminal here. */
	for (at = prefix; at < len; at++)
		if ((unsigned char)line[at] < ' ' || line[at] == 0x7f)
			line[at] = '?';
	line[len++] = '\n';
	/* Nobody left to tell when this fails. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
