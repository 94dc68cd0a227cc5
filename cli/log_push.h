/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and entries into the ring of logs. Where it is full it is waited for, so that whoever
 * writes the lines waits too; what is larger than a record goes into several.
 */
#ifndef OTLPIPE_CLI_LOG_PUSH_H
#define OTLPIPE_CLI_LOG_PUSH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <otlpipe/otlpipe.h>

#include "cli/log_parse.h"

/* Of a piece of a line. A longer line is several records. */
#define LOG_LINE_BYTES_MAX (64u << 10)

struct log_push {
	struct otlp_library *library;
	struct log_parser parser;
	size_t line_bytes_max;
	bool drop;	       /* do not wait for a full ring */
	sigset_t waiting_mask; /* signals are blocked but for while it waits */
	int64_t deadline_ns;   /* once told to stop, nothing is waited for longer; 0: not told */
	uint64_t part;	       /* of a line in several records: how many it has */
	enum otlp_severity_number severity_number; /* of all parts of a line */
	struct otlp_str severity_text;		   /* constant */
	uint64_t lost_records, lost_bytes;
	int error; /* the first for which something was lost, but for a full ring; an otlp_error */
};

/**
 * Blocks SIGINT and SIGTERM: they come while something is waited for.
 *
 * @param options  borrowed for the call
 * @return 0, or an enum otlp_error
 */
int log_push_open(struct log_push *push, const struct otlp_options *options, bool drop);
void log_push_close(struct log_push *push);

/**
 * Wait for a time, or until something can be read.
 *
 * @param fd  -1: none
 * @param ns  below 0: for ever
 * @return 1: there is something to read; 0: the time is over, or a signal came; -errno
 */
int log_push_rest(const struct log_push *push, int fd, int64_t ns);

/** How long it may go on; below 0: nobody has told it to stop. Looks for signals that have come. */
int64_t log_push_left_ns(struct log_push *push);

/** Where a text that goes on may be cut, at bytes or a little before: not within a character. */
size_t log_push_cut(const char *text, size_t bytes);

/** A line without its end, or a piece of one that is longer than line_bytes_max. */
void log_push_line(struct log_push *push, const char *line, size_t bytes, bool is_begin,
		   bool is_end);

/**
 * Push a record, waiting for room if need be.
 *
 * @return #OTLP_OK; #OTLP_ERR_FULL: it is lost, and was not counted; #OTLP_ERR_TOO_LARGE,
 *         #OTLP_ERR_INVALID; or another for which there is no ring
 */
int log_push_record(struct log_push *push, const struct otlp_log_record *record);

/** Count what could not be kept. */
void log_push_lose(struct log_push *push, size_t bytes, int error);

#endif
