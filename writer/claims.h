/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files have of regions that could not be told. A region that is not attached is not one
 * that is gone: there are more of them than may be attached, or its file has a second name just
 * now, or it belongs to another runtime directory whose writer will come later. Its ring does not
 * know yet what was taken from it, and who attaches it one day has to tell it before anything is
 * drained.
 *
 * A claim is settled when its region is attached, or when its name is gone from the runtime
 * directory. Only a batch that had not been given back needs one, and these are among the last few
 * of a file: CLAIMS_BATCHES.
 */
#ifndef OTLPIPE_WRITER_CLAIMS_H
#define OTLPIPE_WRITER_CLAIMS_H

#include <stdbool.h>

#include "shm/runtime.h"
#include "writer/file/claimfile.h"
#include "writer/io/iobuf.h"

/* A batch holds a buffer of the pool until it is given back. With room for other versions. */
#define CLAIMS_BATCHES 64u
static_assert(CLAIMS_BATCHES >= 4 * IOBUF_COUNT_MAX, "none that was not given back is left out");

struct claims {
	struct claim *items; /* in the order of region, ring, position */
	size_t count;
	uint64_t runtime_id;	  /* of our runtime directory */
	uint64_t file_runtime_id; /* of the one whose writer left the files being recovered */
	bool is_changed;	  /* since it was loaded or saved */
};

/* What one file has, batch by batch, of regions that may need a claim. */
struct claims_draft {
	struct {
		uint64_t batch;
		struct batch_entry entry;
	} * items;
	size_t first, count, capacity;
};

void claims_close(struct claims *claims);

/** Add those of an output directory. @return 0, or what claimfile_read() says */
int claims_load(struct claims *claims, int out_dirfd);

/** Make them durable in an output directory, if they have changed. @return 0 or negative */
int claims_save(struct claims *claims, int out_dirfd);

/** Those of one region. @return how many; they are *ret and those behind it, in their order */
size_t claims_of(const struct claims *claims, uint64_t region_id, const struct claim **ret);

/** Note an entry of a batch, the number of which only grows. @return 0 or -ENOMEM */
int claims_draft_add(struct claims_draft *draft, const struct batch_entry *entry, uint64_t batch);
void claims_draft_close(struct claims_draft *draft);

/**
 * The file is at its end: take over what its last batches have, in place of all that was claimed
 * before for the same rings, since who drained them further had settled it.
 *
 * @param dir      where a region has its name, as long as it is there
 * @param batches  how many the file has
 * @return 0 or -ENOMEM
 */
int claims_take(struct claims *claims, const struct claims_draft *draft,
		const struct runtime_dir *dir, uint64_t batches);

/** Forget those for which keep() says no. */
void claims_prune(struct claims *claims,
		  bool (*keep)(const void *context, const struct claim *claim),
		  const void *context);

/** Is it of our own runtime directory? */
static inline bool claims_is_ours(const struct claims *claims, const struct claim *claim)
{
	return claim->runtime_id == claims->runtime_id;
}

/** Has the region of this entry its name in the directory? Where that is not known, yes. */
bool claims_has_name(const struct runtime_dir *dir, const struct batch_entry *entry);

#endif
