/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a signal in the order of their sequence, one batch in memory at a
 * time: frames, the sequence of batches, and what decoding gives.
 *
 * A file may be sealed, given up or removed after it was listed. Under its new
 * name the sealed one holds the same and more, so it is read instead; for the
 * others the listing is old, and all is looked at again.
 */
#include "cli/verify_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/otlp_json.h"
#include "cli/otlp_row.h"
#include "cli/verify_expect.h"
#include "cli/verify_ledger.h"
#include "cli/wire.h"
#include "writer/file/batch_scan.h"
#include "writer/file/datadir.h"

#define FIELD_DATA    1u
#define FIELD_PADDING 1001u

/* Decode everything behind the opening field. -EBADMSG: a problem was found. */
static int check_body(struct verify *verify, const struct verify_place *place,
		      enum otlp_signal signal, const uint8_t *body, size_t bytes,
		      uint64_t *ret_items)
{
	size_t at = 0;

	*ret_items = 0;
	while (at < bytes) {
		ProtobufCMessage *message;
		struct wire_field field;
		int rc;

		if (wire_field(body + at, bytes - at, &field) < 0) {
			verify_problem(verify, place,
				       "what stands %zu bytes behind the head is no "
				       "protobuf field",
				       at);
			return -EBADMSG;
		}
		if (field.type != WIRE_BYTES ||
		    (field.number != FIELD_DATA && field.number != FIELD_PADDING)) {
			verify_problem(verify, place, "field %" PRIu32 " does not belong there",
				       field.number);
			return -EBADMSG;
		}
		if (field.number == FIELD_DATA) {
			rc = otlp_decode(otlp_rows[signal].type, body + at + field.head_bytes,
					 (size_t)field.payload_bytes, &message);
			if (rc == -ENOMEM)
				return rc;
			if (rc < 0) {
				verify_problem(verify, place,
					       "the message %zu bytes behind the head "
					       "cannot be decoded",
					       at);
				return -EBADMSG;
			}
			*ret_items += otlp_rows[signal].count_items(message);
			otlp_free(message);
		}
		at += field.head_bytes + (size_t)field.payload_bytes;
	}
	return 0;
}

/* Batches of one writer's run are numbered through, over all files; inside a file there is one. */
static void check_sequence(struct verify *verify, const struct verify_place *place,
			   const struct batch_head *head, bool is_account)
{
	struct verify_signal *signal = &verify->signals[head->signal];

	/* What a flight recorder let go are the batches before this one, whatever its number. */
	if (signal->is_behind_account && !is_account) {
		signal->is_behind_account = false;
	} else if (!signal->has_before) {
		if (head->sequence != 0 && verify_reason_before(&verify->dirs[verify->dir],
								head->signal, true) != REASON_NONE)
			verify_note(verify, place,
				    "start removed by retention, or from before the manifest: "
				    "%" PRIu64 " batches of this run came before",
				    head->sequence);
		else if (head->sequence != 0)
			verify_problem(verify, place,
				       "%" PRIu64 " batches of this run came before and are "
				       "missing, and retention removed no file of %s",
				       head->sequence, signal_name(head->signal));
	} else if (head->epoch == signal->epoch) {
		if (head->sequence != signal->sequence + 1)
			verify_problem(verify, place,
				       "batch %" PRIu64 " of its run follows on batch %" PRIu64,
				       head->sequence, signal->sequence);
	} else if (place->offset != 0) {
		verify_problem(verify, place, "a batch of another writer's run in this file");
	} else if (head->sequence != 0) {
		verify_problem(verify, place,
			       "the first %" PRIu64 " batches of its run are missing",
			       head->sequence);
	}
	if (is_account) {
		signal->is_behind_account = true;
		signal->account_epoch = head->epoch;
	}
	signal->has_before = true;
	signal->epoch = head->epoch;
	signal->sequence = head->sequence;
}

static int check_batch(struct verify *verify, const struct verify_place *place,
		       enum otlp_signal signal, const struct batch_head *head, const uint8_t *batch)
{
	const size_t head_bytes = batch_head_bytes(head->entry_count);
	const struct batch_entry *entries = batch_entries(batch);
	uint64_t items, written = 0;
	uint32_t i;
	int rc;

	if (head->signal != signal) {
		verify_problem(verify, place, "a batch of %s", signal_name(head->signal));
		return 0;
	}
	check_sequence(verify, place, head,
		       head->entry_count > 0 && (entries[0].flags & BATCH_ENTRY_LET_GO));
	rc = check_body(verify, place, signal, batch + head_bytes, head->batch_bytes - head_bytes,
			&items);
	if (rc == -ENOMEM)
		return rc;
	for (i = 0; i < head->entry_count; i++)
		written += entries[i].written_items;
	if (rc == 0 && items != written)
		verify_problem(verify, place,
			       "it holds %" PRIu64 " items, its ledger says %" PRIu64, items,
			       written);
	verify->signals[signal].batches++;
	verify->signals[signal].bytes += head->batch_bytes;
	return verify_ledger(verify, place, head, entries);
}

/* What stands behind the last whole batch. */
static void check_end(struct verify *verify, const struct verify_place *place,
		      const struct data_name *name, int reason, uint64_t file_bytes)
{
	/* Of a packed file the manifest says how much is in it. */
	const uint64_t end = name->kind == DATA_BAD	 ? name->trusted_bytes
			     : name->kind == DATA_PACKED ? place->offset
							 : file_bytes;

	if (name->kind == DATA_OPEN) {
		if (reason != -ENODATA)
			verify_note(verify, place,
				    "an open file's last batch is not whole: being written, or "
				    "torn and for recovery to cut");
		return;
	}
	if (reason == -ENODATA && place->offset == end)
		return;
	if (reason == -EAGAIN || (reason == -ENODATA && file_bytes < end))
		verify_problem(verify, place, "the file is cut short");
	else if (reason == -ENODATA)
		verify_problem(verify, place, "zeros behind the last batch");
	else
		verify_problem(verify, place, "no batch, or one with a wrong checksum");
}

static int check_file(struct verify *verify, enum otlp_signal signal, const struct data_name *name,
		      int fd, uint64_t file_bytes)
{
	char path[VERIFY_PLACE_BYTES];
	struct verify_place place = {.file = path};
	struct batch_scan scan;
	struct batch_head head;
	int rc, reason;

	verify_name_file(verify, signal, name->name, path);
	verify->signals[signal].files++;
	verify->signals[signal].open_files += name->kind == DATA_OPEN;
	batch_scan_open(&scan, fd, name->kind == DATA_BAD ? name->trusted_bytes : UINT64_MAX);
	do {
		place.offset = scan.offset;
		rc = reason = batch_scan_next(&scan, &head);
		if (rc == 0)
			rc = check_batch(verify, &place, signal, &head, scan.bytes);
	} while (rc == 0);
	batch_scan_close(&scan);
	if (rc != reason || (rc != -ENODATA && rc != -EAGAIN && rc != -EBADMSG))
		return rc;
	check_end(verify, &place, name, reason, file_bytes);
	return verify_expect_file(verify, &verify->dirs[verify->dir], signal, name, file_bytes,
				  place.offset, reason == -ENODATA && place.offset < file_bytes);
}

/* The file that was listed, perhaps sealed or packed since. -ESTALE: the listing is old. */
static int open_listed(int dirfd, struct data_name *name)
{
	int fd = data_dir_open_file(dirfd, name);

	return fd == -ENOENT ? -ESTALE : fd;
}

static int check_listed(struct verify *verify, int dirfd, enum otlp_signal signal,
			struct data_name *names, size_t count)
{
	struct stat st, last = {0};
	uint64_t last_sequence = 0;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < count; i++) {
		int fd = open_listed(dirfd, &names[i]);

		if (fd < 0)
			return fd;
		rc = fstat(fd, &st) < 0 ? -errno : 0;
		/* A rename that is made of a link and an unlink shows one file twice. */
		if (rc == 0 && !(i > 0 && names[i].sequence == last_sequence &&
				 st.st_ino == last.st_ino && st.st_dev == last.st_dev))
			rc = check_file(verify, signal, &names[i], fd, (uint64_t)st.st_size);
		last = st;
		last_sequence = names[i].sequence;
		close(fd);
	}
	return rc;
}

int verify_files(struct verify *verify, enum otlp_signal signal)
{
	struct verify_dir *in = &verify->dirs[verify->dir];
	struct data_dir dir = {.fd = -1};
	struct data_name *names = NULL;
	size_t count = 0;
	int rc = 0;

	verify->signals[signal].has_before = verify->signals[signal].is_behind_account = false;
	dir.fd = openat(in->fd, signal_name(signal), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir.fd < 0 && errno != ENOENT)
		return -errno;
	snprintf(dir.signal, sizeof(dir.signal), "%s", signal_name(signal));
	if (dir.fd >= 0)
		rc = data_dir_list(&dir, DATA_ALL_KINDS, &names, &count);
	if (rc == 0)
		rc = verify_expect_listed(in, signal, dir.fd, names, count);
	if (rc == 0)
		rc = check_listed(verify, dir.fd, signal, names, count);
	free(names);
	if (dir.fd >= 0)
		close(dir.fd);
	return rc;
}
