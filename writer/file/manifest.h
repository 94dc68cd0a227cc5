/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of an output directory: the file in which the writer notes what it
 * makes, seals, gives up and removes. Without it a file that is gone would look
 * like one that never was; `otlpipe verify` judges what is there against it.
 *
 * Each event is one line (manifest_image.h), and durable before the writer builds
 * on it, whatever --sync says, as the names of files are:
 *
 *   made      the file and its name, then the line, then its first batch
 *   sealed    the line, then the cut to that size, then the name
 *   removed   the line, then the file
 *
 * So a writer that is killed, or a power cut, leaves lines that are true or that
 * promise less than there is, and never one that misses a file which nobody took.
 *
 * Only the writer that has the output directory's lock opens it. Its threads may
 * use it at once. A manifest that cannot be written holds up the making of files
 * and their removal, and nothing else; what it lacks is written with the next line.
 */
#ifndef OTLPIPE_WRITER_FILE_MANIFEST_H
#define OTLPIPE_WRITER_FILE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer/file/dataname.h"
#include "writer/file/manifest_image.h"

struct manifest;

/**
 * Open the manifest of an output directory, or begin one. One that is damaged is
 * kept under another name and begun again; the log says so.
 *
 * @return 0 or the errno of what failed
 */
int manifest_open(struct manifest **ret, int out_dirfd);
/** NULL is fine. */
void manifest_close(struct manifest *manifest);

/**
 * Tell it of the files of a signal that are there. Those that it does not know are
 * entered: it is new, or a writer without a manifest came between.
 *
 * @param names  sealed ones and those given up, in the order of their sequence
 * @param next   the number after the highest one that is there, of any kind
 * @param ret_next  what number the next file must have
 */
int manifest_adopt(struct manifest *manifest, const char *signal, const struct data_name *names,
		   size_t count, uint64_t next, uint64_t *ret_next);

/** Is there a file with such a number, or a higher one, that it does not know? */
bool manifest_knows(struct manifest *manifest, const char *signal, uint64_t next);

/**
 * A file was made, and is at least of this size until it is sealed.
 *
 * @return negative: it is not entered, and must not be used
 */
int manifest_enter_open(struct manifest *manifest, const char *signal, const struct data_name *name,
			uint64_t bytes);

/**
 * A file is sealed at this size, or was given up with this much that is trusted.
 * One that had more in it when it was sealed before stays entered as cut.
 *
 * @return negative: it could not be written yet; the next line tries again
 */
int manifest_enter_end(struct manifest *manifest, const char *signal, const struct data_name *name,
		       enum manifest_state state, uint64_t bytes);

/** A file is removed, and nothing in it was of value. @return negative: it must not be yet */
int manifest_enter_dropped(struct manifest *manifest, const char *signal, uint64_t sequence);

/**
 * Retention removes all files up to this sequence: so many, with so many bytes.
 *
 * @param is_done  it has; what cannot be written now is kept for the next line
 * @return negative: it must not
 */
int manifest_enter_removed(struct manifest *manifest, const char *signal, uint64_t sequence,
			   uint64_t files, uint64_t bytes, bool is_done);

/**
 * Some of those could not be removed: from this sequence on they are kept. The entries
 * are those that were there before, and files and bytes how many of the removed they were.
 */
void manifest_enter_kept(struct manifest *manifest, const char *signal, uint64_t from,
			 const struct manifest_entry *kept, size_t count, uint64_t files,
			 uint64_t bytes);

/** The rings were drained into another directory before, or will be from now on. */
void manifest_enter_elsewhere(struct manifest *manifest, bool is_coming, const char *path);

/** A copy of an entry. @return false: there is none */
bool manifest_find(struct manifest *manifest, const char *signal, uint64_t sequence,
		   struct manifest_entry *ret);

/**
 * Copies of all entries of a signal, in the order of their sequence.
 *
 * @param ret  the caller's to free(); NULL where there are none
 */
int manifest_copy(struct manifest *manifest, const char *signal, struct manifest_entry **ret,
		  size_t *ret_count);

/**
 * Look whether the wall clock was set. If it was, the times of this boot's files
 * are corrected, since how long ago they were sealed is known by another clock.
 *
 * @return by how many seconds it was set, 0: it was not
 */
int64_t manifest_look_at_clock(struct manifest *manifest);

/** The newest time in it when it was opened; 0: it was new. */
int64_t manifest_newest_s(const struct manifest *manifest);

#endif
