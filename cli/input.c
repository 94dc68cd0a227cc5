/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads OTLP files in bounded memory, with pread: a file that is cut while it
 * is mapped would be a SIGBUS. What the data fields hold is left to others.
 */
#include "cli/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/wire.h"
#include "writer/file/batch.h"

#define BLOCK_BYTES	 4096u
#define READ_AHEAD_BYTES ((size_t)256 << 10)

void input_open(struct input *input, int fd, bool is_open, uint64_t limit_bytes)
{
	*input = (struct input){
		.fd = fd,
		.is_open = is_open,
		.seekable = lseek(fd, 0, SEEK_CUR) >= 0,
		.limit_bytes = limit_bytes,
		.fits = SIGNAL_NONE,
	};
}

void input_close(struct input *input)
{
	if (input->fd >= 0)
		close(input->fd);
	free(input->buffer);
	*input = (struct input){.fd = -1};
}

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

/* Have that many bytes in the buffer, or all that the file has. */
static int fill(struct input *input, size_t bytes)
{
	while (input->filled < bytes) {
		/* Doubled, and not at once: a length may lie. */
		size_t room = input->filled < READ_AHEAD_BYTES ? READ_AHEAD_BYTES : input->filled;
		uint64_t left = input->limit_bytes - input->fetched;
		ssize_t n;
		int rc;

		if (left == 0)
			return 0;
		rc = reserve(input, input->filled + room);
		if (rc < 0)
			return rc;
		if (room > left)
			room = (size_t)left;
		if (input->may_read != NULL && !input->may_read(input->fd))
			return -ECANCELED;
		if (input->seekable)
			n = pread(input->fd, input->buffer + input->begin + input->filled, room,
				  (off_t)input->fetched);
		else
			n = read(input->fd, input->buffer + input->begin + input->filled, room);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
		if (n > 0) {
			keep_first(input, input->buffer + input->begin + input->filled, (size_t)n);
			input->filled += (size_t)n;
			input->fetched += (uint64_t)n;
		}
	}
	return 0;
}

/* What was read may be old by now: read it again. */
static void forget(struct input *input, uint64_t offset)
{
	if (!input->seekable)
		return;
	input->offset = offset;
	input->fetched = offset;
	input->begin = 0;
	input->filled = 0;
}

static void consume(struct input *input, size_t bytes)
{
	input->begin += bytes;
	input->filled -= bytes;
	input->offset += bytes;
}

/* Go behind a field that nobody wants, however long it is. */
static int skip(struct input *input, uint64_t bytes)
{
	while (bytes > 0) {
		size_t n;
		int rc = fill(input, 1);

		if (rc < 0)
			return rc;
		if (input->filled == 0)
			return -ENODATA;
		n = input->filled < bytes ? input->filled : (size_t)bytes;
		consume(input, n);
		bytes -= n;
	}
	return 0;
}

/* Have the batch that may begin here whole in the buffer. 1: it is; 0: the end; 2: no batch. */
static int batch_here(struct input *input, size_t *ret_bytes)
{
	struct batch_head head;
	int rc;

	if (input->offset % BATCH_BLOCK_BYTES != 0)
		return 2;
	rc = fill(input, sizeof(head));
	if (rc < 0)
		return rc;
	rc = batch_parse_head(input->buffer + input->begin, input->filled, &head);
	/* Preallocated and not written yet, or left so by a crash. */
	if (rc == -ENODATA && (input->is_open || input->is_ours))
		return 0;
	if (rc < 0) {
		if (input->filled == 0 || !input->is_ours)
			return 2;
		return input->is_open ? -ENODATA : -EBADMSG;
	}
	input->is_ours = true;
	input->signal = head.signal;
	rc = fill(input, (size_t)head.batch_bytes);
	if (rc < 0)
		return rc;
	if (input->filled < head.batch_bytes)
		return -ENODATA;
	if (!batch_verify(input->buffer + input->begin, &head))
		return input->is_open ? -ENODATA : -EUCLEAN;
	*ret_bytes = (size_t)head.batch_bytes;
	return 1;
}

/* Have the field that begins here whole in the buffer, if it is data; else go behind it. 1: data,
 * 2: it was none, 0: the end. */
static int field_here(struct input *input, size_t *ret_bytes)
{
	struct wire_field field;
	uint64_t bytes;
	int rc;

	rc = fill(input, WIRE_HEAD_BYTES_MAX);
	if (rc < 0)
		return rc;
	if (input->filled == 0)
		return 0;
	rc = wire_head(input->buffer + input->begin, input->filled, &field);
	if (rc < 0)
		return rc;
	if (__builtin_add_overflow(field.payload_bytes, field.head_bytes, &bytes))
		return -ENODATA;
	if (field.number != INPUT_FIELD_DATA || field.type != WIRE_BYTES) {
		rc = skip(input, bytes);
		return rc < 0 ? rc : 2;
	}
	if (bytes > INPUT_CHUNK_BYTES_MAX)
		return -EFBIG;
	rc = fill(input, (size_t)bytes);
	if (rc < 0)
		return rc;
	*ret_bytes = (size_t)bytes;
	return input->filled < bytes ? -ENODATA : 1;
}

int input_next(struct input *input, struct chunk *ret)
{
	uint64_t start;
	size_t bytes = 0;
	int rc;

	consume(input, input->consumed);
	input->consumed = 0;
	start = input->offset;
	do {
		rc = batch_here(input, &bytes);
		if (rc == 2)
			rc = field_here(input, &bytes);
	} while (rc == 2);
	if (rc <= 0) {
		/* Skipped fields are skipped again: between them and here nothing was shown. */
		forget(input, start);
		return rc;
	}
	input->consumed = bytes;
	*ret = (struct chunk){input->buffer + input->begin, bytes, input->offset};
	return 1;
}

const struct format *input_guess(struct input *input)
{
	/* A pipe gives a little at a time; what cannot be read is not looked at. */
	if (input->first_bytes < sizeof(input->first))
		(void)fill(input, sizeof(input->first));
	return format_guess(input->first, input->first_bytes);
}
