/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures in words: what was done, where, by whom, what the system said, which limit
 * it was, and what to do. Async-signal-safe; makes system calls to see how things are.
 */
#ifndef OTLPIPE_CORE_EXPLAIN_H
#define OTLPIPE_CORE_EXPLAIN_H

#include <stdbool.h>

#include "base/text.h"
#include "core/record/signal.h"
#include "shm/failure.h"

/* What may be known of a failure besides its text: looked at before the text is written. */
struct explain_facts {
	uint64_t limit;	      /* of the resource that has to do with it; LIMITS_NONE */
	uint64_t free_bytes;  /* of the file system */
	uint32_t owner, mode; /* of the directory */
	bool has_owner, has_free, has_proc;
};

/** Look at what the explanation needs. */
void explain_look(struct explain_facts *ret, const char *path, const struct failure *failure,
		  int error);

/**
 * Why no region could be made in a directory.
 *
 * @param error  the negative errno
 */
void explain_region(struct text *text, const char *path, const struct failure *failure, int error,
		    const struct explain_facts *facts);

/**
 * Why a record is not taken.
 *
 * @param bytes      of the record; 0: more than a record may have
 * @param bytes_max  that its ring carries
 */
void explain_too_large(struct text *text, enum otlp_signal signal, uint64_t bytes,
		       uint64_t bytes_max);

/** The enum otlp_error of such a failure. */
int explain_code(const struct failure *failure, int error);

#endif
