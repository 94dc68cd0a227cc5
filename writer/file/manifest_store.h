/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's manifest on disk: an image, and a file that is kept equal to it.
 * One thread at a time; manifest.h is what the rest of the writer uses.
 */
#ifndef OTLPIPE_WRITER_FILE_MANIFEST_STORE_H
#define OTLPIPE_WRITER_FILE_MANIFEST_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "writer/file/manifest_image.h"

/* While it is written anew; rubbish behind a kill. */
#define MANIFEST_NEW MANIFEST_NAME ".new"

/* The wall clock was set if it moved against the time since boot by more than this. */
#define MANIFEST_CLOCK_STEP_S INT64_C(10)

struct manifest_store {
	int dirfd;
	int fd; /* -1: it has not been written yet */
	struct manifest_image image;
	uint64_t file_bytes; /* of the lines that are durable */
	uint64_t reserved_bytes;
	char *pending; /* lines that are in the image, and not in the file yet */
	size_t pending_bytes;
	size_t pending_capacity;
	bool must_rewrite;	/* the file is to be made anew of the image */
	int said_error;		/* the last one that the log has; 0: all is well */
	int64_t found_newest_s; /* the newest time that any line had when it was opened */
};

/**
 * Read the manifest of a directory, for the writer or for anybody else.
 *
 * @param ret  zeroed; to be freed whatever comes back
 * @return what manifest_image_read() says, -ENOENT, or another errno of reading
 */
int manifest_load(struct manifest_image *ret, int out_dirfd);

/**
 * Open the manifest of a directory, or begin one; nothing is written yet.
 *
 * @return 0 or a negative errno
 */
int manifest_store_open(struct manifest_store *store, int out_dirfd);
void manifest_store_close(struct manifest_store *store);

/** Enter a line that was made for the image. It is written by the next flush. */
int manifest_store_line(struct manifest_store *store, const char *line, size_t bytes);
int manifest_store_entry(struct manifest_store *store, const char *signal,
			 const struct manifest_entry *entry);

/** From now on lines are not kept one by one: the next flush makes the file anew. */
void manifest_store_begin_anew(struct manifest_store *store);

/** Make durable what was entered. @return negative: it was not, and the next flush tries again */
int manifest_store_flush(struct manifest_store *store);

int64_t manifest_clock_s(clockid_t clock);

/** By how many seconds the wall clock was set since the last look, in this boot; 0: it was not. */
int64_t manifest_store_clock_step(const struct manifest_store *store);

/** It was set: what this boot's files were sealed at is told by the new clock. */
void manifest_store_correct_times(struct manifest_store *store, int64_t step_s);

#endif
