/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compresses files when they are sealed, one after the other, in a thread of its own with the
 * lowest priority. The file that is being written stays plain, and so does what the disk has no
 * room for. What is left when the writer ends, the next one compresses.
 */
#ifndef OTLPIPE_WRITER_FILE_PACK_H
#define OTLPIPE_WRITER_FILE_PACK_H

#include <stdint.h>

#include "writer/file/manifest.h"

#define PACK_SIGNALS_MAX 4u

struct pack_options {
	int level;		  /* of zstd; 0: nothing is compressed */
	uint64_t keep_free_bytes; /* of the file system */
};

struct pack_counts {
	uint64_t files;
	uint64_t plain_bytes; /* of those, before and after */
	uint64_t packed_bytes;
	uint64_t failures;
	uint64_t runs; /* that have ended */
};

struct pack;

/**
 * Starts the thread, with all signals blocked, for these signals' directories below out_dirfd,
 * which is not needed afterwards. The manifest must outlive it.
 */
int pack_open(struct pack **ret, int out_dirfd, struct manifest *manifest,
	      const char *const *signals, unsigned signal_count,
	      const struct pack_options *options);

/** Leaves the file that it is at as it was. NULL is fine. */
void pack_close(struct pack *pack);

/** Leave this much of the file system free from now on. NULL is fine. */
void pack_set_keep_free(struct pack *pack, uint64_t keep_free_bytes);

/** A file was sealed. Returns at once. NULL is fine. */
void pack_request(struct pack *pack);

void pack_counts(struct pack *pack, struct pack_counts *ret);

#endif
