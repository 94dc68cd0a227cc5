/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe cat --follow`: batches as they become whole, in files that grow, are
 * sealed (renamed) and followed by others. It polls: a rename, a new file and a
 * growing one are all seen the same way, on any file system.
 */
#include "cli/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/tool.h"
#include "writer/file/datafile.h"

#define POLL_NS 200000000L

/* A file, or one signal's directory of which one file after the other is current. */
struct stream {
	const char *path;
	enum otlp_signal signal;
	struct data_dir dir; /* fd: AT_FDCWD for a file alone */
	bool is_dir;
	bool is_done;
	bool is_sealed; /* the current file will not grow any more */
	bool has_current;
	uint64_t next_sequence; /* of a directory, behind the current file */
	char *name;		/* the current file's, in dir */
	struct stat id;
	struct input input;
};

static void current_close(struct stream *stream)
{
	if (stream->has_current)
		input_close(&stream->input);
	stream->has_current = false;
	free(stream->name);
	stream->name = NULL;
}

static bool ends_with_open(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && strcmp(name + length - 5, ".open") == 0;
}

/* 0, or -errno. */
static int current_open(struct stream *stream, const char *name)
{
	int fd = openat(stream->dir.fd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	stream->name = strdup(name);
	if (!stream->name || fstat(fd, &stream->id) < 0) {
		close(fd);
		free(stream->name);
		stream->name = NULL;
		return -ENOMEM;
	}
	input_open(&stream->input, fd, ends_with_open(name), cat_limit_bytes(name, stream->signal));
	stream->has_current = true;
	/* Nobody seals what is not a batch file: as with tail -f, it may grow for ever. */
	stream->is_sealed = stream->is_dir && !stream->input.is_open;
	return 0;
}

/*
 * A file that is renamed while the directory is read may be in the list under neither name. It is
 * renamed once, so where a number seems to be left out a second list has it, or it is gone.
 */
static int list_surely(const struct stream *stream, struct data_name **names, size_t *count)
{
	for (bool again = false;; again = true) {
		size_t first = 0;
		int rc = data_dir_list(&stream->dir, DATA_ALL_KINDS, names, count);

		if (rc < 0 || again)
			return rc;
		while (first < *count && (*names)[first].sequence < stream->next_sequence)
			first++;
		if (first == *count || (*names)[first].sequence == stream->next_sequence)
			return 0;
		free(*names);
		*names = NULL;
	}
}

/* The oldest file that was not shown yet. 1: opened, 0: there is none, or -errno. */
static int current_find(struct stream *stream)
{
	struct data_name *names = NULL;
	size_t count = 0;
	int rc;

	rc = list_surely(stream, &names, &count);
	if (rc == 0 && count == 0) {
		/* The writer may make its directories after we were started. */
		int fd = cat_dir_open(stream->path, stream->signal);

		if (fd < 0)
			return fd;
		close(stream->dir.fd);
		stream->dir.fd = fd;
	}
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (names[i].sequence < stream->next_sequence)
			continue;
		rc = current_open(stream, names[i].name);
		if (rc == 0) {
			stream->next_sequence = names[i].sequence + 1;
			rc = 1;
		} else if (rc == -ENOENT) {
			rc = 0; /* sealed or removed since: look again at the next poll */
		}
		break;
	}
	free(names);
	return rc;
}

/* Does the current file still have the name it was opened by? If not, it was sealed. */
static bool was_renamed(const struct stream *stream)
{
	struct stat now;

	if (!stream->input.is_open)
		return false;
	if (fstatat(stream->dir.fd, stream->name, &now, 0) < 0)
		return errno == ENOENT;
	return now.st_ino != stream->id.st_ino || now.st_dev != stream->id.st_dev;
}

/* The current file is at its end, or at something that cannot be read. 1: read again. */
static int current_ended(struct stream *stream, int rc, int *status)
{
	struct stat now;

	if (!stream->is_sealed) {
		if (was_renamed(stream)) {
			/* The last batches may have come before the rename and after our look. */
			stream->is_sealed = true;
			return 1;
		}
		/* A batch that is not whole yet may look like anything. */
		if (rc == 0 || rc == -ENODATA || (rc == -EBADMSG && stream->input.is_open))
			return 0;
	}
	if (rc < 0) {
		cat_error(stream->name, &stream->input, stream->input.offset, rc);
		*status = TOOL_FAILED;
	}
	/* An empty file of a writer that died is removed, and the next has its number again. */
	if (stream->is_dir && stream->input.offset == 0 && fstat(stream->input.fd, &now) == 0 &&
	    now.st_nlink == 0)
		stream->next_sequence--;
	current_close(stream);
	stream->is_done = !stream->is_dir;
	return stream->is_dir;
}

/* All that is there now. 0, or what stdout gave. */
static int stream_poll(const struct cat_options *options, struct stream *stream, int *status)
{
	while (!stream->is_done && !tool_interrupted()) {
		struct chunk chunk;
		size_t at = 0;
		int rc;

		if (!stream->has_current) {
			rc = current_find(stream);
			if (rc < 0) {
				tool_error("%s: %s", stream->path, strerror(-rc));
				*status = TOOL_FAILED;
				stream->is_done = true;
			}
			if (rc <= 0)
				return 0;
		}
		rc = input_next(&stream->input, &chunk);
		if (rc == 1) {
			rc = cat_resolve(stream->path, &stream->input, options->signal,
					 &stream->signal);
			if (rc != TOOL_OK) {
				*status = rc;
				stream->is_done = true;
				return 0;
			}
			rc = cat_chunk(&stream->input, &chunk, stream->signal, options->format,
				       &at);
			if (tool_flush() < 0)
				return tool_flush();
			if (rc == 0)
				continue;
			/* Whole and yet wrong: it will not become better. */
			stream->input.offset = chunk.offset + at;
			stream->is_sealed = true;
		}
		if (current_ended(stream, rc, status) == 0)
			return 0;
	}
	return 0;
}

/* ---- what to follow ---- */

static int add_dir(struct stream *stream, const char *path, enum otlp_signal signal)
{
	int fd = cat_dir_open(path, signal);

	if (fd < 0) {
		tool_error("%s: %s", path, strerror(-fd));
		return TOOL_FAILED;
	}
	*stream = (struct stream){.path = path, .signal = signal, .is_dir = true, .dir.fd = fd};
	snprintf(stream->dir.signal, sizeof(stream->dir.signal), "%s", signal_name(signal));
	return TOOL_OK;
}

static int add_file(struct stream *stream, const char *path, enum otlp_signal signal)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int rc;

	if (signal == SIGNAL_NONE)
		signal = cat_signal_of(path);
	*stream = (struct stream){.path = path, .signal = signal, .dir.fd = AT_FDCWD};
	rc = current_open(stream, is_stdin ? "/dev/stdin" : path);
	if (rc < 0) {
		tool_error("%s: %s", path, strerror(-rc));
		return TOOL_FAILED;
	}
	/* A pipe ends when its writer leaves. */
	stream->is_sealed = !stream->input.seekable;
	return TOOL_OK;
}

/* A path is a file, or a stream for each signal. */
static int add_path(struct stream *streams, size_t *count, const char *path,
		    enum otlp_signal signal)
{
	struct stat st;
	int rc;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		rc = add_file(&streams[*count], path, signal);
		*count += rc == TOOL_OK;
		return rc;
	}
	for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++) {
		if (signal != SIGNAL_NONE && signal != s)
			continue;
		rc = add_dir(&streams[*count], path, s);
		if (rc != TOOL_OK)
			return rc;
		*count += 1;
	}
	return TOOL_OK;
}

static int poll_all(const struct cat_options *options, struct stream *streams, size_t count)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	int status = TOOL_OK;
	bool live = true;

	while (live && !tool_interrupted()) {
		live = false;
		for (size_t i = 0; i < count; i++) {
			if (stream_poll(options, &streams[i], &status) < 0)
				return TOOL_OK; /* tool_finish() tells */
			live = live || !streams[i].is_done;
		}
		if (live && !tool_interrupted())
			nanosleep(&pause, NULL);
	}
	return status;
}

int cat_follow(const struct cat_options *options, char **paths, size_t count)
{
	struct stream *streams = calloc(count * SIGNAL_COUNT, sizeof(*streams));
	size_t stream_count = 0;
	int status = TOOL_OK;

	if (!streams) {
		tool_error("%s", strerror(ENOMEM));
		return TOOL_FAILED;
	}
	tool_catch_signals();
	for (size_t i = 0; i < count && status == TOOL_OK; i++)
		status = add_path(streams, &stream_count, paths[i], options->signal);
	if (status == TOOL_OK)
		status = poll_all(options, streams, stream_count);
	for (size_t i = 0; i < stream_count; i++) {
		current_close(&streams[i]);
		if (streams[i].is_dir)
			close(streams[i].dir.fd);
	}
	free(streams);
	return status;
}
