/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds things in an array by their bytes: hash chains of array indexes, which grow with the array.
 *
 * The bytes are a producer's to choose. So the hash has a secret that is new for each lookup, and a
 * search looks at no more than LOOKUP_STEPS_MAX things: what it does not find then is added once
 * more, which costs the caller a little space and nobody any time.
 */
#ifndef OTLPIPE_WRITER_ENCODE_LOOKUP_H
#define OTLPIPE_WRITER_ENCODE_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#define LOOKUP_NONE	    UINT32_MAX
#define LOOKUP_STEPS_MAX    32u
#define LOOKUP_SECRET_BYTES 192u

struct lookup_link {
	uint64_t hash;
	uint32_t next; /* in the bucket */
};

struct lookup {
	uint32_t *buckets;
	uint32_t bucket_count; /* a power of two, or 0 */
	struct lookup_link *links;
	uint32_t link_capacity;
	uint32_t count; /* of the array's things */
	uint64_t steps; /* of all searches */
	uint8_t secret[LOOKUP_SECRET_BYTES];
};

/** What was zeroed before. @return 0, or a negative errno: there are no random numbers */
int lookup_open(struct lookup *lookup);
void lookup_close(struct lookup *lookup);

/** Forget all things, not the secret. */
void lookup_clear(struct lookup *lookup);

/**
 * Hash bytes.
 *
 * @param of  what they belong to, a number of the caller's: it is part of the hash
 */
uint64_t lookup_hash(const struct lookup *lookup, const void *bytes, size_t count, uint32_t of);

/** Have room for one thing more. @return 0 or -ENOMEM, and nothing has changed */
int lookup_reserve(struct lookup *lookup);

/* A search: the first thing with this hash that comes behind *at, LOOKUP_NONE at the end. */
struct lookup_search {
	uint64_t hash;
	uint32_t at;
	uint32_t steps;
};

static inline uint32_t lookup_next(struct lookup *lookup, struct lookup_search *search)
{
	while (search->at != LOOKUP_NONE && search->steps < LOOKUP_STEPS_MAX) {
		const uint32_t found = search->at;

		search->at = lookup->links[found].next;
		search->steps++;
		lookup->steps++;
		if (lookup->links[found].hash == search->hash)
			return found;
	}
	return LOOKUP_NONE;
}

/** Begin to search, after lookup_reserve(). The caller compares what is found, and goes on. */
static inline uint32_t lookup_first(struct lookup *lookup, uint64_t hash,
				    struct lookup_search *search)
{
	search->hash = hash;
	search->at = lookup->buckets[hash & (lookup->bucket_count - 1)];
	search->steps = 0;
	return lookup_next(lookup, search);
}

/** Add what was not found. @return its index: the array's next one */
uint32_t lookup_add(struct lookup *lookup, uint64_t hash);

#endif
