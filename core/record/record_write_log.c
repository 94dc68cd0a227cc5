/* SPDX-License-Identifier: Apache-2.0 */
/* The record's write side for log records. */
#include "core/record/record_write.h"

static inline bool log_is_valid(const struct otlp_log_record *log)
{
	return (unsigned int)log->severity_number <= OTLP_SEVERITY_FATAL4 &&
	       log->reserved[0] == NULL && log->reserved[1] == NULL;
}

/* A body of text is what nearly every record has. */
static inline int size_body(const struct otlp_value *body, size_t *bytes)
{
	if (body->type != OTLP_VALUE_STRING || body->as.string.ptr == NULL ||
	    body->as.string.len > RECORD_ATTRIBUTE_FIELD_MAX)
		return record_size_value(body, bytes);
	*bytes += RECORD_ATTRIBUTE_SHORT_BYTES + body->as.string.len;
	return 0;
}

static inline uint8_t *write_body(uint8_t *to, uint8_t *end, const struct otlp_log_record *log,
				  uint64_t *high)
{
	const struct otlp_value *const body = &log->body;
	const size_t len = record_length(&body->as.string.len);

	if (record_value_type(body) != OTLP_VALUE_STRING || len > RECORD_ATTRIBUTE_FIELD_MAX)
		return record_write_value(to, end, body, high);
	if (!record_fits(to, RECORD_ATTRIBUTE_SHORT_BYTES + len, end))
		return record_over(end);
	to = record_attribute_write(to, OTLP_VALUE_STRING, 0, len);
	return bytes_copy_text(to, body->as.string.ptr, len, high);
}

int record_size_log(const struct otlp_log_record *log, const struct otlp_resource *inline_resource,
		    size_t *ret_bytes)
{
	size_t bytes = sizeof(struct record_log_head);
	int rc;

	if (!log_is_valid(log))
		return OTLP_ERR_INVALID;
	rc = record_size_texts(log->severity_text, log->event_name, &bytes);
	if (rc == 0 && (inline_resource != NULL || log->scope != NULL))
		rc = record_size_sections(inline_resource, log->scope, &bytes);
	if (rc == 0 && record_value_type(&log->body) != OTLP_VALUE_EMPTY)
		rc = size_body(&log->body, &bytes);
	if (rc == 0)
		rc = record_size_attributes(log->attributes.items, log->attributes.count, 1,
					    &bytes);
	return record_sized(rc, bytes, ret_bytes);
}

static inline uint8_t *write_head(uint8_t *to, const struct otlp_log_record *log, uint8_t has,
				  uint32_t resource_ref)
{
	struct record_log_head *const head = (struct record_log_head *)to;

	head->kind = RECORD_LOG;
	head->has = has;
	head->severity_number = (uint8_t)log->severity_number;
	head->reserved = 0;
	head->resource_ref = resource_ref;
	head->time_unix_ns = log->time_unix_ns;
	head->observed_time_unix_ns = log->observed_time_unix_ns;
	memcpy(head->trace_id, log->trace_id, sizeof(head->trace_id));
	memcpy(head->span_id, log->span_id, sizeof(head->span_id));
	head->flags = log->flags & RECORD_LOG_FLAGS;
	head->severity_text_bytes = (uint32_t)log->severity_text.len;
	head->event_name_bytes = (uint32_t)log->event_name.len;
	head->attribute_count = (uint32_t)log->attributes.count;
	head->dropped_attribute_count = log->attributes.dropped;
	return to + sizeof(*head);
}

enum record_written record_write_log(uint8_t *to, const struct otlp_log_record *log,
				     const struct otlp_resource *inline_resource,
				     uint32_t resource_ref, size_t bytes)
{
	uint8_t *const end = to + bytes;
	/* Two, so that the one whose address nobody gets stays in a register. */
	uint64_t high = 0, high_of_parts = 0;
	const uint8_t has =
		record_has_sections(inline_resource, log->scope) |
		(record_value_type(&log->body) != OTLP_VALUE_EMPTY ? RECORD_HAS_BODY : 0);

	to = write_head(to, log, has, inline_resource ? 0 : resource_ref);
	to = record_write_sections(to, end, inline_resource, log->scope, &high_of_parts);
	to = record_write_text(to, end, &log->severity_text, &high);
	if (log->event_name.len != 0)
		to = record_write_text(to, end, &log->event_name, &high);
	if (has & RECORD_HAS_BODY)
		to = write_body(to, end, log, &high_of_parts);
	to = record_write_attributes(to, end, log->attributes.items,
				     record_length(&log->attributes.count), &high_of_parts);
	return record_written(to == end, high | high_of_parts);
}
