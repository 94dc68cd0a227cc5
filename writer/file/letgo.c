/* SPDX-License-Identifier: Apache-2.0 */
/* The account as an array, and its file. Which files are let go of is spool.c's. */
#include "writer/file/letgo.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/mode.h"
#include "base/write_all.h"
#include "writer/file/batch_scan.h"

void letgo_open(struct letgo *ret, enum otlp_signal signal)
{
	*ret = (struct letgo){.signal = signal};
}

void letgo_close(struct letgo *letgo)
{
	free(letgo->entries);
	letgo_open(letgo, letgo->signal);
}

/* ---- the array ---- */

int letgo_add(struct letgo *letgo, const struct batch_entry *entries, size_t count)
{
	if (letgo->count + count > letgo->capacity) {
		const size_t capacity = (letgo->count + count) * 2;
		struct batch_entry *larger =
			reallocarray(letgo->entries, capacity, sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		letgo->entries = larger;
		letgo->capacity = capacity;
	}
	if (count > 0)
		memcpy(letgo->entries + letgo->count, entries, count * sizeof(*entries));
	letgo->count += count;
	return 0;
}

void letgo_forget_added(struct letgo *letgo, size_t count)
{
	assert(count <= letgo->count);
	letgo->count -= count;
}

static int compare(const void *a, const void *b)
{
	const struct batch_entry *left = a, *right = b;

	if (left->region_id != right->region_id)
		return left->region_id < right->region_id ? -1 : 1;
	if (left->ring != right->ring)
		return left->ring < right->ring ? -1 : 1;
	if (left->from != right->from)
		return left->from < right->from ? -1 : 1;
	return left->to < right->to ? -1 : left->to > right->to;
}

/* What was in a file is let go; what was in none already stays what it was. */
static void let_go(struct batch_entry *entry)
{
	entry->let_go_items += entry->written_items;
	entry->written_items = 0;
	entry->flags |= BATCH_ENTRY_LET_GO;
}

static void add_counts(struct batch_entry *sum, const struct batch_entry *entry)
{
	sum->let_go_items += entry->let_go_items;
	sum->invalid_items += entry->invalid_items;
	sum->lost_items += entry->lost_items;
	sum->torn_bytes += entry->torn_bytes;
}

/* The later one says how its producer stands. */
static void join(struct batch_entry *entry, const struct batch_entry *next)
{
	add_counts(entry, next);
	entry->to = next->to;
	entry->flags |= next->flags;
	entry->accepted_items = next->accepted_items;
	entry->dropped_full_items = next->dropped_full_items;
	entry->dropped_too_large_items = next->dropped_too_large_items;
	entry->dropped_invalid_items = next->dropped_invalid_items;
}

static bool may_join(const struct batch_entry *entry, const struct batch_entry *next)
{
	return entry->region_id == next->region_id && entry->ring == next->ring &&
	       entry->pid == next->pid && entry->start_unix_ns == next->start_unix_ns &&
	       entry->to == next->from;
}

static void join_all(struct letgo *letgo)
{
	size_t kept = 0, i;

	qsort(letgo->entries, letgo->count, sizeof(*letgo->entries), compare);
	for (i = 0; i < letgo->count; i++) {
		let_go(&letgo->entries[i]);
		if (kept > 0 && may_join(&letgo->entries[kept - 1], &letgo->entries[i]))
			join(&letgo->entries[kept - 1], &letgo->entries[i]);
		else
			letgo->entries[kept++] = letgo->entries[i];
	}
	letgo->count = kept;
}

/* Nothing of it is in any file, and nothing more will be: nobody can miss it by its id. */
static bool may_be_summed(const struct batch_entry *entry)
{
	return entry->from == 0 && (entry->flags & BATCH_ENTRY_FINAL);
}

static void sum_up(struct letgo *letgo)
{
	struct batch_entry sum = {.region_id = BATCH_REGION_SUMMED,
				  .ring = (uint16_t)letgo->signal,
				  .flags = BATCH_ENTRY_LET_GO | BATCH_ENTRY_FINAL};
	size_t kept = 0, i;

	for (i = 0; i < letgo->count; i++) {
		const struct batch_entry *entry = &letgo->entries[i];

		if (!may_be_summed(entry)) {
			letgo->entries[kept++] = *entry;
			continue;
		}
		add_counts(&sum, entry);
		sum.accepted_items += entry->accepted_items;
		sum.dropped_full_items += entry->dropped_full_items;
		sum.dropped_too_large_items += entry->dropped_too_large_items;
		sum.dropped_invalid_items += entry->dropped_invalid_items;
		sum.summed_regions +=
			entry->region_id == BATCH_REGION_SUMMED ? entry->summed_regions : 1;
	}
	/* At least one was taken out where there is a sum; it has the highest id of all. */
	if (kept < letgo->count)
		letgo->entries[kept++] = sum;
	letgo->count = kept;
}

int letgo_settle(struct letgo *letgo, uint64_t sequence, size_t entries_max)
{
	while (letgo->epoch == 0)
		if (getrandom(&letgo->epoch, sizeof(letgo->epoch), 0) !=
		    (ssize_t)sizeof(letgo->epoch))
			return -EIO;
	join_all(letgo);
	if (letgo->count > entries_max)
		sum_up(letgo);
	letgo->up_to = sequence;
	return 0;
}

uint64_t letgo_items(const struct letgo *letgo)
{
	uint64_t items = 0;
	size_t i;

	for (i = 0; i < letgo->count; i++)
		items += letgo->entries[i].let_go_items;
	return items;
}

/* ---- the file ---- */

/* @param step  from the number of one batch to that of the next */
static int64_t write_batches(const struct letgo *letgo, int fd, uint64_t sequence, uint64_t step)
{
	struct timespec now;
	int64_t at = 0;
	size_t from = 0;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	do {
		const size_t left = letgo->count - from;
		const size_t count = left < BATCH_ENTRIES_MAX ? left : BATCH_ENTRIES_MAX;
		const struct batch_head head = {
			.epoch = letgo->epoch,
			.sequence = sequence,
			.closed_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
			.signal = letgo->signal,
			.entry_count = (uint32_t)count,
		};
		uint8_t *batch = malloc(batch_total_bytes(count, 0));
		size_t bytes;

		if (batch == NULL)
			return -ENOMEM;
		bytes = batch_seal(batch, head, letgo->entries + from, 0);
		rc = write_all_at(fd, batch, bytes, at);
		free(batch);
		at += (int64_t)bytes;
		from += count;
		sequence += step;
	} while (rc == 0 && from < letgo->count);
	return rc < 0 ? rc : at;
}

int64_t letgo_write(const struct letgo *letgo, int fd)
{
	return write_batches(letgo, fd, 0, 1);
}

int letgo_save(const struct letgo *letgo, int dirfd)
{
	int64_t bytes;
	int fd, rc = 0;

	(void)unlinkat(dirfd, LETGO_TEMPORARY, 0);
	fd = openat(dirfd, LETGO_TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    mode_of_file());
	if (fd < 0)
		return -errno;
	/* In the file the number of each batch is that of the last held file that is in it. */
	bytes = write_batches(letgo, fd, letgo->up_to, 0);
	if (bytes < 0)
		rc = (int)bytes;
	if (rc == 0 && renameat(dirfd, LETGO_TEMPORARY, dirfd, LETGO_NAME) < 0)
		rc = -errno;
	if (rc < 0)
		(void)unlinkat(dirfd, LETGO_TEMPORARY, 0);
	close(fd);
	return rc;
}

int letgo_clear(struct letgo *letgo, int dirfd)
{
	if (unlinkat(dirfd, LETGO_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	letgo_close(letgo);
	return 0;
}

int letgo_load(struct letgo *ret, enum otlp_signal signal, int dirfd)
{
	struct batch_head head;
	struct batch_scan scan;
	int fd, rc;

	letgo_open(ret, signal);
	fd = openat(dirfd, LETGO_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	batch_scan_open(&scan, fd, UINT64_MAX);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		if (head.signal != signal || (ret->epoch != 0 && head.epoch != ret->epoch)) {
			rc = -EBADMSG;
			break;
		}
		ret->epoch = head.epoch;
		ret->up_to = head.sequence;
		rc = letgo_add(ret, batch_entries(scan.bytes), head.entry_count);
		if (rc < 0)
			break;
	}
	if (rc == -EAGAIN || (rc == -ENODATA && ret->epoch == 0))
		rc = -EBADMSG;
	batch_scan_close(&scan);
	close(fd);
	if (rc == -ENODATA)
		return 0;
	letgo_close(ret);
	return rc;
}
