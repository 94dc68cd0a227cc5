/* SPDX-License-Identifier: Apache-2.0 */
/* The record's write side for log records. */
#include "core/record/record_write.h"

int record_size_log(const struct otlp_log_record *log, const struct otlp_resource *inline_resource,
		    const struct otlp_scope *inline_scope, size_t *ret_bytes)
{
	size_t bytes = sizeof(struct record_log_head);
	int rc;

	if (!record_log_is_valid(log))
		return OTLP_ERR_INVALID;
	rc = record_size_texts(log->severity_text, log->event_name, &bytes);
	if (rc == 0 && (inline_resource != NULL || inline_scope != NULL))
		rc = record_size_sections(inline_resource, inline_scope, &bytes);
	if (rc == 0)
		rc = record_size_body(log, &bytes);
	if (rc == 0)
		rc = record_size_attributes(log->attributes.items, log->attributes.count, 1,
					    &bytes);
	return record_sized(rc, bytes, ret_bytes);
}

enum record_written record_write_log(uint8_t *to, const struct otlp_log_record *log,
				     const struct otlp_resource *inline_resource, uint32_t refs,
				     size_t bytes)
{
	const struct otlp_scope *const scope = record_inline_scope(log->scope, refs);
	uint8_t *const end = to + bytes;
	/* Two, so that the one whose address nobody gets stays in a register. */
	uint64_t high = 0, high_of_parts = 0;
	const uint8_t has = record_has_sections(inline_resource, scope) | record_log_has_body(log);

	to = record_write_log_head(to, log, has, record_refs(inline_resource, refs), 0);
	to = record_write_sections(to, end, inline_resource, scope, &high_of_parts);
	to = record_write_text(to, end, &log->severity_text, &high);
	if (log->event_name.len != 0)
		to = record_write_text(to, end, &log->event_name, &high);
	if (has & RECORD_HAS_BODY)
		to = record_write_body(to, end, log, &high_of_parts);
	to = record_write_attributes(to, end, log->attributes.items,
				     record_length(&log->attributes.count), &high_of_parts);
	return record_written(to == end, high | high_of_parts);
}
