/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sealed file compressed: ….binpb becomes ….binpb.zst, with the same bytes in it. The manifest
 * has nothing of it: its sizes are those of what is in a file.
 *
 *   ….binpb.zst.tmp   written, synced, and read back
 *   ….binpb.zst       renamed, and the directory synced
 *   ….binpb           removed
 *
 * Killed at any step, at least one of the two names has all of it. Where both are left, the plain
 * one counts: a listing (datadir.h) does not show the other, and the next recovery removes it.
 */
#ifndef OTLPIPE_WRITER_FILE_PACK_FILE_H
#define OTLPIPE_WRITER_FILE_PACK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/file/datadir.h"

#define PACK_LEVEL_DEFAULT 3
#define PACK_LEVEL_MAX	   19 /* higher ones take hundreds of megabytes */

/* It stays as it is: compressed it would not be smaller, or it is gone. */
#define PACK_NOT 1

/**
 * Compress one file.
 *
 * @param bytes        what it has, by the manifest
 * @param is_stopping  asked now and then
 * @return 0; PACK_NOT; -ECANCELED: it is stopping; -EUCLEAN: what was written does not read back as
 *         it was; -ENOSPC, or another errno. But for 0 the plain file is as it was.
 */
int pack_file(const struct data_dir *dir, const struct data_name *name, uint64_t bytes, int level,
	      bool (*is_stopping)(void *context), void *context, uint64_t *ret_bytes);

/** For a recovery: remove what a killed writer has left in the middle. @return 0 or an errno */
int pack_clean(const struct data_dir *dir);

/**
 * Who removes files takes this, as one that is removed does not come back packed; and who lists
 * them in one reading, as none changes its name to a packed one meanwhile.
 */
void pack_lock(void);
void pack_unlock(void);

#endif
