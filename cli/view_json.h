/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values and attributes as plain JSON: {"http.route":"/cart","retries":2}. Bytes that are not UTF-8
 * become U+FFFD; a double that is no number is null. Keys are in order, and of one that comes twice
 * the last counts, so that the same attributes are the same text.
 */
#ifndef OTLPIPE_CLI_VIEW_JSON_H
#define OTLPIPE_CLI_VIEW_JSON_H

#include "cli/grow.h"
#include "cli/otlp_view.h"

/** A string with its quotes. */
void view_json_string(struct grow *grow, struct view_bytes text);
void view_json_double(struct grow *grow, double value);
/** Text whose bytes that are no UTF-8 are U+FFFD. */
void view_json_repaired(struct grow *grow, struct view_bytes text);

/** Each: 0, -EBADMSG, -ELOOP (nested deeper than WIRE_DEPTH_MAX), or -ENOMEM. */
int view_json_value(struct grow *grow, const struct view_value *value);
/** The attributes of a message, in its field of that number. *ret_count: how many there are. */
int view_json_attributes(struct grow *grow, struct view_bytes message, uint32_t number,
			 size_t *ret_count);

#endif
