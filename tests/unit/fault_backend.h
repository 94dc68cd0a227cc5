/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend below struct io that carries operations out with pwrite, and spoils some of them. It
 * can also hand results back in reverse, as a disk may.
 */
#ifndef OTLPIPE_TESTS_UNIT_FAULT_BACKEND_H
#define OTLPIPE_TESTS_UNIT_FAULT_BACKEND_H

#include <stdbool.h>

#include "writer/io/io_backend.h"

enum fault_what {
	FAULT_WRITE, /* counts writes only */
	FAULT_FSYNC,
	FAULT_ANY
};

enum fault_short {
	FAULT_SHORT_HALF, /* whole blocks */
	FAULT_SHORT_EMPTY,
	FAULT_SHORT_UNALIGNED /* it ends within a block */
};

/* From operation `first` on, counted from 0, `times` operations go wrong. */
struct fault_plan {
	enum fault_what what;
	unsigned first;
	unsigned times;		    /* 0: none; UINT_MAX: until it is changed */
	int error;		    /* negative errno; 0: a short write */
	bool is_half_done;	    /* the first half of the write is on the disk all the same */
	enum fault_short how_short; /* with error 0 */
	/* With a failed fsync: what was written since the last one reads as zeros, but for the
	 * first kept_bytes, as after a writeback that was lost. */
	bool loses_pages;
	uint64_t kept_bytes;
};

struct fault_backend {
	struct io_backend backend;
	struct fault_plan plan;
	bool is_reversed; /* results in the reverse order of submission */
	bool is_held;	  /* no results at all, for now */
	unsigned counts[FAULT_ANY + 1];
	unsigned struck;		       /* operations that went wrong */
	uint64_t written_bytes, durable_bytes; /* of the file that was written last */
	struct io_raw_result results[IO_OPS_MAX];
	unsigned result_count;
};

/** Give &backend->backend to io_open_backend(), which frees it at the end. */
struct fault_backend *fault_backend_new(void);

#endif
