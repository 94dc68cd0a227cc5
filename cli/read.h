/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All telemetry of files and directories, for the commands that read it: each ResourceSpans,
 * ResourceMetrics and ResourceLogs as it stands there, whatever the format of the file (input.h has
 * them all), in the order of the files. What cannot be read is told on stderr.
 *
 *   static int count(void *context, const struct read_item *item)
 *   {
 *           ProtobufCMessage *message;
 *           int rc = otlp_decode(otlp_rows[item->signal].type, item->data, item->bytes, &message);
 *
 *           if (rc < 0)
 *                   return rc;
 *           …
 *           otlp_free(message);
 *           return 0;
 *   }
 *
 *   status = read_paths(paths, path_count, &(struct read_options){.signal = SIGNAL_NONE}, count,
 *                       &counts);
 */
#ifndef OTLPIPE_CLI_READ_H
#define OTLPIPE_CLI_READ_H

#include <stddef.h>
#include <stdint.h>

#include "cli/input.h"
#include "cli/read_item.h"
#include "core/record/signal.h"

struct read_options {
	/* SIGNAL_NONE: all of a directory; of a file what it holds, by itself or by its name. */
	enum otlp_signal signal;
};

/**
 * Read each path once: a file, a directory (its traces/, metrics/ and logs/, or its own files), or
 * "-" for standard input.
 *
 * @return an enum tool_exit, the worst of all paths, with its messages
 */
int read_paths(char **paths, size_t count, const struct read_options *options, read_item_fn call,
	       void *context);

/**
 * Hand out what is in one chunk, for a reader that has its inputs by itself (follow.c).
 *
 * @param path    as it is shown
 * @param signal  what the chunk holds
 * @param ret_offset  where in the chunk it failed
 * @return 0, READ_STOP, -EBADMSG, or what the call returned
 */
int read_chunk(struct input *input, const struct chunk *chunk, const char *path,
	       enum otlp_signal signal, read_item_fn call, void *context, size_t *ret_offset);

#endif
