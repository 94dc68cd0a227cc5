/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's way to the disk: writes and syncs are started here and reported later.
 *
 * One small interface over io_uring or, where that is refused, pwrite. Short writes and passing
 * errors are dealt with inside; what is reported is final. Completions come in any order: the
 * caller advances its contiguous prefix. All calls on one struct io come from the thread that
 * opened it (the ring has a single issuer), and the process must ignore SIGXFSZ, or a file size
 * limit kills it instead of being reported as EFBIG.
 */
#ifndef OTLPIPE_WRITER_IO_IO_H
#define OTLPIPE_WRITER_IO_IO_H

#include <stddef.h>
#include <stdint.h>

#include "writer/io/io_mode.h"
#include "writer/io/iobuf.h"

struct io;
struct io_backend;

struct io_result {
	uint64_t user; /* as given to io_write or io_fsync */
	int result;    /* bytes of the whole write, 0 for a sync, or a negative errno */
};

/**
 * The ladder for IO_AUTO: io_uring with SINGLE_ISSUER and DEFER_TASKRUN, without flags, pwrite.
 * The pool's buffers are registered if the kernel lets us; the pool (NULL: none) must outlive
 * the struct io. With IO_URING a refusal is an error, e.g. -EPERM below seccomp.
 */
int io_open(struct io **ret, enum io_mode mode, const struct iobuf_pool *pool);

/** Waits for what is in flight, results are thrown away. Files stay open. NULL is fine. */
void io_close(struct io *io);

/** One line for people: what was chosen and why. It changes when a ring fails in the middle. */
const char *io_describe(const struct io *io);

/**
 * Makes a file known under a slot. The descriptor stays the caller's and must stay open until
 * the slot is removed. -EMFILE: all slots are taken.
 */
int io_file_add(struct io *io, int fd, unsigned *ret_slot);

/** -EBUSY: operations of this file have not all been reaped. */
int io_file_remove(struct io *io, unsigned slot);

/**
 * Starts to write the first `bytes` of the buffer, which is the kernel's until the result is
 * reaped. It may be one of the caller's own making, with index -1. For a file with O_DIRECT its
 * address, bytes and offset are multiples of IOBUF_ALIGN_BYTES.
 * -EAGAIN: too many are in flight, reap first.
 *
 * A result of -EIO may also mean that the ring itself failed and that nobody knows what was, or
 * yet will be, written: write again elsewhere, never at the same place.
 */
int io_write(struct io *io, unsigned slot, struct iobuf *buf, size_t bytes, uint64_t offset,
	     uint64_t user);

/**
 * Starts an fdatasync: it covers the writes of this file whose results have been reaped, and the
 * file's size where it is needed to read them back. -EAGAIN as above.
 */
int io_fsync(struct io *io, unsigned slot, uint64_t user);

/**
 * Takes up to max results, waiting until there is one but at most timeout_ns; 0 only looks.
 * Returns their number. 0 at once when nothing is in flight or when a signal came. Never fails:
 * what goes wrong is a result.
 */
unsigned io_reap(struct io *io, struct io_result *ret, unsigned max, int64_t timeout_ns);

/** Operations started and not yet reaped. */
unsigned io_in_flight(const struct io *io);
unsigned io_file_in_flight(const struct io *io, unsigned slot);

/** For a backend of one's own, see writer/io/io_backend.h. Takes it over, also when it fails. */
int io_open_backend(struct io **ret, struct io_backend *backend);

#endif
