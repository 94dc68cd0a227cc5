/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stored file on its way to the output: which signal it holds, how far it may be
 * read, and what is printed of a chunk of it. Which files are read, and when, is for
 * cat.c and follow.c to know; the bounds of untrusted bytes are input.c's and wire.c's.
 */
#include "cli/cat_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/otlp_json.h"
#include "cli/otlp_signal.h"
#include "cli/tool.h"
#include "cli/wire.h"

static const char *last(const char *text, const char *word)
{
	const char *found = NULL;

	for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
		found = p;
	return found;
}

enum signal cat_signal_of(const char *path)
{
	enum signal signal, nearest = SIGNAL_NONE;
	const char *nearest_at = NULL;

	/* The one nearest to the end, where a file's own name is. */
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const char *at = last(path, signal_name(signal));

		if (at != NULL && (nearest_at == NULL || at > nearest_at)) {
			nearest = signal;
			nearest_at = at;
		}
	}
	return nearest;
}

uint64_t cat_limit_bytes(const char *path, enum signal signal)
{
	const char *slash = strrchr(path, '/');
	struct data_name name;

	if (signal != SIGNAL_NONE &&
	    data_name_parse(signal_name(signal), slash ? slash + 1 : path, &name) == 0 &&
	    name.kind == DATA_BAD)
		return name.trusted_bytes;
	return UINT64_MAX;
}

int cat_dir_open(const char *path, enum signal signal)
{
	int parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (parent < 0)
		return -errno;
	fd = openat(parent, signal_name(signal), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return parent;
	close(parent);
	return fd;
}

void cat_error(const char *path, uint64_t offset, int error)
{
	const char *text;

	switch (error) {
	case -ENODATA:
		text = "the data is cut short";
		break;
	case -EUCLEAN:
		text = "a batch's checksum is wrong";
		break;
	case -EBADMSG:
		text = "this is not OTLP protobuf";
		break;
	case -ELOOP:
		text = "messages are nested too deep";
		break;
	case -EILSEQ:
		text = "a text is not UTF-8";
		break;
	case -EFBIG:
		text = "a message is too large";
		break;
	default:
		text = strerror(-error);
		break;
	}
	tool_error("%s: offset %" PRIu64 ": %s", path, offset, text);
}

int cat_resolve(const char *path, const struct input *input, enum signal wanted,
		enum signal *signal)
{
	if (input->is_ours) {
		*signal = input->signal;
		if (wanted == SIGNAL_NONE || wanted == *signal)
			return TOOL_OK;
		tool_error("%s: it holds %s", path, signal_name(*signal));
		return TOOL_FAILED;
	}
	if (*signal != SIGNAL_NONE)
		return TOOL_OK;
	return tool_usage("%s: traces or metrics? say so with --signal", path);
}

static int emit_line(void *context, const char *line, size_t bytes)
{
	(void)context;
	return tool_write(line, bytes);
}

static int print_json(enum signal signal, const uint8_t *data, size_t bytes)
{
	ProtobufCMessage *message;
	int rc;

	rc = otlp_decode(otlp_signals[signal].type, data, bytes, &message);
	if (rc < 0)
		return rc;
	rc = otlp_json_lines(message, OTLP_JSON_LINE_BYTES_MAX, emit_line, NULL);
	otlp_free(message);
	return rc;
}

/* The field with its head is the request: one repeated field with one element. */
static int print_frame(enum signal signal, const uint8_t *field, size_t head_bytes, size_t bytes)
{
	const uint8_t length[4] = {(uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16),
				   (uint8_t)(bytes >> 8), (uint8_t)bytes};
	int rc;

	rc = wire_check(otlp_signals[signal].type, field + head_bytes, bytes - head_bytes);
	if (rc < 0)
		return rc;
	rc = tool_write(length, sizeof(length));
	return rc < 0 ? rc : tool_write(field, bytes);
}

int cat_chunk(const struct chunk *chunk, enum signal signal, enum cat_format format,
	      size_t *ret_offset)
{
	size_t at = 0;

	while (at < chunk->bytes) {
		const uint8_t *data = chunk->data + at;
		struct wire_field field;
		size_t bytes;
		int rc;

		rc = wire_field(data, chunk->bytes - at, &field);
		bytes = field.head_bytes + (size_t)field.payload_bytes;
		if (rc == 0 && field.number == INPUT_FIELD_DATA && field.type == WIRE_BYTES) {
			if (format == CAT_FRAMES)
				rc = print_frame(signal, data, field.head_bytes, bytes);
			else
				rc = print_json(signal, data + field.head_bytes,
						(size_t)field.payload_bytes);
		}
		if (rc < 0) {
			*ret_offset = at;
			return rc;
		}
		at += bytes;
	}
	return 0;
}
