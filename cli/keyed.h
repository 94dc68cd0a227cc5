/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Things that are found by several texts of others, each of any length: by service and name, say.
 * A thing begins with a struct keyed_entry.
 */
#ifndef OTLPIPE_CLI_KEYED_H
#define OTLPIPE_CLI_KEYED_H

#include "base/hash.h"
#include "cli/grow.h"
#include "cli/otlp_view.h"

#define KEYED_TEXTS_MAX 6u

struct keyed_entry {
	UT_hash_handle hh;
	void *key;
	struct view_bytes texts[KEYED_TEXTS_MAX]; /* in the key */
};

struct keyed { /* begin with zeros, and count_max */
	struct keyed_entry *entries;
	size_t count_max;
	struct grow scratch;
};

/**
 * Find a thing, or make one of zeros.
 *
 * @return 0; -ENOSPC: there are count_max of them; or -ENOMEM
 */
int keyed_take(struct keyed *keyed, const struct view_bytes *texts, size_t text_count,
	       size_t thing_bytes, struct keyed_entry **ret);

static inline size_t keyed_count(const struct keyed *keyed)
{
	return HASH_COUNT(keyed->entries);
}

/** All of them in an array that is to be free()d; NULL: no memory. */
struct keyed_entry **keyed_list(const struct keyed *keyed);

/** @param end  what a thing needs besides free(); NULL: nothing */
void keyed_free(struct keyed *keyed, void (*end)(struct keyed_entry *entry));

/** The order of their texts: for qsort() of what keyed_list() gave. */
int keyed_compare(const struct keyed_entry *a, const struct keyed_entry *b);

#endif
