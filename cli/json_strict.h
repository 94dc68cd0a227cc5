/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by json-c, strictly, whichever version of it is installed: 0.18 compares a signed char, and
 * so its strict mode takes no text beyond ASCII, and no tab. There the text is parsed twice:
 * strictly with a letter for each byte that is not ASCII and a blank for each control character,
 * which change nothing in a string and are no JSON elsewhere; and as it is, for its values.
 */
#ifndef OTLPIPE_CLI_JSON_STRICT_H
#define OTLPIPE_CLI_JSON_STRICT_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

struct json_strict {
	json_tokener *strict;
	json_tokener *loose; /* NULL: the strict one takes all */
	char *masked;
	size_t masked_room;
	size_t end;
	int error; /* of the last json_strict_parse() */
};

/** Does the json-c that this program runs with need the second look? */
bool json_strict_must_mask(void);

/**
 * @param flags  of a json_tokener, beside JSON_TOKENER_STRICT
 * @param masks  json_strict_must_mask(); a test knows better
 * @return 0, or -ENOMEM
 */
int json_strict_init(struct json_strict *ret, int depth_max, int flags, bool masks);
void json_strict_free(struct json_strict *json);

/** Forget what has been parsed of a document. */
void json_strict_reset(struct json_strict *json);

/**
 * The next piece of a document.
 *
 * @return the document, which is the caller's; NULL: see error, which is 0 then if it is not whole
 * yet; else -EBADMSG, -ELOOP (too deep), -EFBIG, or -ENOMEM. How many bytes of the piece were taken
 * is in end
 */
json_object *json_strict_parse(struct json_strict *json, const char *text, size_t bytes);

#endif
