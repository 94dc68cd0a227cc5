/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe cat`: prints stored telemetry as OTLP JSON lines, as frames or as text. Here are the
 * options, and the files that are read once. follow.c waits for more; cat_file.c prints the chunks
 * of a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/array.h"
#include "cli/cat_file.h"
#include "cli/follow.h"
#include "cli/tool.h"
#include "shm/runtime.h"
#include "writer/file/datadir.h"

/* ---- files and directories, once ---- */

/* Returns an enum tool_exit. */
static int print_input(const struct cat_options *options, const char *path, enum otlp_signal signal,
		       struct input *input)
{
	struct chunk chunk;
	size_t at = 0;
	int rc;

	while ((rc = input_next(input, &chunk)) == 1) {
		rc = cat_resolve(path, input, options->signal, &signal);
		if (rc != TOOL_OK)
			return rc;
		rc = cat_chunk(input, &chunk, signal, options->format, &at);
		if (rc < 0) {
			if (tool_flush() == 0)
				cat_error(path, input, chunk.offset + at, rc);
			return TOOL_FAILED;
		}
	}
	/* The last batch of a file that is being written may not be whole yet, or the first. */
	if (input->is_open && (rc == 0 || rc == -ENODATA))
		return TOOL_OK;
	if (rc == 0)
		return cat_check_shown(path, input);
	cat_error(path, input, input->offset, rc);
	return TOOL_FAILED;
}

static int print_file(const struct cat_options *options, const char *path, const char *name,
		      enum otlp_signal signal, int fd)
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
			const char *path, struct data_name *file, enum otlp_signal signal)
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
	if (fd < 0 && errno == ENOENT) {
		tool_error("%s: %s: it was removed after it was listed, before it could be printed "
			   "(by the writer's retention): what was in it is missing",
			   path, file->name);
		return TOOL_FAILED;
	}
	if (fd < 0 || asprintf(&shown, "%s: %s", path, file->name) < 0) {
		int rc = fd < 0 ? -errno : -ENOMEM;

		if (fd >= 0)
			close(fd);
		return tool_path_error(path, file->name, rc);
	}
	status = print_file(options, shown, file->name, signal, fd);
	free(shown);
	return status;
}

static int print_dir(const struct cat_options *options, const char *path, enum otlp_signal signal,
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
		status = tool_path_error(path, "its files cannot be listed", rc);
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

static int print_path(const struct cat_options *options, const char *path)
{
	enum otlp_signal signal = options->signal;
	struct stat st;
	int status = TOOL_OK;
	size_t files = 0;
	int fd;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++) {
			if ((signal == SIGNAL_NONE || signal == s) &&
			    print_dir(options, path, s, &files) != TOOL_OK)
				status = TOOL_FAILED;
		}
		if (status == TOOL_OK && files == 0) {
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
	return print_file(options, path, path, signal, fd);
}

/* ---- options ---- */

static const struct argp_option options_table[] = {
	{"follow", 'f', NULL, 0,
	 "wait for more: of a file that is being written, of newer files of a directory, of what "
	 "is not there yet; SIGINT and SIGTERM end it",
	 0},
	{"signal", 's', "SIGNAL", 0,
	 "traces, metrics or logs: what a file holds, if neither it nor its name says so; of a "
	 "directory, this signal alone",
	 0},
	{"format", 'F', "FORMAT", 0,
	 "json: OTLP JSON lines below 1 MiB (the default); frames: length (4 bytes, big-endian) "
	 "and an Export...ServiceRequest; text: a line for each log record, and logs alone",
	 0},
	{0},
};

struct cat_words {
	struct cat_options options;
	char **paths;
	size_t path_count;
};

static error_t choose_format(const struct argp_state *state, const char *text, enum cat_format *ret)
{
	static const char *const names[] = {
		[CAT_JSON] = "json", [CAT_FRAMES] = "frames", [CAT_TEXT] = "text"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum cat_format)i;
			return 0;
		}
	}
	return arguments_refuse(state, "--format takes json, frames or text, not '%s'", text);
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct cat_words *words = state->input;

	switch (key) {
	case 'f':
		words->options.follow = true;
		return 0;
	case 's':
		words->options.signal = signal_by_name(text);
		if (words->options.signal == SIGNAL_NONE)
			return arguments_refuse(
				state, "--signal takes traces, metrics or logs, not '%s'", text);
		return 0;
	case 'F':
		return choose_format(state, text, &words->options.format);
	case ARGP_KEY_ARGS:
		words->paths = state->argv + state->next;
		words->path_count = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		return arguments_refuse(state, "no file and no directory given");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cat_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.args_doc = "FILE|DIR|-...",
		.doc = "Print batch files and any other OTLP protobuf file, one object a line. A "
		       "directory stands for its files in the order of their sequence; - is "
		       "standard input.\v"
		       "Exit status: 0 if all was printed, 1 if something could not be read or was "
		       "missing.",
	};
	struct cat_words words = {.options.signal = SIGNAL_NONE};
	int status = TOOL_OK;
	int rc = tool_parse(&argp, argc, argv, &words);

	if (rc != 0)
		return rc - 1;
	if (words.options.format == CAT_TEXT) {
		if (words.options.signal != SIGNAL_NONE && words.options.signal != OTLP_SIGNAL_LOGS)
			return tool_usage("--format text has lines for log records alone: not for "
					  "--signal %s",
					  signal_name(words.options.signal));
		words.options.signal = OTLP_SIGNAL_LOGS;
	}
	if (words.options.follow)
		return tool_finish(cat_follow(&words.options, words.paths, words.path_count));
	for (size_t i = 0; i < words.path_count && tool_flush() == 0; i++) {
		rc = print_path(&words.options, words.paths[i]);
		if (rc > status)
			status = rc;
	}
	/* A reader that left made what came after it fail. */
	return tool_finish(tool_flush() == -EPIPE ? TOOL_OK : status);
}
