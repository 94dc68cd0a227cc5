/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads files in bounded memory, with pread: a file that is cut while it is mapped would be a
 * SIGBUS. Documents of JSON are input_json.c's; what the data fields hold is left to others.
 */
#include "cli/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/input_json.h"
#include "cli/input_read.h"
#include "cli/wire.h"
#include "writer/file/batch.h"

#define BLOCK_BYTES	 4096u
#define FRAME_HEAD_BYTES 4u
/* One that begins with a longer frame is not taken for frames. */
#define FIRST_FRAME_BYTES_MAX (64u << 20)

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
	if (input->packed != NULL)
		unpack_close(input->packed->unpack);
	free(input->packed);
	input_json_close(input->json);
	free(input->message);
	free(input->buffer);
	*input = (struct input){.fd = -1};
}

/* What was read may be old by now: read it again. */
static void forget(struct input *input, uint64_t offset)
{
	if (!input->seekable || input->packed != NULL)
		return;
	input->offset = offset;
	input->fetched = offset;
	input->begin = 0;
	input->filled = 0;
}

/* Go behind a field that nobody wants, however long it is. */
static int skip(struct input *input, uint64_t bytes)
{
	while (bytes > 0) {
		size_t n;
		int rc = input_fill(input, 1);

		if (rc < 0)
			return rc;
		if (input->filled == 0)
			return -ENODATA;
		n = input->filled < bytes ? input->filled : (size_t)bytes;
		input_consume(input, n);
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
	rc = input_fill(input, sizeof(head));
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
	rc = input_fill(input, (size_t)head.batch_bytes);
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

	rc = input_fill(input, WIRE_HEAD_BYTES_MAX);
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
	rc = input_fill(input, (size_t)bytes);
	if (rc < 0)
		return rc;
	*ret_bytes = (size_t)bytes;
	return input->filled < bytes ? -ENODATA : 1;
}

/* ---- protobuf: batches of ours, and fields of others ---- */

static int next_field(struct input *input, struct chunk *ret)
{
	size_t bytes = 0;
	int rc;

	do {
		rc = batch_here(input, &bytes);
		if (rc == 2)
			rc = field_here(input, &bytes);
	} while (rc == 2);
	if (rc <= 0)
		return rc;
	input->consumed = bytes;
	*ret = (struct chunk){.data = input->buffer + input->begin,
			      .bytes = bytes,
			      .offset = input->offset,
			      .signal = SIGNAL_NONE};
	if (input->is_ours)
		ret->signal = input->signal;
	return 1;
}

/* ---- frames ---- */

static uint32_t frame_length(const uint8_t *head)
{
	return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

/* The message may be packed by itself: so the Collector writes it where it compresses. */
static int unpack_frame(struct input *input, const uint8_t **message, size_t *bytes)
{
	int rc;

	if (packing_of(*message, *bytes) != PACKING_ZSTD || *bytes < UNPACK_MAGIC_BYTES)
		return 0;
	free(input->message);
	input->message = NULL;
	rc = unpack_all(PACKING_ZSTD, *message, *bytes, INPUT_CHUNK_BYTES_MAX, &input->message,
			bytes);
	if (rc < 0)
		return rc;
	*message = input->message;
	return 0;
}

/* 1: a message, 0: the end, 2: an empty one, or JSON without telemetry. */
static int frame_here(struct input *input, struct chunk *ret)
{
	const uint8_t *message;
	size_t bytes;
	int rc = input_fill(input, FRAME_HEAD_BYTES);

	if (rc < 0 || input->filled == 0)
		return rc;
	if (input->filled < FRAME_HEAD_BYTES)
		return -ENODATA;
	bytes = frame_length(input->buffer + input->begin);
	if (bytes > INPUT_CHUNK_BYTES_MAX)
		return -EFBIG;
	rc = input_fill(input, FRAME_HEAD_BYTES + bytes);
	if (rc < 0)
		return rc;
	if (input->filled < FRAME_HEAD_BYTES + bytes)
		return -ENODATA;
	message = input->buffer + input->begin + FRAME_HEAD_BYTES;
	input->consumed = FRAME_HEAD_BYTES + bytes;
	*ret = (struct chunk){.offset = input->offset + FRAME_HEAD_BYTES, .signal = SIGNAL_NONE};
	rc = unpack_frame(input, &message, &bytes);
	if (rc == 0 && (bytes == 0 || message[0] == '{')) {
		if (bytes > 0)
			rc = input_json_begin(input, message, bytes, ret->offset);
		if (rc == 0) {
			input_consume(input, input->consumed);
			rc = 2;
		}
		input->consumed = 0;
		return rc;
	}
	if (rc < 0) {
		input->consumed = 0;
		return rc;
	}
	ret->data = message;
	ret->bytes = bytes;
	return 1;
}

static int next_frame(struct input *input, struct chunk *ret)
{
	int rc;

	do {
		if (input_json_take(input, ret))
			return 1;
		rc = frame_here(input, ret);
	} while (rc == 2);
	return rc;
}

/* ---- what it is ---- */

/* Does a frame begin with these bytes? Its length, and then what a message begins with. */
static bool is_frame(const uint8_t *first, size_t bytes)
{
	return bytes > FRAME_HEAD_BYTES && frame_length(first) > 1 &&
	       frame_length(first) < FIRST_FRAME_BYTES_MAX &&
	       (first[4] == 0x0a || first[4] == '{' ||
		packing_of(first + 4, bytes - 4) == PACKING_ZSTD);
}

/* An object begins; before it there may be blanks, and the mark of UTF-8. */
static bool is_json(const uint8_t *first, size_t bytes)
{
	size_t at = bytes >= 3 && memcmp(first, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	/* Field 1 begins with a newline too; of 123 bytes also with a brace, but not with a quote.
	 */
	if (bytes > 0 && first[0] == '\n')
		return bytes >= 3 && first[1] == '{' && first[2] == '"';
	while (at < bytes && first[at] != '\0' && strchr(" \t\r\n", first[at]) != NULL)
		at++;
	return at < bytes && first[at] == '{';
}

#define FORM_BYTES 8u

static int find_form(struct input *input)
{
	const uint8_t *first;
	int rc = input_fill(input, FORM_BYTES);

	if (rc < 0 || input->filled == 0)
		return rc;
	first = input->buffer + input->begin;
	if (is_json(first, input->filled))
		input->form = INPUT_JSON;
	else if (is_frame(first, input->filled))
		input->form = INPUT_FRAMES;
	else
		input->form = INPUT_PROTOBUF;
	return 0;
}

int input_next(struct input *input, struct chunk *ret)
{
	uint64_t start;
	int rc = 0;

	input_consume(input, input->consumed);
	input->consumed = 0;
	start = input->offset;
	/* Fewer bytes may be read as anything: of a file that grows it is found out again. */
	if (input->form == INPUT_UNKNOWN || start == 0)
		rc = find_form(input);
	if (rc == 0 && input->form == INPUT_JSON)
		rc = input_json_next(input, ret);
	else if (rc == 0 && input->form == INPUT_FRAMES)
		rc = next_frame(input, ret);
	else if (rc == 0 && input->form == INPUT_PROTOBUF)
		rc = next_field(input, ret);
	if (rc <= 0 && input->packed != NULL && input->packed->error != 0)
		rc = input->packed->error;
	if (rc <= 0) {
		/* Skipped fields are skipped again: between them and here nothing was shown. */
		input_json_forget(input->json);
		forget(input, start);
	}
	return rc;
}

uint64_t input_packed_offset(const struct input *input)
{
	return input->packed != NULL ? input->packed->used : 0;
}

const struct format *input_guess(struct input *input)
{
	/* A pipe gives a little at a time; what cannot be read is not looked at. */
	if (input->first_bytes < sizeof(input->first))
		(void)input_fill(input, sizeof(input->first));
	return format_guess(input->first, input->first_bytes);
}
