/* SPDX-License-Identifier: Apache-2.0 */
/* JSON straight from the wire, without a tree. */
#include "cli/view_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "cli/otlp_json.h"

#define KVLIST_PAIRS	   1u
#define ARRAY_VALUES	   1u
#define PAIRS_ON_STACK_MAX 32u

static const char replacement[] = "\xef\xbf\xbd";

void view_json_repaired(struct grow *grow, struct view_bytes text)
{
	char *to;

	if (text.len == 0)
		return;
	if (utf8_is_valid(text.data, text.len)) {
		grow_add(grow, text.data, text.len);
		return;
	}
	to = text.len <= SIZE_MAX / 3 ? grow_room(grow, 3 * text.len) : NULL;
	if (to != NULL)
		grow->len += utf8_repair(to, (const char *)text.data, text.len);
}

/* What a character of ASCII is in a string, if it is not itself. */
static size_t escape(uint8_t c, char to[8])
{
	static const char digits[] = "0123456789abcdef";
	const char *found = NULL;

	switch (c) {
	case '"':
		found = "\\\"";
		break;
	case '\\':
		found = "\\\\";
		break;
	case '\n':
		found = "\\n";
		break;
	case '\r':
		found = "\\r";
		break;
	case '\t':
		found = "\\t";
		break;
	default:
		if (c >= 0x20)
			return 0;
		memcpy(to, "\\u00", 4);
		to[4] = digits[c >> 4];
		to[5] = digits[c & 15];
		return 6;
	}
	memcpy(to, found, 2);
	return 2;
}

void view_json_string(struct grow *grow, struct view_bytes text)
{
	const bool is_valid = text.len == 0 || utf8_is_valid(text.data, text.len);
	size_t shown = 0, at = 0;

	grow_char(grow, '"');
	while (at < text.len) {
		const uint8_t c = text.data[at];
		size_t len, bytes = 1;
		char to[8];

		if (c < 0x80) {
			len = escape(c, to);
		} else if (is_valid) {
			len = 0;
		} else {
			bytes = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
			len = 0;
			if (bytes > text.len - at || !utf8_is_valid_any(text.data + at, bytes)) {
				bytes = 1;
				len = sizeof(replacement) - 1;
				memcpy(to, replacement, len);
			}
		}
		if (len > 0) {
			grow_add(grow, text.data + shown, at - shown);
			grow_add(grow, to, len);
			shown = at + bytes;
		}
		at += bytes;
	}
	if (text.len > shown)
		grow_add(grow, text.data + shown, text.len - shown);
	grow_char(grow, '"');
}

void view_json_double(struct grow *grow, double value)
{
	char text[OTLP_JSON_DOUBLE_BYTES];

	if (!isfinite(value)) {
		grow_word(grow, "null");
		return;
	}
	otlp_json_double(value, text);
	grow_word(grow, text);
}

/* ---- attributes ---- */

struct pair {
	struct view_bytes key;
	struct view_value value;
	size_t position;
};

static int put_value(struct grow *grow, const struct view_value *value, unsigned depth);

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	const size_t shorter = x->key.len < y->key.len ? x->key.len : y->key.len;
	int order = shorter > 0 ? memcmp(x->key.data, y->key.data, shorter) : 0;

	if (order == 0)
		order = x->key.len < y->key.len ? -1 : x->key.len > y->key.len;
	if (order == 0)
		order = x->position < y->position ? -1 : 1;
	return order;
}

static void sort_pairs(struct pair *pairs, size_t count)
{
	if (count > PAIRS_ON_STACK_MAX) {
		qsort(pairs, count, sizeof(*pairs), compare_pairs);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		const struct pair pair = pairs[i];
		size_t k = i;

		for (; k > 0 && compare_pairs(&pairs[k - 1], &pair) > 0; k--)
			pairs[k] = pairs[k - 1];
		pairs[k] = pair;
	}
}

static int put_sorted(struct grow *grow, const struct pair *pairs, size_t count, unsigned depth)
{
	bool is_first = true;

	grow_char(grow, '{');
	for (size_t i = 0; i < count; i++) {
		int rc;

		if (i + 1 < count && view_equal(pairs[i].key, pairs[i + 1].key))
			continue;
		if (!is_first)
			grow_char(grow, ',');
		is_first = false;
		view_json_string(grow, pairs[i].key);
		grow_char(grow, ':');
		rc = put_value(grow, &pairs[i].value, depth);
		if (rc < 0)
			return rc;
	}
	grow_char(grow, '}');
	return grow->is_failed ? -ENOMEM : 0;
}

static int put_pairs(struct grow *grow, struct view_bytes message, uint32_t number, unsigned depth,
		     size_t *ret_count)
{
	struct pair few[PAIRS_ON_STACK_MAX], *pairs = few, *many = NULL;
	size_t count = 0, capacity = PAIRS_ON_STACK_MAX;
	struct view_bytes one;
	int rc;

	while ((rc = view_find(&message, number, &one)) == 1) {
		if (count == capacity) {
			struct pair *grown = realloc(many, 2 * capacity * sizeof(*pairs));

			if (grown == NULL) {
				rc = -ENOMEM;
				break;
			}
			if (many == NULL)
				memcpy(grown, few, sizeof(few));
			pairs = many = grown;
			capacity *= 2;
		}
		rc = view_pair(one, &pairs[count].key, &pairs[count].value);
		if (rc < 0)
			break;
		pairs[count].position = count;
		count++;
	}
	if (rc == 0) {
		sort_pairs(pairs, count);
		rc = put_sorted(grow, pairs, count, depth);
	}
	free(many);
	*ret_count = count;
	return rc;
}

static int put_array(struct grow *grow, struct view_bytes array, unsigned depth)
{
	struct view_bytes message;
	bool is_first = true;
	int rc;

	grow_char(grow, '[');
	while ((rc = view_find(&array, ARRAY_VALUES, &message)) == 1) {
		struct view_value value;

		if (!is_first)
			grow_char(grow, ',');
		is_first = false;
		rc = view_value(message, &value);
		if (rc == 0)
			rc = put_value(grow, &value, depth);
		if (rc < 0)
			return rc;
	}
	grow_char(grow, ']');
	return rc;
}

static int put_value(struct grow *grow, const struct view_value *value, unsigned depth)
{
	size_t count;

	if (depth == 0)
		return -ELOOP;
	switch (value->kind) {
	case VIEW_STRING:
	case VIEW_BLOB:
		view_json_string(grow, value->bytes);
		break;
	case VIEW_BOOL:
		grow_word(grow, value->number != 0 ? "true" : "false");
		break;
	case VIEW_INT:
		grow_i64(grow, value->number);
		break;
	case VIEW_DOUBLE:
		view_json_double(grow, value->real);
		break;
	case VIEW_ARRAY:
		return put_array(grow, value->bytes, depth - 1);
	case VIEW_KVLIST:
		return put_pairs(grow, value->bytes, KVLIST_PAIRS, depth - 1, &count);
	case VIEW_NONE:
		grow_word(grow, "null");
		break;
	}
	return grow->is_failed ? -ENOMEM : 0;
}

int view_json_value(struct grow *grow, const struct view_value *value)
{
	/* Two messages a level: the list and its values. */
	return put_value(grow, value, WIRE_DEPTH_MAX / 2);
}

int view_json_attributes(struct grow *grow, struct view_bytes message, uint32_t number,
			 size_t *ret_count)
{
	return put_pairs(grow, message, number, WIRE_DEPTH_MAX / 2, ret_count);
}
