/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow: text that is put together piece by piece. */
#ifndef OTLPIPE_CLI_GROW_H
#define OTLPIPE_CLI_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grow { /* begin with zeros */
	char *data;
	size_t len;
	size_t capacity;
	bool is_failed; /* there was no memory: what was added since is missing */
};

void grow_free(struct grow *grow);

/** Room for that many bytes more; NULL: there is none, and is_failed is set. */
char *grow_room(struct grow *grow, size_t bytes);

void grow_add(struct grow *grow, const void *bytes, size_t count);
void grow_word(struct grow *grow, const char *word);
void grow_char(struct grow *grow, char c);
void grow_repeat(struct grow *grow, const char *word, size_t times);
void grow_hex(struct grow *grow, const void *bytes, size_t count);
void grow_u64(struct grow *grow, uint64_t number);
void grow_i64(struct grow *grow, int64_t number);
void grow_format(struct grow *grow, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
