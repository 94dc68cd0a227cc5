/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes of records in a region's table. A scope is known by its content alone: that is what the
 * table has. Where the program keeps it is a hint where to look, and what is found there is
 * compared with the scope, each time: a program may use that memory for another scope, or change
 * it.
 *
 * Two tables of words, which threads and signal handlers share without a lock. A word that gets
 * lost, of two that are stored at once, costs an entry more in the region's table.
 *
 *     63           26 25      16 15        0
 *     ┌──────────────┬──────────┬───────────┐
 *     │ of the       │ bytes of │ reference │
 *     │ region's id  │ the entry│           │
 *     └──────────────┴──────────┴───────────┘
 */
#ifndef OTLPIPE_CORE_SCOPE_H
#define OTLPIPE_CORE_SCOPE_H

#include "core/record/record.h"
#include "shm/atomic.h"
#include "shm/region.h"

/* A larger one stays in its records. It is built on the stack, also of a signal handler. */
#define SCOPE_BYTES_MAX 512u

/* Scopes take no more of a region's table: resources and shapes want some too. */
#define SCOPE_TABLE_BYTES_MAX (TABLE_BYTES / 2)

#define SCOPE_HINTS	      128u /* by where it is */
#define SCOPE_WORDS	      256u /* by what it is */
#define SCOPE_STEPS_MAX	      8u
#define SCOPE_BYTES_SHIFT     16
#define SCOPE_REGION_SHIFT    26

static_assert(TABLE_BYTES - 1 <= UINT16_MAX, "a reference fits");
static_assert(SCOPE_BYTES_MAX < 1u << (SCOPE_REGION_SHIFT - SCOPE_BYTES_SHIFT), "so do its bytes");

struct scopes {
	uint64_t hints[SCOPE_HINTS];
	uint64_t words[SCOPE_WORDS];
};

/**
 * Where this scope stands in the region's table; added there on first use. Threads may call it at
 * once; async-signal-safe.
 *
 * @return 0: it has no place there, and stays in the record, which also finds what is wrong with it
 */
uint32_t scope_reference(struct scopes *scopes, struct region *region,
			 const struct otlp_scope *scope);

#endif
