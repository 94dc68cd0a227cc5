/* SPDX-License-Identifier: Apache-2.0 */
/* The validating reader of spans. */
#include "core/record/record_read_span.h"

static bool take_event(struct cursor *c)
{
	struct record_event_head head;
	struct cursor event;

	return cursor_take_part(c, &event) && cursor_take_copy(&event, &head, sizeof(head)) &&
	       cursor_take_text(&event, head.name_bytes) &&
	       cursor_take_last_attributes(&event, head.attribute_count);
}

static bool take_link(struct cursor *c)
{
	struct record_link_head head;
	struct cursor link;

	return cursor_take_part(c, &link) && cursor_take_copy(&link, &head, sizeof(head)) &&
	       record_ids_are_set(head.trace_id, head.span_id) &&
	       !(head.flags & ~RECORD_SPAN_FLAGS) &&
	       cursor_take_text(&link, head.trace_state_bytes) &&
	       cursor_take_last_attributes(&link, head.attribute_count);
}

static bool span_head_is_valid(const struct record_span_head *head)
{
	return !(head->has & ~(RECORD_HAS_RESOURCE | RECORD_HAS_SCOPE | RECORD_HAS_EXTRA)) &&
	       head->span_kind <= OTLP_SPAN_KIND_CONSUMER && head->status <= OTLP_STATUS_ERROR &&
	       !(head->flags & ~RECORD_SPAN_FLAGS) &&
	       record_ids_are_set(head->trace_id, head->span_id);
}

bool record_read_span(struct cursor *c, struct record_view *view)
{
	struct record_span_head *const head = &view->head.span;
	struct record_span_extra *const extra = &view->extra;

	if (!cursor_take_copy(c, head, sizeof(*head)) || !span_head_is_valid(head))
		return false;
	if ((head->has & RECORD_HAS_EXTRA) && !cursor_take_copy(c, extra, sizeof(*extra)))
		return false;
	view->item_count = 1;
	view->resource_ref = head->resource_ref;
	view->scope_ref = head->scope_ref;
	if (!cursor_take_sections(c, head->has, view))
		return false;
	view->body = c->at;
	if (!cursor_take_texts(c, extra->trace_state_bytes, head->name_bytes,
			       extra->status_message_bytes) ||
	    !cursor_take_attributes(c, head->attribute_count))
		return false;
	for (uint32_t i = 0; i < head->event_count; i++) {
		if (!take_event(c))
			return false;
	}
	for (uint32_t i = 0; i < extra->link_count; i++) {
		if (!take_link(c))
			return false;
	}
	return cursor_left(c) == 0;
}
