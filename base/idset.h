/* SPDX-License-Identifier: Apache-2.0 */
/* A set of region ids: random numbers, never zero, that come and are not taken out one by one. */
#ifndef OTLPIPE_BASE_IDSET_H
#define OTLPIPE_BASE_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids that it remembers; at half load that is 4 MiB. */
#define IDSET_MAX ((size_t)1 << 18)

struct idset {
	uint64_t *slots; /* 0: free */
	size_t count;
	size_t capacity; /* a power of two, or 0 */
};

void idset_clear(struct idset *set); /* what was zeroed, or added to */
bool idset_has(const struct idset *set, uint64_t id);

/** @return 0; -ENOSPC: there are IDSET_MAX of them; or -ENOMEM */
int idset_add(struct idset *set, uint64_t id);

#endif
