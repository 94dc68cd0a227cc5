/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hop through the batches of a file, each checked whole. Used by recovery, which
 * needs the valid prefix, and by readers of files that may be anything. A file may
 * be packed: its first bytes say so, and offsets are then in what was unpacked.
 */
#ifndef OTLPIPE_WRITER_FILE_BATCH_SCAN_H
#define OTLPIPE_WRITER_FILE_BATCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer/file/batch.h"

struct batch_packed;

struct batch_scan {
	int fd;
	uint64_t offset; /* of the next batch */
	uint64_t limit;	 /* nothing is read behind it */
	uint8_t *bytes;	 /* the batch found last */
	size_t capacity;
	bool is_known; /* whether it is packed */
	struct batch_packed *packed;
};

/** @param limit  UINT64_MAX: the file's end */
void batch_scan_open(struct batch_scan *scan, int fd, uint64_t limit);
void batch_scan_close(struct batch_scan *scan);

/**
 * The next batch: its bytes are scan->bytes, until the next call.
 *
 * @return 0; -ENODATA: the end, or the zeros that are written over next; -EAGAIN: it
 *         goes on behind the end of the file; -EBADMSG: no batch; or an errno of reading
 */
int batch_scan_next(struct batch_scan *scan, struct batch_head *ret);

#endif
