/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffers that batches are built in and written from.
 *
 * A pool of a few equal ones, aligned and touched beforehand, which io_uring can register; and
 * one-off larger ones for a batch that does not fit. One thread only.
 */
#ifndef OTLPIPE_WRITER_IO_IOBUF_H
#define OTLPIPE_WRITER_IO_IOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IOBUF_COUNT	  4u		      /* that batches are written from */
#define IOBUF_COUNT_MAX	  16u		      /* of a pool, and of one-offs beside it */
#define IOBUF_BYTES	  ((size_t)1 << 20)   /* what a pooled buffer holds by default */
#define IOBUF_BYTES_MAX	  ((size_t)256 << 20) /* largest one-off */
#define IOBUF_ALIGN_BYTES 4096u		      /* of addresses, lengths and file offsets */

struct iobuf {
	uint8_t *data; /* page aligned */
	size_t capacity_bytes;
	int index; /* place in the pool, by which it is registered; -1: a one-off */
	bool in_use;
};

struct iobuf_pool;

/** -EINVAL for no buffers, too many, or a size that is not a multiple of IOBUF_ALIGN_BYTES. */
int iobuf_pool_open(struct iobuf_pool **ret, unsigned count, size_t bytes);

/** Every buffer must be back, and the struct io that registered them closed. NULL is fine. */
void iobuf_pool_close(struct iobuf_pool *pool);

unsigned iobuf_pool_count(const struct iobuf_pool *pool);
const struct iobuf *iobuf_pool_at(const struct iobuf_pool *pool, unsigned index);

/**
 * A buffer of at least `bytes`. -EAGAIN: none is free at the moment (put one back and ask again),
 * -EMSGSIZE: more than IOBUF_BYTES_MAX, -ENOMEM. What it contains is left over from its last use.
 */
int iobuf_get(struct iobuf_pool *pool, size_t bytes, struct iobuf **ret);
void iobuf_put(struct iobuf_pool *pool, struct iobuf *buf);

#endif
