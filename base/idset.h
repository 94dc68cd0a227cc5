/* SPDX-License-Identifier: Apache-2.0 */
/* A set of numbers that come, and are not taken out one by one. */
#ifndef OTLPIPE_BASE_IDSET_H
#define OTLPIPE_BASE_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers that it remembers: some 20 MiB of them. */
#define IDSET_MAX ((size_t)1 << 18)

struct idset_id;

struct idset {
	struct idset_id *ids; /* a hash table */
	size_t count;
};

void idset_clear(struct idset *set); /* what was zeroed, or added to */
bool idset_has(const struct idset *set, uint64_t id);

/** @return 0; -ENOSPC: there are IDSET_MAX of them; or -ENOMEM */
int idset_add(struct idset *set, uint64_t id);

#endif
