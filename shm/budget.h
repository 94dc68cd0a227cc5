/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a runtime directory may hold in all: regions are memory, and those of programs that have
 * ended stay until a writer has drained them. Where none runs, programs that come and go would fill
 * the memory of the machine. Beyond the budget no region is made, and nothing else happens.
 *
 * Each program goes by its own environment: OTLPIPE_BUDGET is a size, or a share of the file system
 * ("25%"). Two that open at the same time may pass it by a region.
 */
#ifndef OTLPIPE_SHM_BUDGET_H
#define OTLPIPE_SHM_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/failure.h"
#include "shm/runtime.h"

#define BUDGET_VARIABLE	       "OTLPIPE_BUDGET"
#define BUDGET_PERCENT_DEFAULT 80

struct budget {
	uint64_t bytes;	  /* 0: a share */
	uint32_t percent; /* of the file system; 0: BUDGET_PERCENT_DEFAULT */
};

/** What the environment says. @return false: it says something that is none */
bool budget_from_environment(struct budget *ret);

/** In bytes, there. @return 0 or the errno of what failed */
int budget_bytes(const struct budget *budget, const struct runtime_dir *dir, uint64_t *ret);

/**
 * Is there room in it for so many bytes more? The default leaves each directory its first region,
 * however small the file system is. Async-signal-safe.
 *
 * @return 0, or -EDQUOT, and failure says more
 */
int budget_check(const struct budget *budget, const struct runtime_dir *dir, uint64_t needed_bytes,
		 struct failure *failure);

#endif
