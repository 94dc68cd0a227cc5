/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe verify`: options, and how often it looks. What it looks at is told in
 * verify.h.
 */
#include "cli/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

static const char help[] =
	"usage: otlpipe verify [OPTION…] DIR\n"
	"\n"
	"Checks that everything that was committed is in the batch files below DIR, once:\n"
	"checksums, every message decoded, each ring's positions contiguous, and the identity\n"
	"committed = written + invalid + lost + still in the rings (spans and data points).\n"
	"A writer may be at work meanwhile.\n"
	"\n"
	"      --dir RUNTIME  the runtime directory, to count what is still in the rings\n"
	"      --json         one JSON object\n"
	"  -h, --help         print this\n"
	"\n"
	"Exit status: 0 if all holds and nothing is invalid or lost, 1 if not.\n";

struct verify_options {
	const char *dir;
	const char *runtime;
	bool json;
};

static bool is_there(int dirfd, enum signal signal)
{
	struct stat st;

	return fstatat(dirfd, signal_name(signal), &st, 0) == 0;
}

int verify_run(struct verify *verify, int dirfd, const struct runtime_dir *runtime)
{
	unsigned are_there = 0;
	enum signal signal;
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
	if (!options->json)
		verify_print(verify);
	else if (verify_print_json(verify) < 0)
		return TOOL_FAILED;
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
		tool_error("%s: its files change too fast", options->dir);
	else if (rc < 0)
		tool_error("%s: %s", options->dir, strerror(-rc));
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
		tool_error("%s: %s", options->dir, strerror(errno));
		return TOOL_FAILED;
	}
	if (options->runtime != NULL) {
		rc = runtime_open(&runtime, options->runtime, false);
		if (rc < 0) {
			tool_error("%s: %s", options->runtime, strerror(-rc));
			close(dirfd);
			return TOOL_FAILED;
		}
	}
	status = verify_dirs(options, dirfd, options->runtime != NULL ? &runtime : NULL);
	runtime_close(&runtime);
	close(dirfd);
	return status;
}

int verify_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"dir", required_argument, NULL, 'd'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct verify_options options = {0};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'd':
			options.runtime = optarg;
			break;
		case 'j':
			options.json = true;
			break;
		case 'h':
			tool_write(help, sizeof(help) - 1);
			return tool_finish(TOOL_OK);
		default:
			return TOOL_USAGE;
		}
	}
	if (optind + 1 != argc)
		return tool_usage("verify: it takes one directory (see otlpipe verify --help)");
	options.dir = argv[optind];
	return tool_finish(verify_open(&options));
}
