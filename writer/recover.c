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
#include "writer/file/pack_file.h"
#include "writer/file/rescue.h"
#include "writer/settle.h"

/* A dead writer's lock lingers while its last writes are in flight. */
#define RECOVER_LOCK_WAIT_NS INT64_C(30000000000)

/* What is recovered, and with what. */
struct output {
	int dirfd;
	struct manifest *manifest;
	struct regions *regions;
	struct recover_report *report;
};

/* Of a scan: there are no more whole batches. Other errors say nothing about what comes behind. */
static bool is_end(int rc)
{
	return rc == -ENODATA || rc == -EBADMSG || rc == -EAGAIN;
}

/*
 * A batch counts: tell the regions that it names. One that is not there is not gone: what the batch
 * has of it is noted. So it is in files of another runtime directory, whoever has the same id here.
 */
static int batch_settle(struct regions *regions, const uint8_t *batch,
			const struct batch_head *head, uint64_t number, struct claims_draft *draft)
{
	const bool is_ours = regions->claims.file_runtime_id == regions->claims.runtime_id;
	const struct batch_entry *entries = batch_entries(batch);
	uint32_t i;
	int rc = 0;

	for (i = 0; i < head->entry_count && rc == 0; i++) {
		struct source *source = regions_find(regions, entries[i].region_id);

		if (source != NULL)
			regions_settle(regions, source, &entries[i]);
		if (!is_ours || source == NULL || !settle_is_of(source, &entries[i]))
			rc = claims_draft_add(draft, &entries[i], number);
	}
	return rc;
}

/*
 * Does a whole batch count, behind so many others of its file? That is the file's word alone: no
 * region has a say, or it could take away what others were released for.
 */
static bool batch_counts(const uint8_t *batch, const struct batch_head *head,
			 enum otlp_signal signal, const struct batch_head *first, uint64_t count)
{
	const struct batch_entry *entries = batch_entries(batch);
	uint32_t i;

	if (head->signal != signal || head->epoch != first->epoch ||
	    head->sequence != first->sequence + count)
		return false;
	for (i = 0; i < head->entry_count; i++)
		if (!settle_makes_sense(&entries[i], signal))
			return false;
	return true;
}

/*
 * The valid prefix: batches of one writer, one after the other, that count.
 *
 * @param draft  what it has of regions that are not there
 */
static int recover_scan(int fd, enum otlp_signal signal, struct regions *regions,
			struct claims_draft *draft, uint64_t *ret_batches, uint64_t *ret_bytes)
{
	struct batch_head head, first = {0};
	struct batch_scan scan;
	uint64_t bytes = 0, count = 0;
	int rc;

	batch_scan_open(&scan, fd, UINT64_MAX);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		if (count == 0)
			first = head;
		if (!batch_counts(scan.bytes, &head, signal, &first, count))
			break;
		rc = batch_settle(regions, scan.bytes, &head, count, draft);
		if (rc < 0)
			break;
		count++;
		bytes = scan.offset;
	}
	batch_scan_close(&scan);
	if (rc < 0 && !is_end(rc))
		return rc;
	*ret_batches = count;
	*ret_bytes = bytes;
	return 0;
}

/*
 * Before the file is sealed, and no recovery looks into it again, its claims are durable. It is cut
 * first, behind what counts: that gives back what was reserved for it, and the disk may be full.
 */
static int recover_claims(const struct output *output, struct data_dir *dir, struct data_file *file,
			  const struct claims_draft *draft, uint64_t batches, uint64_t bytes)
{
	struct regions *regions = output->regions;
	int rc = claims_take(&regions->claims, draft, regions->dir, batches);

	if (rc < 0 || !regions->claims.is_changed)
		return rc;
	rc = data_file_cut(dir, file, bytes);
	if (rc < 0)
		return rc;
	rc = claims_save(&regions->claims, output->dirfd);
	if (rc < 0)
		log_line("%s cannot be written: %s; it has to say which records of regions that "
			 "cannot be opened now are in the files",
			 CLAIMFILE_NAME, strerror(-rc));
	return rc;
}

static int recover_file(const struct output *output, struct data_dir *dir,
			const struct data_name *name, enum otlp_signal signal)
{
	struct claims_draft draft = {0};
	struct data_file file;
	uint64_t batches, bytes;
	int rc;

	rc = data_file_open_existing(dir, name, RECOVER_LOCK_WAIT_NS, &file);
	if (rc < 0)
		return rc;
	rc = recover_scan(file.fd, signal, output->regions, &draft, &batches, &bytes);
	if (rc == 0)
		rc = recover_claims(output, dir, &file, &draft, batches, bytes);
	if (rc == 0)
		rc = data_file_seal(dir, &file, bytes);
	claims_draft_close(&draft);
	if (rc < 0) {
		if (file.fd >= 0)
			data_file_release(&file);
		return rc;
	}
	output->report->files++;
	output->report->batches += batches;
	output->report->bytes += bytes;
	return 0;
}

/* From which writer's run is a file? A file is of one. @return 1: of this one, 0: it is not */
static int is_of_epoch(int fd, uint64_t limit, uint64_t epoch)
{
	struct batch_head head;
	struct batch_scan scan;
	int rc;

	batch_scan_open(&scan, fd, limit);
	rc = batch_scan_next(&scan, &head);
	batch_scan_close(&scan);
	if (rc < 0)
		return is_end(rc) ? 0 : rc;
	return head.epoch == epoch;
}

/* The batch behind the last one that a file has. */
static int next_in_file(int fd, uint64_t limit, uint64_t *ret)
{
	struct batch_head head;
	struct batch_scan scan;
	int rc;

	batch_scan_open(&scan, fd, limit);
	while ((rc = batch_scan_next(&scan, &head)) == 0)
		*ret = head.sequence + 1;
	batch_scan_close(&scan);
	return is_end(rc) ? 0 : rc;
}

/*
 * From which of its batches on a dead writer's files have none. The newest one of its files tells;
 * a writer of another runtime directory may have made newer ones since.
 */
static int next_of_epoch(const struct data_dir *dir, uint64_t epoch, uint64_t *ret)
{
	struct data_name *names;
	size_t count;
	int rc;

	*ret = 0;
	rc = data_dir_list(dir, DATA_SEALED | DATA_BAD | DATA_PACKED, &names, &count);
	if (rc < 0)
		return rc;
	for (rc = 0; rc == 0 && count > 0; count--) {
		struct data_name *name = &names[count - 1];
		const uint64_t limit = name->kind == DATA_BAD ? name->trusted_bytes : UINT64_MAX;
		int fd = data_dir_open_file(dir->fd, name);

		if (fd < 0) {
			rc = fd == -ENOENT ? 0 : fd; /* retention was quicker */
			continue;
		}
		rc = limit == 0 ? 0 : is_of_epoch(fd, limit, epoch);
		if (rc > 0) {
			rc = next_in_file(fd, limit, ret);
			count = 1;
		}
		close(fd);
	}
	free(names);
	return rc;
}

static int copy_batch(const struct batch_scan *scan, uint64_t bytes, int fd, uint64_t *at)
{
	uint64_t from = 0;

	while (from < bytes) {
		ssize_t n = pwrite(fd, scan->bytes + from, bytes - from, (off_t)*at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += (uint64_t)n;
		*at += (uint64_t)n;
	}
	return 0;
}

/*
 * Copy what is in no file into a new one, and make it durable.
 *
 * @return 0: all of it; 1: up to a batch that is damaged; or a negative errno: nothing is known of
 *         what comes behind
 */
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
		if (rc < 0)
			return rc;
		if (head.sequence < next)
			continue;
		if (file->fd < 0)
			rc = data_file_create(dir, 0, time(NULL), file);
		if (rc == 0)
			rc = copy_batch(scan, head.batch_bytes, file->fd, &at);
		if (rc < 0)
			return rc;
	}
	if (!is_end(rc))
		return rc;
	if (file->fd >= 0 && fsync(file->fd) < 0)
		return -errno;
	return rc == -ENODATA ? 0 : 1;
}

/*
 * Batches of a file that its writer gave up, and was killed before a new one had them. Copied
 * first, and then recovered as from any open file: so this too can be killed and done again.
 */
static int recover_rescued(const struct output *output, struct data_dir *dir,
			   enum otlp_signal signal)
{
	const struct runtime_dir *runtime = output->regions->dir;
	struct data_file file = {.fd = -1};
	struct batch_scan scan;
	int fd = rescue_find(runtime, signal), rc;

	if (fd == -ENOENT)
		return 0;
	if (fd == -EPERM) {
		log_line("%s: rescued batches are left aside: their file was not made by a writer",
			 signal_name(signal));
		return 0;
	}
	if (fd == -EBUSY) {
		log_line("%s: rescued batches are left to the writer that made them, which is "
			 "running",
			 signal_name(signal));
		return 0;
	}
	if (fd < 0)
		return fd;
	dir->buffered = true;
	batch_scan_open(&scan, fd, UINT64_MAX);
	rc = copy_rescued(dir, &scan, &file);
	batch_scan_close(&scan);
	/* The last copy of what is in it: it goes only when all of it was read and is in a file. */
	if (rc == 0) {
		rescue_drop(runtime, signal, fd);
	} else {
		if (rc > 0)
			rc = rescue_put_aside(runtime, signal);
		close(fd);
	}
	if (file.fd < 0)
		return rc;
	data_file_release(&file);
	return rc < 0 ? rc : recover_file(output, dir, &file.name, signal);
}

static int recover_open_dir(const struct output *output, enum otlp_signal signal,
			    struct data_dir *ret)
{
	int rc = data_dir_open(output->dirfd, signal_name(signal), ret);

	if (rc == 0 && output->manifest != NULL) {
		rc = data_dir_attach(ret, output->manifest);
		if (rc < 0)
			data_dir_close(ret);
	}
	if (rc < 0)
		log_line("%s: %s", signal_name(signal),
			 rc == -EPERM ? "it is not yours, or everybody may write there"
				      : strerror(-rc));
	return rc;
}

static int recover_signal(const struct output *output, enum otlp_signal signal)
{
	struct data_name *names = NULL;
	struct data_dir dir;
	size_t count = 0, i;
	int rc;

	rc = recover_open_dir(output, signal, &dir);
	if (rc < 0)
		return rc;
	rc = pack_clean(&dir);
	if (rc == 0)
		rc = data_dir_list(&dir, DATA_OPEN, &names, &count);
	for (i = 0; rc == 0 && i < count; i++) {
		rc = recover_file(output, &dir, &names[i], signal);
		if (rc < 0)
			log_line("%s/%s cannot be recovered: %s", signal_name(signal),
				 names[i].name, strerror(-rc));
	}
	free(names);
	if (rc == 0) {
		rc = recover_rescued(output, &dir, signal);
		if (rc < 0)
			log_line("%s: batches of a failed file cannot be written again: %s",
				 signal_name(signal), strerror(-rc));
	}
	/* Files whose sealing or giving up the manifest does not have yet. */
	if (rc == 0)
		rc = data_dir_settle(&dir);
	data_dir_close(&dir);
	return rc;
}

static int recover_load_claims(struct regions *regions, int out_dirfd)
{
	struct source *source;
	int rc = claims_load(&regions->claims, out_dirfd);

	if (rc == -EBADMSG || rc == -EPROTO)
		log_line("%s is %s: it says which records of regions that could not be opened are "
			 "already in the files; if you move it away, these are written twice",
			 CLAIMFILE_NAME, rc == -EPROTO ? "of another version" : "damaged");
	else if (rc < 0)
		log_line("%s cannot be read: %s", CLAIMFILE_NAME, strerror(-rc));
	for (source = regions->sources; rc == 0 && source != NULL; source = source->next)
		regions_settle_claims(regions, source);
	return rc;
}

/* It is neither settled nor is its region gone; or that is not ours to say. */
static bool claim_is_open(const void *context, const struct claim *claim)
{
	const struct regions *regions = context;
	const struct source *source;

	if (!claims_is_ours(&regions->claims, claim))
		return true;
	source = regions_find(regions, claim->entry.region_id);
	return (source == NULL || !settle_is_of(source, &claim->entry)) &&
	       claims_has_name(regions->dir, &claim->entry);
}

int recover_save_claims(struct regions *regions, int out_dirfd)
{
	int rc;

	claims_prune(&regions->claims, claim_is_open, regions);
	rc = claims_save(&regions->claims, out_dirfd);
	if (rc < 0)
		log_line("%s cannot be written: %s", CLAIMFILE_NAME, strerror(-rc));
	return rc;
}

int recover_output(int out_dirfd, struct manifest *manifest, struct regions *regions,
		   struct recover_report *ret)
{
	const struct output output = {
		.dirfd = out_dirfd, .manifest = manifest, .regions = regions, .report = ret};
	enum otlp_signal signal;
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = recover_load_claims(regions, out_dirfd);
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
		rc = recover_signal(&output, signal);
	return rc < 0 ? rc : recover_save_claims(regions, out_dirfd);
}
