/* SPDX-License-Identifier: Apache-2.0 */
/* Walks stored files for the commands that look into them; which bytes a file has is input.c's. */
#include "cli/each_resource.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cat_file.h"
#include "cli/input.h"
#include "cli/tool.h"
#include "writer/file/datadir.h"

/* All data fields of a chunk. 0, or -errno and where. */
static int walk_chunk(struct each_resource *each, const struct chunk *chunk,
		      enum otlp_signal signal, size_t *ret_offset)
{
	struct view_bytes rest = {chunk->data, chunk->bytes};
	struct view_bytes data;
	int rc;

	while ((rc = view_find(&rest, INPUT_FIELD_DATA, &data)) == 1) {
		rc = each->resource(each->context, signal, data);
		if (rc < 0)
			break;
	}
	*ret_offset = (size_t)(rest.data - chunk->data);
	return rc;
}

static bool is_about_bytes(int error)
{
	return error == -EBADMSG || error == -ELOOP || error == -EILSEQ;
}

static int walk_input(struct each_resource *each, const char *path, enum otlp_signal signal,
		      struct input *input)
{
	struct chunk chunk;
	size_t at = 0;
	int rc;

	while (each->error == 0 && (rc = input_next(input, &chunk)) == 1) {
		rc = cat_resolve(path, input, each->signal, &signal);
		if (rc != TOOL_OK)
			return rc;
		rc = walk_chunk(each, &chunk, signal, &at);
		if (rc < 0 && !is_about_bytes(rc)) {
			each->error = rc;
			return TOOL_OK;
		}
		if (rc < 0) {
			cat_error(path, input, chunk.offset + at, rc);
			return TOOL_FAILED;
		}
		input->has_shown = true;
	}
	if (each->error != 0)
		return TOOL_OK;
	if (input->is_open && (rc == 0 || rc == -ENODATA))
		return TOOL_OK;
	if (rc == 0)
		return cat_check_shown(path, input);
	cat_error(path, input, input->offset, rc);
	return TOOL_FAILED;
}

static int walk_file(struct each_resource *each, const char *path, const char *name, bool is_open,
		     enum otlp_signal signal, int fd)
{
	struct input input;
	int status;

	input_open(&input, fd, is_open, cat_limit_bytes(name, signal));
	status = walk_input(each, path, signal, &input);
	input_close(&input);
	return status;
}

static int walk_listed(struct each_resource *each, const struct data_dir *dir, const char *path,
		       struct data_name *file, enum otlp_signal signal)
{
	int fd = openat(dir->fd, file->name, O_RDONLY | O_CLOEXEC);
	char *shown;
	int status;

	if (fd < 0 && errno == ENOENT && file->kind == DATA_OPEN) {
		struct data_name sealed; /* since it was listed */

		data_name_as(file, DATA_SEALED, 0, &sealed);
		*file = sealed;
		fd = openat(dir->fd, file->name, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0 && errno == ENOENT) {
		tool_error("%s: %s: it was removed after it was listed (by the writer's "
			   "retention): what was in it is missing",
			   path, file->name);
		return TOOL_FAILED;
	}
	if (fd < 0)
		return tool_path_error(path, file->name, -errno);
	if (asprintf(&shown, "%s: %s", path, file->name) < 0) {
		close(fd);
		return tool_path_error(path, file->name, -ENOMEM);
	}
	status = walk_file(each, shown, file->name, file->kind == DATA_OPEN, signal, fd);
	free(shown);
	return status;
}

static int walk_dir(struct each_resource *each, const char *path, enum otlp_signal signal,
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
	if (rc < 0)
		status = tool_path_error(path, "its files cannot be listed", rc);
	for (size_t i = 0; i < count && each->error == 0; i++)
		if (walk_listed(each, &dir, path, &names[i], signal) != TOOL_OK)
			status = TOOL_FAILED;
	*files += count;
	free(names);
	if (dir.fd >= 0)
		close(dir.fd);
	return status;
}

int each_resource_of(struct each_resource *each, const char *path)
{
	const bool is_stdin = strcmp(path, "-") == 0;
	enum otlp_signal signal = each->signal;
	size_t length = strlen(path), files = 0;
	int status = TOOL_OK;
	struct stat st;
	int fd;

	if (!is_stdin && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++)
			if ((signal == SIGNAL_NONE || signal == s) &&
			    walk_dir(each, path, s, &files) != TOOL_OK)
				status = TOOL_FAILED;
		if (status != TOOL_OK || files > 0)
			return status;
		tool_error("%s: there is no batch file in it, nor below %s: is it the writer's "
			   "--output?",
			   path,
			   signal == SIGNAL_NONE ? "traces/, metrics/ and logs/"
						 : signal_name(signal));
		return TOOL_FAILED;
	}
	if (signal == SIGNAL_NONE)
		signal = cat_signal_of(path);
	fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tool_path_error(path, "it cannot be opened", -errno);
	return walk_file(each, path, path, length > 5 && strcmp(path + length - 5, ".open") == 0,
			 signal, fd);
}
