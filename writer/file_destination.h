/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch files as a destination: one open file of a signal's directory at a time, with its space
 * reserved, sealed when it is full or old. It becomes ….bad when the disk fails.
 *
 * What is reserved is taken from everybody else on the disk. So it is a share of what is free at
 * most; such a file grows behind its reserved space, and is sealed when it is as large as any
 * other.
 */
#ifndef OTLPIPE_WRITER_FILE_DESTINATION_H
#define OTLPIPE_WRITER_FILE_DESTINATION_H

#include "core/record/signal.h"
#include "writer/destination.h"
#include "writer/file/damage.h"
#include "writer/io/io.h"

struct file_options {
	uint64_t rotate_bytes;
	uint64_t reserve_bytes_max;	   /* reserved for a file; 0: as much as it may have */
	int64_t rotate_age_ns;		   /* 0: never */
	uint64_t keep_free_bytes;	   /* of the file system; no file reserves from these */
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
	bool has_said;	       /* how much is reserved for a file */
	bool has_said_less;    /* that it is less than it may have */
	uint64_t sealed_to;    /* the number of the file that was sealed last; 0: none was */
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
