/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe cat`: what reading once and following have in common. */
#ifndef OTLPIPE_CLI_CAT_FILE_H
#define OTLPIPE_CLI_CAT_FILE_H

#include "cli/filter.h"
#include "cli/input.h"
#include "cli/read_item.h"
#include "core/record/signal.h"
#include "writer/file/dataname.h"

enum cat_format { CAT_JSON, CAT_FRAMES, CAT_TEXT, CAT_PROTOBUF };

#define CAT_FRAME_BYTES	    (UINT64_C(4) << 20)
#define CAT_FRAME_BYTES_MIN (UINT64_C(4) << 10)
#define CAT_FRAME_BYTES_MAX (UINT64_C(64) << 20)

struct cat_options {
	enum otlp_signal signal; /* SIGNAL_NONE: all, and by name */
	enum cat_format format;
	uint64_t frame_bytes; /* the message of a frame has no more, where it can be cut */
	bool follow;
	struct filter filter;
	enum otlp_signal printed; /* of CAT_PROTOBUF: what is in the output, which has one signal */
	int status;		  /* an enum tool_exit that cat_item() has found */
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

/* A document of JSON in a file of several signals, of which this one is not wanted. */
#define CAT_SKIP -1

/**
 * What a chunk holds: what it says itself, else what was known.
 *
 * @param path    how the file is shown
 * @param signal  what is known of the file; set to what the chunk holds
 * @return CAT_SKIP, or an enum tool_exit, with its message: nobody knows; or it is not what is
 *         wanted
 */
int cat_resolve(const char *path, struct input *input, const struct chunk *chunk,
		enum otlp_signal wanted, enum otlp_signal *signal);

/** Another signal that these bytes are a whole message of, or SIGNAL_NONE. */
enum otlp_signal cat_fitting_signal(const uint8_t *data, size_t bytes, enum otlp_signal not_this);

/**
 * Print what is wanted of one item: a read_item_fn, whose context are the struct cat_options.
 *
 * @return 0; READ_STOP: there is no more to print; -EPIPE and other errors of stdout; -EBADMSG,
 * -ELOOP, -EILSEQ, -ENOMEM
 */
int cat_item(void *context, const struct read_item *item);

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
