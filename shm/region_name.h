/* SPDX-License-Identifier: Apache-2.0 */
/* The name of a region's file: "<pid>-<16 hex digits of its id>.region". */
#ifndef OTLPIPE_SHM_REGION_NAME_H
#define OTLPIPE_SHM_REGION_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define REGION_NAME_BYTES_MAX 64

/** Async-signal-safe. */
void region_format_name(char ret[REGION_NAME_BYTES_MAX], uint32_t pid, uint64_t id);

/** Does a file name look like a region's? Then its pid and its id are set. */
bool region_parse_name(const char *name, uint32_t *ret_pid, uint64_t *ret_id);

#endif
