/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands share but for their output: the command line, messages, signals. */
#include "cli/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

#include "base/arguments.h"
#include "base/guard.h"

/* argv[0] of the subcommand. */
static const char *tool_name = "otlpipe";

static volatile sig_atomic_t interrupted;

int tool_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	char version[64];
	int rc;

	tool_name = argv[0];
	snprintf(version, sizeof(version), "otlpipe %s", otlp_version());
	rc = arguments_parse(argp, version, argc, argv, input);
	if (rc == 0)
		return 0;
	if (rc == ARGUMENTS_SHOWN || rc == -EPIPE)
		return TOOL_OK + 1;
	return (rc == -EINVAL ? TOOL_USAGE : TOOL_FAILED) + 1;
}

static bool is_quiet;

void tool_hush(bool is_hushed)
{
	is_quiet = is_hushed;
}

void tool_error(const char *format, ...)
{
	va_list arguments;

	if (is_quiet)
		return;
	fprintf(stderr, "%s: ", tool_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int tool_usage(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", tool_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " (see %s --help)\n", tool_name);
	return TOOL_USAGE;
}

/* What to do, or what to look at. */
static const char *path_hint(int error, char *ret, size_t ret_bytes)
{
	struct rlimit limit;

	ret[0] = '\0';
	switch (error) {
	case -EACCES:
	case -EPERM:
		snprintf(ret, ret_bytes, " (you are user %ju)", (uintmax_t)geteuid());
		break;
	case -EMFILE:
		if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
			snprintf(ret, ret_bytes, " (the limit is %ju; ulimit -n raises it)",
				 (uintmax_t)limit.rlim_cur);
		break;
	case -EIO:
		snprintf(ret, ret_bytes, " (the disk failed; dmesg may tell more)");
		break;
	}
	return ret;
}

int tool_path_error(const char *path, const char *what, int error)
{
	char hint[96];

	tool_error("%s: %s: %s%s", path, what, strerror(-error),
		   path_hint(error, hint, sizeof(hint)));
	return TOOL_FAILED;
}

int tool_runtime_error(const char *path, int error)
{
	char text[RUNTIME_TEXT_BYTES_MAX];

	switch (error) {
	case -ENOENT:
		tool_error("%s: there is no such runtime directory: no program and no writer has "
			   "made it; is it another one (--dir, $OTLPIPE_DIR)?",
			   path);
		break;
	case -ENAMETOOLONG:
		tool_error("%s…: the path of a runtime directory has at most %d bytes", path,
			   RUNTIME_PATH_BYTES_MAX - 1);
		break;
	default:
		runtime_explain(text, sizeof(text), path, error);
		tool_error("%s", text);
		break;
	}
	return TOOL_FAILED;
}

int tool_open_runtime(struct runtime_dir *ret, char path[RUNTIME_PATH_BYTES_MAX], const char *given)
{
	int rc = runtime_path(path, RUNTIME_PATH_BYTES_MAX, given);

	if (rc == 0)
		rc = runtime_open(ret, path, false);
	return rc < 0 ? tool_runtime_error(path, rc) : TOOL_OK;
}

int tool_guard(void)
{
	const int rc = guard_install();

	if (rc < 0)
		tool_error("SIGBUS cannot be caught, which a region that is cut would raise: %s",
			   strerror(-rc));
	return rc < 0 ? TOOL_FAILED : TOOL_OK;
}

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

void tool_catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool tool_interrupted(void)
{
	return interrupted != 0;
}
