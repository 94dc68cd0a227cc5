/* SPDX-License-Identifier: Apache-2.0 */
/* A table by several texts. The key is lengths and texts, filled up to whole words with zeros. */
#include "cli/keyed.h"

#include <errno.h>
#include <stdlib.h>

static int make_key(struct grow *scratch, const struct view_bytes *texts, size_t text_count)
{
	static const char zeros[sizeof(uint64_t)];

	scratch->len = 0;
	for (size_t i = 0; i < text_count; i++) {
		const uint64_t len = texts[i].len;

		grow_add(scratch, &len, sizeof(len));
		if (len > 0)
			grow_add(scratch, texts[i].data, texts[i].len);
		grow_add(scratch, zeros, -scratch->len % sizeof(zeros));
	}
	return scratch->is_failed ? -ENOMEM : 0;
}

/* The texts as they lie in a key. */
static void find_texts(struct keyed_entry *entry, const struct view_bytes *texts, size_t text_count)
{
	size_t at = 0;

	for (size_t i = 0; i < text_count; i++) {
		at += sizeof(uint64_t);
		entry->texts[i] =
			(struct view_bytes){(const uint8_t *)entry->key + at, texts[i].len};
		at += texts[i].len;
		at += -at % sizeof(uint64_t);
	}
}

int keyed_take(struct keyed *keyed, const struct view_bytes *texts, size_t text_count,
	       size_t thing_bytes, struct keyed_entry **ret)
{
	const size_t count = keyed_count(keyed);
	struct keyed_entry *entry = NULL;
	int rc = make_key(&keyed->scratch, texts, text_count);

	if (rc < 0)
		return rc;
	HASH_FIND(hh, keyed->entries, keyed->scratch.data, keyed->scratch.len, entry);
	*ret = entry;
	if (entry != NULL)
		return 0;
	if (count >= keyed->count_max)
		return -ENOSPC;
	entry = calloc(1, thing_bytes);
	if (entry == NULL)
		return -ENOMEM;
	entry->key = malloc(keyed->scratch.len);
	if (entry->key != NULL) {
		memcpy(entry->key, keyed->scratch.data, keyed->scratch.len);
		find_texts(entry, texts, text_count);
		HASH_ADD_KEYPTR(hh, keyed->entries, entry->key, keyed->scratch.len, entry);
	}
	if (keyed_count(keyed) == count) {
		free(entry->key);
		free(entry);
		return -ENOMEM;
	}
	*ret = entry;
	return 0;
}

struct keyed_entry **keyed_list(const struct keyed *keyed)
{
	struct keyed_entry **list = malloc((keyed_count(keyed) + 1) * sizeof(*list));
	size_t count = 0;

	for (struct keyed_entry *entry = keyed->entries; list != NULL && entry != NULL;
	     entry = entry->hh.next)
		list[count++] = entry;
	return list;
}

void keyed_free(struct keyed *keyed, void (*end)(struct keyed_entry *entry))
{
	struct keyed_entry *entry = keyed->entries, *next;

	HASH_CLEAR(hh, keyed->entries);
	for (; entry != NULL; entry = next) {
		next = entry->hh.next;
		if (end != NULL)
			end(entry);
		free(entry->key);
		free(entry);
	}
	grow_free(&keyed->scratch);
}

int keyed_compare(const struct keyed_entry *a, const struct keyed_entry *b)
{
	for (size_t i = 0; i < KEYED_TEXTS_MAX; i++) {
		const struct view_bytes x = a->texts[i], y = b->texts[i];
		const size_t shorter = x.len < y.len ? x.len : y.len;
		const int order = shorter > 0 ? memcmp(x.data, y.data, shorter) : 0;

		if (order != 0)
			return order;
		if (x.len != y.len)
			return x.len < y.len ? -1 : 1;
	}
	return 0;
}
