/* SPDX-License-Identifier: Apache-2.0 */
/* The output directory: made if missing, locked so that one writer has it, and its manifest. */
#ifndef OTLPIPE_WRITER_FILE_OUTDIR_H
#define OTLPIPE_WRITER_FILE_OUTDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/file/manifest.h"

/*
 * What tells one output directory from another that has its path now. Kept in the lock file; where
 * that is gone the inode has to do.
 */
struct outdir_identity {
	uint64_t id; /* random; 0: none is there yet */
	uint64_t dev;
	uint64_t ino;
	/* Of the runtime directory whose writer was the last one here. 0: none, or not known. */
	uint64_t runtime_id;
};

#define OUTDIR_LOCK ".otlpipe-writer.lock"

struct outdir {
	int fd;
	int lock_fd;
	struct manifest *manifest;
	struct outdir_identity identity;
};

/**
 * Look which directory has this path, and change nothing.
 *
 * @return 0, or the errno of what failed: -ENOENT, -ENOTDIR: there is none
 */
int outdir_look(const char *path, struct outdir_identity *ret);

/**
 * @param create   make it (0750) if it is missing
 * @param wait_ns  how long to wait for a writer that is going
 * @param path     may lead through symlinks, which are the caller's; nothing below it does
 * @return 0, and the directory has an id; -EBUSY: another writer has it; -EPERM: everybody may
 *         write in it; or the errno of what failed
 */
int outdir_open(struct outdir *ret, const char *path, bool create, int64_t wait_ns);

/** All that was there is recovered: from now on it is of this runtime directory's writers. */
int outdir_adopt(struct outdir *outdir, uint64_t runtime_id);
void outdir_close(struct outdir *outdir);

/** Are both the same directory, as far as can be told? */
bool outdir_is_same(const struct outdir_identity *a, const struct outdir_identity *b);

#endif
