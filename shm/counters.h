/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process drops that has no region to count it in: a forked child that could not make one,
 * say. The counts stand in a file of the runtime directory, "counters.<uid>", one for each user. It
 * is mapped when a library is opened, and a forked child has the mapping from its parent: so it can
 * count where there is no space, and no descriptor, for anything of its own.
 *
 * In a group directory a file is open to its user and to the directory's owner, as a region is.
 */
#ifndef OTLPIPE_SHM_COUNTERS_H
#define OTLPIPE_SHM_COUNTERS_H

#include <stdint.h>

#include "shm/layout.h"
#include "shm/runtime.h"

#define COUNTERS_NAME_BYTES_MAX 32

/* A producer's view. */
struct counters {
	struct counters_page *page; /* NULL: none, and nothing is counted */
	uint64_t inode;		    /* of the runtime directory that it is in */
};

/**
 * Map this user's file in the directory, and make it if it is missing. Does nothing if that is
 * mapped already. Async-signal-safe.
 *
 * @return 0, or the errno of what failed: then what was mapped stays
 */
int counters_open(struct counters *counters, const struct runtime_dir *dir);
void counters_close(struct counters *counters);

/** Count. Async-signal-safe. */
void counters_add_dropped(const struct counters *counters, unsigned signal, uint64_t items);
void counters_add_refused_open(const struct counters *counters);

#endif
