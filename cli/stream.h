/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `otlpipe cat --follow` and `otlpipe send` follow: a file that grows, or one signal's
 * directory, of which one file after the other is current. Where retention was faster, files are
 * gone before they were printed; that is told, by the numbers of the files and by the batches' own
 * ledgers.
 */
#ifndef OTLPIPE_CLI_STREAM_H
#define OTLPIPE_CLI_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "cli/cat_file.h"
#include "cli/input.h"
#include "cli/missing.h"
#include "writer/file/datadir.h"

struct stream {
	const char *path;
	enum otlp_signal signal;
	struct data_dir dir; /* fd: AT_FDCWD for a file alone */
	bool is_dir;
	bool is_sent; /* for messages: its records are sent, and not printed */
	bool is_done;
	bool is_away;		 /* the directory, and it was said */
	struct data_name *known; /* what the directory held at the last look */
	size_t known_count;
	uint64_t next_sequence;	     /* behind the current file; 0: nothing was read */
	uint64_t gone_from, gone_to; /* numbers of files that were not there; 0: none */
	uint64_t gone_files;	     /* such numbers in all */
	struct missing missing;

	bool has_current;
	bool is_sealed; /* the current file will not grow any more */
	char *name;	/* of the current file, in dir */
	struct stat id;
	struct input input;
};

/**
 * Begin with the oldest file of a directory, or with what an open file holds.
 *
 * @param path    as it is shown in messages; it must stay
 * @param signal  SIGNAL_NONE: by the file, or by its name
 * @return 0, or -errno
 */
int stream_open_dir(struct stream *stream, const char *path, enum otlp_signal signal);
int stream_open_file(struct stream *stream, const char *path, enum otlp_signal signal);
void stream_close(struct stream *stream);

/**
 * Before anything was read: begin with this file of the directory, or with the next younger one.
 *
 * @param sequence  its number; 0: the oldest one
 * @return 0, or -errno: the directory cannot be listed
 */
int stream_begin_at(struct stream *stream, uint64_t sequence);

/**
 * Print all that is there now.
 *
 * @param status  an enum tool_exit: raised where something cannot be read, or is missing
 * @return 0, READ_STOP, or what stdout gave
 */
int stream_poll(struct stream *stream, struct cat_options *options, int *status);

/**
 * The next chunk that is there now, with the signal that it holds; what is missing in front of it
 * is said.
 *
 * @param wanted  SIGNAL_NONE: any
 * @param status  as for stream_poll()
 * @return 1: a chunk, until the next call; 0: there is none now, or is_done is set
 */
int stream_next(struct stream *stream, enum otlp_signal wanted, struct chunk *ret, int *status);

/** The chunk makes no sense from that byte on, for this error: say so, and go on with the next
 * file. */
void stream_refuse(struct stream *stream, const struct chunk *chunk, size_t at, int rc,
		   int *status);

/** The number of the file that the next chunk is in, or of one that is younger. */
uint64_t stream_file(const struct stream *stream);

/** At the end: one line about all that was missing, if anything was. */
void stream_say_missing(const struct stream *stream);

#endif
