/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and directories, read once. What is in a file is input.c's to find; follow.c waits for
 * more.
 */
#include "cli/read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cat_file.h"
#include "cli/tool.h"
#include "cli/wire.h"
#include "shm/runtime.h"
#include "writer/file/datadir.h"

struct read {
	const struct read_options *options;
	read_item_fn call;
	void *context;
	bool is_over; /* the caller has enough, or nobody reads what it prints */
};

int read_chunk(struct input *input, const struct chunk *chunk, const char *path,
	       enum otlp_signal signal, read_item_fn call, void *context, size_t *ret_offset)
{
	size_t at = 0;

	while (at < chunk->bytes) {
		struct read_item item = {.signal = signal,
					 .field = chunk->data + at,
					 .path = path,
					 .offset = chunk->offset + (chunk->is_made ? 0 : at)};
		struct wire_field field;
		int rc;

		rc = wire_field(item.field, chunk->bytes - at, &field);
		item.field_bytes = field.head_bytes + (size_t)field.payload_bytes;
		if (rc == 0 && field.number == INPUT_FIELD_DATA && field.type == WIRE_BYTES) {
			item.data = item.field + field.head_bytes;
			item.bytes = (size_t)field.payload_bytes;
			rc = call(context, &item);
			if (rc == -EBADMSG && !input->is_ours && !chunk->is_made)
				input->fits = cat_fitting_signal(item.data, item.bytes, signal);
		}
		if (rc != 0) {
			*ret_offset = chunk->is_made ? 0 : at;
			return rc;
		}
		at += item.field_bytes;
	}
	input->has_shown = true;
	return 0;
}

/* Is it about the bytes of one file, and no reason to end? */
static bool is_damage(int rc)
{
	return rc == -EBADMSG || rc == -ELOOP || rc == -EILSEQ || rc == -ENOMEM;
}

/* Returns an enum tool_exit. */
static int read_input(struct read *read, const char *path, enum otlp_signal signal,
		      struct input *input)
{
	struct chunk chunk;
	size_t at = 0;
	int rc;

	while ((rc = input_next(input, &chunk)) == 1) {
		rc = cat_resolve(path, input, &chunk, read->options->signal, &signal);
		if (rc == CAT_SKIP)
			continue;
		if (rc != TOOL_OK)
			return rc;
		rc = read_chunk(input, &chunk, path, signal, read->call, read->context, &at);
		if (rc == 0)
			continue;
		read->is_over = !is_damage(rc) || tool_flush() < 0;
		if (rc != READ_STOP && !read->is_over)
			cat_error(path, input, chunk.offset + at, rc);
		return rc == READ_STOP ? TOOL_OK : TOOL_FAILED;
	}
	/* The last batch of a file that is being written may not be whole yet, or the first. */
	if (input->is_open && (rc == 0 || rc == -ENODATA))
		return TOOL_OK;
	if (rc == 0)
		return cat_check_shown(path, input);
	cat_error(path, input, input->offset, rc);
	return TOOL_FAILED;
}

static int read_file(struct read *read, const char *path, const char *name, enum otlp_signal signal,
		     int fd)
{
	struct input input;
	size_t length = strlen(name);
	bool is_open = length > 5 && strcmp(name + length - 5, ".open") == 0;
	int status;

	input_open(&input, fd, is_open, cat_limit_bytes(name, signal));
	status = read_input(read, path, signal, &input);
	input_close(&input);
	return status;
}

static int read_listed(struct read *read, const struct data_dir *dir, const char *path,
		       struct data_name *file, enum otlp_signal signal)
{
	/* As it was listed: where it is gone, each of its other names was tried. */
	const struct data_name listed = *file;
	int fd = data_dir_open_file(dir->fd, file);
	char *shown;
	int status;

	if (fd == -ENOENT) {
		tool_error("%s: %s: it was removed after it was listed, before it could be read "
			   "(by the writer's retention): what was in it is missing",
			   path, listed.name);
		return TOOL_FAILED;
	}
	if (fd < 0 || asprintf(&shown, "%s: %s", path, file->name) < 0) {
		int rc = fd < 0 ? fd : -ENOMEM;

		if (fd >= 0)
			close(fd);
		return tool_path_error(path, file->name, rc);
	}
	status = read_file(read, shown, file->name, signal, fd);
	free(shown);
	return status;
}

static int read_dir(struct read *read, const char *path, enum otlp_signal signal, size_t *files)
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
		status = tool_path_error(path, "its files cannot be listed", rc);
	}
	for (size_t i = 0; i < count && !read->is_over; i++) {
		if (read_listed(read, &dir, path, &names[i], signal) != TOOL_OK)
			status = TOOL_FAILED;
	}
	*files += count;
	free(names);
	if (dir.fd >= 0)
		close(dir.fd);
	return status;
}

/* The runtime directory is given now and then. */
static void say_no_files(const char *path)
{
	char lock[PATH_MAX];

	if (snprintf(lock, sizeof(lock), "%s/%s", path, RUNTIME_WRITER_LOCK) < (int)sizeof(lock) &&
	    access(lock, F_OK) == 0)
		tool_error("%s: this is a runtime directory: the files are where the writer's "
			   "--output is (otlpipe stat tells it)",
			   path);
	else
		tool_error("%s: there is no batch file in it, nor below traces/, metrics/ and "
			   "logs/: is it "
			   "the writer's --output?",
			   path);
}

static int read_path(struct read *read, const char *path)
{
	enum otlp_signal signal = read->options->signal;
	struct stat st;
	int status = TOOL_OK;
	size_t files = 0;
	int fd;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		for (enum otlp_signal s = 0; s < SIGNAL_COUNT && !read->is_over; s++) {
			if ((signal == SIGNAL_NONE || signal == s) &&
			    read_dir(read, path, s, &files) != TOOL_OK)
				status = TOOL_FAILED;
		}
		if (status == TOOL_OK && files == 0 && !read->is_over) {
			say_no_files(path);
			return TOOL_FAILED;
		}
		return status;
	}
	if (signal == SIGNAL_NONE)
		signal = cat_signal_of(path);
	fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return tool_path_error(path, "it cannot be opened", -errno);
	}
	return read_file(read, path, path, signal, fd);
}

int read_paths(char **paths, size_t count, const struct read_options *options, read_item_fn call,
	       void *context)
{
	struct read read = {.options = options, .call = call, .context = context};
	int status = TOOL_OK;

	for (size_t i = 0; i < count && !read.is_over; i++) {
		const int rc = read_path(&read, paths[i]);

		status = rc > status ? rc : status;
	}
	return status;
}
