/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claims in memory: a sorted array, and the one that a recovery prepares. claimfile.c reads and
 * writes the file.
 */
#include "writer/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "shm/region_view.h"
#include "writer/settle.h"

static int entry_compare(const struct batch_entry *a, const struct batch_entry *b)
{
	if (a->region_id != b->region_id)
		return a->region_id < b->region_id ? -1 : 1;
	if (a->ring != b->ring)
		return a->ring < b->ring ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

static int claim_compare(const void *a, const void *b)
{
	return entry_compare(&((const struct claim *)a)->entry, &((const struct claim *)b)->entry);
}

/* The newest first. */
static int claim_compare_age(const void *a, const void *b)
{
	const uint64_t x = ((const struct claim *)a)->made_unix_ns;
	const uint64_t y = ((const struct claim *)b)->made_unix_ns;

	return x > y ? -1 : x < y;
}

static bool is_same_ring(const struct batch_entry *a, const struct batch_entry *b)
{
	return a->region_id == b->region_id && a->ring == b->ring;
}

void claims_close(struct claims *claims)
{
	free(claims->items);
	claims->items = NULL;
	claims->count = 0;
}

/* In order, and no more than there may be: the oldest make room. */
static void claims_arrange(struct claims *claims)
{
	if (claims->count > CLAIMFILE_CLAIMS_MAX) {
		qsort(claims->items, claims->count, sizeof(*claims->items), claim_compare_age);
		log_line("the %zu oldest claims are dropped, since there are too many: if their "
			 "regions "
			 "are attached later, some of their records will be written twice",
			 claims->count - CLAIMFILE_CLAIMS_MAX);
		claims->count = CLAIMFILE_CLAIMS_MAX;
	}
	if (claims->count > 0)
		qsort(claims->items, claims->count, sizeof(*claims->items), claim_compare);
}

int claims_load(struct claims *claims, int out_dirfd)
{
	struct claim *found, *all;
	size_t count, i;
	int rc = claimfile_read(out_dirfd, &found, &count);

	for (i = 0; rc == 0 && i < count; i++)
		if (ring_signal(found[i].entry.ring) >= SIGNAL_COUNT ||
		    !settle_makes_sense(&found[i].entry, ring_signal(found[i].entry.ring)))
			rc = -EBADMSG;
	if (rc == 0 && count > 0) {
		all = reallocarray(claims->items, claims->count + count, sizeof(*all));
		if (all != NULL) {
			memcpy(all + claims->count, found, count * sizeof(*all));
			claims->is_changed |= claims->count > 0;
			claims->items = all;
			claims->count += count;
			claims_arrange(claims);
		} else {
			rc = -ENOMEM;
		}
	} else if (rc == 0) {
		claims->is_changed |= claims->count > 0;
	}
	free(found);
	return rc;
}

int claims_save(struct claims *claims, int out_dirfd)
{
	int rc;

	if (!claims->is_changed)
		return 0;
	rc = claimfile_write(out_dirfd, claims->items, claims->count);
	claims->is_changed = rc < 0;
	return rc;
}

size_t claims_of(const struct claims *claims, uint64_t region_id, const struct claim **ret)
{
	size_t low = 0, high = claims->count, count = 0;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (claims->items[middle].entry.region_id < region_id)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low < claims->count ? claims->items + low : NULL;
	while (low + count < claims->count &&
	       claims->items[low + count].entry.region_id == region_id)
		count++;
	return count;
}

int claims_draft_add(struct claims_draft *draft, const struct batch_entry *entry, uint64_t batch)
{
	/* Those in front of the last batches were given back. */
	while (draft->first < draft->count &&
	       draft->items[draft->first].batch + CLAIMS_BATCHES <= batch)
		draft->first++;
	if (draft->first > draft->count / 2) {
		memmove(draft->items, draft->items + draft->first,
			(draft->count - draft->first) * sizeof(*draft->items));
		draft->count -= draft->first;
		draft->first = 0;
	}
	if (draft->count == draft->capacity) {
		const size_t capacity = draft->capacity != 0 ? draft->capacity * 2 : 64;
		void *larger = reallocarray(draft->items, capacity, sizeof(*draft->items));

		if (larger == NULL)
			return -ENOMEM;
		draft->items = larger;
		draft->capacity = capacity;
	}
	draft->items[draft->count].batch = batch;
	draft->items[draft->count++].entry = *entry;
	return 0;
}

void claims_draft_close(struct claims_draft *draft)
{
	free(draft->items);
	memset(draft, 0, sizeof(*draft));
}

bool claims_has_name(const struct runtime_dir *dir, const struct batch_entry *entry)
{
	char name[REGION_NAME_BYTES_MAX];
	struct stat st;

	region_format_name(name, entry->pid, entry->region_id);
	return fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* Those of a draft that make claims, in order; the array has room for all of them. */
static size_t draft_to_claims(const struct claims *claims, const struct claims_draft *draft,
			      const struct runtime_dir *dir, uint64_t batches, struct claim *to)
{
	const bool is_ours = claims->file_runtime_id == claims->runtime_id;
	struct timespec now;
	size_t i, count = 0, kept = 0;
	bool has_name = true;

	clock_gettime(CLOCK_REALTIME, &now);
	for (i = draft->first; i < draft->count; i++) {
		if (draft->items[i].batch + CLAIMS_BATCHES < batches)
			continue;
		to[count].runtime_id = claims->file_runtime_id;
		to[count].made_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
		to[count++].entry = draft->items[i].entry;
	}
	if (count > 0)
		qsort(to, count, sizeof(*to), claim_compare);
	/* Of our own directory the names say which regions are gone. */
	for (i = 0; is_ours && i < count; i++) {
		if (i == 0 || to[i].entry.region_id != to[i - 1].entry.region_id)
			has_name = claims_has_name(dir, &to[i].entry);
		if (has_name)
			to[kept++] = to[i];
	}
	return is_ours ? kept : count;
}

int claims_take(struct claims *claims, const struct claims_draft *draft,
		const struct runtime_dir *dir, uint64_t batches)
{
	const size_t drafted = draft->count - draft->first;
	size_t taken, kept = 0, i, at = 0;
	struct claim *all;

	if (drafted == 0)
		return 0;
	all = calloc(claims->count + drafted, sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	taken = draft_to_claims(claims, draft, dir, batches, all);
	if (taken == 0) {
		free(all);
		return 0;
	}
	/* Both are in the same order. */
	for (i = 0; i < claims->count; i++) {
		const struct batch_entry *old = &claims->items[i].entry;

		while (at < taken && !is_same_ring(&all[at].entry, old) &&
		       entry_compare(&all[at].entry, old) < 0)
			at++;
		if (at == taken || !is_same_ring(&all[at].entry, old))
			all[taken + kept++] = claims->items[i];
	}
	free(claims->items);
	claims->items = all;
	claims->count = taken + kept;
	claims->is_changed = true;
	claims_arrange(claims);
	return 0;
}

void claims_prune(struct claims *claims,
		  bool (*keep)(const void *context, const struct claim *claim), const void *context)
{
	size_t kept = 0, i;

	for (i = 0; i < claims->count; i++)
		if (keep(context, &claims->items[i]))
			claims->items[kept++] = claims->items[i];
	claims->is_changed |= kept != claims->count;
	claims->count = kept;
}
