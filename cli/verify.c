/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe verify`: options, and how often it looks. What it looks at is told in
 * verify.h.
 */
#include "cli/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arguments.h"
#include "cli/tool.h"
#include "cli/verify_expect.h"
#include "cli/verify_files.h"
#include "cli/verify_ledger.h"
#include "cli/verify_live.h"
#include "cli/verify_report.h"
#include "cli/verify_spool.h"

/* Looks at files that are renamed all the time, and again at problems that may be a race. */
#define STALE_LOOKS_MAX	  20
#define PROBLEM_LOOKS_MAX 3
#define LOOK_PAUSE_NS	  50000000L

#define DIRS_MAX	  64u

struct verify_options {
	const char *dirs[DIRS_MAX];
	size_t dir_count;
	const char *runtimes[DIRS_MAX];
	size_t runtime_count;
	bool json;
};

static bool is_there(int dirfd, enum otlp_signal signal)
{
	struct stat st;

	return fstatat(dirfd, signal_name(signal), &st, 0) == 0;
}

static int verify_dir(struct verify *verify)
{
	struct verify_dir *dir = &verify->dirs[verify->dir];
	unsigned are_there = 0;
	enum otlp_signal signal;
	int rc = verify_expect_begin(verify, dir);

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		are_there += is_there(dir->fd, signal);
	/* All of them may have been deleted: the manifest knows. */
	if (are_there == 0 && dir->manifest_error == -ENOENT)
		verify_problem(
			verify, NULL,
			"%s is no output directory: no traces/, no metrics/, no logs/, no %s",
			dir->path, MANIFEST_NAME);
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
		rc = verify_files(verify, signal);
	return rc == 0 ? verify_expect_end(verify, dir) : rc;
}

int verify_run(struct verify *verify, const struct verify_input *input)
{
	size_t i;
	int rc = 0;

	verify->runtimes = input->runtimes;
	verify->runtime_count = input->runtime_count;
	verify->dirs = calloc(input->dir_count, sizeof(*verify->dirs));
	if (verify->dirs == NULL)
		return -ENOMEM;
	verify->dir_count = input->dir_count;
	for (i = 0; i < input->dir_count; i++) {
		verify->dirs[i].path = input->paths[i];
		verify->dirs[i].fd = input->fds[i];
	}
	if (verify->runtime_count > 0)
		rc = verify_rings(verify);
	for (verify->dir = 0; rc == 0 && verify->dir < verify->dir_count; verify->dir++)
		rc = verify_dir(verify);
	verify->dir = 0;
	for (i = 0; rc == 0 && i < verify->runtime_count; i++)
		rc = verify_spool(verify, &verify->runtimes[i]);
	if (rc == 0 && verify->runtime_count > 0)
		rc = verify_rings_again(verify);
	return rc == 0 ? verify_conclude(verify) : rc;
}

/* Look until nothing moved underneath. */
static int verify_look(struct verify *verify, const struct verify_input *input)
{
	const struct timespec pause = {.tv_nsec = LOOK_PAUSE_NS};
	unsigned stale = 0, problems = 0;
	int rc;

	for (;;) {
		rc = verify_run(verify, input);
		if (rc == -ESTALE && ++stale < STALE_LOOKS_MAX) {
			verify_free(verify);
			continue;
		}
		if (rc < 0 || verify->problems.count == 0 || !verify->may_have_raced ||
		    ++problems == PROBLEM_LOOKS_MAX)
			return rc;
		verify_free(verify);
		nanosleep(&pause, NULL);
	}
}

static int verify_report(const struct verify *verify, const struct verify_options *options)
{
	if (options->json)
		verify_print_json(verify);
	else
		verify_print(verify);
	return verify_is_ok(verify) ? TOOL_OK : TOOL_FAILED;
}

static int verify_all(const struct verify_options *options, const struct verify_input *input)
{
	struct verify verify = {0};
	int status = TOOL_FAILED;
	int rc;

	if (tool_guard() != TOOL_OK)
		return TOOL_FAILED;
	rc = verify_look(&verify, input);
	if (rc == -ESTALE)
		tool_error("%s: its files change too fast", options->dirs[0]);
	else if (rc < 0)
		tool_error("%s: %s", options->dirs[0], strerror(-rc));
	else
		status = verify_report(&verify, options);
	verify_free(&verify);
	return status;
}

static bool is_same(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* @return TOOL_OK, or what was said */
static int open_all(const struct verify_options *options, int *fds, struct runtime_dir *runtimes)
{
	size_t i, k;
	int rc;

	for (i = 0; i < options->dir_count; i++) {
		fds[i] = open(options->dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0) {
			tool_error("%s: %s", options->dirs[i], strerror(errno));
			return TOOL_FAILED;
		}
		for (k = 0; k < i; k++)
			if (is_same(fds[i], fds[k]))
				return tool_usage("%s and %s are the same directory",
						  options->dirs[k], options->dirs[i]);
	}
	for (i = 0; i < options->runtime_count; i++) {
		rc = runtime_open(&runtimes[i], options->runtimes[i], false);
		if (rc < 0)
			return tool_runtime_error(options->runtimes[i], rc);
		for (k = 0; k < i; k++)
			if (is_same(runtimes[i].fd, runtimes[k].fd))
				return tool_usage("%s and %s are the same directory",
						  options->runtimes[k], options->runtimes[i]);
	}
	return TOOL_OK;
}

static int verify_open(const struct verify_options *options)
{
	struct runtime_dir runtimes[DIRS_MAX];
	int fds[DIRS_MAX], status;
	size_t i;

	for (i = 0; i < DIRS_MAX; i++) {
		fds[i] = -1;
		runtimes[i] = (struct runtime_dir){.fd = -1};
	}
	status = open_all(options, fds, runtimes);
	if (status == TOOL_OK)
		status = verify_all(
			options, &(struct verify_input){.paths = options->dirs,
							.fds = fds,
							.dir_count = options->dir_count,
							.runtimes = runtimes,
							.runtime_count = options->runtime_count});
	for (i = 0; i < DIRS_MAX; i++) {
		runtime_close(&runtimes[i]);
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return status;
}

static const struct argp_option options_table[] = {
	{"dir", 'd', "RUNTIME", 0,
	 "a runtime directory, to count what is still in its rings; it may be given more than once",
	 0},
	{"json", 'j', NULL, 0, "one JSON object, on one line", 0},
	{0},
};

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct verify_options *options = state->input;

	switch (key) {
	case 'd':
		if (options->runtime_count == DIRS_MAX)
			return arguments_refuse(state, "more than %u runtime directories",
						DIRS_MAX);
		options->runtimes[options->runtime_count++] = text;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->dir_count == DIRS_MAX)
			return arguments_refuse(state, "more than %u directories", DIRS_MAX);
		options->dirs[options->dir_count++] = text;
		return 0;
	case ARGP_KEY_NO_ARGS:
		return arguments_refuse(state, "no directory given");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int verify_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.args_doc = "DIR…",
		.doc = "Check that everything that was committed is in the batch files below DIR, "
		       "once: that each file is there that the manifest has, checksums, every "
		       "message decoded, each ring's positions contiguous, and the identity "
		       "committed = written + invalid + lost + still in the rings (spans, data "
		       "points and log records). A writer may be at work meanwhile. Where one "
		       "wrote to several "
		       "directories in turn, give all of them.\v"
		       "Exit status: 0 if all holds and nothing is missing, invalid or lost, 1 if "
		       "not.",
	};
	struct verify_options options = {0};
	int rc = tool_parse(&argp, argc, argv, &options);

	if (rc != 0)
		return rc - 1;
	return tool_finish(verify_open(&options));
}
