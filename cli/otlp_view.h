/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP records where they lie, in the bytes of a file that nobody vouches for: no tree, no copy, no
 * allocation. Only the fields that are asked for are looked at. All pointers are into those bytes.
 *
 * Of a field that comes twice the last one counts, as protobuf has it; of a resource and a scope
 * the first. Submessages that come twice are not merged.
 */
#ifndef OTLPIPE_CLI_OTLP_VIEW_H
#define OTLPIPE_CLI_OTLP_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/wire.h"

struct view_bytes {
	const uint8_t *data;
	size_t len;
};

#define VIEW_BYTES(text) ((struct view_bytes){(const uint8_t *)(text), sizeof(text) - 1})

static inline bool view_equal(struct view_bytes a, struct view_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/** So many bytes of a text at most, and no part of a character at its end. */
static inline struct view_bytes view_cut(struct view_bytes text, size_t bytes_max)
{
	if (text.len <= bytes_max)
		return text;
	text.len = bytes_max;
	while (text.len > 0 && (text.data[text.len] & 0xc0) == 0x80)
		text.len--;
	return text;
}

struct view_field {
	uint32_t number;
	uint32_t type;		 /* enum wire_type */
	uint64_t value;		 /* of a number: its bits */
	struct view_bytes bytes; /* of WIRE_BYTES */
};

/** view_next() for any field. */
int view_next_any(struct view_bytes *rest, struct view_field *ret);

/**
 * Take the next field from a message.
 *
 * @return 1; 0: there is no more; -EBADMSG
 */
static inline int view_next(struct view_bytes *rest, struct view_field *ret)
{
	const uint8_t *const at = rest->data;

	if (rest->len == 0)
		return 0;
	/* A tag and a length of one byte each: nearly all there are. */
	if (rest->len >= 2 && (at[0] & 0x87) == WIRE_BYTES && at[0] > 7 && at[1] < 0x80 &&
	    at[1] <= rest->len - 2) {
		ret->number = at[0] >> 3;
		ret->type = WIRE_BYTES;
		ret->bytes = (struct view_bytes){at + 2, at[1]};
		rest->data += 2 + (size_t)at[1];
		rest->len -= 2 + (size_t)at[1];
		return 1;
	}
	return view_next_any(rest, ret);
}

/** The next field with that number and of WIRE_BYTES. As view_next(). */
int view_find(struct view_bytes *rest, uint32_t number, struct view_bytes *ret);

/* ---- where a record is ---- */

/* In all three signals the resource, the scopes, the scope and the records have the same numbers.
 */
struct view_place {
	struct view_bytes resource; /* messages; empty if they are not there */
	struct view_bytes scope;
	struct view_bytes service; /* the resource's service.name */
};

/** A negative value ends the walk, and is its result. */
typedef int (*view_record_fn)(void *context, const struct view_place *place,
			      struct view_bytes record);

/**
 * All spans, metrics or log records of a ResourceSpans, ResourceMetrics or ResourceLogs.
 *
 * @return 0, -EBADMSG, or what the function gave
 */
int view_records(struct view_bytes resource_data, view_record_fn record, void *context);

/* ---- attributes ---- */

#define VIEW_RESOURCE_ATTRIBUTES 1u
#define VIEW_SCOPE_ATTRIBUTES	 3u
#define VIEW_SPAN_ATTRIBUTES	 9u
#define VIEW_SPAN_EVENTS	 11u
#define VIEW_SPAN_LINKS		 13u
#define VIEW_EVENT_ATTRIBUTES	 3u
#define VIEW_LINK_ATTRIBUTES	 4u
#define VIEW_LOG_ATTRIBUTES	 6u

enum view_kind {
	VIEW_NONE,
	VIEW_STRING,
	VIEW_BOOL,
	VIEW_INT,
	VIEW_DOUBLE,
	VIEW_ARRAY,
	VIEW_KVLIST,
	VIEW_BLOB
};

struct view_value {
	enum view_kind kind;
	int64_t number; /* of VIEW_BOOL and VIEW_INT */
	double real;	/* of VIEW_DOUBLE */
	struct view_bytes bytes;
};

/** An AnyValue. 0, or -EBADMSG. */
int view_value(struct view_bytes message, struct view_value *ret);

/** A KeyValue. 0, or -EBADMSG. */
int view_pair(struct view_bytes message, struct view_bytes *ret_key, struct view_value *ret_value);

/**
 * The first attribute with that key among those of a message.
 *
 * @param number  the attributes' field
 * @return 1, 0, or -EBADMSG
 */
int view_attribute(struct view_bytes message, uint32_t number, struct view_bytes key,
		   struct view_value *ret);

struct view_scope {
	struct view_bytes name, version;
};

int view_scope(struct view_bytes message, struct view_scope *ret);

/* ---- records ---- */

#define VIEW_STATUS_ERROR 2

struct view_span {
	struct view_bytes trace_id, span_id, parent_id; /* of any length */
	struct view_bytes trace_state, name, status_message;
	uint64_t start_ns, end_ns;
	int32_t kind, status;
	bool has_status;
	uint32_t flags, dropped_attributes, dropped_events, dropped_links;
};

int view_span(struct view_bytes message, struct view_span *ret);

struct view_event {
	uint64_t time_ns;
	struct view_bytes name;
};

int view_event(struct view_bytes message, struct view_event *ret);

struct view_link {
	struct view_bytes trace_id, span_id, trace_state;
};

int view_link(struct view_bytes message, struct view_link *ret);

struct view_log {
	uint64_t time_ns, observed_ns;
	int32_t severity;
	uint32_t flags, dropped_attributes;
	struct view_bytes severity_text, event_name, trace_id, span_id;
	struct view_value body;
	bool has_body;
};

int view_log(struct view_bytes message, struct view_log *ret);

#endif
