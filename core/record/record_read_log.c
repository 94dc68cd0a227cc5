/* SPDX-License-Identifier: Apache-2.0 */
/* The validating reader of log records. */
#include "core/record/record_read_log.h"

static bool log_head_is_valid(const struct record_log_head *head)
{
	return !(head->has & ~(RECORD_HAS_RESOURCE | RECORD_HAS_SCOPE | RECORD_HAS_BODY)) &&
	       head->severity_number <= OTLP_SEVERITY_FATAL4 && head->reserved == 0 &&
	       !(head->flags & ~RECORD_LOG_FLAGS);
}

/* A body that is there is not empty: the write side says so in the head instead. */
static bool take_body(struct cursor *c)
{
	return cursor_left(c) >= RECORD_ATTRIBUTE_SHORT_BYTES &&
	       (bytes_load32(c->at) & RECORD_ATTRIBUTE_TYPE) != OTLP_VALUE_EMPTY &&
	       cursor_take_value(c);
}

bool record_read_log(struct cursor *c, struct record_view *view)
{
	struct record_log_head *const head = &view->head.log;

	if (!cursor_take_copy(c, head, sizeof(*head)) || !log_head_is_valid(head))
		return false;
	view->item_count = 1;
	view->resource_ref = head->resource_ref;
	view->scope_ref = head->scope_ref;
	if (!cursor_take_sections(c, head->has, view))
		return false;
	view->body = c->at;
	if (!cursor_take_texts(c, head->severity_text_bytes, head->event_name_bytes, 0))
		return false;
	if ((head->has & RECORD_HAS_BODY) && !take_body(c))
		return false;
	return cursor_take_last_attributes(c, head->attribute_count);
}
