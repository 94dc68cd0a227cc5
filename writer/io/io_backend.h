/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is below struct io: a backend carries out single requests and reports raw results, short
 * writes and passing errors included. io_uring.c and io_pwrite.c have one each; one that injects
 * faults wraps another and alters its results.
 */
#ifndef OTLPIPE_WRITER_IO_IO_BACKEND_H
#define OTLPIPE_WRITER_IO_IO_BACKEND_H

#include <stdint.h>

#include "writer/io/io_mode.h"
#include "writer/io/iobuf.h"

#define IO_DESCRIPTION_BYTES 256u

enum io_kind {
	IO_KIND_WRITE,
	IO_KIND_FSYNC, /* fdatasync */
};

struct io_request {
	enum io_kind kind;
	unsigned slot;
	int fd; /* of that slot */
	const uint8_t *data;
	uint32_t bytes;
	uint64_t offset;
	int buffer_index; /* in the pool, or -1 */
	uint64_t tag;	  /* comes back with the result */
};

struct io_raw_result {
	uint64_t tag;
	int result; /* bytes, or a negative errno */
};

struct io_backend;

/* A negative return of submit or reap says: this backend is of no use any more, close it. */
struct io_backend_ops {
	/* Failing is no harm: requests carry the descriptor as well. */
	void (*file_add)(struct io_backend *backend, unsigned slot, int fd);
	void (*file_remove)(struct io_backend *backend, unsigned slot);
	/* There are never more than IO_OPS_MAX submitted and not reaped. */
	int (*submit)(struct io_backend *backend, const struct io_request *request);
	/* Their number; waits for the first at most timeout_ns, a signal ends the wait. */
	int (*reap)(struct io_backend *backend, struct io_raw_result *ret, unsigned max,
		    int64_t timeout_ns);
	void (*close)(struct io_backend *backend);
};

struct io_backend {
	const struct io_backend_ops *ops;
	char description[IO_DESCRIPTION_BYTES];
};

int io_uring_backend_open(struct io_backend **ret, const struct iobuf_pool *pool);
int io_pwrite_backend_open(struct io_backend **ret);

#endif
