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

/** scope_reference() of any scope. */
uint32_t scope_reference_any(struct scopes *scopes, struct region *region,
			     const struct otlp_scope *scope);

/* Where its hint is: the structs of scopes lie some words apart. */
static inline uint64_t *scope_hint(struct scopes *scopes, const struct otlp_scope *scope)
{
	const uintptr_t at = (uintptr_t)scope;

	return &scopes->hints[(at >> 4 ^ at >> 11) % SCOPE_HINTS];
}

static inline uint32_t scope_word_reference(uint64_t word)
{
	return (uint32_t)(word & UINT16_MAX);
}

static inline bool scope_word_is_of(uint64_t word, const struct region *region)
{
	return (word ^ region->header->region_id) >> SCOPE_REGION_SHIFT == 0 &&
	       scope_word_reference(word) != 0;
}

/* What the word leads to. */
static inline const uint8_t *scope_word_entry(uint64_t word, const struct region *region)
{
	return region->table + (scope_word_reference(word) - 1) + ENTRY_HEADER_BYTES;
}

/*
 * Is the entry this scope, which has a name and a version of the usual lengths and nothing else?
 * What is not usual is not found out here. An entry, with the rings behind the table, has more to
 * read than the lengths that are compared here.
 */
static inline bool scope_is_usual(const uint8_t *entry, const struct otlp_scope *scope)
{
	const size_t name = scope->name.len, version = scope->version.len;
	const uint8_t *const a = (const uint8_t *)scope->name.ptr;
	const uint8_t *const b = (const uint8_t *)scope->version.ptr;
	const uint8_t *const text = entry + sizeof(struct record_scope_head);
	uint64_t differs;

	if (version - 4 > 4 || a == NULL || b == NULL)
		return false;
	if (name - 16 <= 16) {
		const bytes_pair pair =
			(bytes_load_pair(text) ^ bytes_load_pair(a)) |
			(bytes_load_pair(text + name - 16) ^ bytes_load_pair(a + name - 16));

		differs = pair[0] | pair[1];
	} else if (name - 8 <= 8) {
		differs = (bytes_load64(text) ^ bytes_load64(a)) |
			  (bytes_load64(text + name - 8) ^ bytes_load64(a + name - 8));
	} else {
		return false;
	}
	differs |= bytes_load32(text + name) ^ bytes_load32(b);
	differs |= bytes_load32(text + name + version - 4) ^ bytes_load32(b + version - 4);
	/* The lengths; and neither has a schema URL or attributes. */
	differs |= bytes_load64(entry) ^ (name | (uint64_t)version << 32);
	differs |= bytes_load64(entry + 8) | scope->schema_url.len | scope->attributes.count;
	differs |= bytes_load32(entry + 16) ^ scope->attributes.dropped;
	return differs == 0;
}

/**
 * Where this scope stands in the region's table; added there on first use. Threads may call it at
 * once; async-signal-safe.
 *
 * @return 0: it has no place there, and stays in the record, which also finds what is wrong with it
 */
static inline uint32_t scope_reference(struct scopes *scopes, struct region *region,
				       const struct otlp_scope *scope)
{
	/* PAIR(scope-reference): with scope_keep() in another thread: the entry comes with the
	 * word, and who commits a record with it shows the writer that entry too. */
	const uint64_t word = atomic_load_acquire_u64(scope_hint(scopes, scope));

	if (__builtin_expect(scope_word_is_of(word, region) &&
				     scope_is_usual(scope_word_entry(word, region), scope),
			     1))
		return scope_word_reference(word);
	return scope_reference_any(scopes, region, scope);
}

#endif
