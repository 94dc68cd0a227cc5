/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's options: their values, and the texts that these were read from. */
#ifndef OTLPIPE_WRITER_OPTION_DATA_H
#define OTLPIPE_WRITER_OPTION_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/destination.h"
#include "writer/file/pack.h"
#include "writer/file/retain.h"
#include "writer/file_destination.h"
#include "writer/io/io.h"

#define OPTION_COUNT	      20u /* rows of option_table.c */
#define OPTION_VARIABLE_BYTES 64u
#define OPTION_PROBLEM_BYTES  768u

enum option_origin {
	OPTION_DEFAULT,
	OPTION_FILE,
	OPTION_ENVIRONMENT,
	OPTION_FLAG,
};

struct option_text {
	const char *text; /* NULL: it has none: a default that is not set */
	enum option_origin origin;
	unsigned line; /* of the file */
};

/* Less would not hold a batch of each signal beside the files that are being written. */
#define OPTION_KEEP_BYTES_MIN (UINT64_C(1) << 20)

struct options {
	const char *dir; /* NULL: the default */
	const char *output;
	int64_t interval_ns;
	uint64_t batch_bytes;
	enum io_mode io;
	enum destination_sync sync;
	struct file_options files;
	struct retain_limits retain;
	int compress_level;	 /* of sealed files, by zstd; 0: they stay as they are */
	bool is_flight_recorder; /* --mode */
	int64_t keep_ns;	 /* of a flight recorder; 0: no limit by age */
	uint64_t keep_bytes;	 /* 0: a part of the file system */
	bool drain;
	bool rewrites_lost_output;  /* where the last writer's output directory is not there */
	const char *metrics_listen; /* NULL: nowhere */
	int64_t self_metrics_ns;    /* between two reports about the writer itself; 0: none */
	int64_t wait_producers_ns;  /* after the first signal to stop; 0: do not wait */
	/* Where they come from, by the rows of option_table.c. */
	const char *config;			/* the configuration file; NULL: none */
	struct option_text texts[OPTION_COUNT]; /* in effect */
	struct option_text given[OPTION_COUNT]; /* by flag or variable: the file counts less */
};

#define OPTION_WAIT_FOREVER_NS INT64_MAX

#endif
