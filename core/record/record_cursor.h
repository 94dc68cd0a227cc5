/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the validating reader of each signal is made of. Whoever may open a region may have written
 * these bytes, so every length is compared with what is left before it is followed. Functions that
 * return bool answer false for what the write side would not have written; the record is refused
 * then, wherever the cursor stands.
 */
#ifndef OTLPIPE_CORE_RECORD_RECORD_CURSOR_H
#define OTLPIPE_CORE_RECORD_RECORD_CURSOR_H

#include "base/utf8.h"
#include "core/record/record.h"

/* What is left to read. A sub-part is a cursor of its own, so that it cannot reach beyond it. */
struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	const uint8_t *read_end; /* end or behind it: what can be read, whatever it means */
};

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/** The next bytes, or NULL. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t bytes)
{
	const uint8_t *const at = c->at;

	if (bytes > cursor_left(c))
		return NULL;
	c->at += bytes;
	return at;
}

static inline bool cursor_take_copy(struct cursor *c, void *ret, size_t bytes)
{
	const uint8_t *const from = cursor_take(c, bytes);

	if (!from)
		return false;
	memcpy(ret, from, bytes);
	return true;
}

static inline bool cursor_take_text(struct cursor *c, uint32_t bytes)
{
	const uint8_t *const text = cursor_take(c, bytes);

	return text && utf8_is_valid(text, bytes);
}

/** A part that carries its length. */
static inline bool cursor_take_part(struct cursor *c, struct cursor *ret)
{
	uint32_t bytes;

	if (!cursor_take_copy(c, &bytes, sizeof(bytes)))
		return false;
	ret->at = cursor_take(c, bytes);
	if (!ret->at)
		return false;
	ret->end = ret->at + bytes;
	ret->read_end = c->read_end;
	return true;
}

/*
 * The high bits of text of up to RECORD_SLACK_BYTES, when as many bytes can be read there. All of
 * them are loaded, and those that are not text are masked away: no branch that depends on the
 * length.
 */
typedef uint64_t high_bits __attribute__((vector_size(16)));

static inline void gather_high_bits(high_bits *high, const uint8_t *text, size_t len)
{
	/* Ones for the text, none behind it: read from RECORD_SLACK_BYTES - len on. */
	static const uint8_t masks[2 * RECORD_SLACK_BYTES] = {
		[0 ... RECORD_SLACK_BYTES - 1] = 0x80,
	};
	const uint8_t *const mask = masks + RECORD_SLACK_BYTES - len;

	for (size_t i = 0; i < RECORD_SLACK_BYTES; i += sizeof(*high)) {
		high_bits of_text, of_mask;

		memcpy(&of_text, text + i, sizeof(of_text));
		memcpy(&of_mask, mask + i, sizeof(of_mask));
		*high |= of_text & of_mask;
	}
}

static inline bool has_high_bits(high_bits high)
{
	return (high[0] | high[1]) != 0;
}

/** Attributes of a record or of a part of one. */
bool cursor_take_attributes(struct cursor *c, uint32_t count);

/** One value, as an attribute without a key. */
bool cursor_take_value(struct cursor *c);

/** The end of a part: its attributes, and nothing behind them. */
static inline bool cursor_take_last_attributes(struct cursor *c, uint32_t count)
{
	return cursor_take_attributes(c, count) && cursor_left(c) == 0;
}

/** A resource's section, all of it; and a scope's. */
bool cursor_check_resource(struct cursor c);
bool cursor_check_scope(struct cursor c);

/** The sections of the resource and of the scope, as far as a record has them. */
bool cursor_take_sections(struct cursor *c, uint8_t has, struct record_view *view);

/** Three texts, one behind the other; short ASCII is looked at as one piece. */
static inline bool cursor_take_texts(struct cursor *c, uint32_t a, uint32_t b, uint32_t d)
{
	const uint64_t bytes = (uint64_t)a + b + d;

	high_bits high = {0, 0};

	if (bytes <= RECORD_SLACK_BYTES && bytes <= cursor_left(c) &&
	    c->read_end - c->at >= (ptrdiff_t)RECORD_SLACK_BYTES) {
		gather_high_bits(&high, c->at, (size_t)bytes);
		if (!has_high_bits(high)) {
			c->at += bytes;
			return true;
		}
	}
	return cursor_take_text(c, a) && cursor_take_text(c, b) && cursor_take_text(c, d);
}

static inline bool record_ids_are_set(const uint8_t trace_id[16], const uint8_t span_id[8])
{
	return (bytes_load64(trace_id) | bytes_load64(trace_id + 8)) != 0 &&
	       bytes_load64(span_id) != 0;
}

#endif
