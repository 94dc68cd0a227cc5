/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the small JSON documents that commands print. */
#ifndef OTLPIPE_CLI_JSON_ADD_H
#define OTLPIPE_CLI_JSON_ADD_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json_object.h>

void json_add_number(json_object *to, const char *key, uint64_t value);
void json_add_text(json_object *to, const char *key, const char *value);
void json_add_bool(json_object *to, const char *key, bool value);

#endif
