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
#include "base/guard.h"
#include "cli/tool.h"
#include "cli/verify_files.h"
#include "cli/verify_ledger.h"
#include "cli/verify_live.h"
#include "cli/verify_report.h"

/* Looks at files that are renamed all the time, and again at problems that may be a race. */
#define STALE_LOOKS_MAX	  20
#define PROBLEM_LOOKS_MAX 3
#define LOOK_PAUSE_NS	  50000000L

struct verify_options {
	const char *dir;
	const char *runtime;
	bool json;
};

static bool is_there(int dirfd, enum otlp_signal signal)
{
	struct stat st;

	return fstatat(dirfd, signal_name(signal), &st, 0) == 0;
}

int verify_run(struct verify *verify, int dirfd, const struct runtime_dir *runtime)
{
	unsigned are_there = 0;
	enum otlp_signal signal;
	int rc = 0;

	verify->runtime = runtime;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		are_there += is_there(dirfd, signal);
	if (are_there == 0)
		verify_problem(verify, NULL, "it is no output directory: no traces/, no metrics/");
	if (runtime != NULL)
		rc = verify_rings(verify);
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
		rc = verify_files(verify, dirfd, signal);
	if (rc == 0)
		verify_conclude(verify);
	return rc;
}

/* Look until nothing moved underneath. */
static int verify_look(struct verify *verify, int dirfd, const struct runtime_dir *runtime)
{
	const struct timespec pause = {.tv_nsec = LOOK_PAUSE_NS};
	unsigned stale = 0, problems = 0;
	int rc;

	for (;;) {
		rc = verify_run(verify, dirfd, runtime);
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

static int verify_dirs(const struct verify_options *options, int dirfd,
		       const struct runtime_dir *runtime)
{
	struct verify verify = {0};
	int status = TOOL_FAILED;
	int rc;

	rc = guard_install();
	if (rc == 0)
		rc = verify_look(&verify, dirfd, runtime);
	if (rc == -ESTALE)
		tool_error(
			"%s: its files are sealed and removed faster than they can be looked at: "
			"try again, or while the writer does not run",
			options->dir);
	else if (rc < 0)
		(void)tool_path_error(options->dir, "it cannot be checked", rc);
	else
		status = verify_report(&verify, options);
	verify_free(&verify);
	return status;
}

static int verify_open(const struct verify_options *options)
{
	struct runtime_dir runtime = {.fd = -1};
	int dirfd, status, rc;

	dirfd = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0) {
		return tool_path_error(options->dir, "the output directory cannot be opened",
				       -errno);
	}
	if (options->runtime != NULL) {
		rc = runtime_open(&runtime, options->runtime, false);
		if (rc < 0) {
			close(dirfd);
			return tool_runtime_error(options->runtime, rc);
		}
	}
	status = verify_dirs(options, dirfd, options->runtime != NULL ? &runtime : NULL);
	runtime_close(&runtime);
	close(dirfd);
	return status;
}

static const struct argp_option options_table[] = {
	{"dir", 'd', "RUNTIME", 0, "the runtime directory, to count what is still in the rings", 0},
	{"json", 'j', NULL, 0, "one JSON object, on one line", 0},
	{0},
};

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct verify_options *options = state->input;

	switch (key) {
	case 'd':
		options->runtime = text;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			return arguments_refuse(state, "it takes one directory, and not '%s' too",
						text);
		options->dir = text;
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
		.args_doc = "DIR",
		.doc = "Check that everything that was committed is in the batch files below DIR, "
		       "once: checksums, every message decoded, each ring's positions contiguous, "
		       "and the identity committed = written + invalid + lost + still in the rings "
		       "(spans and data points). A writer may be at work meanwhile.\v"
		       "Exit status: 0 if all holds and nothing is invalid or lost, 1 if not.",
	};
	struct verify_options options = {0};
	int rc = tool_parse(&argp, argc, argv, &options);

	if (rc != 0)
		return rc - 1;
	return tool_finish(verify_open(&options));
}
