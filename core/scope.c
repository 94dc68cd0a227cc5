/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a scope by its bytes, as a record has them, and puts a new one into the region's table. */
#include "core/scope.h"

static inline uint32_t scope_word_bytes(uint64_t word)
{
	return (uint32_t)(word >> SCOPE_BYTES_SHIFT) &
	       ((1u << (SCOPE_REGION_SHIFT - SCOPE_BYTES_SHIFT)) - 1);
}

/* Is the entry this scope? Only of one without attributes it is found out here. */
static inline bool scope_is(const uint8_t *entry, uint32_t bytes, const struct otlp_scope *scope)
{
	const size_t name = scope->name.len;
	const size_t version = scope->version.len;
	const size_t url = scope->schema_url.len;
	const uint8_t *const text = entry + sizeof(struct record_scope_head);

	/* A length beyond the limit would wrap in these sums, and is what a missing text has. */
	if ((name | version | url) > SCOPE_BYTES_MAX ||
	    sizeof(struct record_scope_head) + name + version + url != bytes ||
	    bytes_load64(entry) != (name | (uint64_t)version << 32) ||
	    bytes_load64(entry + 8) != url || /* and no attributes */
	    bytes_load32(entry + 16) != scope->attributes.dropped || scope->attributes.count != 0)
		return false;
	return bytes_are_equal(text, scope->name.ptr, name) &&
	       bytes_are_equal(text + name, scope->version.ptr, version) &&
	       (url == 0 || bytes_are_equal(text + name + version, scope->schema_url.ptr, url));
}

/* In a signal handler too: no secret, no allocation. The bytes are this program's own. */
static uint32_t scope_hash(const uint8_t *bytes, size_t count)
{
	uint64_t hash = count;
	size_t at;

	for (at = 0; at < count; at += sizeof(uint64_t)) {
		hash = (hash ^ bytes_load64(bytes + at)) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return (uint32_t)(hash >> 32);
}

static void scope_keep(uint64_t *at, uint64_t word)
{
	/* PAIR(scope-reference): with scope_reference() and scope_find(): the entry before it. */
	atomic_store_release_u64(at, word);
}

/* A word for what was added to the region's table; 0: there is no room. */
static uint64_t scope_add(struct region *region, const uint8_t *bytes, size_t count)
{
	uint32_t reference;

	if (atomic_load_relaxed_u32(&region->header->table_tail) + entry_bytes((uint32_t)count) >
	    SCOPE_TABLE_BYTES_MAX)
		return 0;
	reference = region_table_add(region, bytes, (uint32_t)count);
	if (reference == 0)
		return 0;
	return (region->header->region_id >> SCOPE_REGION_SHIFT << SCOPE_REGION_SHIFT) |
	       (uint64_t)count << SCOPE_BYTES_SHIFT | reference;
}

/*
 * The word of a scope with these bytes, from the region's words or new. The words of a region that
 * this process had before, or its parent, are free. 0: there is none, and none can be had.
 */
static uint64_t scope_word(struct scopes *scopes, struct region *region,
			   const struct otlp_scope *scope, const uint8_t *bytes, size_t count)
{
	const uint32_t hash = scope_hash(bytes, count);
	uint64_t word;
	uint32_t step;

	for (step = 0; step < SCOPE_STEPS_MAX; step++) {
		uint64_t *const at = &scopes->words[(hash + step) % SCOPE_WORDS];

		/* PAIR(scope-reference): with scope_keep(). */
		word = atomic_load_acquire_u64(at);
		if (scope_word_is_of(word, region)) {
			if (scope_word_bytes(word) == count &&
			    memcmp(scope_word_entry(word, region), bytes, count) == 0)
				return word;
			continue;
		}
		/* Once in the table it is not looked at again, but by the writer. */
		if (!record_text_scope(scope))
			return 0;
		word = scope_add(region, bytes, count);
		if (word != 0)
			scope_keep(at, word);
		return word;
	}
	return 0;
}

static __attribute__((noinline)) uint32_t scope_find(struct scopes *scopes, struct region *region,
						     const struct otlp_scope *scope)
{
	uint8_t bytes[SCOPE_BYTES_MAX + sizeof(uint64_t)];
	uint64_t word;
	size_t count;

	if (record_size_scope(scope, &count) < 0 || count > SCOPE_BYTES_MAX)
		return 0;
	memset(bytes + count, 0, sizeof(uint64_t)); /* the last word is hashed whole */
	if (!record_write_scope(bytes, scope, count))
		return 0; /* it changed meanwhile */
	word = scope_word(scopes, region, scope, bytes, count);
	if (word != 0)
		scope_keep(scope_hint(scopes, scope), word);
	return scope_word_reference(word);
}

uint32_t scope_reference_any(struct scopes *scopes, struct region *region,
			     const struct otlp_scope *scope)
{
	/* PAIR(scope-reference): with scope_keep(), as in scope_reference(). */
	const uint64_t word = atomic_load_acquire_u64(scope_hint(scopes, scope));

	if (__builtin_expect(
		    scope_word_is_of(word, region) &&
			    scope_is(scope_word_entry(word, region), scope_word_bytes(word), scope),
		    1))
		return scope_word_reference(word);
	return scope_find(scopes, region, scope);
}
