/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log statements. The typed form fills in a record and pushes it, and must stay
 * async-signal-safe: nothing here but the clock, this thread's context and the push. The other
 * form makes its text on the stack first.
 */
#include <otlpipe/logger.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"

/*
 * Initial-exec: with the default model a thread's first look calls the loader, which may allocate,
 * and a signal handler may be that look.
 */
static __thread const struct otlp_log_context *thread_context
	__attribute__((tls_model("initial-exec")));

const struct otlp_log_context *otlp_log_context_set(const struct otlp_log_context *context)
{
	const struct otlp_log_context *before = thread_context;

	/* For this thread's handlers: what the caller does to what it points to stays in order
	 * with the store. */
	__asm__ volatile("" ::: "memory");
	thread_context = context;
	__asm__ volatile("" ::: "memory");
	return before;
}

const struct otlp_log_context *otlp_log_context_get(void)
{
	return thread_context;
}

int otlp_logger_emit(const struct otlp_logger *logger, const struct otlp_log_context *context,
		     enum otlp_severity_number severity, struct otlp_str body,
		     const struct otlp_attribute *attributes, size_t count)
{
	struct otlp_log_record record = {.severity_number = severity};
	struct timespec now;

	if (logger == NULL || logger->library == NULL || (attributes == NULL && count != 0))
		return OTLP_ERR_INVALID;
	if (context == NULL)
		context = thread_context;
	clock_gettime(CLOCK_REALTIME, &now);
	record.time_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	record.observed_time_unix_ns = record.time_unix_ns;
	record.resource = logger->resource;
	record.scope = logger->scope;
	record.body = otlp_value_str(body);
	record.attributes.items = attributes;
	record.attributes.count = count;
	if (context != NULL) {
		memcpy(record.trace_id, context->trace_id, sizeof(record.trace_id));
		memcpy(record.span_id, context->span_id, sizeof(record.span_id));
		record.flags = context->flags;
	}
	return otlp_library_export_logs(logger->library, &record, 1);
}

/* How much of a text that was cut at len ends with a whole character. */
static size_t whole_characters(const char *text, size_t len)
{
	size_t begin = len;

	/* The first byte of the last character: at most three of its others follow. */
	while (begin > 0 && len - begin < 4 && ((uint8_t)text[begin - 1] & 0xc0) == 0x80)
		begin--;
	if (begin == 0 || utf8_is_valid(text + begin - 1, len - begin + 1))
		return len;
	return (uint8_t)text[begin - 1] >= 0xc0 ? begin - 1 : len;
}

/* The text of a record, and the attribute that says what is wrong with it. */
struct logger_text {
	struct otlp_str body;
	bool has_mark;
	struct otlp_attribute mark;
	char formatted[OTLP_LOGGER_BODY_BYTES_MAX + 1];
	char repaired[3 * OTLP_LOGGER_BODY_BYTES_MAX];
};

static void text_format(struct logger_text *text, const char *format, va_list arguments)
{
	const int bytes = vsnprintf(text->formatted, sizeof(text->formatted), format, arguments);
	size_t whole_bytes = (size_t)bytes;

	text->has_mark = bytes < 0 || bytes > OTLP_LOGGER_BODY_BYTES_MAX;
	text->body.ptr = text->formatted;
	if (bytes < 0) {
		text->mark = otlp_attr_bool(OTLP_STR("otlpipe.body.unformatted"), true);
		text->body.ptr = format;
		whole_bytes = strnlen(format, OTLP_LOGGER_BODY_BYTES_MAX);
	}
	text->body.len = whole_bytes;
	if (whole_bytes > OTLP_LOGGER_BODY_BYTES_MAX) {
		text->body.len = whole_characters(text->formatted, OTLP_LOGGER_BODY_BYTES_MAX);
		text->mark = otlp_attr_int(OTLP_STR("otlpipe.body.cut_bytes"),
					   (int64_t)(whole_bytes - text->body.len));
	}
	if (utf8_is_valid(text->body.ptr, text->body.len))
		return;
	text->body.len = utf8_repair(text->repaired, text->body.ptr, text->body.len);
	text->body.ptr = text->repaired;
}

int otlp_logger_vprintf(const struct otlp_logger *logger, const struct otlp_log_context *context,
			enum otlp_severity_number severity, const struct otlp_attribute *attributes,
			size_t count, const char *format, va_list arguments)
{
	struct otlp_attribute marked[OTLP_LOGGER_ATTRIBUTES_MAX + 1];
	const int saved_errno = errno;
	struct logger_text text;
	int rc;

	if (logger == NULL || logger->library == NULL || format == NULL ||
	    (attributes == NULL && count != 0))
		return OTLP_ERR_INVALID;
	if (count > OTLP_LOGGER_ATTRIBUTES_MAX)
		return OTLP_ERR_TOO_LARGE;
	text_format(&text, format, arguments);
	if (text.has_mark) {
		if (count != 0)
			memcpy(marked, attributes, count * sizeof(marked[0]));
		marked[count++] = text.mark;
		attributes = marked;
	}
	rc = otlp_logger_emit(logger, context, severity, text.body, attributes, count);
	errno = saved_errno;
	return rc;
}

int otlp_logger_printf(const struct otlp_logger *logger, const struct otlp_log_context *context,
		       enum otlp_severity_number severity, const struct otlp_attribute *attributes,
		       size_t count, const char *format, ...)
{
	va_list arguments;
	int rc;

	va_start(arguments, format);
	rc = otlp_logger_vprintf(logger, context, severity, attributes, count, format, arguments);
	va_end(arguments);
	return rc;
}
