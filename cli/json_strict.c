/* SPDX-License-Identifier: Apache-2.0 */
/* Both tokeners get the same number of bytes, so both are always at the same place. */
#include "cli/json_strict.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_THAT_MUST_MASK (18 << 8) /* json_c_version_num() of 0.18 */

bool json_strict_must_mask(void)
{
	return json_c_version_num() >= FIRST_THAT_MUST_MASK;
}

int json_strict_init(struct json_strict *ret, int depth_max, int flags, bool masks)
{
	memset(ret, 0, sizeof(*ret));
	ret->strict = json_tokener_new_ex(depth_max);
	ret->loose = masks ? json_tokener_new_ex(depth_max) : NULL;
	if (ret->strict == NULL || (masks && ret->loose == NULL)) {
		json_strict_free(ret);
		return -ENOMEM;
	}
	json_tokener_set_flags(ret->strict, flags | JSON_TOKENER_STRICT);
	if (masks)
		json_tokener_set_flags(ret->loose, flags);
	return 0;
}

void json_strict_free(struct json_strict *json)
{
	if (json->strict != NULL)
		json_tokener_free(json->strict);
	if (json->loose != NULL)
		json_tokener_free(json->loose);
	free(json->masked);
	memset(json, 0, sizeof(*json));
}

void json_strict_reset(struct json_strict *json)
{
	json_tokener_reset(json->strict);
	if (json->loose != NULL)
		json_tokener_reset(json->loose);
}

static int error_of(json_tokener *tokener)
{
	switch (json_tokener_get_error(tokener)) {
	case json_tokener_success:
	case json_tokener_continue:
		return 0;
	case json_tokener_error_depth:
		return -ELOOP;
	case json_tokener_error_size:
		return -EFBIG;
	default:
		return -EBADMSG;
	}
}

static json_object *parse(struct json_strict *json, json_tokener *tokener, const char *text,
			  size_t bytes)
{
	json_object *document = json_tokener_parse_ex(tokener, text, (int)bytes);

	json->error = error_of(tokener);
	json->end = json_tokener_get_parse_end(tokener);
	/* "null" is a document too, which json-c tells by no pointer: no document of ours is that.
	 */
	if (document == NULL && json_tokener_get_error(tokener) == json_tokener_success)
		json->error = -EBADMSG;
	return document;
}

/* The piece without what 0.18 does not take. */
static bool mask(struct json_strict *json, const char *text, size_t bytes)
{
	if (bytes > json->masked_room) {
		char *room = realloc(json->masked, bytes);

		if (room == NULL)
			return false;
		json->masked = room;
		json->masked_room = bytes;
	}
	for (size_t i = 0; i < bytes; i++) {
		const unsigned char byte = (unsigned char)text[i];

		json->masked[i] = byte < ' ' ? ' ' : byte > '~' ? 'x' : text[i];
	}
	return true;
}

json_object *json_strict_parse(struct json_strict *json, const char *text, size_t bytes)
{
	json_object *checked, *document;
	bool is_whole;

	json->end = 0;
	json->error = -EFBIG;
	if (bytes > INT_MAX)
		return NULL;
	if (json->loose == NULL)
		return parse(json, json->strict, text, bytes);
	json->error = -ENOMEM;
	if (!mask(json, text, bytes))
		return NULL;
	checked = parse(json, json->strict, json->masked, bytes);
	is_whole = checked != NULL;
	json_object_put(checked);
	if (json->error < 0)
		return NULL;
	document = parse(json, json->loose, text, bytes);
	if (json->error == 0 && (document != NULL) != is_whole) {
		/* Such as a byte 0, at which json-c takes the text for ended. */
		json->error = -EBADMSG;
		json_object_put(document);
		document = NULL;
	}
	return document;
}
