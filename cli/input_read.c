/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads files in bounded memory, with pread: a file that is cut while it is mapped would be a
 * SIGBUS.
 */
#include "cli/input_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_AHEAD_BYTES ((size_t)256 << 10)

/* Room for that many bytes, those that are there included. */
static int reserve(struct input *input, size_t bytes)
{
	uint8_t *grown;

	if (input->capacity - input->begin >= bytes)
		return 0;
	if (input->begin > 0)
		memmove(input->buffer, input->buffer + input->begin, input->filled);
	input->begin = 0;
	if (input->capacity >= bytes)
		return 0;
	grown = realloc(input->buffer, bytes);
	if (!grown)
		return -ENOMEM;
	input->buffer = grown;
	input->capacity = bytes;
	return 0;
}

/* Keep what the file begins with; read again, it may be something else. */
static void keep_first(struct input *input, const uint8_t *bytes, size_t count)
{
	size_t at = (size_t)input->fetched, room;

	if (input->fetched > input->first_bytes || at >= sizeof(input->first))
		return;
	room = sizeof(input->first) - at;
	memcpy(input->first + at, bytes, count < room ? count : room);
	input->first_bytes = at + (count < room ? count : room);
}

/* Bytes of the file as they are. How many, 0: the end, or -errno. */
static ssize_t read_file(struct input *input, uint64_t at, uint8_t *to, size_t room)
{
	ssize_t n;

	do {
		if (input->may_read != NULL && !input->may_read(input->fd))
			return -ECANCELED;
		n = input->seekable ? pread(input->fd, to, room, (off_t)at)
				    : read(input->fd, to, room);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The same of a packed file, unpacked. */
static ssize_t read_packed(struct input_packed *packed, struct input *input, uint8_t *to,
			   size_t room)
{
	/* A file that is only cut may grow. */
	if (packed->error != 0 && packed->error != -ENODATA)
		return packed->error;
	packed->error = 0;
	for (;;) {
		size_t used, made;
		int rc = unpack_step(packed->unpack, packed->bytes + packed->begin, packed->filled,
				     &used, to, room, &made);
		ssize_t n;

		packed->begin += used;
		packed->filled -= used;
		packed->used += used;
		if (rc < 0)
			return rc;
		if (made > 0)
			return (ssize_t)made;
		if (packed->filled > 0)
			continue;
		n = read_file(input, packed->fetched, packed->bytes, sizeof(packed->bytes));
		if (n < 0)
			return n;
		if (n == 0)
			return unpack_is_whole(packed->unpack) ? 0 : -ENODATA;
		packed->begin = 0;
		packed->filled = (size_t)n;
		packed->fetched += (uint64_t)n;
	}
}

/*
 * The first bytes of a file, which say whether it is packed. A pipe may give fewer than that takes.
 */
static ssize_t read_first(struct input *input, uint8_t *to, size_t room)
{
	struct input_packed *packed;
	enum packing packing;
	size_t count = 0;
	ssize_t n;

	do {
		n = read_file(input, count, to + count, room - count);
		if (n < 0)
			return n;
		count += (size_t)n;
		packing = packing_of(to, count);
	} while (n > 0 && packing != PACKING_NONE && count < UNPACK_MAGIC_BYTES);
	if (packing == PACKING_NONE || count < UNPACK_MAGIC_BYTES)
		return (ssize_t)count;
	packed = calloc(1, sizeof(*packed));
	if (packed != NULL)
		packed->unpack = unpack_open(packing);
	if (packed == NULL || packed->unpack == NULL) {
		free(packed);
		return -ENOMEM;
	}
	input->packing = packing;
	input->packed = packed;
	packed->fetched = packed->filled = count < PACKED_BYTES ? count : PACKED_BYTES;
	memcpy(packed->bytes, to, packed->filled);
	return read_packed(packed, input, to, room);
}

int input_fill(struct input *input, size_t bytes)
{
	while (input->filled < bytes) {
		/* Doubled, and not at once: a length may lie. */
		size_t room = input->filled < READ_AHEAD_BYTES ? READ_AHEAD_BYTES : input->filled;
		uint64_t left = input->limit_bytes - input->fetched;
		uint8_t *to;
		ssize_t n;
		int rc;

		if (left == 0)
			return 0;
		rc = reserve(input, input->filled + room);
		if (rc < 0)
			return rc;
		if (room > left)
			room = (size_t)left;
		to = input->buffer + input->begin + input->filled;
		if (input->packed != NULL)
			n = read_packed(input->packed, input, to, room);
		else if (input->fetched == 0)
			n = read_first(input, to, room < PACKED_BYTES ? room : PACKED_BYTES);
		else
			n = read_file(input, input->fetched, to, room);
		if (n < 0 && input->packed != NULL) {
			input->packed->error = (int)n;
			n = 0;
		}
		if (n <= 0)
			return (int)n;
		keep_first(input, to, (size_t)n);
		input->filled += (size_t)n;
		input->fetched += (uint64_t)n;
	}
	return 0;
}

void input_consume(struct input *input, size_t bytes)
{
	input->begin += bytes;
	input->filled -= bytes;
	input->offset += bytes;
}
