/* SPDX-License-Identifier: Apache-2.0 */
/* The one-pass encoder for log records. The proof of the bound is encode.c's. */
#include "writer/encode/encode_log.h"

#include "writer/encode/encode_attribute.h"

uint8_t *encode_log(const struct record_view *view, uint8_t *to)
{
	const struct record_log_head *const head = &view->head.log;
	const uint8_t *const severity_text = view->body;
	const uint8_t *const event_name = severity_text + head->severity_text_bytes;
	const uint8_t *from = event_name + head->event_name_bytes;
	const uint8_t *const end = view->read_end;
	struct wire_message message;

	to = wire_open(to, 0x12, view->len, &message);	 /* ScopeLogs.log_records */
	to = wire_fixed64(to, 0x09, head->time_unix_ns); /* time_unix_nano */
	to = wire_uint(to, 0x10, head->severity_number); /* severity_number */
	to = wire_text(to, 0x1a, severity_text, head->severity_text_bytes, end);
	if (head->has & RECORD_HAS_BODY)
		to = encode_value(to, 0x2a, &from, end); /* body */
	to = encode_attributes(to, 0x32, &from, head->attribute_count, end);
	to = wire_uint(to, 0x38, head->dropped_attribute_count);
	if (head->flags != 0) {
		*to++ = 0x45; /* flags, fixed32 */
		to = bytes_store32(to, head->flags);
	}
	if ((bytes_load64(head->trace_id) | bytes_load64(head->trace_id + 8)) != 0)
		to = wire_trace_id(to, 0x4a, head->trace_id);
	if (bytes_load64(head->span_id) != 0)
		to = wire_span_id(to, 0x52, head->span_id);
	to = wire_fixed64(to, 0x59, head->observed_time_unix_ns); /* observed_time_unix_nano */
	to = wire_text(to, 0x62, event_name, head->event_name_bytes, end);
	assert(from == view->bytes + view->len);
	wire_close(&message, to);
	return to;
}
