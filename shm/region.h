/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One producer process's shared memory: the file, its header, its rings and its
 * table of what records refer to. Made and locked by the producer; the writer looks at it through
 * a struct region_view.
 *
 * Liveness is a lock: the producer locks the region's open file description,
 * maps the file through it, and closes the descriptor. From then on the mapping
 * alone holds the lock: it survives closefrom() in the host, a forked child does
 * not inherit it (MADV_DONTFORK), and it ends with the process, however that ends.
 */
#ifndef OTLPIPE_SHM_REGION_H
#define OTLPIPE_SHM_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/budget.h"
#include "shm/failure.h"
#include "shm/layout.h"
#include "shm/ring.h"
#include "shm/runtime.h"

struct region_options {
	/* By ring_number(): a power of two, RING_BYTES_MIN to _MAX; 0: no ring has it. */
	uint64_t ring_bytes[REGION_RINGS_MAX];
	const char *program;
	struct budget budget;	 /* of the directory: budget_check() comes before region_create() */
	struct failure *failure; /* where a failure is described, or NULL */
};

struct region {
	struct region_header *header; /* the mapping */
	uint64_t bytes;
	uint8_t *table;
	struct ring *rings;	/* REGION_RINGS_MAX of them by number, in memory of their own */
	uint64_t device, inode; /* of its file */
	/* Each push finds its region in an array: with this size that is a shift. */
	uint8_t room[16];
};
static_assert(sizeof(struct region) == 64, "a power of two");

/**
 * Before anything is tried that would end the program: is a region with these options beyond
 * RLIMIT_FSIZE, or beyond what the memory limit of the cgroup leaves? Of that some stays for the
 * program itself, which could not go on without it either. Async-signal-safe.
 *
 * @return 0, -EINVAL, or -EFBIG or -ENOMEM, and ret says more
 */
int region_check_limits(const struct region_options *options, struct failure *ret);

/**
 * Make a region, lock it, and only then give it its name. Async-signal-safe.
 *
 * @return 0, -EINVAL (a size, or no ring at all), or the errno of what failed: -ENOSPC where the
 * space cannot be reserved (it is, whole, so that no push meets SIGBUS)
 */
int region_create(struct region *ret, const struct runtime_dir *dir,
		  const struct region_options *options);

/**
 * Say that the counters are final, and let go of the mapping and with it of the
 * lock. What is in the rings stays for the writer. Space may be given back only behind
 * that word: before it, region_is_reserved() would take the region for a liar's.
 */
void region_close(struct region *region);

/** Take the name of a region back that nothing went through. */
void region_unlink(const struct region *region, const struct runtime_dir *dir);

/** Has its file still its name in this directory? No later writer finds it without. */
bool region_is_listed(const struct region *region, const struct runtime_dir *dir);

/** Which run of a writer drains it, or did so last? 0: none ever. */
uint64_t region_writer_epoch(const struct region *region);

/** Has this process a seccomp filter? Then it makes no system calls that a filter may not know. */
bool region_is_filtered(const struct region *region);

/** Has the writer given this region up? Then make a new one. */
bool region_is_abandoned(const struct region *region);

/**
 * Ask the writer that drains it for a snapshot. Async-signal-safe; the writer has to be woken
 * behind it.
 */
void region_ask_snapshot(struct region *region);

/**
 * Append to the table; threads may do so at once.
 *
 * @return a reference, or 0 where it is full
 */
uint32_t region_table_add(struct region *region, const void *payload, uint32_t payload_bytes);

#endif
