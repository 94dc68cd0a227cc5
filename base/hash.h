/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uthash, as everybody here uses it. Without memory it does not end the process, but leaves the
 * element out: HASH_COUNT() tells. Keys are of whole 64-bit words. Others have chosen them, so the
 * hash has a secret.
 */
#ifndef OTLPIPE_BASE_HASH_H
#define OTLPIPE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mix.h"

static inline unsigned hash_words(const void *key, size_t bytes)
{
	uint64_t word, hash = 0;
	size_t at;

	for (at = 0; at + sizeof(word) <= bytes; at += sizeof(word)) {
		memcpy(&word, (const uint8_t *)key + at, sizeof(word));
		hash = mix_u64(word ^ hash);
	}
	return (unsigned)hash;
}

#define HASH_NONFATAL_OOM	       1
#define HASH_FUNCTION(key, bytes, ret) ((ret) = hash_words((key), (bytes)))
#include <uthash.h>

#endif
