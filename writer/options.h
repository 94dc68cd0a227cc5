/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's options: each by flag, and by OTLPIPE_… in the environment below it. */
#ifndef OTLPIPE_WRITER_OPTIONS_H
#define OTLPIPE_WRITER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/destination.h"
#include "writer/file/pack.h"
#include "writer/file/retain.h"
#include "writer/file_destination.h"
#include "writer/io/io.h"

struct options {
	const char *dir; /* NULL: the default */
	const char *output;
	int64_t interval_ns;
	uint64_t batch_bytes;
	enum io_mode io;
	enum destination_sync sync;
	struct file_options files;
	struct retain_limits retain;
	bool has_default_senders; /* of the environment: the command line's take their place */
	int compress_level;	  /* of sealed files, by zstd; 0: they stay as they are */
	bool drain;
	bool rewrites_lost_output; /* where the last writer's output directory is not there */
	int64_t wait_producers_ns; /* after the first signal to stop; 0: do not wait */
};

#define OPTION_WAIT_FOREVER_NS INT64_MAX

/**
 * Read the environment and the command line. Wrong values end the process with
 * status 2 and one line on standard error; --help, --usage and --version end it
 * with 0, or with 1 where standard output does not take them.
 */
void options_parse(struct options *ret, int argc, char **argv);

#endif
