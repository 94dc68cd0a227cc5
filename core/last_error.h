/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest failure in words, for who asks later (otlp_library_last_error()). Threads,
 * signal handlers and forked children may write and read it at once: nobody waits for
 * more than a moment, and of two that write at once one is left out.
 */
#ifndef OTLPIPE_CORE_LAST_ERROR_H
#define OTLPIPE_CORE_LAST_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/undisturbed.h"
#include "core/record/signal.h"

#define LAST_ERROR_BYTES 1024

struct last_error {
	uint64_t too_large; /* newer than the text: last_error_too_large(); 0: none is */
	uint32_t owner;	    /* the process of who is at it; 0: nobody */
	uint32_t len;
	char text[LAST_ERROR_BYTES]; /* terminated */
};

/* One that is being written. */
struct last_error_writer {
	struct last_error *error;
	struct undisturbed undisturbed;
	struct text text;
};

/**
 * Begin a new text, which takes the place of the old one. Async-signal-safe.
 *
 * @return NULL: somebody else is at it; else add to this, and call last_error_end()
 */
struct text *last_error_begin(struct last_error_writer *ret, struct last_error *error);
void last_error_end(struct last_error_writer *writer);

/**
 * Keep what there is to say of a record that was too large: no more than a store, as a push that
 * is refused makes no system call either. The words are made when somebody asks.
 *
 * @param bytes      of the record; 0: more than a record may have
 * @param bytes_max  that its ring carries
 */
void last_error_too_large(struct last_error *error, enum otlp_signal signal, uint64_t bytes,
			  uint64_t bytes_max);

/**
 * Copy the text, as much as there is room for, terminated.
 *
 * @return its length; 0: there is none, or somebody writes it without end
 */
size_t last_error_get(struct last_error *error, char *ret, size_t ret_bytes);

#endif
