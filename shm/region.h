/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One producer process's shared memory: the file, its header, its rings and its
 * table of what records refer to. Made and locked by the producer, attached by the writer.
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

#include "shm/layout.h"
#include "shm/ring.h"
#include "shm/runtime.h"

#define REGION_NAME_BYTES_MAX 64

/* The producer's side. */

struct region_options {
	/* By the ring's number: a power of two, RING_BYTES_MIN to _MAX; 0: no ring has it. */
	uint64_t ring_bytes[REGION_RINGS_MAX];
	const char *program;
};

struct region {
	struct region_header *header; /* the mapping */
	uint64_t bytes;
	uint8_t *table;
	struct ring rings[REGION_RINGS_MAX]; /* by number */
	/* Each push finds its region in an array: with this size that is a shift. */
	uint8_t room[384];
};
static_assert(sizeof(struct region) == 2048, "a power of two");

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

/** Has the writer given this region up? Then make a new one. */
bool region_is_abandoned(const struct region *region);

/**
 * Append to the table; threads may do so at once.
 *
 * @return a reference, or 0 where it is full
 */
uint32_t region_table_add(struct region *region, const void *payload, uint32_t payload_bytes);

/* The reader's side: the writer, and monitors. Nothing in the file is trusted. */

struct region_view {
	int fd;
	struct region_header *header; /* shared and hostile: use the checked copies below */
	uint64_t bytes;
	uint64_t region_id;
	uint32_t pid;
	uint32_t uid;	  /* the file's owner */
	char program[64]; /* what it says of itself, printable and terminated */
	uint64_t start_unix_ns;
	uint64_t table_offset;
	uint64_t table_bytes;
	unsigned ring_count;
	struct {
		struct ring_shared *shared;
		uint8_t *data;
		uint64_t bytes;
	} rings[REGION_RINGS_MAX]; /* by number; shared is NULL where there is none */
};

/** "<pid>-<16 hex digits>.region": the name of a region's file. */
void region_format_name(char ret[REGION_NAME_BYTES_MAX], uint32_t pid, uint64_t id);

/** Does a file name look like a region's? Then its id is set. */
bool region_parse_name(const char *name, uint32_t *ret_pid, uint64_t *ret_id);

/**
 * Open a region by name, check it, and map it.
 *
 * @param writable  false for a monitor
 * @return 0, -EAGAIN (its header is not ready), -EPROTO (another version),
 *         -EBADMSG (it is no region), -ENODATA (its space is not reserved), or the
 *         errno of what failed
 */
int region_attach(struct region_view *ret, const struct runtime_dir *dir, const char *name,
		  bool writable);
void region_detach(struct region_view *view);

/** Does its producer live? 1, 0, or negative. */
int region_is_alive(const struct region_view *view);

/** Was it closed in order? Then its counters are exact. */
bool region_is_closed(const struct region_view *view);

/**
 * Is its space reserved, so that reading makes no memory? All of it, or of a region that was closed
 * in order what is still to be read: the rest may have been given back since. Its producer can give
 * back all of it at any time, so whoever reads on asks again.
 *
 * @return 1, 0, or negative
 */
int region_is_reserved(const struct region_view *view);

/** Tell the producer that nobody will drain it any more. */
void region_abandon(struct region_view *view);

/**
 * Find an entry of the table.
 *
 * @return 0, or -EBADMSG: there is none
 */
int region_table_get(const struct region_view *view, uint32_t reference, const uint8_t **ret,
		     uint32_t *ret_bytes);

#endif
