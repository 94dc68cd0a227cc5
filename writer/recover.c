/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery of open files. The order matters: first the rings are told what is
 * in the valid prefix of a file, then the file is cut and sealed. Killed in
 * between, the next recovery finds the same prefix and the same positions, and
 * does what is left.
 */
#include "writer/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "writer/batch_scan.h"
#include "writer/datafile.h"
#include "writer/log.h"

/* A dead writer's lock lingers while its last writes are in flight. */
#define RECOVER_LOCK_WAIT_NS INT64_C(30000000000)

static struct source_ring *find_ring(struct source *sources, const struct batch_entry *entry)
{
	for (; sources != NULL; sources = sources->next)
		if (sources->view.region_id == entry->region_id && entry->ring < RING_SIGNAL_COUNT)
			return sources->rings[entry->ring].is_present ? &sources->rings[entry->ring]
								      : NULL;
	return NULL;
}

/* Does the entry go on where the ring is done, or tell what the ring knows already? */
static bool entry_adjoins(const struct source_ring *ring, const struct batch_entry *entry)
{
	const uint64_t done = ring->staged.position;
	uint64_t tail;

	if (entry->to < entry->from || ring_reader_tail(&ring->reader, &tail) < 0 ||
	    entry->to > tail)
		return false;
	return entry->to <= done || entry->from == done;
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
		memset(&ring->taken, 0, sizeof ring->taken);
		ring->taken.from = ring->taken.to = entry->to;
		ring->taken.items_before =
			totals->written_items + totals->invalid_items + totals->lost_items;
	}
	if ((entry->flags & BATCH_ENTRY_FINAL) && entry->to == ring->staged.position)
		ring->final_taken = ring->final_done = true;
}

/* A batch counts only whole. A region that is gone has been released to its end. */
static bool batch_counts(struct source *sources, const uint8_t *batch,
			 const struct batch_head *head)
{
	const struct batch_entry *entries = batch_entries(batch);
	uint32_t i;

	for (i = 0; i < head->entry_count; i++) {
		const struct source_ring *ring = find_ring(sources, &entries[i]);

		if (ring != NULL && !entry_adjoins(ring, &entries[i]))
			return false;
	}
	for (i = 0; i < head->entry_count; i++) {
		struct source_ring *ring = find_ring(sources, &entries[i]);

		if (ring != NULL)
			entry_apply(ring, &entries[i]);
	}
	return true;
}

/* The valid prefix: batches of one writer, one after the other, that count. */
static int recover_scan(int fd, enum batch_signal signal, struct source *sources,
			struct recover_report *report, uint64_t *ret_bytes)
{
	struct batch_head head, first = {0};
	struct batch_scan scan;
	uint64_t bytes = 0, count = 0;
	int r;

	batch_scan_open(&scan, fd, UINT64_MAX);
	for (;;) {
		r = batch_scan_next(&scan, &head);
		if (r == -EBADMSG || r == -EAGAIN)
			report->cut_bytes += BATCH_BLOCK_BYTES;
		if (r < 0)
			break;
		if (count == 0)
			first = head;
		if (head.signal != signal || head.epoch != first.epoch ||
		    head.sequence != first.sequence + count ||
		    !batch_counts(sources, scan.bytes, &head)) {
			report->cut_bytes += head.batch_bytes;
			break;
		}
		count++;
		bytes = scan.offset;
	}
	batch_scan_close(&scan);
	if (r < 0 && r != -ENODATA && r != -EBADMSG && r != -EAGAIN)
		return r;
	report->batches += count;
	report->bytes += bytes;
	*ret_bytes = bytes;
	return 0;
}

static int recover_file(struct data_dir *dir, const struct data_name *name,
			enum batch_signal signal, struct source *sources,
			struct recover_report *report)
{
	struct data_file file;
	uint64_t bytes;
	int r;

	r = data_file_open_existing(dir, name, RECOVER_LOCK_WAIT_NS, &file);
	if (r < 0)
		return r;
	r = recover_scan(file.fd, signal, sources, report, &bytes);
	if (r == 0)
		r = data_file_seal(dir, &file, bytes);
	if (r < 0) {
		if (file.fd >= 0)
			data_file_release(&file);
		return r;
	}
	report->files++;
	return 0;
}

static int recover_signal(int out_dirfd, enum batch_signal signal, struct source *sources,
			  struct recover_report *report)
{
	struct data_name *names = NULL;
	struct data_dir dir;
	size_t count, i;
	int r;

	r = data_dir_open(out_dirfd, batch_signal_name(signal), &dir);
	if (r < 0)
		return r;
	r = data_dir_list(&dir, DATA_OPEN, &names, &count);
	for (i = 0; r == 0 && i < count; i++) {
		r = recover_file(&dir, &names[i], signal, sources, report);
		if (r < 0)
			log_line("%s/%s cannot be recovered: %s", batch_signal_name(signal),
				 names[i].name, strerror(-r));
	}
	free(names);
	data_dir_close(&dir);
	return r;
}

int recover_output(int out_dirfd, struct source *sources, struct recover_report *ret)
{
	int r;

	memset(ret, 0, sizeof *ret);
	r = recover_signal(out_dirfd, BATCH_TRACES, sources, ret);
	if (r == 0)
		r = recover_signal(out_dirfd, BATCH_METRICS, sources, ret);
	return r;
}
