/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd frames back to plain bytes, a piece at a time and in bounded memory. The bytes are not
 * trusted: a frame may say that it is of any size.
 */
#ifndef OTLPIPE_WRITER_FILE_UNZST_H
#define OTLPIPE_WRITER_FILE_UNZST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first bytes of a frame. */
#define UNZST_MAGIC	  "\x28\xb5\x2f\xfd"
#define UNZST_MAGIC_BYTES 4u

/* What a frame may want as memory to look back in: 128 MiB, as zstd's own tool allows. */
#define UNZST_WINDOW_LOG_MAX 27

/* So many of a frame's first bytes say how much is in it. */
#define UNZST_HEAD_BYTES_MAX 18u

struct unzst {
	void *context;	/* a ZSTD_DCtx; NULL: closed */
	bool is_inside; /* a frame has begun and has not ended */
};

/** @return 0 or -ENOMEM */
int unzst_open(struct unzst *unzst);
void unzst_close(struct unzst *unzst);

/**
 * Turn packed bytes into plain ones, as far as both have room.
 *
 * @param ret_used  of in, so many bytes are done with
 * @param ret_made  so many bytes are in out
 * @return 0; -EPROTO: damaged, or no zstd; -EFBIG: it wants a larger window; -ENOMEM
 */
int unzst_step(struct unzst *unzst, const uint8_t *in, size_t in_bytes, size_t *ret_used,
	       uint8_t *out, size_t out_bytes, size_t *ret_made);

/** How much a frame holds, by its head. @return 0, or -EBADMSG: it does not say */
int unzst_content_bytes(const uint8_t *head, size_t bytes, uint64_t *ret);

#endif
