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
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/otlp_json.h"
#include "cli/otlp_pick.h"
#include "cli/otlp_row.h"
#include "cli/otlp_text.h"
#include "cli/tool.h"
#include "cli/wire.h"

static const char *last(const char *text, const char *word)
{
	const char *found = NULL;

	for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
		found = p;
	return found;
}

/* The name of a file and that of its directory: what is further up says little of it. */
static const char *last_names(const char *path)
{
	const char *at = path + strlen(path);
	unsigned slashes = 0;

	while (at > path && (slashes += at[-1] == '/') < 2)
		at--;
	return at;
}

enum otlp_signal cat_signal_of(const char *path)
{
	enum otlp_signal signal, nearest = SIGNAL_NONE;
	const char *nearest_at = NULL;

	path = last_names(path);
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

uint64_t cat_limit_bytes(const char *path, enum otlp_signal signal)
{
	const char *slash = strrchr(path, '/');
	struct data_name name;

	if (signal != SIGNAL_NONE &&
	    data_name_parse(signal_name(signal), slash ? slash + 1 : path, &name) == 0 &&
	    name.kind == DATA_BAD)
		return name.trusted_bytes;
	return UINT64_MAX;
}

int cat_dir_open(const char *path, enum otlp_signal signal)
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

static void say_format(const char *path, const struct format *format)
{
	tool_error("%s: this looks like %s, and not like OTLP protobuf: %s", path, format->what,
		   format->advice);
}

/* "path: offset 12", of what is packed in it where it is. */
#define PLACE_BYTES 4096

static const char *place_of(char *place, const char *path, const struct input *input,
			    uint64_t offset)
{
	snprintf(place, PLACE_BYTES, "%s: offset %" PRIu64 "%s%s", path, offset,
		 input->packing != PACKING_NONE ? " of what is in the " : "",
		 input->packing != PACKING_NONE ? packing_name(input->packing) : "");
	return place;
}

static void say_damage(const char *path, const struct input *input, uint64_t offset, int error)
{
	char place[PLACE_BYTES];

	place_of(place, path, input, offset);
	switch (error) {
	case -ENODATA:
		tool_error("%s: the file ends in the middle of what begins "
			   "here: it was cut short, or somebody still writes it (then --follow)",
			   place);
		break;
	case -EUCLEAN:
		tool_error("%s: the batch does not match its checksum: it was "
			   "damaged, and nothing from here on is printed (otlpipe verify tells "
			   "what is missing)",
			   place);
		break;
	case -EBADMSG:
		tool_error("%s: this is not %s", place,
			   input->form == INPUT_JSON ? "OTLP JSON" : "OTLP protobuf");
		break;
	case -ELOOP:
		tool_error("%s: messages are nested more than %u deep, which "
			   "no OTLP is",
			   place, WIRE_DEPTH_MAX);
		break;
	case -EILSEQ:
		tool_error("%s: a text is not UTF-8, so it has no JSON "
			   "(--format frames prints it as it is)",
			   place);
		break;
	case -EPROTO:
		tool_error("%s: %s is damaged behind byte %" PRIu64
			   " of the file, and nothing from here on is printed",
			   place, packing_name(input->packing), input_packed_offset(input));
		break;
	case -EFBIG:
		tool_error("%s: a message has more than %zu MiB", place,
			   (input->form == INPUT_JSON ? INPUT_JSON_BYTES_MAX
						      : INPUT_CHUNK_BYTES_MAX) >>
				   20);
		break;
	case -ENOMEM:
		tool_error("%s: no memory for this message, or it takes more "
			   "than %zu MiB when decoded",
			   place, OTLP_DECODED_BYTES_MAX >> 20);
		break;
	default:
		tool_error("%s: it cannot be read: %s", place, strerror(-error));
		break;
	}
}

/* Has nothing of it been OTLP so far, and is the error about its bytes? */
static bool may_be_another_format(const struct input *input, int error)
{
	return !input->is_ours && !input->has_shown && input->form == INPUT_PROTOBUF &&
	       (error == -EBADMSG || error == -ENODATA || error == -ELOOP || error == -EILSEQ ||
		error == -EFBIG || error == -ENOMEM);
}

void cat_error(const char *path, struct input *input, uint64_t offset, int error)
{
	const struct format *format = NULL;

	if (may_be_another_format(input, error))
		format = input_guess(input);
	if (format != NULL)
		say_format(path, format);
	else if (error == -EBADMSG && input->fits != SIGNAL_NONE)
		tool_error("%s: offset %" PRIu64 ": this does not hold what --signal or its name "
			   "says; it can be read as %s: give --signal %s",
			   path, offset, signal_name(input->fits), signal_name(input->fits));
	else if (error == -EBADMSG && input->is_ours)
		tool_error("%s: offset %" PRIu64
			   ": no batch begins here: the file was damaged, and "
			   "nothing from here on is printed (otlpipe verify tells what is missing)",
			   path, offset);
	else
		say_damage(path, input, offset, error);
}

int cat_check_shown(const char *path, struct input *input)
{
	const struct format *format;

	if (input->is_ours || input->has_shown)
		return TOOL_OK;
	format = input_guess(input);
	if (input->first_bytes == 0)
		tool_error("%s: it is empty: there is nothing to print", path);
	else if (format != NULL)
		say_format(path, format);
	else
		tool_error("%s: there is no telemetry in it: no field of it is one of OTLP's",
			   path);
	return TOOL_FAILED;
}

int cat_resolve(const char *path, struct input *input, const struct chunk *chunk,
		enum otlp_signal wanted, enum otlp_signal *signal)
{
	const struct format *format;

	if (chunk->signal != SIGNAL_NONE) {
		*signal = chunk->signal;
		if (wanted == SIGNAL_NONE || wanted == *signal)
			return TOOL_OK;
		if (chunk->is_made) {
			input->has_shown = true;
			return CAT_SKIP;
		}
		tool_error("%s: it holds %s, and --signal asks for %s", path, signal_name(*signal),
			   signal_name(wanted));
		return TOOL_FAILED;
	}
	if (*signal != SIGNAL_NONE)
		return TOOL_OK;
	format = input->form == INPUT_PROTOBUF ? input_guess(input) : NULL;
	if (format == NULL)
		return tool_usage("%s: neither the file nor its name says what it holds: give "
				  "--signal traces, --signal metrics or --signal logs",
				  path);
	say_format(path, format);
	return TOOL_FAILED;
}

static int emit_line(void *context, const char *line, size_t bytes)
{
	(void)context;
	return tool_write(line, bytes);
}

static int print_text(enum otlp_signal signal, const uint8_t *data, size_t bytes)
{
	ProtobufCMessage *message;
	int rc;

	rc = otlp_decode(otlp_rows[signal].type, data, bytes, &message);
	if (rc < 0)
		return rc;
	rc = otlp_text_lines(message, tool_output_is_coloured(), emit_line, NULL);
	otlp_free(message);
	return rc;
}

static int print_json(enum otlp_signal signal, const uint8_t *data, size_t bytes)
{
	ProtobufCMessage *message;
	int rc;

	rc = otlp_decode(otlp_rows[signal].type, data, bytes, &message);
	if (rc < 0)
		return rc;
	rc = otlp_json_lines(message, OTLP_JSON_LINE_BYTES_MAX, emit_line, NULL);
	otlp_free(message);
	return rc;
}

static int print_frame(const uint8_t *message, size_t bytes)
{
	const uint8_t length[4] = {(uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16),
				   (uint8_t)(bytes >> 8), (uint8_t)bytes};
	int rc = tool_write(length, sizeof(length));

	return rc < 0 ? rc : tool_write(message, bytes);
}

/* One frame of several that a message is cut into. */
struct cut {
	uint64_t bytes_max;
	uint64_t done;	/* records in the frames before */
	uint64_t at;	/* in this walk */
	uint64_t count; /* in this frame */
	bool is_full;
};

/* What the message has beside the records: its own field, and the lengths of those around one. */
#define CUT_SPARE_BYTES 64u

static int fits_frame(void *context, const struct pick_record *record)
{
	struct cut *cut = context;

	if (cut->at++ < cut->done || cut->is_full)
		return 0;
	/* One that is too large by itself goes alone. */
	if (cut->count > 0 &&
	    record->made_bytes + record->bytes.len + CUT_SPARE_BYTES > cut->bytes_max) {
		cut->is_full = true;
		return 0;
	}
	cut->count++;
	return 1;
}

/* More than a frame may have: as several, each a whole message with its resource and scope. */
static int print_cut(enum otlp_signal signal, struct view_bytes data, uint64_t bytes_max)
{
	struct cut cut = {.bytes_max = bytes_max};
	struct wire_out out = {0};
	uint64_t count;
	int rc;

	do {
		cut.at = cut.count = 0;
		cut.is_full = false;
		out.count = 0;
		rc = wire_put_tag(&out, INPUT_FIELD_DATA, WIRE_BYTES);
		if (rc == 0)
			rc = otlp_pick(signal, data, fits_frame, &cut, &out, &count);
		if (rc == 0 && count > 0)
			rc = wire_close(&out, 1);
		if (rc == 0 && count > 0)
			rc = print_frame(out.data, out.count);
		cut.done += cut.count;
	} while (rc == 0 && cut.is_full);
	wire_out_free(&out);
	return rc;
}

/* The field with its head is the request: one repeated field with one element. */
static int print_frames(const struct cat_options *options, const struct read_item *item)
{
	const struct view_bytes data = {item->data, item->bytes};
	int rc = wire_check(otlp_rows[item->signal].type, item->data, item->bytes);

	if (rc < 0)
		return rc;
	if (item->field_bytes <= options->frame_bytes)
		return print_frame(item->field, item->field_bytes);
	return print_cut(item->signal, data, options->frame_bytes);
}

/* A run of such fields is one message, of one signal. */
static int print_protobuf(struct cat_options *options, const struct read_item *item)
{
	int rc = wire_check(otlp_rows[item->signal].type, item->data, item->bytes);

	if (rc < 0)
		return rc;
	if (options->printed != SIGNAL_NONE && options->printed != item->signal) {
		options->status = tool_usage("%s: it holds %s, and the output has %s already: one "
					     "message of OTLP has one signal: give --signal",
					     item->path, signal_name(item->signal),
					     signal_name(options->printed));
		return READ_STOP;
	}
	options->printed = item->signal;
	return tool_write(item->field, item->field_bytes);
}

enum otlp_signal cat_fitting_signal(const uint8_t *data, size_t bytes, enum otlp_signal not_this)
{
	for (enum otlp_signal signal = 0; signal < SIGNAL_COUNT; signal++) {
		ProtobufCMessage *message;

		if (signal == not_this ||
		    otlp_decode(otlp_rows[signal].type, data, bytes, &message) < 0)
			continue;
		otlp_free(message);
		return signal;
	}
	return SIGNAL_NONE;
}

static int print_item(struct cat_options *options, const struct read_item *item)
{
	switch (options->format) {
	case CAT_FRAMES:
		return print_frames(options, item);
	case CAT_PROTOBUF:
		return print_protobuf(options, item);
	case CAT_TEXT:
		return print_text(item->signal, item->data, item->bytes);
	default:
		return print_json(item->signal, item->data, item->bytes);
	}
}

int cat_item(void *context, const struct read_item *item)
{
	struct cat_options *options = context;
	struct read_item wanted;
	int rc = filter_apply(&options->filter, item, &wanted);

	if (rc == 1)
		rc = print_item(options, &wanted);
	return rc == 0 && filter_is_over(&options->filter) ? READ_STOP : rc;
}
