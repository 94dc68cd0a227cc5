/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the next file, seals it, or gives it up. The queue knows what is in it, and what to do when
 * the disk fails.
 */
#include "writer/file_destination.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* A file takes this part of what is free at most: there are several signals, and others. */
#define SPARE_SHARE 8u

static struct file_destination *of(struct destination *destination)
{
	return (struct file_destination *)destination;
}

static uint64_t round_up_block(uint64_t bytes)
{
	return (bytes + DATA_BLOCK_BYTES - 1) / DATA_BLOCK_BYTES * DATA_BLOCK_BYTES;
}

/* What is free there, but for what has to stay free. */
static uint64_t spare_bytes(const struct file_destination *file)
{
	struct statvfs vfs;
	uint64_t free_bytes;

	if (fstatvfs(file->dir.fd, &vfs) < 0)
		return UINT64_MAX;
	free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return free_bytes > file->options->keep_free_bytes
		       ? free_bytes - file->options->keep_free_bytes
		       : 0;
}

static double mebibytes(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

/* For the first file, and when it changes whether files have all they may. */
static void say_reserved(struct file_destination *file, uint64_t wanted, uint64_t spare)
{
	const bool is_less = file->file.size_bytes < wanted;

	if (file->has_said && file->has_said_less == is_less)
		return;
	file->has_said = true;
	file->has_said_less = is_less;
	if (is_less)
		log_line("%s: %.1f MiB are reserved for a file, less than --rotate-bytes (%.1f "
			 "MiB), since %.1f MiB are free; it may grow to that size, and what it "
			 "does not use is given back when it is sealed",
			 signal_name(file->signal), mebibytes(file->file.size_bytes),
			 mebibytes(wanted), mebibytes(spare));
	else
		log_line("%s: %.1f MiB are reserved for a file (--rotate-bytes); what it does not "
			 "use is given back when it is sealed",
			 signal_name(file->signal), mebibytes(file->file.size_bytes));
}

/*
 * With all its space reserved, or, where that is much of what is free, with a share of it; and
 * where there is not so much either, with room for this batch.
 */
static int file_create(struct file_destination *file, uint64_t bytes)
{
	const uint64_t reserve_max = file->options->reserve_bytes_max;
	const uint64_t wanted =
		round_up_block(reserve_max != 0 ? reserve_max : file->options->rotate_bytes);
	const uint64_t spare = spare_bytes(file);
	const uint64_t share = spare / SPARE_SHARE / DATA_BLOCK_BYTES * DATA_BLOCK_BYTES;
	const uint64_t first = share < wanted ? share : wanted;
	int rc = -ENOSPC;

	if (first > bytes)
		rc = data_file_create(&file->dir, first, time(NULL), &file->file);
	if (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG)
		rc = data_file_create(&file->dir, bytes, time(NULL), &file->file);
	if (rc == 0 && reserve_max == 0)
		say_reserved(file, wanted, spare);
	return rc;
}

static int file_make(struct file_destination *file, uint64_t bytes, int64_t now_ns)
{
	struct destination *destination = &file->destination;
	const int64_t age_ns = file->options->rotate_age_ns;
	int rc = file_create(file, bytes);

	if (rc == 0) {
		rc = io_file_add(file->io, file->file.fd, &file->file.io_slot);
		if (rc < 0) {
			/* Empty, and ours: nothing in it to keep. */
			if (data_file_seal(&file->dir, &file->file, 0) < 0 && file->file.fd >= 0)
				data_file_release(&file->file);
		}
	}
	if (rc < 0) {
		file->file.fd = -1;
		if (rc == -ENOSPC || rc == -EDQUOT)
			file->options->want_space(file->options->want_space_context);
		return rc;
	}
	destination->is_open = true;
	destination->name = file->file.name.name;
	destination->seal_at_ns = age_ns != 0 ? now_ns + age_ns : INT64_MAX;
	destination->synced_ns = now_ns;
	return 0;
}

/* A given-up file whose name could not be changed yet: before any other is made. */
static int file_finish_abandoning(struct file_destination *file)
{
	int rc;

	if (!file->is_abandoning)
		return 0;
	rc = data_name_abandon(&file->dir, &file->file.name, file->abandoned_bytes);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	file->is_abandoning = false;
	return 0;
}

/* One that others have damaged: what was durable in it comes before what is written from now on. */
static int file_finish_taken(struct file_destination *file)
{
	int rc;

	if (file->taken.fd < 0)
		return 0;
	rc = damage_settle(&file->dir, &file->taken, file->taken_damage, file->taken_bytes);
	if (rc == 0)
		file->options->want_space(file->options->want_space_context);
	return rc;
}

static int file_settle(struct destination *destination)
{
	int rc = file_finish_abandoning(of(destination));

	return rc < 0 ? rc : file_finish_taken(of(destination));
}

static int file_prepare(struct destination *destination, uint64_t bytes, int64_t now_ns,
			const char **ret_problem)
{
	struct file_destination *file = of(destination);
	int rc;

	if (destination->is_open) {
		bool fits = destination->end_bytes == 0 ||
			    destination->end_bytes + bytes <= file->options->rotate_bytes;

		if (fits && !(destination->wants_seal && destination->end_bytes > 0))
			return 0;
		return DESTINATION_SEAL_FIRST;
	}
	*ret_problem = "a failed file cannot be renamed";
	rc = file_finish_abandoning(file);
	if (rc < 0)
		return rc;
	*ret_problem = "what was in a file that somebody took away cannot be copied";
	rc = file_finish_taken(file);
	if (rc < 0)
		return rc;
	*ret_problem = "no file can be made";
	return file_make(file, bytes, now_ns);
}

static int file_submit(struct destination *destination, struct iobuf *batch, uint64_t bytes,
		       uint64_t user)
{
	struct file_destination *file = of(destination);

	return io_write(file->io, file->file.io_slot, batch, bytes, destination->end_bytes, user);
}

static int file_sync(struct destination *destination, uint64_t user)
{
	return io_fsync(of(destination)->io, of(destination)->file.io_slot, user);
}

static int file_sync_now(struct destination *destination)
{
	return fdatasync(of(destination)->file.fd) < 0 ? -errno : 0;
}

static void file_advance(struct destination *destination, uint64_t written_bytes)
{
	data_file_writeback(&of(destination)->file, written_bytes);
}

static int file_look(struct destination *destination)
{
	struct file_destination *file = of(destination);

	if (file->damage == DAMAGE_NONE) {
		file->damage = damage_look(&file->dir, &file->file);
		if (file->damage != DAMAGE_NONE)
			damage_say(&file->dir, &file->file, file->damage);
	}
	return file->damage == DAMAGE_NONE ? 0 : -ESTALE;
}

static void file_is_gone(struct file_destination *file)
{
	file->file.fd = -1;
	file->damage = DAMAGE_NONE;
	file->destination.is_open = false;
}

static int file_seal(struct destination *destination)
{
	struct file_destination *file = of(destination);
	int rc;

	rc = io_file_remove(file->io, file->file.io_slot);
	if (rc < 0)
		return rc;
	rc = data_file_seal(&file->dir, &file->file, destination->end_bytes);
	if (rc < 0 && !file->file.is_sealed) {
		file->file.io_slot = DATA_NO_IO_SLOT;
		return rc;
	}
	file->sealed_to = file->file.name.sequence;
	if (rc < 0) { /* it has its name, and recovery would find it under either */
		log_line("%s: %s is sealed, but its directory cannot be synced: %s",
			 signal_name(file->signal), destination->name, strerror(-rc));
		data_file_release(&file->file);
	}
	file_is_gone(file);
	file->options->want_space(file->options->want_space_context);
	return rc < 0 ? DESTINATION_SEALED_BADLY : 0;
}

static bool file_read_back(struct destination *destination, uint64_t offset, uint8_t *to,
			   uint64_t bytes)
{
	uint64_t at = 0;

	while (at < bytes) {
		ssize_t n =
			pread(of(destination)->file.fd, to + at, bytes - at, (off_t)(offset + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (uint64_t)n;
	}
	return true;
}

static int file_give_up(struct destination *destination)
{
	struct file_destination *file = of(destination);
	const uint64_t synced_bytes = destination->synced_bytes;
	int rc;

	if (file->file.io_slot != DATA_NO_IO_SLOT)
		(void)io_file_remove(file->io, file->file.io_slot);
	if (file->damage != DAMAGE_NONE) {
		file->taken = file->file;
		file->taken_damage = file->damage;
		file->taken_bytes = synced_bytes;
		file_is_gone(file);
		return file_finish_taken(file);
	}
	/* Nothing in it is trusted: gone, or a disk that fails for long would fill up with them. */
	rc = synced_bytes == 0 ? data_file_seal(&file->dir, &file->file, 0) : -EIO;
	if (rc < 0) {
		file->abandoned_bytes = synced_bytes;
		rc = data_file_abandon(&file->dir, &file->file, synced_bytes);
		file->is_abandoning = rc < 0;
	}
	file_is_gone(file);
	return rc;
}

int file_destination_open(struct file_destination *ret, enum otlp_signal signal, int out_dirfd,
			  const struct file_options *options, struct io *io)
{
	static const struct destination_ops ops = {
		.prepare = file_prepare,
		.submit = file_submit,
		.sync = file_sync,
		.sync_now = file_sync_now,
		.advance = file_advance,
		.look = file_look,
		.seal = file_seal,
		.read_back = file_read_back,
		.give_up = file_give_up,
		.settle = file_settle,
	};
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->destination.ops = &ops;
	ret->destination.name = "";
	ret->destination.seal_at_ns = INT64_MAX;
	ret->options = options;
	ret->io = io;
	ret->signal = signal;
	ret->file.fd = ret->taken.fd = -1;
	rc = data_dir_open(out_dirfd, signal_name(signal), &ret->dir);
	if (rc == 0 && options->manifest != NULL) {
		rc = data_dir_attach(&ret->dir, options->manifest);
		if (rc < 0)
			data_dir_close(&ret->dir);
	}
	return rc;
}

void file_destination_close(struct file_destination *file)
{
	if (file->taken.fd >= 0)
		damage_leave(&file->dir, &file->taken, file->taken_bytes);
	if (file->file.fd >= 0)
		data_file_release(&file->file);
	data_dir_close(&file->dir);
}
