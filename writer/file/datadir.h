/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signal's directory below the output directory: which batch files are there, and whether they
 * are those that the manifest has.
 *
 * Listing may happen beside the writer that holds the output directory's lock, with a struct
 * data_dir of its own.
 */
#ifndef OTLPIPE_WRITER_FILE_DATADIR_H
#define OTLPIPE_WRITER_FILE_DATADIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer/file/dataname.h"
#include "writer/file/manifest.h"

struct data_dir {
	int fd;
	char signal[DATA_SIGNAL_BYTES_MAX + 1];
	struct manifest *manifest; /* where what is done here is noted; NULL: nowhere */
	uint64_t next_sequence;	   /* of the next file created */
	bool buffered;		   /* false after opening; true: do not try O_DIRECT */
};

/**
 * Opens a signal's directory below the output directory, and makes it if need be (0750). The
 * signal is a plain lower-case word. -ENOTDIR, -ELOOP: something else has that name.
 */
int data_dir_open(int out_dirfd, const char *signal, struct data_dir *ret);
void data_dir_close(struct data_dir *dir);

/**
 * Has all that is done in the directory noted in the manifest from now on, and enters the files
 * that it does not know. It must outlive the directory.
 */
int data_dir_attach(struct data_dir *dir, struct manifest *manifest);

/**
 * For a recovery, at its end: files that the manifest has as open are there under another name, if
 * their writer was killed or could not note it. Those that are gone are said to be.
 */
int data_dir_settle(const struct data_dir *dir);

/**
 * Regular files with names of ours and of these kinds, in the order of their sequence; all else
 * is ignored, and costs no memory. With files of a writer at work, all that were there before are
 * in it, whatever is renamed or compressed meanwhile, if open, sealed and packed ones are asked
 * for. Of a file that is there both plain and packed the plain one is in it. There is no limit
 * but memory: some 150 bytes a file. *ret is the caller's to free(), NULL when there are none.
 */
int data_dir_list(const struct data_dir *dir, unsigned kinds, struct data_name **ret,
		  size_t *ret_count);

/** The same for the writer that holds pack_lock(): as nothing is compressed meanwhile, for less. */
int data_dir_list_locked(const struct data_dir *dir, unsigned kinds, struct data_name **ret,
			 size_t *ret_count);

/* Which of very many files a listing keeps. */
enum data_dir_end { DATA_DIR_OLDEST, DATA_DIR_NEWEST };

struct data_dir_rest { /* those that it does not */
	uint64_t files;
	uint64_t bytes;
};

/** The same, and never more than so many files in it; the memory of twice as many is needed. */
int data_dir_list_end(const struct data_dir *dir, unsigned kinds, enum data_dir_end end,
		      size_t count_max, struct data_name **ret, size_t *ret_count,
		      struct data_dir_rest *ret_rest);

/**
 * Opens a file that was listed, to be read; under the name that it may have got since: an open one
 * is sealed, a sealed one packed.
 *
 * @param name  set to the name that it has
 * @return a descriptor; -ENOENT: it is gone; or another errno
 */
int data_dir_open_file(int dirfd, struct data_name *name);

/** How much is in a packed file. @return 0, -EBADMSG: it does not say, or another errno */
int data_dir_packed_bytes(int dirfd, const char *name, uint64_t *ret);

/** Makes names that were made or changed in it durable. */
int data_dir_sync(const struct data_dir *dir);

#endif
