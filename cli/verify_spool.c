/* SPDX-License-Identifier: Apache-2.0 */
/* The ledgers alone: nothing is decoded, since a snapshot's file is checked where it is written. */
#include "cli/verify_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/verify_ledger.h"
#include "writer/file/batch_scan.h"
#include "writer/file/datadir.h"
#include "writer/file/letgo.h"
#include "writer/file/spool.h"

/* Has an output directory this batch already? Its positions tell. */
static bool is_moved(const struct verify *verify, const struct batch_head *head,
		     const struct batch_entry *entries)
{
	uint32_t i;

	for (i = 0; i < head->entry_count; i++) {
		const struct batch_entry *entry = &entries[i];
		const struct verify_region *region = verify_find_region(verify, entry->region_id);
		const struct verify_ring *ring = region != NULL && entry->ring < REGION_RINGS_MAX
							 ? region->rings[entry->ring]
							 : NULL;

		if (ring == NULL || !ring->is_seen)
			return false;
		if (entry->from < entry->to)
			return entry->to <= ring->to;
		if ((entry->flags & BATCH_ENTRY_FINAL) && !ring->is_final)
			return false;
	}
	return true;
}

static int look_batch(struct verify *verify, const struct verify_place *place,
		      const struct batch_head *head, const struct batch_entry *entries)
{
	const struct verify_signal *sums = &verify->signals[head->signal];
	const bool is_account = head->entry_count > 0 && (entries[0].flags & BATCH_ENTRY_LET_GO);

	if (is_account ? head->epoch == sums->account_epoch : is_moved(verify, head, entries))
		return 0;
	return verify_ledger(verify, place, head, entries);
}

static int look_file(struct verify *verify, enum otlp_signal signal, int fd, const char *name,
		     uint64_t limit, bool is_open)
{
	char path[VERIFY_PLACE_BYTES];
	struct verify_place place = {.file = path};
	struct batch_head head;
	struct batch_scan scan;
	int rc;

	snprintf(path, sizeof(path), "%s/%s/%s", SPOOL_NAME, signal_name(signal), name);
	batch_scan_open(&scan, fd, limit);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		if (head.signal == signal)
			rc = look_batch(verify, &place, &head, batch_entries(scan.bytes));
		else
			rc = -EBADMSG;
		if (rc < 0)
			break;
		place.offset = scan.offset;
	}
	batch_scan_close(&scan);
	if ((rc == -EBADMSG || rc == -EAGAIN) && !is_open)
		verify_problem(verify, &place, "what a flight recorder holds is damaged");
	return rc == -ENODATA || rc == -EBADMSG || rc == -EAGAIN ? 0 : rc;
}

static int look_account(struct verify *verify, enum otlp_signal signal, int dirfd)
{
	int fd = openat(dirfd, LETGO_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), rc;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	rc = look_file(verify, signal, fd, LETGO_NAME, UINT64_MAX, false);
	close(fd);
	return rc;
}

static int look_files(struct verify *verify, enum otlp_signal signal, const struct data_dir *dir)
{
	struct data_name *names = NULL;
	size_t count = 0, i;
	int rc = data_dir_list(dir, DATA_ALL_KINDS, &names, &count);

	for (i = 0; rc == 0 && i < count; i++) {
		const uint64_t limit =
			names[i].kind == DATA_BAD ? names[i].trusted_bytes : UINT64_MAX;
		int fd = data_dir_open_file(dir->fd, &names[i]);

		if (fd < 0) {
			rc = fd == -ENOENT ? -ESTALE : fd;
			break;
		}
		rc = look_file(verify, signal, fd, names[i].name, limit,
			       names[i].kind == DATA_OPEN);
		close(fd);
	}
	free(names);
	return rc;
}

static int look_signal(struct verify *verify, enum otlp_signal signal, int spool_fd)
{
	struct data_dir dir = {0};
	int rc;

	dir.fd = openat(spool_fd, signal_name(signal),
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir.fd < 0)
		return errno == ENOENT ? 0 : -errno;
	snprintf(dir.signal, sizeof(dir.signal), "%s", signal_name(signal));
	rc = look_account(verify, signal, dir.fd);
	if (rc == 0)
		rc = look_files(verify, signal, &dir);
	close(dir.fd);
	return rc;
}

int verify_spool(struct verify *verify, const struct runtime_dir *runtime)
{
	enum otlp_signal signal;
	int fd = openat(runtime->fd, SPOOL_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = 0;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd < 0 && errno == EACCES) {
		verify_note(verify, NULL,
			    "what a flight recorder holds (%s in the runtime directory) is not "
			    "this user's to look at",
			    SPOOL_NAME);
		return 0;
	}
	if (fd < 0)
		return -errno;
	/* A file may be moved just then: it is in neither place where it was looked for. */
	verify->may_have_raced = true;
	verify->is_in_spool = true;
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
		rc = look_signal(verify, signal, fd);
	verify->is_in_spool = false;
	close(fd);
	return rc;
}
