/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch files as a destination: one open file of a signal's directory at a time, with its space
 * reserved, sealed when it is full or old. It becomes ….bad when the disk fails.
 */
#ifndef OTLPIPE_WRITER_FILE_DESTINATION_H
#define OTLPIPE_WRITER_FILE_DESTINATION_H

#include "core/record/signal.h"
#include "writer/destination.h"
#include "writer/file/damage.h"
#include "writer/io/io.h"

struct file_options {
	uint64_t rotate_bytes;
	int64_t rotate_age_ns;		   /* 0: never */
	void (*want_space)(void *context); /* a file more, or a full disk: let retention run */
	void *want_space_context;
	struct manifest *manifest; /* of the output directory; NULL: none */
};

struct file_destination {
	struct destination destination;
	const struct file_options *options;
	struct io *io;
	enum otlp_signal signal;
	struct data_dir dir;
	struct data_file file; /* fd -1: none */
	bool is_abandoning;    /* given up, and its name still says open */
	uint64_t abandoned_bytes;
	enum damage damage;	/* what others have done to the open file */
	struct data_file taken; /* one that was removed, and is not copied yet; fd -1: none */
	enum damage taken_damage;
	uint64_t taken_bytes; /* what was durable in it */
};

/** @return 0, or the errno of opening the signal's directory */
int file_destination_open(struct file_destination *ret, enum otlp_signal signal, int out_dirfd,
			  const struct file_options *options, struct io *io);

/** Leaves a file that is open to the next writer's recovery. */
void file_destination_close(struct file_destination *file);

#endif
