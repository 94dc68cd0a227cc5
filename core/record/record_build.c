/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a usual record that are functions of their own: scopes and events. */
#include "core/record/record_build.h"

static const struct record_built_part not_built = {RECORD_NOT_USUAL, 0};

struct record_built_part record_build_scope_apart(uint8_t *to, size_t room,
						  const struct otlp_scope *scope)
{
	uint8_t *const start = to + sizeof(uint32_t);
	struct record_scope_head *const head = (struct record_scope_head *)start;
	const size_t name = record_build_length(&scope->name.len);
	const size_t version = record_build_length(&scope->version.len);
	const size_t url = record_build_length(&scope->schema_url.len);
	const size_t count = record_build_length(&scope->attributes.count);
	struct record_built_part part = {start + sizeof(*head), 0};

	if (!record_build_take(&room, sizeof(uint32_t) + sizeof(*head)))
		return not_built;
	head->name_bytes = (uint32_t)name;
	head->version_bytes = (uint32_t)version;
	head->schema_url_bytes = (uint32_t)url;
	head->attribute_count = (uint32_t)count;
	head->dropped_attribute_count = scope->attributes.dropped;
	part.to = record_build_text(part.to, &room, &scope->name, name, &part.high);
	if (part.to != RECORD_NOT_USUAL)
		part.to = record_build_text(part.to, &room, &scope->version, version, &part.high);
	if (part.to != RECORD_NOT_USUAL)
		part.to = record_build_text(part.to, &room, &scope->schema_url, url, &part.high);
	if (part.to != RECORD_NOT_USUAL)
		part.to = record_build_attributes(part.to, &room, scope->attributes.items, count,
						  &part.high);
	if (part.to != RECORD_NOT_USUAL)
		bytes_store32(to, (uint32_t)(part.to - start));
	return part;
}

struct record_built_part record_build_events_apart(uint8_t *to, size_t room,
						   const struct otlp_span_event *events,
						   size_t count)
{
	uint64_t high = 0;

	if (events == NULL)
		return not_built;
	for (size_t i = 0; i < count; i++) {
		const struct otlp_span_event *const event = &events[i];
		const size_t name = record_build_length(&event->name.len);
		const size_t attributes = record_build_length(&event->attributes.count);
		uint8_t *const start = to + sizeof(uint32_t);
		struct record_event_head *const head = (struct record_event_head *)start;

		if (!record_build_take(&room, sizeof(uint32_t) + sizeof(*head)))
			return not_built;
		head->time_unix_ns = event->time_unix_ns;
		head->name_bytes = (uint32_t)name;
		head->attribute_count = (uint32_t)attributes;
		head->dropped_attribute_count = event->attributes.dropped;
		to = record_build_text(start + sizeof(*head), &room, &event->name, name, &high);
		if (to != RECORD_NOT_USUAL)
			to = record_build_attributes(to, &room, event->attributes.items, attributes,
						     &high);
		if (to == RECORD_NOT_USUAL)
			return not_built;
		bytes_store32(start - sizeof(uint32_t), (uint32_t)(to - start));
	}
	return (struct record_built_part){to, high};
}
