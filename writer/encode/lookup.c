/* SPDX-License-Identifier: Apache-2.0 */
/* A lookup grows, and can be emptied. The caller knows what the things are, and which are equal. */
#include "writer/encode/lookup.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#define LOOKUP_BUCKETS_MIN 1024u
#define LOOKUP_LINKS_MIN   64u

static_assert(LOOKUP_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "a whole secret");

int lookup_open(struct lookup *lookup)
{
	if (getrandom(lookup->secret, sizeof(lookup->secret), 0) != (ssize_t)sizeof(lookup->secret))
		return errno != 0 ? -errno : -EIO;
	return 0;
}

void lookup_close(struct lookup *lookup)
{
	free(lookup->buckets);
	free(lookup->links);
	memset(lookup, 0, sizeof(*lookup));
}

static uint32_t *lookup_bucket(const struct lookup *lookup, uint64_t hash)
{
	return &lookup->buckets[hash & (lookup->bucket_count - 1)];
}

static void lookup_clear_buckets(struct lookup *lookup)
{
	memset(lookup->buckets, 0xff, lookup->bucket_count * sizeof(lookup->buckets[0]));
}

void lookup_clear(struct lookup *lookup)
{
	uint32_t i;

	/* After a batch of very many things come those of few: they do not pay for its buckets. */
	if (lookup->count > lookup->bucket_count / 16)
		lookup_clear_buckets(lookup);
	else
		for (i = 0; i < lookup->count; i++)
			*lookup_bucket(lookup, lookup->links[i].hash) = LOOKUP_NONE;
	lookup->count = 0;
}

uint64_t lookup_hash(const struct lookup *lookup, const void *bytes, size_t count, uint32_t of)
{
	uint64_t factor;

	memcpy(&factor, lookup->secret, sizeof(factor));
	return XXH3_64bits_withSecret(count != 0 ? bytes : "", count, lookup->secret,
				      sizeof(lookup->secret)) +
	       of * (factor | 1);
}

static int lookup_grow_buckets(struct lookup *lookup)
{
	const uint32_t wanted =
		lookup->bucket_count != 0 ? lookup->bucket_count * 2 : LOOKUP_BUCKETS_MIN;
	uint32_t *buckets, i;

	if (wanted == 0)
		return -ENOMEM;
	buckets = malloc(wanted * sizeof(*buckets));
	if (buckets == NULL)
		return -ENOMEM;
	free(lookup->buckets);
	lookup->buckets = buckets;
	lookup->bucket_count = wanted;
	lookup_clear_buckets(lookup);
	for (i = 0; i < lookup->count; i++) {
		uint32_t *bucket = lookup_bucket(lookup, lookup->links[i].hash);

		lookup->links[i].next = *bucket;
		*bucket = i;
	}
	return 0;
}

int lookup_reserve(struct lookup *lookup)
{
	const uint32_t wanted =
		lookup->link_capacity != 0 ? lookup->link_capacity * 2 : LOOKUP_LINKS_MIN;
	struct lookup_link *links;

	if (lookup->count == lookup->link_capacity) {
		if (wanted == 0)
			return -ENOMEM;
		links = realloc(lookup->links, wanted * sizeof(*links));
		if (links == NULL)
			return -ENOMEM;
		lookup->links = links;
		lookup->link_capacity = wanted;
	}
	return lookup->count < lookup->bucket_count ? 0 : lookup_grow_buckets(lookup);
}

uint32_t lookup_add(struct lookup *lookup, uint64_t hash)
{
	const uint32_t index = lookup->count++;
	uint32_t *bucket = lookup_bucket(lookup, hash);

	lookup->links[index].hash = hash;
	lookup->links[index].next = *bucket;
	*bucket = index;
	return index;
}
