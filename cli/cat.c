/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe cat`: stored telemetry as OTLP JSON lines or length-prefixed frames.
 * Here: options, the files to read, and what is printed of a chunk. Waiting for
 * more is left to follow.c, the bounds of untrusted bytes to input.c and wire.c.
 */
#include "cli/cat.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/otlp_json.h"
#include "cli/tool.h"
#include "cli/wire.h"
#include "writer/file/batch.h"
#include "writer/file/datafile.h"
#include <opentelemetry/proto/metrics/v1/metrics.pb-c.h>
#include <opentelemetry/proto/trace/v1/trace.pb-c.h>

static const char help[] =
	"usage: otlpipe cat [OPTION…] FILE|DIR|-…\n"
	"\n"
	"Prints batch files and any other OTLP protobuf file, one object a line. A directory\n"
	"stands for its files in the order of their sequence; - is standard input.\n"
	"\n"
	"  -f, --follow           wait for more: of a file that is being written, of newer files\n"
	"                         of a directory; SIGINT and SIGTERM end it\n"
	"      --signal traces|metrics\n"
	"                         what a file holds, if neither it nor its name says so; of a\n"
	"                         directory, this signal alone\n"
	"      --format json|frames\n"
	"                         json: OTLP JSON lines below 1 MiB (the default); frames: length\n"
	"                         (4 bytes, big-endian) and an Export…ServiceRequest\n"
	"  -h, --help             print this\n";

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

/* ---- one chunk ---- */

static int emit_line(void *context, const char *line, size_t bytes)
{
	(void)context;
	return tool_write(line, bytes);
}

static const ProtobufCMessageDescriptor *type_of(enum signal signal)
{
	return signal == SIGNAL_TRACES
		       ? &opentelemetry__proto__trace__v1__resource_spans__descriptor
		       : &opentelemetry__proto__metrics__v1__resource_metrics__descriptor;
}

static int print_json(enum signal signal, const uint8_t *data, size_t bytes)
{
	ProtobufCMessage *message;
	int rc;

	rc = otlp_decode(type_of(signal), data, bytes, &message);
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

	rc = wire_check(type_of(signal), field + head_bytes, bytes - head_bytes);
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

/* ---- files and directories, once ---- */

/* Returns an enum tool_exit. */
static int print_input(const struct cat_options *options, const char *path, enum signal signal,
		       struct input *input)
{
	struct chunk chunk;
	size_t at = 0;
	int rc;

	while ((rc = input_next(input, &chunk)) == 1) {
		rc = cat_resolve(path, input, options->signal, &signal);
		if (rc != TOOL_OK)
			return rc;
		rc = cat_chunk(&chunk, signal, options->format, &at);
		if (rc < 0) {
			if (tool_flush() == 0)
				cat_error(path, chunk.offset + at, rc);
			return TOOL_FAILED;
		}
	}
	/* The last batch of a file that is being written may not be whole yet. */
	if (rc == 0 || (rc == -ENODATA && input->is_open))
		return TOOL_OK;
	cat_error(path, input->offset, rc);
	return TOOL_FAILED;
}

static int print_file(const struct cat_options *options, const char *path, const char *name,
		      enum signal signal, int fd)
{
	struct input input;
	size_t length = strlen(name);
	bool is_open = length > 5 && strcmp(name + length - 5, ".open") == 0;
	int status;

	input_open(&input, fd, is_open, cat_limit_bytes(name, signal));
	status = print_input(options, path, signal, &input);
	input_close(&input);
	return status;
}

static int print_listed(const struct cat_options *options, const struct data_dir *dir,
			const char *path, struct data_name *file, enum signal signal)
{
	int fd = openat(dir->fd, file->name, O_RDONLY | O_CLOEXEC);
	char *shown;
	int status;

	if (fd < 0 && errno == ENOENT && file->kind == DATA_OPEN) {
		/* Sealed since it was listed. */
		struct data_name sealed;

		data_name_as(file, DATA_SEALED, 0, &sealed);
		*file = sealed;
		fd = openat(dir->fd, file->name, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0 && errno == ENOENT)
		return TOOL_OK; /* retention was here */
	if (fd < 0 || asprintf(&shown, "%s: %s", path, file->name) < 0) {
		tool_error("%s: %s: %s", path, file->name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return TOOL_FAILED;
	}
	status = print_file(options, shown, file->name, signal, fd);
	free(shown);
	return status;
}

static int print_dir(const struct cat_options *options, const char *path, enum signal signal,
		     size_t *files)
{
	struct data_dir dir = {.fd = cat_dir_open(path, signal)};
	struct data_name *names = NULL;
	size_t count = 0;
	int status = TOOL_OK;
	int rc = dir.fd;

	snprintf(dir.signal, sizeof(dir.signal), "%s", signal_name(signal));
	if (rc >= 0)
		rc = data_dir_list(&dir, DATA_ALL_KINDS, &names, &count);
	if (rc < 0) {
		tool_error("%s: %s", path, strerror(-rc));
		status = TOOL_FAILED;
	}
	for (size_t i = 0; i < count && tool_flush() == 0; i++) {
		if (print_listed(options, &dir, path, &names[i], signal) != TOOL_OK)
			status = TOOL_FAILED;
	}
	*files += count;
	free(names);
	if (dir.fd >= 0)
		close(dir.fd);
	return status;
}

static int print_path(const struct cat_options *options, const char *path)
{
	enum signal signal = options->signal;
	struct stat st;
	int status = TOOL_OK;
	size_t files = 0;
	int fd;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		for (enum signal s = 0; s < SIGNAL_COUNT; s++) {
			if ((signal == SIGNAL_NONE || signal == s) &&
			    print_dir(options, path, s, &files) != TOOL_OK)
				status = TOOL_FAILED;
		}
		if (status == TOOL_OK && files == 0) {
			tool_error("%s: no batch files", path);
			return TOOL_FAILED;
		}
		return status;
	}
	if (signal == SIGNAL_NONE)
		signal = cat_signal_of(path);
	fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		tool_error("%s: %s", path, strerror(errno));
		return TOOL_FAILED;
	}
	return print_file(options, path, path, signal, fd);
}

/* ---- options ---- */

static int choose(const char *option, const char *value, const char *const names[2], int *ret)
{
	for (int i = 0; i < 2; i++) {
		if (strcmp(value, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return tool_usage("cat: --%s takes %s or %s, not '%s'", option, names[0], names[1], value);
}

/* 0: go on; else the exit status + 1. */
static int parse(int argc, char **argv, struct cat_options *ret)
{
	static const struct option longs[] = {
		{"follow", no_argument, NULL, 'f'},
		{"signal", required_argument, NULL, 's'},
		{"format", required_argument, NULL, 'F'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static const char *const formats[] = {"json", "frames"};
	int choice = 0;
	int c;

	while ((c = getopt_long(argc, argv, "fh", longs, NULL)) != -1) {
		switch (c) {
		case 'f':
			ret->follow = true;
			break;
		case 's':
			ret->signal = signal_by_name(optarg);
			if (ret->signal == SIGNAL_NONE)
				return tool_usage("cat: --signal takes traces or metrics, not '%s'",
						  optarg) +
				       1;
			break;
		case 'F':
			if (choose("format", optarg, formats, &choice) != 0)
				return TOOL_USAGE + 1;
			ret->format = choice == 0 ? CAT_JSON : CAT_FRAMES;
			break;
		case 'h':
			tool_write(help, sizeof(help) - 1);
			return tool_finish(TOOL_OK) + 1;
		default:
			return TOOL_USAGE + 1;
		}
	}
	if (optind == argc)
		return tool_usage("cat: no file given (see otlpipe cat --help)") + 1;
	return 0;
}

int cat_main(int argc, char **argv)
{
	struct cat_options options = {.signal = SIGNAL_NONE};
	int status = TOOL_OK;
	int rc;

	rc = parse(argc, argv, &options);
	if (rc != 0)
		return rc - 1;
	if (options.follow)
		return tool_finish(cat_follow(&options, argv + optind, (size_t)(argc - optind)));
	for (int i = optind; i < argc && tool_flush() == 0; i++) {
		rc = print_path(&options, argv[i]);
		if (rc > status)
			status = rc;
	}
	/* A reader that left made what came after it fail. */
	return tool_finish(tool_flush() == -EPIPE ? TOOL_OK : status);
}
