/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a region could not be made: what the errno alone does not say. Its text is
 * core/explain.h's.
 */
#ifndef OTLPIPE_SHM_FAILURE_H
#define OTLPIPE_SHM_FAILURE_H

#include <stdint.h>

enum failure_step {
	FAILURE_DIRECTORY = 1, /* the runtime directory is not there, or not fit */
	FAILURE_FILESYSTEM,    /* what it is on does not do what is needed */
	FAILURE_CONTROL,       /* its control page */
	FAILURE_MEMORY_LIMIT,  /* the cgroup's memory does not suffice: nothing was tried */
	FAILURE_BUDGET,	       /* what the directory may hold is used up: nothing was tried */
	FAILURE_RANDOM,	       /* no random number */
	FAILURE_FILE,	       /* a file without a name */
	FAILURE_SHARE,	       /* its rights */
	FAILURE_RESERVE,       /* its space, RLIMIT_FSIZE included */
	FAILURE_LOCK,
	FAILURE_MAP,
	FAILURE_NAME /* giving it its name */
};

struct failure {
	enum failure_step step;
	uint64_t needed_bytes; /* what the region takes */
	uint64_t limit_bytes;  /* MEMORY_LIMIT, BUDGET: the limit */
	uint64_t left_bytes;   /* MEMORY_LIMIT, BUDGET: what is left of it */
};

#endif
