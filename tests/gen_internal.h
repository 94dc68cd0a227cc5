/* SPDX-License-Identifier: Apache-2.0 */
/* What gen.c, gen_log.c and gen_metric.c share; tests include gen.h. */
#ifndef OTLPIPE_TESTS_GEN_INTERNAL_H
#define OTLPIPE_TESTS_GEN_INTERNAL_H

#include <otlpipe/otlpipe.h>

#include "tests/gen_size.h"

#define GEN_POOL_COUNT 5

/* All allocations of one lifetime. */
struct arena {
	void **items;
	size_t count, room;
};

struct gen {
	uint64_t state;
	enum gen_size size;
	enum gen_size current; /* of the item being made, never mixed */
	int64_t budget;	       /* bytes left of it; below zero, all gets small */
	struct arena *arena;   /* where allocations go */
	struct arena item, pool;
	const struct otlp_resource *resources[GEN_POOL_COUNT];
	const struct otlp_scope *scopes[GEN_POOL_COUNT];
};

/** An item starts here: decides which size it gets, and its budget. */
void gen_begin(struct gen *gen);

/** Zeroed, of exactly that size, as long as the item lives; NULL for nothing. */
void *gen_make(struct gen *gen, size_t count, size_t size);

bool gen_one_in(struct gen *gen, uint64_t n);

/** How many: often none, mostly few, rarely many, and few when the item is full. */
size_t gen_some(struct gen *gen, size_t many);

/** Any value of the type, the edges of its range and of its encodings often. */
uint64_t gen_any_u64(struct gen *gen);
uint64_t gen_any_time(struct gen *gen); /* mostly around now */
double gen_any_double(struct gen *gen);

void gen_fill_id(struct gen *gen, uint8_t *id, size_t len); /* never all zero */

/** Attributes without a dropped count, for the places where OTLP has none. */
struct otlp_attributes gen_pairs(struct gen *gen, size_t many);

#endif
