/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions that stay open and mapped from one look to the next, for a command that looks again and
 * again: opening, mapping and meeting each page anew costs ten times what the look itself does.
 *
 * A region that is gone is kept until the next look, with its memory. So who does not look for long
 * forgets all of them.
 */
#ifndef OTLPIPE_CLI_STAT_KEEP_H
#define OTLPIPE_CLI_STAT_KEEP_H

#include "base/guard.h"
#include "cli/stat_view.h"
#include "shm/region_view.h"

/* All zero: one that has nothing. */
struct stat_keep {
	struct stat_kept *by_id;
	uint64_t look_count;
	uint64_t room; /* so many may be kept, by the limit of descriptors */
};

/* A region that is open. */
struct stat_open {
	struct region_view view;
	struct guard guard;
	uint64_t held_bytes;		  /* memory, at this look */
	char service[STAT_SERVICE_BYTES]; /* once it was found, as it never changes; empty: not yet
					   */
	struct stat_kept *kept;		  /* NULL: it is closed behind the look */
};

/** A look begins. NULL is fine, here and below: nothing is kept. */
void stat_keep_begin(struct stat_keep *keep);

/**
 * A region by its name: the one that was kept, if it still is what it was, or opened anew.
 *
 * @param own  for a region that is not kept
 * @param ret  what to look at, for stat_keep_close()
 * @return 0, or what region_attach() returns
 */
int stat_keep_open(struct stat_keep *keep, const struct runtime_dir *dir, const char *name,
		   struct stat_open *own, struct stat_open **ret);

/** Close it, or keep it: not one that was cut, whose guard has failed. */
void stat_keep_close(struct stat_keep *keep, struct stat_open *open);

/** A look has ended: what was not met in it is forgotten. */
void stat_keep_end(struct stat_keep *keep);

/** Forget all of it. */
void stat_keep_forget(struct stat_keep *keep);

#endif
