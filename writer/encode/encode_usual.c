/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoders of usual records. The order of the fields is that of encode_span.c and encode_log.c,
 * and the proof of the bound encode.c's: it counts bytes of the record, and each is read once.
 */
#include "writer/encode/encode_usual.h"

#include "base/utf8.h"
#include "writer/encode/encode_attribute.h"

/* What is left of the record, or of an event in it. */
struct usual {
	const uint8_t *at;
	const uint8_t *end;
};

/* Nothing that was read before is read again behind this. */
static inline void usual_barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

static inline uint32_t usual_load32(const uint8_t *from)
{
	typedef uint32_t __attribute__((aligned(1), may_alias)) word;

	return *(const volatile word *)from;
}

static inline uint64_t usual_load64(const uint8_t *from)
{
	typedef uint64_t __attribute__((aligned(1), may_alias)) word;

	return *(const volatile word *)from;
}

static inline bytes_pair usual_load_pair(const uint8_t *from)
{
	typedef bytes_pair __attribute__((aligned(1), may_alias)) pair;

	return *(const volatile pair *)from;
}

static inline size_t usual_left(const struct usual *u)
{
	return (size_t)(u->end - u->at);
}

/*
 * Copies ENCODE_SLACK_BYTES, of which len are text, and returns the text's bits: no branch that
 * depends on the length.
 */
static inline bytes_pair usual_copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
	/* Ones for the text, none behind it: read from ENCODE_SLACK_BYTES - len on. */
	static const uint8_t masks[2 * ENCODE_SLACK_BYTES] = {
		[0 ... ENCODE_SLACK_BYTES - 1] = 0x80,
	};
	const uint8_t *const mask = masks + ENCODE_SLACK_BYTES - len;
	const bytes_pair first = usual_load_pair(from);
	const bytes_pair second = usual_load_pair(from + sizeof(first));

	memcpy(to, &first, sizeof(first));
	memcpy(to + sizeof(first), &second, sizeof(second));
	return (first & bytes_load_pair(mask)) | (second & bytes_load_pair(mask + sizeof(first)));
}

static inline bool usual_is_set(bytes_pair bits)
{
	return (bits[0] | bits[1]) != 0;
}

/* Text that lies in the record. @return its end, or NULL: it is not UTF-8 */
static inline uint8_t *usual_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len <= ENCODE_SLACK_BYTES) {
		if (usual_is_set(usual_copy_short(to, from, len)) && !utf8_is_valid(to, len))
			return NULL;
		return to + len;
	}
	memcpy(to, from, len);
	usual_barrier();
	return utf8_is_valid_any(to, len) ? to + len : NULL;
}

/* A string without presence. */
static inline uint8_t *usual_text(uint8_t *to, uint8_t tag, const uint8_t *from, size_t len)
{
	if (len == 0)
		return to;
	*to++ = tag;
	return usual_copy(wire_varint(to, len), from, len);
}

/* A KeyValue with a string, where one of both is longer than what is copied in one width. */
static __attribute__((noinline)) uint8_t *usual_string(uint8_t *to, uint8_t tag, const uint8_t *key,
						       size_t key_bytes, size_t value_bytes)
{
	const size_t value_len = 1 + wire_varint_bytes(value_bytes) + value_bytes;

	*to++ = tag;
	to = wire_varint(to, 1 + wire_varint_bytes(key_bytes) + key_bytes + 1 +
				     wire_varint_bytes(value_len) + value_len);
	to = usual_text(to, ENCODE_TAG_KEY, key, key_bytes);
	if (to == NULL)
		return NULL;
	*to++ = ENCODE_TAG_VALUE;
	to = wire_varint(to, value_len);
	*to++ = ENCODE_TAG_STRING;
	return usual_copy(wire_varint(to, value_bytes), key + key_bytes, value_bytes);
}

static size_t take_varint(const uint8_t **from)
{
	size_t value = 0;
	unsigned int shift = 0;

	for (; **from >= 0x80; shift += 7)
		value |= (size_t)(*(*from)++ & 0x7f) << shift;
	return value | (size_t)(*(*from)++) << shift;
}

/* Of the KeyValues that were written there: some of their text is not ASCII. */
static __attribute__((noinline, cold)) bool usual_is_utf8(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		const uint8_t *next;
		size_t len;

		at++; /* the attribute's tag */
		len = take_varint(&at);
		next = at + len;
		at++; /* its key's */
		len = take_varint(&at);
		if (!utf8_is_valid(at, len))
			return false;
		at += len + 1; /* and its value's */
		(void)take_varint(&at);
		if (*at == ENCODE_TAG_STRING) {
			at++;
			len = take_varint(&at);
			if (!utf8_is_valid(at, len))
				return false;
		}
		at = next;
	}
	return true;
}

/* KeyValues, as encode_attributes() writes them. */
static inline __attribute__((always_inline)) uint8_t *usual_attributes(struct usual *u, uint8_t *to,
								       uint8_t tag, uint32_t count)
{
	const uint8_t *const start = to;
	const uint8_t *at = u->at;
	bytes_pair bits = {0, 0};

	/* Each turn takes some bytes or ends: a count of 2^32 costs nothing. */
	for (; count != 0; count--) {
		const size_t left = (size_t)(u->end - at);
		const uint32_t word = left >= RECORD_ATTRIBUTE_SHORT_BYTES ? usual_load32(at) : 0;
		const uint32_t type = word & (RECORD_ATTRIBUTE_TYPE | RECORD_ATTRIBUTE_LONG);
		const uint32_t key_bytes =
			word >> RECORD_ATTRIBUTE_KEY_SHIFT & RECORD_ATTRIBUTE_KEY_MAX;
		const uint32_t field = word >> RECORD_ATTRIBUTE_FIELD_SHIFT;
		const uint8_t *const key = at + RECORD_ATTRIBUTE_SHORT_BYTES;
		const uint8_t *const value = key + key_bytes;
		const uint32_t head =
			ENCODE_PAIRS(tag, 4, ENCODE_TAG_KEY) + key_bytes * ENCODE_IN_BOTH;

		/* An empty key is left out in OTLP, so it is not usual. */
		if (type == OTLP_VALUE_STRING) {
			at = value + field;
			if (RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes + field > left ||
			    key_bytes == 0)
				return NULL;
			if (__builtin_expect((key_bytes > ENCODE_SLACK_BYTES) |
						     (field > ENCODE_SLACK_BYTES),
					     0)) {
				to = usual_string(to, tag, key, key_bytes, field);
				if (to == NULL)
					return NULL;
				continue;
			}
			bytes_store32(to, head + ((2 + field) << 8));
			bits |= usual_copy_short(to + 4, key, key_bytes);
			to += 4 + key_bytes;
			bytes_store32(to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 2, ENCODE_TAG_STRING) +
						  field * ENCODE_IN_BOTH);
			bits |= usual_copy_short(to + 4, value, field);
			to += 4 + field;
			continue;
		}
		if (key_bytes - 1 >= ENCODE_SLACK_BYTES)
			return NULL;
		if (type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE) {
			uint64_t number;
			uint32_t bytes;

			at = value + sizeof(number);
			if (RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes + sizeof(number) > left ||
			    field != 0)
				return NULL;
			number = usual_load64(value);
			bytes = type == OTLP_VALUE_INT ? wire_varint_bytes(number) : 8;
			bytes_store32(to, head + ((1 + bytes) << 8));
			bits |= usual_copy_short(to + 4, key, key_bytes);
			to += 4 + key_bytes;
			if (type == OTLP_VALUE_INT) {
				bytes_store32(to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 1 + bytes,
							       ENCODE_TAG_INT));
				to = wire_varint(to + 3, number);
			} else {
				bytes_store32(to,
					      ENCODE_PAIRS(ENCODE_TAG_VALUE, 9, ENCODE_TAG_DOUBLE));
				to = bytes_store64(to + 3, number);
			}
			continue;
		}
		at = value;
		if (type != OTLP_VALUE_BOOL || field > 1 ||
		    RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes > left)
			return NULL;
		bytes_store32(to, head + (2 << 8));
		bits |= usual_copy_short(to + 4, key, key_bytes);
		to += 4 + key_bytes;
		to = bytes_store32(to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 2, ENCODE_TAG_BOOL) +
					       field * ENCODE_IN_SECOND);
	}
	if (usual_is_set(bits) && !usual_is_utf8(start, to))
		return NULL;
	u->at = at;
	return to;
}

static __attribute__((noinline)) uint8_t *usual_event(struct usual *u, uint8_t *to)
{
	const uint8_t *const head = u->at + sizeof(uint32_t);
	const uint8_t *const name = head + sizeof(struct record_event_head);
	struct wire_message message;
	uint32_t bytes, name_bytes, count, dropped;
	struct usual event;

	if (usual_left(u) < sizeof(bytes) + sizeof(struct record_event_head))
		return NULL;
	bytes = usual_load32(u->at);
	name_bytes = usual_load32(head + offsetof(struct record_event_head, name_bytes));
	count = usual_load32(head + offsetof(struct record_event_head, attribute_count));
	dropped = usual_load32(head + offsetof(struct record_event_head, dropped_attribute_count));
	if (bytes > usual_left(u) - sizeof(bytes) ||
	    (uint64_t)sizeof(struct record_event_head) + name_bytes > bytes)
		return NULL;
	event = (struct usual){name + name_bytes, head + bytes};
	to = wire_open(to, 0x5a, bytes, &message);	 /* Span.events */
	to = wire_fixed64(to, 0x09, usual_load64(head)); /* time_unix_nano */
	to = usual_text(to, 0x12, name, name_bytes);	 /* name */
	if (to != NULL)
		to = usual_attributes(&event, to, 0x1a, count);
	if (to == NULL || event.at != event.end)
		return NULL;
	to = wire_uint(to, 0x20, dropped);
	wire_close(&message, to);
	u->at = event.end;
	return to;
}

/* The heads' first eight bytes, which all records have: one word. */
#define HEAD_HAS_SHIFT	8
#define HEAD_BYTE_2	16
#define HEAD_BYTE_3	24
#define HEAD_REFS_SHIFT 32

static_assert(offsetof(struct record_span_head, has) == 1, "record layout");
static_assert(offsetof(struct record_span_head, span_kind) == 2, "record layout");
static_assert(offsetof(struct record_span_head, status) == 3, "record layout");
static_assert(offsetof(struct record_span_head, resource_ref) == 4, "record layout");
static_assert(offsetof(struct record_span_head, scope_ref) == 6, "record layout");
static_assert(offsetof(struct record_log_head, severity_number) == 2, "record layout");
static_assert(offsetof(struct record_log_head, resource_ref) == 4, "record layout");
static_assert(offsetof(struct record_log_head, scope_ref) == 6, "record layout");

static inline bool head_is_usual(uint64_t head, enum record_kind kind, unsigned int has)
{
	return (uint8_t)head == kind && ((uint8_t)(head >> HEAD_HAS_SHIFT) & ~has) == 0 &&
	       (uint16_t)(head >> HEAD_REFS_SHIFT) != 0;
}

/* Left out when it says nothing. */
static inline uint8_t *usual_status(uint8_t *to, uint8_t code, const uint8_t *text, size_t text_len)
{
	size_t len = code != 0 ? 2 : 0;

	if (text_len != 0)
		len += 1 + wire_varint_bytes(text_len) + text_len;
	if (len == 0)
		return to;
	*to++ = 0x7a;						     /* Span.status */
	to = usual_text(wire_varint(to, len), 0x12, text, text_len); /* message */
	return to == NULL ? NULL : wire_uint(to, 0x18, code);	     /* code */
}

/* Of a span's extra, what is used more than once. */
struct usual_extra {
	uint32_t trace_state_bytes;
	uint32_t message_bytes;
	uint32_t dropped_attributes;
	uint32_t dropped_events;
	uint32_t dropped_links;
};

#define EXTRA(u, field) usual_load32((u)->at + offsetof(struct record_span_extra, field))

static inline bool usual_take_extra(struct usual *u, struct usual_extra *ret)
{
	if (usual_left(u) < sizeof(struct record_span_extra) || EXTRA(u, link_count) != 0)
		return false;
	ret->trace_state_bytes = EXTRA(u, trace_state_bytes);
	ret->message_bytes = EXTRA(u, status_message_bytes);
	ret->dropped_attributes = EXTRA(u, dropped_attribute_count);
	ret->dropped_events = EXTRA(u, dropped_event_count);
	ret->dropped_links = EXTRA(u, dropped_link_count);
	u->at += sizeof(struct record_span_extra);
	return true;
}

#define SPAN(field) (from + offsetof(struct record_span_head, field))

static uint8_t *usual_span(const uint8_t *from, size_t len, uint8_t *to, uint32_t *ret_refs)
{
	const uint64_t head = usual_load64(from);
	const bytes_pair trace_id = usual_load_pair(SPAN(trace_id));
	const uint64_t span_id = usual_load64(SPAN(span_id));
	const uint64_t parent_id = usual_load64(SPAN(parent_span_id));
	const uint32_t flags = usual_load32(SPAN(flags));
	const uint32_t name_bytes = usual_load32(SPAN(name_bytes));
	const uint32_t event_count = usual_load32(SPAN(event_count));
	const uint8_t kind = (uint8_t)(head >> HEAD_BYTE_2),
		      status = (uint8_t)(head >> HEAD_BYTE_3);
	struct usual u = {from + sizeof(struct record_span_head), from + len};
	struct usual_extra extra = {0};
	const uint8_t *text, *message_text;
	struct wire_message message;

	if (!head_is_usual(head, RECORD_SPAN, RECORD_HAS_EXTRA) || kind > OTLP_SPAN_KIND_CONSUMER ||
	    status > OTLP_STATUS_ERROR || (flags & ~RECORD_SPAN_FLAGS) != 0 ||
	    !usual_is_set(trace_id) || span_id == 0)
		return NULL;
	if ((uint8_t)(head >> HEAD_HAS_SHIFT) != 0 && !usual_take_extra(&u, &extra))
		return NULL;
	if ((uint64_t)extra.trace_state_bytes + name_bytes + extra.message_bytes > usual_left(&u))
		return NULL;
	*ret_refs = (uint32_t)(head >> HEAD_REFS_SHIFT);
	text = u.at;
	message_text = text + extra.trace_state_bytes + name_bytes;
	u.at = message_text + extra.message_bytes;

	to = wire_open(to, 0x12, len, &message); /* ScopeSpans.spans */
	to = wire_trace_id(to, 0x0a, (const uint8_t *)&trace_id);
	to = wire_span_id(to, 0x12, (const uint8_t *)&span_id);
	to = usual_text(to, 0x1a, text, extra.trace_state_bytes); /* trace_state */
	if (to == NULL)
		return NULL;
	if (parent_id != 0)
		to = wire_span_id(to, 0x22, (const uint8_t *)&parent_id);
	to = usual_text(to, 0x2a, text + extra.trace_state_bytes, name_bytes); /* name */
	if (to == NULL)
		return NULL;
	to = wire_uint(to, 0x30, kind);					     /* kind */
	to = wire_fixed64(to, 0x39, usual_load64(SPAN(start_time_unix_ns))); /* start_time_… */
	to = wire_fixed64(to, 0x41, usual_load64(SPAN(end_time_unix_ns)));   /* end_time_… */
	to = usual_attributes(&u, to, 0x4a, usual_load32(SPAN(attribute_count)));
	if (to == NULL)
		return NULL;
	to = wire_uint(to, 0x50, extra.dropped_attributes);
	for (uint32_t i = 0; i < event_count; i++) {
		to = usual_event(&u, to);
		if (to == NULL)
			return NULL;
	}
	to = wire_uint(to, 0x60, extra.dropped_events);
	to = wire_uint(to, 0x70, extra.dropped_links);
	to = usual_status(to, status, message_text, extra.message_bytes);
	if (to == NULL || u.at != u.end)
		return NULL;
	if (flags != 0) {
		*to++ = 0x85; /* flags, fixed32 */
		*to++ = 0x01;
		to = bytes_store32(to, flags);
	}
	wire_close(&message, to);
	return to;
}

/* Text, as an AnyValue: the record has a head without a key in front of it. */
static inline uint8_t *usual_body(struct usual *u, uint8_t *to, uint8_t tag)
{
	const size_t left = usual_left(u);
	const uint32_t word = left >= RECORD_ATTRIBUTE_SHORT_BYTES ? usual_load32(u->at) : 0;
	const size_t field = word >> RECORD_ATTRIBUTE_FIELD_SHIFT;
	const uint8_t *const text = u->at + RECORD_ATTRIBUTE_SHORT_BYTES;

	if ((word & ((1u << RECORD_ATTRIBUTE_FIELD_SHIFT) - 1)) != OTLP_VALUE_STRING ||
	    RECORD_ATTRIBUTE_SHORT_BYTES + field > left)
		return NULL;
	u->at = text + field;
	*to++ = tag;
	to = wire_varint(to, 1 + wire_varint_bytes(field) + field);
	*to++ = ENCODE_TAG_STRING;
	return usual_copy(wire_varint(to, field), text, field);
}

#define LOG(field) (from + offsetof(struct record_log_head, field))

static uint8_t *usual_log(const uint8_t *from, size_t len, uint8_t *to, uint32_t *ret_refs)
{
	const uint64_t head = usual_load64(from);
	const bytes_pair trace_id = usual_load_pair(LOG(trace_id));
	const uint64_t span_id = usual_load64(LOG(span_id));
	const uint32_t flags = usual_load32(LOG(flags));
	const uint32_t text_bytes = usual_load32(LOG(severity_text_bytes));
	const uint32_t event_bytes = usual_load32(LOG(event_name_bytes));
	const uint8_t severity = (uint8_t)(head >> HEAD_BYTE_2);
	struct usual u = {from + sizeof(struct record_log_head), from + len};
	const uint8_t *const text = u.at;
	struct wire_message message;

	if (!head_is_usual(head, RECORD_LOG, RECORD_HAS_BODY) || severity > OTLP_SEVERITY_FATAL4 ||
	    (uint8_t)(head >> HEAD_BYTE_3) != 0 || (flags & ~RECORD_LOG_FLAGS) != 0 ||
	    (uint64_t)text_bytes + event_bytes > usual_left(&u))
		return NULL;
	*ret_refs = (uint32_t)(head >> HEAD_REFS_SHIFT);
	u.at += text_bytes + event_bytes;

	to = wire_open(to, 0x12, len, &message);		      /* ScopeLogs.log_records */
	to = wire_fixed64(to, 0x09, usual_load64(LOG(time_unix_ns))); /* time_unix_nano */
	to = wire_uint(to, 0x10, severity);			      /* severity_number */
	to = usual_text(to, 0x1a, text, text_bytes);		      /* severity_text */
	if (to != NULL && (uint8_t)(head >> HEAD_HAS_SHIFT) != 0)
		to = usual_body(&u, to, 0x2a); /* body */
	if (to != NULL)
		to = usual_attributes(&u, to, 0x32, usual_load32(LOG(attribute_count)));
	if (to == NULL || u.at != u.end)
		return NULL;
	to = wire_uint(to, 0x38, usual_load32(LOG(dropped_attribute_count)));
	if (flags != 0) {
		*to++ = 0x45; /* flags, fixed32 */
		to = bytes_store32(to, flags);
	}
	if (usual_is_set(trace_id))
		to = wire_trace_id(to, 0x4a, (const uint8_t *)&trace_id);
	if (span_id != 0)
		to = wire_span_id(to, 0x52, (const uint8_t *)&span_id);
	to = wire_fixed64(to, 0x59, usual_load64(LOG(observed_time_unix_ns)));
	to = usual_text(to, 0x62, text + text_bytes, event_bytes); /* event_name */
	if (to != NULL)
		wire_close(&message, to);
	return to;
}

uint8_t *encode_usual(enum otlp_signal signal, const uint8_t *from, size_t len, uint8_t *to,
		      uint32_t *ret_refs)
{
	if (len > OTLP_RECORD_BYTES_MAX)
		return NULL;
	if (signal == OTLP_SIGNAL_TRACES && len >= sizeof(struct record_span_head))
		return usual_span(from, len, to, ret_refs);
	if (signal == OTLP_SIGNAL_LOGS && len >= sizeof(struct record_log_head))
		return usual_log(from, len, to, ret_refs);
	return NULL;
}
