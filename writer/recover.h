/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new writer does about its predecessor: finds out how far that one came,
 * tells the rings, and seals its files. Each step can be repeated, and is safe
 * to be killed in.
 */
#ifndef OTLPIPE_WRITER_RECOVER_H
#define OTLPIPE_WRITER_RECOVER_H

#include "writer/regions.h"

struct recover_report {
	unsigned files;	  /* sealed, or removed because nothing was in them */
	uint64_t batches; /* that count */
	uint64_t bytes;
	uint64_t cut_bytes; /* behind the last batch that counts, zeros not counted */
};

/**
 * Recover one output directory, whose lock the caller holds. The regions are
 * every one there is, at the positions that they say are done; one that says
 * something else than the files is broken: it must not cost the others theirs.
 *
 * @return 0 or a negative errno; what was recovered until then stays so
 */
int recover_output(int out_dirfd, struct regions *regions, struct recover_report *ret);

#endif
