/* SPDX-License-Identifier: Apache-2.0 */
/* An input as its files have it in common: input.h is for its users. */
#ifndef OTLPIPE_CLI_INPUT_STATE_H
#define OTLPIPE_CLI_INPUT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/format.h"
#include "cli/unpack.h"
#include "core/record/signal.h"

/* The field of TracesData and MetricsData with the data. */
#define INPUT_FIELD_DATA 1u

/* A batch of ours, or one ResourceSpans of others. */
#define INPUT_CHUNK_BYTES_MAX ((size_t)256 << 20)

/* A document of JSON: in json-c's hands it takes some thirty times as much. */
#define INPUT_JSON_BYTES_MAX ((size_t)32 << 20)

enum input_form { INPUT_UNKNOWN, INPUT_PROTOBUF, INPUT_FRAMES, INPUT_JSON };

struct input_packed;
struct input_json;

struct input {
	int fd;		      /* -1: closed */
	enum input_form form; /* INPUT_UNKNOWN: nothing was read yet */
	enum packing packing; /* known once something was read */
	bool seekable;
	bool is_open;		  /* still written: zeros behind the last batch are its end */
	bool is_ours;		  /* it has batches; known once a chunk was read */
	uint32_t signal;	  /* of a file of ours: enum otlp_signal */
	bool (*may_read)(int fd); /* asked before a pipe is read; NULL: it may */
	uint64_t limit_bytes;	  /* nothing behind it is read */
	/* Both in what was unpacked, if the file is packed. */
	uint64_t offset;	     /* in the file, of buffer[begin]; where the error is */
	uint64_t fetched;	     /* in the file, of what comes behind the buffer */
	struct input_packed *packed; /* NULL: the file is not packed, or nothing was read yet */
	struct input_json *json;     /* NULL: no document was begun yet */
	uint8_t *message;	     /* of a packed frame */
	enum otlp_signal fits;	     /* another signal that it can be read as, or SIGNAL_NONE */
	bool has_shown;		     /* the caller's: something of it was OTLP, and is printed */
	size_t first_bytes;	     /* of first; fewer than it has room for: the whole file */
	uint8_t first[FORMAT_FIRST_BYTES]; /* the file's first bytes, to tell what it looks like */
	size_t consumed;		   /* of the buffer, by the chunk handed out */
	uint8_t *buffer;
	size_t begin;  /* of what is left in the buffer */
	size_t filled; /* bytes left in the buffer */
	size_t capacity;
};

struct chunk {
	const uint8_t *data; /* until the next call */
	size_t bytes;
	uint64_t offset;	 /* in the file; of JSON where the document begins */
	enum otlp_signal signal; /* SIGNAL_NONE: the bytes do not say */
	bool is_made;		 /* of JSON: what stands in it is not in the file at these places */
};

#endif
