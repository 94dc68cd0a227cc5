/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch files in a signal's directory: creation, sealing, giving up, finding again.
 *
 * Only the writer that holds the output directory's lock creates, seals and recovers. What is in a
 * file is not known here; writes and their syncs go through struct io.
 */
#ifndef OTLPIPE_WRITER_FILE_DATAFILE_H
#define OTLPIPE_WRITER_FILE_DATAFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "writer/file/datadir.h"

#define DATA_BLOCK_BYTES      4096u
#define DATA_CREATE_TRIES_MAX 64u /* names taken in a row */
#define DATA_WRITEBACK_BYTES  (UINT64_C(4) << 20)
#define DATA_NO_IO_SLOT	      UINT32_MAX

struct data_file {
	int fd; /* -1 once sealed, given up or released */
	struct data_name name;
	uint64_t prealloc_bytes; /* 0: the file system cannot reserve */
	uint64_t size_bytes;	 /* it is not smaller until it is sealed */
	bool direct;		 /* O_DIRECT: blocks of DATA_BLOCK_BYTES only */
	bool is_sealed;		 /* renamed already; what failed came after */
	bool is_cut;		 /* found smaller than it was: what was behind is gone */
	bool is_noted;		 /* the manifest has the size that it is sealed with */
	uint64_t noted_bytes;	 /* this one */
	unsigned io_slot;	 /* the caller's, DATA_NO_IO_SLOT at first */
	uint64_t writeback_bytes;
};

/**
 * Makes the next file, locks it (so that recovery can tell it from a dead writer's), opens it for
 * O_DIRECT if that works here, reserves prealloc_bytes for it, and makes all this durable. The
 * file has that size at once, also where nothing can be reserved, and reads as zeros: so that it
 * was cut can be seen. -ENOSPC, -EDQUOT, -EFBIG: nothing is left behind.
 */
int data_file_create(struct data_dir *dir, uint64_t prealloc_bytes, time_t wall_now,
		     struct data_file *ret);

/**
 * Opens a file of an earlier run for recovery: buffered, locked, synced before anything is read
 * from it. A dead writer's lock lingers while its writes are in flight, so it is waited for.
 * -EAGAIN: still locked after that; -ESTALE: renamed meanwhile; -EINVAL: not a regular file.
 */
int data_file_open_existing(const struct data_dir *dir, const struct data_name *name,
			    int64_t lock_timeout_ns, struct data_file *ret);

/** The first step of a seal at `bytes` alone, which gives space back: nothing else may follow. */
int data_file_cut(struct data_dir *dir, struct data_file *file, uint64_t bytes);

/**
 * Cuts an open file behind `bytes`, makes it durable, gives it its final name and closes it; with
 * 0 bytes the file is removed instead. Nothing may be in flight. Each step can be repeated, by
 * this call or by that of a recovery. After an error the file is still open: unless is_sealed is
 * set, abandon it, a failed fsync is not to be repeated.
 */
int data_file_seal(struct data_dir *dir, struct data_file *file, uint64_t bytes);

/**
 * Gives up a file whose write or fsync failed: names it ….bad with the number of its durable
 * bytes, cuts it there if that works, closes it. Read back what you need before. All is tried;
 * the result is that of the rename.
 */
int data_file_abandon(struct data_dir *dir, struct data_file *file, uint64_t durable_bytes);

/**
 * The rename of data_file_abandon() once more, where that failed. Done already is a success;
 * -ENOENT: there is no such file under either name.
 */
int data_name_abandon(struct data_dir *dir, const struct data_name *name, uint64_t durable_bytes);

/** Closes without touching the file, which recovery will find. */
void data_file_release(struct data_file *file);

/**
 * For a file without O_DIRECT: starts writing out what has been written so far, each
 * DATA_WRITEBACK_BYTES, so that the next fsync finds little to do. Never fails: it is a hint.
 */
void data_file_writeback(struct data_file *file, uint64_t written_bytes);

#endif
