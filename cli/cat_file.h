/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe cat`: what reading once and following have in common. */
#ifndef OTLPIPE_CLI_CAT_FILE_H
#define OTLPIPE_CLI_CAT_FILE_H

#include "cli/input.h"
#include "core/record/signal.h"
#include "writer/file/dataname.h"

enum cat_format { CAT_JSON, CAT_FRAMES, CAT_TEXT };

struct cat_options {
	enum otlp_signal signal; /* SIGNAL_NONE: all, and by name */
	enum cat_format format;
	bool follow;
};

/** By the name of the file or else of its directory, else SIGNAL_NONE. */
enum otlp_signal cat_signal_of(const char *path);

/**
 * The directory with the files of that signal: path/traces, say, else path.
 *
 * @return a descriptor, or -errno
 */
int cat_dir_open(const char *path, enum otlp_signal signal);

/** The limit for a file that was given up by the writer, no limit for any other. */
uint64_t cat_limit_bytes(const char *path, enum otlp_signal signal);

/**
 * What the file holds, once a chunk of it was read: what it says itself, else what was known.
 *
 * @param path  how the file is shown
 * @return an enum tool_exit, with its message: nobody knows; or it is not what is wanted
 */
int cat_resolve(const char *path, struct input *input, enum otlp_signal wanted,
		enum otlp_signal *signal);

/**
 * Print a chunk's data.
 *
 * @param ret_offset  where in the chunk it failed
 * @return 0; -EPIPE and other errors of stdout; -EBADMSG, -ELOOP, -EILSEQ, -ENOMEM
 */
int cat_chunk(struct input *input, const struct chunk *chunk, enum otlp_signal signal,
	      enum cat_format format, size_t *ret_offset);

/**
 * One line on stderr: what is wrong at that place of a file, or what the file is instead of OTLP.
 * Errors of stdout are left to tool_finish().
 */
void cat_error(const char *path, struct input *input, uint64_t offset, int error);

/**
 * At the end of a file: was there anything in it? If not, one line on stderr says what it is.
 *
 * @return an enum tool_exit
 */
int cat_check_shown(const char *path, struct input *input);

#endif
