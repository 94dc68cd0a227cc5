/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe cat --follow`: which files and directories are followed, also those that are not there
 * yet, and how often they are looked at. stream.c prints what is in them.
 */
#include "cli/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/stream.h"
#include "cli/tool.h"

#define POLL_NS INT64_C(200000000)

/* What was given on the command line. */
struct follow_path {
	const char *path;
	bool is_added; /* it has its streams */
	bool is_awaited;
};

struct follow {
	struct cat_options *options;
	struct follow_path *paths;
	size_t path_count;
	struct stream *streams; /* room for one of each signal and path */
	size_t stream_count;
	int status; /* enum tool_exit */
};

/* A path is a file, or a stream for each signal. 0, or -errno. */
static int add_streams(struct follow *follow, const char *path)
{
	const enum otlp_signal wanted = follow->options->signal;
	const size_t before = follow->stream_count;
	struct stat st;
	int rc = 0;

	if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))) {
		rc = stream_open_file(&follow->streams[follow->stream_count], path, wanted);
		follow->stream_count += rc == 0;
		return rc;
	}
	for (enum otlp_signal s = 0; rc == 0 && s < SIGNAL_COUNT; s++) {
		if (wanted != SIGNAL_NONE && wanted != s)
			continue;
		rc = stream_open_dir(&follow->streams[follow->stream_count], path, s);
		follow->stream_count += rc == 0;
	}
	while (rc < 0 && follow->stream_count > before)
		stream_close(&follow->streams[--follow->stream_count]);
	return rc;
}

/* Is there anything to come of this path? One that is not there yet is waited for. */
static bool path_is_live(struct follow *follow, struct follow_path *path)
{
	int rc;

	if (path->is_added)
		return false;
	rc = add_streams(follow, path->path);
	if (rc == -ENOENT) {
		if (!path->is_awaited)
			tool_error("%s: it is not there yet: waiting for it", path->path);
		path->is_awaited = true;
		return true;
	}
	path->is_added = true;
	if (rc == 0)
		return false;
	follow->status = tool_path_error(path->path, "it cannot be opened", rc);
	return false;
}

static void follow_run(struct follow *follow)
{
	bool is_live;

	do {
		is_live = false;
		for (size_t i = 0; i < follow->path_count; i++)
			is_live |= path_is_live(follow, &follow->paths[i]);
		for (size_t i = 0; i < follow->stream_count; i++) {
			if (stream_poll(&follow->streams[i], follow->options, &follow->status) != 0)
				return; /* of stdout tool_finish() tells */
			is_live |= !follow->streams[i].is_done;
		}
	} while (is_live && tool_rest(POLL_NS));
}

int cat_follow(struct cat_options *options, char **paths, size_t count)
{
	struct follow follow = {
		.options = options,
		.paths = calloc(count, sizeof(*follow.paths)),
		.path_count = count,
		.streams = calloc(count * SIGNAL_COUNT, sizeof(*follow.streams)),
	};

	if (follow.paths == NULL || follow.streams == NULL) {
		tool_error("no memory to follow %zu files and directories", count);
		free(follow.paths);
		free(follow.streams);
		return TOOL_FAILED;
	}
	for (size_t i = 0; i < count; i++)
		follow.paths[i].path = paths[i];
	tool_catch_signals();
	follow_run(&follow);
	for (size_t i = 0; i < follow.stream_count; i++) {
		stream_say_missing(&follow.streams[i]);
		stream_close(&follow.streams[i]);
	}
	free(follow.streams);
	free(follow.paths);
	return follow.status;
}
