/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letting go, moving, and settling what a kill interrupted. When which of them is due is
 * flight.c's.
 */
#include "writer/file/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/log.h"
#include "base/mode.h"
#include "base/write_all.h"
#include "writer/file/batch_scan.h"
#include "writer/file/datafile.h"

/* In a signal's directory of the spool: something of it may be in the output directory too. */
#define SPOOL_MOVING "moving"
/* A copy belongs to a writer that was killed, whose last system call may take so long. */
#define SPOOL_LOCK_WAIT_NS INT64_C(30000000000)

static struct spool_signal *in(const struct spool *spool, enum otlp_signal signal)
{
	return (struct spool_signal *)(uintptr_t)&spool->signals[signal];
}

/* Of a scan: there are no more whole batches. */
static bool is_end(int rc)
{
	return rc == -ENODATA || rc == -EBADMSG || rc == -EAGAIN;
}

/* ---- looking into files ---- */

static int open_file(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The head of the first batch. @return 0; -ENODATA: there is no whole one; or another errno */
static int first_head(int fd, struct batch_head *ret)
{
	struct batch_scan scan;
	int rc;

	batch_scan_open(&scan, fd, UINT64_MAX);
	rc = batch_scan_next(&scan, ret);
	batch_scan_close(&scan);
	return is_end(rc) ? -ENODATA : rc;
}

static int first_head_of(int dirfd, struct data_name *name, struct batch_head *ret)
{
	int fd = data_dir_open_file(dirfd, name), rc;

	if (fd < 0)
		return fd;
	rc = first_head(fd, ret);
	close(fd);
	return rc;
}

static void count_batch(const struct batch_head *head, const struct batch_entry *entries,
			struct spool_counts *ret)
{
	uint32_t i;

	for (i = 0; i < head->entry_count; i++) {
		ret->items[head->signal] += entries[i].written_items;
		ret->let_go_items[head->signal] += entries[i].let_go_items;
	}
	if (ret->begin_unix_ns == 0 || head->closed_unix_ns < ret->begin_unix_ns)
		ret->begin_unix_ns = head->closed_unix_ns;
	if (head->closed_unix_ns > ret->end_unix_ns)
		ret->end_unix_ns = head->closed_unix_ns;
}

int spool_count(const struct spool *spool, enum otlp_signal signal, const struct data_name *name,
		struct spool_counts *ret)
{
	int fd = open_file(in(spool, signal)->held.fd, name->name), rc;
	struct batch_head head;
	struct batch_scan scan;

	if (fd < 0)
		return fd;
	batch_scan_open(&scan, fd, UINT64_MAX);
	while ((rc = batch_scan_next(&scan, &head)) == 0)
		count_batch(&head, batch_entries(scan.bytes), ret);
	batch_scan_close(&scan);
	close(fd);
	ret->files++;
	ret->bytes += name->bytes;
	return is_end(rc) ? 0 : rc;
}

int spool_list(const struct spool *spool, enum otlp_signal signal, struct data_name **ret,
	       size_t *ret_count)
{
	return data_dir_list(&in(spool, signal)->held, DATA_SEALED | DATA_BAD, ret, ret_count);
}

/* ---- what others have removed ---- */

/*
 * The main loop may be sealing it just now: the manifest has it as sealed already, and its name
 * changes. So the name that it has first is looked for first.
 */
static bool is_there(const struct spool_signal *of, const struct manifest_entry *entry)
{
	const enum data_kind kinds[] = {DATA_OPEN, DATA_SEALED, DATA_BAD};
	struct data_name name;
	size_t i;

	for (i = 0; i < COUNT_OF(kinds); i++) {
		manifest_entry_name(entry, of->held.signal, kinds[i], &name);
		if (faccessat(of->held.fd, name.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		    errno != ENOENT)
			return true;
	}
	return false;
}

int spool_miss(struct spool *spool, enum otlp_signal signal, uint64_t *ret_files)
{
	struct spool_signal *of = in(spool, signal);
	struct manifest_entry *entries;
	uint64_t files = 0;
	size_t count, i;
	int rc = manifest_copy(of->held.manifest, of->held.signal, &entries, &count);

	if (rc < 0)
		return rc;
	for (i = 0; i < count; i++) {
		struct data_name name;

		/* An open one is the main loop's to look at (damage.h). */
		if (entries[i].sequence <= of->done_to || entries[i].state == MANIFEST_OPEN ||
		    entries[i].state == MANIFEST_CUT || is_there(of, &entries[i]))
			continue;
		manifest_entry_name(&entries[i], of->held.signal, DATA_SEALED, &name);
		log_line("%s/%s/%s, which the flight recorder held, is gone: somebody has removed "
			 "it, and the records in it are lost",
			 SPOOL_NAME, of->held.signal, name.name);
		/* What cannot be entered now is with the next line. */
		(void)manifest_enter_dropped(of->held.manifest, of->held.signal, name.sequence);
		files++;
	}
	free(entries);
	*ret_files = files;
	return 0;
}

/* ---- removing what is held ---- */

static int remove_held(struct spool_signal *of, const struct data_name *name)
{
	of->done_to = name->sequence;
	/* What cannot be entered now is with the next line: the spool is not what verify judges. */
	(void)manifest_enter_removed(of->held.manifest, of->held.signal, name->sequence, 1,
				     name->bytes, true);
	return unlinkat(of->held.fd, name->name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- letting go ---- */

/* @return 0, and so many entries were added; or an errno, and none was */
static int add_ledger(struct spool_signal *of, const struct data_name *name, size_t *ret_added,
		      struct spool_counts *counts)
{
	const uint64_t limit = name->kind == DATA_BAD ? name->trusted_bytes : UINT64_MAX;
	int fd = open_file(of->held.fd, name->name), rc;
	struct batch_head head;
	struct batch_scan scan;
	size_t added = 0;

	if (fd < 0)
		return fd;
	batch_scan_open(&scan, fd, limit);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		const struct batch_entry *entries = batch_entries(scan.bytes);

		if (head.signal != of->signal)
			break;
		rc = letgo_add(&of->letgo, entries, head.entry_count);
		if (rc < 0)
			break;
		added += head.entry_count;
		count_batch(&head, entries, counts);
	}
	batch_scan_close(&scan);
	close(fd);
	if (rc < 0 && !is_end(rc)) {
		letgo_forget_added(&of->letgo, added);
		return rc;
	}
	*ret_added = added;
	return 0;
}

int spool_let_go(struct spool *spool, enum otlp_signal signal, const struct data_name *name,
		 struct spool_counts *ret)
{
	struct spool_signal *of = in(spool, signal);
	struct spool_counts counts = {0};
	size_t added = 0;
	int rc;

	/* Once more: it could not be removed. */
	if (name->sequence <= of->done_to)
		return remove_held(of, name);
	rc = add_ledger(of, name, &added, &counts);
	if (rc < 0)
		return rc;
	rc = letgo_settle(&of->letgo, name->sequence, LETGO_ENTRIES_MAX);
	if (rc < 0) {
		letgo_forget_added(&of->letgo, added);
		return rc;
	}
	/* The account is first, so that a kill in between leaves a file that is known to go. Where
	 * there is no room for it, the file makes some. */
	rc = letgo_save(&of->letgo, of->held.fd);
	if (rc == -ENOSPC || rc == -EDQUOT) {
		(void)remove_held(of, name);
		rc = letgo_save(&of->letgo, of->held.fd);
	}
	if (rc == 0)
		of->has_moved_account = false; /* it was replaced */
	/* The account in memory has it in any case, and the next one that is saved. */
	if (rc < 0)
		log_line("%s: what was let go cannot be noted beside what is held: %s; if the "
			 "writer is killed now, its ledger has a gap there",
			 signal_name(signal), strerror(-rc));
	rc = remove_held(of, name);
	ret->files++;
	ret->bytes += name->bytes;
	ret->let_go_items[signal] += counts.items[signal];
	return rc;
}

/* ---- moving ---- */

static int mark_moving(const struct spool_signal *of)
{
	int fd = openat(of->held.fd, SPOOL_MOVING, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			mode_of_file());

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void end_moving(const struct spool_signal *of)
{
	/* One that stays costs a look at the next start. */
	(void)unlinkat(of->held.fd, SPOOL_MOVING, 0);
}

static bool is_marked(const struct spool_signal *of)
{
	return faccessat(of->held.fd, SPOOL_MOVING, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whole batches alone, each with the checksum that it was written with. */
static int copy_batches(const struct spool_signal *of, const struct data_name *name, int to,
			struct spool_counts *counts, uint64_t *ret_bytes)
{
	const uint64_t limit = name->kind == DATA_BAD ? name->trusted_bytes : UINT64_MAX;
	int fd = open_file(of->held.fd, name->name), rc;
	struct batch_head head;
	struct batch_scan scan;
	uint64_t at = 0;

	if (fd < 0)
		return fd;
	batch_scan_open(&scan, fd, limit);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		rc = write_all_at(to, scan.bytes, head.batch_bytes, (off_t)at);
		if (rc < 0)
			break;
		at += head.batch_bytes;
		count_batch(&head, batch_entries(scan.bytes), counts);
	}
	batch_scan_close(&scan);
	close(fd);
	*ret_bytes = at;
	if (rc == -EBADMSG || rc == -EAGAIN) {
		log_line("%s/%s is damaged behind byte %llu: somebody has written to it; what is "
			 "whole is in the output directory",
			 of->held.signal, name->name, (unsigned long long)at);
		return 0;
	}
	return rc == -ENODATA ? 0 : rc;
}

static int file_begin(struct spool_signal *of, uint64_t bytes, struct data_file *ret)
{
	int rc = mark_moving(of);

	if (rc == 0) {
		of->disk.buffered = true;
		rc = data_file_create(&of->disk, bytes, time(NULL), ret);
	}
	return rc;
}

/* Seal the copy, or, where something failed before, leave nothing of it. */
static int file_end(struct spool_signal *of, struct data_file *file, uint64_t bytes, int rc)
{
	if (rc == 0)
		rc = data_file_seal(&of->disk, file, bytes);
	if (rc == 0)
		return 0;
	/* It has its name: it counts, and the name is synced with the next one. */
	if (file->is_sealed) {
		data_file_release(file);
		return 0;
	}
	if (data_file_seal(&of->disk, file, 0) < 0 && file->fd >= 0)
		data_file_release(file);
	return rc;
}

static void add_counts(struct spool_counts *sum, const struct spool_counts *counts)
{
	enum otlp_signal signal;

	sum->files += counts->files;
	sum->bytes += counts->bytes;
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		sum->items[signal] += counts->items[signal];
		sum->let_go_items[signal] += counts->let_go_items[signal];
	}
	if (counts->begin_unix_ns != 0 &&
	    (sum->begin_unix_ns == 0 || counts->begin_unix_ns < sum->begin_unix_ns))
		sum->begin_unix_ns = counts->begin_unix_ns;
	if (counts->end_unix_ns > sum->end_unix_ns)
		sum->end_unix_ns = counts->end_unix_ns;
}

/* What is in the output directory may not be taken for what was let go since, and moved again. */
static int remove_moved_account(struct spool_signal *of)
{
	if (!of->has_moved_account)
		return 0;
	if (unlinkat(of->held.fd, LETGO_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	of->has_moved_account = false;
	return 0;
}

int spool_move_account(struct spool *spool, enum otlp_signal signal, struct spool_counts *ret)
{
	struct spool_signal *of = in(spool, signal);
	const uint64_t items = letgo_items(&of->letgo);
	struct data_file file;
	int64_t bytes;
	int rc;

	rc = remove_moved_account(of);
	if (rc < 0 || of->letgo.count == 0)
		return rc;
	rc = file_begin(of, DATA_BLOCK_BYTES, &file);
	if (rc < 0)
		return rc;
	bytes = letgo_write(&of->letgo, file.fd);
	rc = file_end(of, &file, bytes > 0 ? (uint64_t)bytes : 0, bytes < 0 ? (int)bytes : 0);
	if (rc < 0)
		return rc;
	ret->files++;
	ret->bytes += (uint64_t)bytes;
	ret->let_go_items[signal] += items;
	letgo_close(&of->letgo);
	of->has_moved_account = true;
	rc = remove_moved_account(of);
	if (rc == 0)
		end_moving(of);
	return rc;
}

int spool_move(struct spool *spool, enum otlp_signal signal, const struct data_name *name,
	       struct spool_counts *ret)
{
	struct spool_signal *of = in(spool, signal);
	struct spool_counts counts = {0};
	struct data_file file;
	uint64_t bytes = 0;
	int rc;

	if (name->sequence <= of->done_to)
		return remove_held(of, name);
	rc = spool_move_account(spool, signal, ret);
	if (rc == 0)
		rc = file_begin(of, name->bytes, &file);
	if (rc < 0)
		return rc;
	rc = copy_batches(of, name, file.fd, &counts, &bytes);
	rc = file_end(of, &file, bytes, rc);
	if (rc == 0)
		rc = remove_held(of, name);
	if (rc < 0)
		return rc;
	end_moving(of);
	counts.files = bytes > 0;
	counts.bytes = bytes;
	add_counts(ret, &counts);
	return 0;
}

void spool_remove_signal(int held_dirfd, enum otlp_signal signal)
{
	const char *name = signal_name(signal);
	int fd = openat(held_dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	/* What a kill left of files that were being replaced. */
	(void)unlinkat(fd, LETGO_TEMPORARY, 0);
	(void)unlinkat(fd, SPOOL_MOVING, 0);
	close(fd);
	(void)unlinkat(held_dirfd, name, AT_REMOVEDIR);
}

int spool_move_all(struct spool *spool, struct spool_counts *ret)
{
	enum otlp_signal signal;
	int rc = 0;

	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		struct data_name *names = NULL;
		uint64_t missing;
		size_t count = 0, i;

		rc = spool_miss(spool, signal, &missing);
		if (rc == 0)
			rc = spool_list(spool, signal, &names, &count);
		for (i = 0; rc == 0 && i < count; i++)
			rc = spool_move(spool, signal, &names[i], ret);
		free(names);
		if (rc == 0)
			rc = spool_move_account(spool, signal, ret);
	}
	return rc;
}

/* ---- settling ---- */

/* Is this the run of batches that a held file begins with, or the account's? */
static int is_held(const struct spool_signal *of, struct data_name *names, size_t count,
		   const struct batch_head *head)
{
	size_t i;

	if (of->letgo.epoch == head->epoch)
		return 1;
	for (i = 0; i < count; i++) {
		struct batch_head first;
		int rc = first_head_of(of->held.fd, &names[i], &first);

		if (rc == 0 && first.epoch == head->epoch && first.sequence == head->sequence)
			return 1;
		if (rc < 0 && rc != -ENODATA)
			return rc;
	}
	return 0;
}

static int drop_copy(struct spool_signal *of, const struct data_name *name)
{
	struct data_file file;
	int rc = data_file_open_existing(&of->disk, name, SPOOL_LOCK_WAIT_NS, &file);

	if (rc < 0)
		return rc;
	rc = data_file_seal(&of->disk, &file, 0);
	if (rc < 0 && file.fd >= 0)
		data_file_release(&file);
	return rc;
}

/* Open files of the output directory that are copies of what is held: they were not finished. */
static int settle_open(struct spool_signal *of, struct data_name *held, size_t held_count)
{
	struct data_name *names = NULL;
	size_t count = 0, i;
	int rc = data_dir_list(&of->disk, DATA_OPEN, &names, &count);

	for (i = 0; rc == 0 && i < count; i++) {
		struct batch_head head;

		rc = first_head_of(of->disk.fd, &names[i], &head);
		if (rc == 0)
			rc = is_held(of, held, held_count, &head);
		else if (rc == -ENODATA)
			rc = 1; /* whosever it is, nothing in it counts */
		if (rc == 1)
			rc = drop_copy(of, &names[i]);
	}
	free(names);
	return rc;
}

/* The oldest held file, or the account: is its copy sealed? Only one can be. */
static int settle_sealed(struct spool_signal *of, struct data_name *held, size_t held_count)
{
	struct data_name *names = NULL;
	struct batch_head first = {0}, head;
	size_t count = 0;
	int rc = 0;

	if (held_count > 0)
		rc = first_head_of(of->held.fd, &held[0], &first);
	if (rc == -ENODATA)
		rc = 0;
	if (rc == 0)
		rc = data_dir_list(&of->disk, DATA_SEALED | DATA_PACKED, &names, &count);
	/* The newest first: it is among the last ones, behind what others have written since. */
	for (; rc == 0 && count > 0; count--) {
		rc = first_head_of(of->disk.fd, &names[count - 1], &head);
		if (rc == -ENOENT || rc == -ENODATA) {
			rc = 0;
			continue;
		}
		if (rc == 0 && of->letgo.epoch != 0 && head.epoch == of->letgo.epoch) {
			rc = letgo_clear(&of->letgo, of->held.fd);
			break;
		}
		if (rc == 0 && first.epoch != 0 && head.epoch == first.epoch &&
		    head.sequence == first.sequence) {
			rc = remove_held(of, &held[0]);
			break;
		}
	}
	free(names);
	return rc;
}

/* Files that the account has, and that were to be removed when the writer was killed. */
static int settle_let_go(struct spool_signal *of, struct data_name *names, size_t *count)
{
	size_t gone = 0, i;
	int rc = 0;

	for (i = 0; rc == 0 && i < *count && names[i].sequence <= of->letgo.up_to; i++) {
		rc = remove_held(of, &names[i]);
		gone++;
	}
	*count -= gone;
	if (gone > 0)
		memmove(names, names + gone, *count * sizeof(*names));
	return rc;
}

static int settle(struct spool_signal *of)
{
	struct data_name *names = NULL;
	size_t count = 0;
	int rc = data_dir_list(&of->held, DATA_SEALED | DATA_BAD, &names, &count);

	if (rc == 0)
		rc = settle_let_go(of, names, &count);
	if (rc == 0 && is_marked(of)) {
		rc = settle_open(of, names, count);
		if (rc == 0)
			rc = settle_sealed(of, names, count);
		if (rc == 0)
			end_moving(of);
	}
	free(names);
	return rc;
}

/* ---- opening ---- */

static int attach(struct spool_signal *of, int held_dirfd, struct manifest *held_manifest,
		  int disk_dirfd, struct manifest *disk_manifest)
{
	const char *name = signal_name(of->signal);
	int rc;

	of->held.fd = of->disk.fd = -1;
	rc = data_dir_open(held_dirfd, name, &of->held);
	if (rc == 0)
		rc = data_dir_attach(&of->held, held_manifest);
	if (rc == 0)
		rc = data_dir_open(disk_dirfd, name, &of->disk);
	if (rc == 0)
		rc = data_dir_attach(&of->disk, disk_manifest);
	if (rc < 0) {
		log_line("%s: what the flight recorder holds, or its output directory, cannot be "
			 "opened: %s",
			 name, strerror(-rc));
		return rc;
	}
	rc = letgo_load(&of->letgo, of->signal, of->held.fd);
	if (rc < 0)
		log_line("%s: the account of what the flight recorder has let go of (%s/%s/%s in "
			 "the runtime directory) %s; move it away to go on without it",
			 name, SPOOL_NAME, name, LETGO_NAME,
			 rc == -EBADMSG ? "is damaged" : strerror(-rc));
	return rc;
}

int spool_open(struct spool *ret, int held_dirfd, struct manifest *held_manifest, int disk_dirfd,
	       struct manifest *disk_manifest)
{
	enum otlp_signal signal;
	int rc = 0;

	memset(ret, 0, sizeof(*ret));
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		struct spool_signal *of = &ret->signals[ret->count++];

		of->signal = signal;
		rc = attach(of, held_dirfd, held_manifest, disk_dirfd, disk_manifest);
		if (rc == 0) {
			rc = settle(of);
			if (rc < 0)
				log_line("%s: what a writer was moving out of %s when it was "
					 "killed cannot be settled: %s",
					 signal_name(of->signal), SPOOL_NAME, strerror(-rc));
		}
	}
	if (rc < 0)
		spool_close(ret);
	return rc;
}

void spool_close(struct spool *spool)
{
	unsigned i;

	for (i = 0; i < spool->count; i++) {
		letgo_close(&spool->signals[i].letgo);
		data_dir_close(&spool->signals[i].held);
		data_dir_close(&spool->signals[i].disk);
	}
	spool->count = 0;
}
