/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which regions there are: discovery in the runtime directory, and what happens
 * to a region that is broken or finished.
 */
#ifndef WRITER_REGIONS_H
#define WRITER_REGIONS_H

#include <stddef.h>
#include <time.h>

#include "writer/source.h"

/* Files that look like regions and are none; said once each, as long as they fit in here. */
#define REGIONS_REFUSED_MAX 1024

struct regions {
	const struct runtime_dir *dir;
	struct source *sources; /* in the order of their discovery */
	size_t count;
	uint64_t broken_count;
	struct timespec seen_mtime; /* of the directory, when it was read last */
	int64_t look_ns;	    /* then it is read again, changed or not; INT64_MAX: no need */
	uint64_t refused[REGIONS_REFUSED_MAX];
	size_t refused_count;
};

/* More make no batch: each may name them all. */
#define REGIONS_MAX BATCH_ENTRIES_MAX

void regions_open(struct regions *regions, const struct runtime_dir *dir);
void regions_close(struct regions *regions);

/** One of them by a number, which may be too large: it is counted round. NULL: there is none. */
struct source *regions_at(const struct regions *regions, size_t index);

/**
 * Attach what is new.
 *
 * @return 0, or the errno of what keeps the directory or a good region from
 *         being read (descriptors, memory)
 */
int regions_discover(struct regions *regions);

/** Has the directory changed since then? */
bool regions_have_changed(const struct regions *regions);

/** Drain a region no further, and take its name away. */
void regions_break(struct regions *regions, struct source *source, const char *why);

/** Remove the regions that are finished. */
void regions_reap(struct regions *regions);

#endif
