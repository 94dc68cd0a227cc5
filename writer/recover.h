/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new writer does about its predecessor: finds out how far that one came,
 * tells the rings, and seals its files. Each step can be repeated, and is safe
 * to be killed in.
 */
#ifndef OTLPIPE_WRITER_RECOVER_H
#define OTLPIPE_WRITER_RECOVER_H

#include "writer/file/manifest.h"
#include "writer/regions.h"

struct recover_report {
	unsigned files;	  /* sealed, or removed because nothing was in them */
	uint64_t batches; /* that count */
	uint64_t bytes;
};

/**
 * Recover one output directory, whose lock the caller holds. What counts is
 * decided by the files alone. A region that says something else is broken: it
 * loses what is its own, and costs the others nothing. What the files have of
 * regions that are not attached is claimed, durably, until they come.
 *
 * @param manifest  the directory's; NULL: it has none
 * @return 0 or a negative errno; what was recovered until then stays so
 */
int recover_output(int out_dirfd, struct manifest *manifest, struct regions *regions,
		   struct recover_report *ret);

/**
 * Keep what is still claimed of regions that have not come, and nothing else.
 *
 * @return 0, or negative and a line was said
 */
int recover_save_claims(struct regions *regions, int out_dirfd);

#endif
