/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region as those see it who did not make it: the writer, and monitors, who map it for reading
 * only. Nothing in the file is trusted: what is checked is checked in a private copy, and that copy
 * is what is used.
 */
#ifndef OTLPIPE_SHM_REGION_VIEW_H
#define OTLPIPE_SHM_REGION_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/layout.h"
#include "shm/region_name.h"
#include "shm/ring.h"
#include "shm/runtime.h"

struct region_view {
	int fd;
	struct region_header *header; /* shared and hostile: use the checked copies below */
	uint64_t bytes;
	uint64_t region_id;
	uint32_t pid;
	uint32_t uid;	  /* the file's owner */
	char program[64]; /* what it says of itself, printable and terminated */
	bool is_reached;  /* by the writer's barrier: what it says of that */
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

/**
 * Open a region by name, check it, and map it.
 *
 * @param writable  false for a monitor
 * @return 0, -EAGAIN (its header is not ready), -EPROTO (another version),
 *         -ENOTUNIQ (in a group directory: it carries the id of another file),
 *         -EBADMSG (it is no region), -ENODATA (its space is not reserved), or the
 *         errno of what failed
 */
int region_attach(struct region_view *ret, const struct runtime_dir *dir, const char *name,
		  bool writable);
void region_detach(struct region_view *view);

/** Does its producer live? 1, 0, or negative. */
int region_is_alive(const struct region_view *view);

/** Does a writer drain it? 1, 0, or negative. */
int region_is_drained(const struct region_view *view);

/** Has a writer given it up? */
bool region_is_given_up(const struct region_view *view);

/**
 * The layout that a file says it has, whichever that is.
 *
 * @return 0, -EBADMSG: it is no region; or the errno of what failed
 */
int region_read_layout(const struct runtime_dir *dir, const char *name, uint16_t *ret_major,
		       uint16_t *ret_minor);

/**
 * For a writer, before it reads a position: be the one that drains it, until region_detach() or the
 * end of the process. The lock is on the region itself, which nobody can put another in place of.
 *
 * @param epoch  of this run of the writer
 * @return 0, -EBUSY: another writer drains it; -ENOENT: it has just been removed; or another errno
 */
int region_take(struct region_view *view, uint64_t epoch);

/**
 * The writer: from now on files of this output directory may have what the region does not have
 * back; 0: no file has. Where the writer is killed the next one has to recover that directory
 * first, and this note is where the region is: nobody takes it away alone.
 */
void region_set_unsettled(struct region_view *view, uint64_t output_id);
uint64_t region_unsettled(const struct region_view *view);

/** Has it still a name in some directory? A next writer could not find it without. */
bool region_has_name(const struct region_view *view);

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

/** The rings that something was ever claimed in, as bits by number: what the producer says. */
static inline uint32_t region_used(const struct region_view *view)
{
	return atomic_load_relaxed_u32(&view->header->rings_used);
}

/**
 * How often its program has asked for a snapshot. Each turn of the writer looks: the number is in
 * the line of rings_used.
 */
static inline uint32_t region_snapshots_asked(const struct region_view *view)
{
	/* PAIR(snapshot-asked): with region_ask_snapshot(): before the tails are read. */
	return atomic_load_acquire_u32(&view->header->snapshots_asked);
}

/** How many of these asks were seen to. */
uint32_t region_snapshots_taken(const struct region_view *view);

/** The writer: so many of these asks are seen to. */
void region_set_snapshots_taken(struct region_view *view, uint32_t asked);

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
