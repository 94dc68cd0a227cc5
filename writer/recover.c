/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery of open files. The order matters: first the rings are told what is
 * in the valid prefix of a file, then the file is cut and sealed. Killed in
 * between, the next recovery finds the same prefix and the same positions, and
 * does what is left.
 */
#include "writer/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "writer/file/batch_scan.h"
#include "writer/file/datafile.h"
#include "writer/file/rescue.h"

/* A dead writer's lock lingers while its last writes are in flight. */
#define RECOVER_LOCK_WAIT_NS INT64_C(30000000000)

/* NULL: the region is gone, was released to its end, or is broken. */
static struct source *find_source(struct regions *regions, const struct batch_entry *entry)
{
	struct source *source;

	for (source = regions->sources; source != NULL; source = source->next)
		if (source->view.region_id == entry->region_id)
			break;
	if (source == NULL || source->is_broken || entry->ring >= SIGNAL_COUNT ||
	    !source->rings[entry->ring].is_present)
		return NULL;
	return source;
}

enum entry_fit {
	ENTRY_IS_DONE, /* the ring has its space back: the batch was complete */
	ENTRY_ADJOINS, /* it goes on where the ring is done */
	ENTRY_DOES_NOT_FIT
};

static enum entry_fit entry_fit(const struct source_ring *ring, const struct batch_entry *entry)
{
	const uint64_t done = ring->staged.position;
	uint64_t tail;

	if (entry->to < entry->from || entry->to % ENTRY_ALIGN_BYTES != 0 ||
	    ring_reader_tail(&ring->reader, &tail) < 0 || entry->to > tail)
		return ENTRY_DOES_NOT_FIT;
	if (entry->to <= done && entry->from != entry->to)
		return ENTRY_IS_DONE;
	return entry->to <= done || entry->from == done ? ENTRY_ADJOINS : ENTRY_DOES_NOT_FIT;
}

static void entry_apply(struct source_ring *ring, const struct batch_entry *entry)
{
	struct ring_totals *totals = &ring->staged.totals;

	if (entry->to > ring->staged.position) {
		totals->written_items += entry->written_items;
		totals->invalid_items += entry->invalid_items;
		totals->lost_items += entry->lost_items;
		totals->torn_bytes += entry->torn_bytes;
		ring->staged.position = ring->reader.read = entry->to;
		ring_reader_release(&ring->reader, &ring->staged);
		memset(&ring->taken, 0, sizeof(ring->taken));
		ring->taken.from = ring->taken.to = entry->to;
		ring->taken.items_before =
			totals->written_items + totals->invalid_items + totals->lost_items;
	}
	if ((entry->flags & BATCH_ENTRY_FINAL) && entry->to == ring->staged.position)
		ring->final_taken = ring->final_done = true;
}

/*
 * A batch counts only whole. One that does not adjoin stands behind a gap, and was never released;
 * unless a ring had its space back for it: then those that deny it are broken.
 */
static bool batch_counts(struct regions *regions, const uint8_t *batch,
			 const struct batch_head *head)
{
	const struct batch_entry *entries = batch_entries(batch);
	unsigned fits[3] = {0};
	uint32_t i;

	for (i = 0; i < head->entry_count; i++) {
		const struct source *source = find_source(regions, &entries[i]);

		if (source != NULL)
			fits[entry_fit(&source->rings[entries[i].ring], &entries[i])]++;
	}
	if (fits[ENTRY_DOES_NOT_FIT] > 0 && fits[ENTRY_IS_DONE] == 0)
		return false;
	for (i = 0; i < head->entry_count; i++) {
		struct source *source = find_source(regions, &entries[i]);

		if (source == NULL)
			continue;
		if (entry_fit(&source->rings[entries[i].ring], &entries[i]) == ENTRY_DOES_NOT_FIT)
			regions_break(regions, source, "its positions are not those in the files");
		else
			entry_apply(&source->rings[entries[i].ring], &entries[i]);
	}
	return true;
}

/* The valid prefix: batches of one writer, one after the other, that count. */
static int recover_scan(int fd, enum signal signal, struct regions *regions,
			struct recover_report *report, uint64_t *ret_bytes)
{
	struct batch_head head, first = {0};
	struct batch_scan scan;
	uint64_t bytes = 0, count = 0;
	int rc;

	batch_scan_open(&scan, fd, UINT64_MAX);
	for (;;) {
		rc = batch_scan_next(&scan, &head);
		if (rc == -EBADMSG || rc == -EAGAIN)
			report->cut_bytes += BATCH_BLOCK_BYTES;
		if (rc < 0)
			break;
		if (count == 0)
			first = head;
		if (head.signal != signal || head.epoch != first.epoch ||
		    head.sequence != first.sequence + count ||
		    !batch_counts(regions, scan.bytes, &head)) {
			report->cut_bytes += head.batch_bytes;
			break;
		}
		count++;
		bytes = scan.offset;
	}
	batch_scan_close(&scan);
	if (rc < 0 && rc != -ENODATA && rc != -EBADMSG && rc != -EAGAIN)
		return rc;
	report->batches += count;
	report->bytes += bytes;
	*ret_bytes = bytes;
	return 0;
}

static int recover_file(struct data_dir *dir, const struct data_name *name, enum signal signal,
			struct regions *regions, struct recover_report *report)
{
	struct data_file file;
	uint64_t bytes;
	int rc;

	rc = data_file_open_existing(dir, name, RECOVER_LOCK_WAIT_NS, &file);
	if (rc < 0)
		return rc;
	rc = recover_scan(file.fd, signal, regions, report, &bytes);
	if (rc == 0)
		rc = data_file_seal(dir, &file, bytes);
	if (rc < 0) {
		if (file.fd >= 0)
			data_file_release(&file);
		return rc;
	}
	report->files++;
	return 0;
}

/* The last batch in a file. @return 1: it is this writer's, 0: another's, or -ENODATA: none */
static int last_of_epoch(const struct data_dir *dir, const struct data_name *name, uint64_t epoch,
			 uint64_t *ret)
{
	uint64_t limit = name->kind == DATA_BAD ? name->trusted_bytes : UINT64_MAX;
	int fd = openat(dir->fd, name->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int found = -ENODATA;
	struct batch_head head;
	struct batch_scan scan;

	if (fd < 0)
		return errno == ENOENT ? -ENODATA : -errno;
	batch_scan_open(&scan, fd, limit);
	while (batch_scan_next(&scan, &head) == 0) {
		found = head.epoch == epoch;
		*ret = head.sequence;
	}
	batch_scan_close(&scan);
	close(fd);
	return found;
}

/* From which of its batches on a dead writer's files have none; they are the newest ones. */
static int next_of_epoch(const struct data_dir *dir, uint64_t epoch, uint64_t *ret)
{
	struct data_name *names;
	size_t count;
	int rc;

	rc = data_dir_list(dir, DATA_SEALED | DATA_BAD, &names, &count);
	if (rc < 0)
		return rc;
	*ret = 0;
	for (rc = -ENODATA; rc == -ENODATA && count > 0; count--)
		rc = last_of_epoch(dir, &names[count - 1], epoch, ret);
	free(names);
	*ret = rc == 1 ? *ret + 1 : 0;
	return rc < 0 && rc != -ENODATA ? rc : 0;
}

/* Copy what is in no file into a new one, and make it durable. */
static int copy_rescued(struct data_dir *dir, struct batch_scan *scan, struct data_file *file)
{
	struct batch_head head;
	uint64_t next = 0, at = 0;
	bool is_first = true;
	int rc;

	while ((rc = batch_scan_next(scan, &head)) == 0) {
		if (is_first)
			rc = next_of_epoch(dir, head.epoch, &next);
		is_first = false;
		if (rc == 0 && head.sequence >= next && file->fd < 0)
			rc = data_file_create(dir, 0, time(NULL), file);
		if (rc < 0)
			return rc;
		for (uint64_t from = 0; head.sequence >= next && from < head.batch_bytes;) {
			ssize_t n = pwrite(file->fd, scan->bytes + from, head.batch_bytes - from,
					   (off_t)at);

			if (n < 0 && errno != EINTR)
				return -errno;
			from += n > 0 ? (uint64_t)n : 0;
			at += n > 0 ? (uint64_t)n : 0;
		}
	}
	return file->fd >= 0 && fsync(file->fd) < 0 ? -errno : 0;
}

/*
 * Batches of a file that its writer gave up, and was killed before a new one had them. Copied
 * first, and then recovered as from any open file: so this too can be killed and done again.
 */
static int recover_rescued(struct data_dir *dir, enum signal signal, struct regions *regions,
			   struct recover_report *report)
{
	struct data_file file = {.fd = -1};
	struct batch_scan scan;
	int fd = rescue_find(regions->dir, signal), rc;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0) {
		log_line("%s: rescued batches are left aside: %s", signal_name(signal),
			 strerror(-fd));
		return 0;
	}
	dir->buffered = true;
	batch_scan_open(&scan, fd, UINT64_MAX);
	rc = copy_rescued(dir, &scan, &file);
	batch_scan_close(&scan);
	close(fd);
	if (rc == 0)
		rescue_drop(regions->dir, signal);
	if (file.fd < 0)
		return rc;
	data_file_release(&file);
	return rc < 0 ? rc : recover_file(dir, &file.name, signal, regions, report);
}

static int recover_signal(int out_dirfd, enum signal signal, struct regions *regions,
			  struct recover_report *report)
{
	struct data_name *names = NULL;
	struct data_dir dir;
	size_t count, i;
	int rc;

	rc = data_dir_open(out_dirfd, signal_name(signal), &dir);
	if (rc < 0) {
		log_line("%s: %s", signal_name(signal),
			 rc == -EPERM ? "it is not yours, or everybody may write there"
				      : strerror(-rc));
		return rc;
	}
	rc = data_dir_list(&dir, DATA_OPEN, &names, &count);
	for (i = 0; rc == 0 && i < count; i++) {
		rc = recover_file(&dir, &names[i], signal, regions, report);
		if (rc < 0)
			log_line("%s/%s cannot be recovered: %s", signal_name(signal),
				 names[i].name, strerror(-rc));
	}
	free(names);
	if (rc == 0) {
		rc = recover_rescued(&dir, signal, regions, report);
		if (rc < 0)
			log_line("%s: batches of a failed file cannot be written again: %s",
				 signal_name(signal), strerror(-rc));
	}
	data_dir_close(&dir);
	return rc;
}

int recover_output(int out_dirfd, struct regions *regions, struct recover_report *ret)
{
	enum signal signal;
	int rc = 0;

	memset(ret, 0, sizeof(*ret));
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
		rc = recover_signal(out_dirfd, signal, regions, ret);
	return rc;
}
