/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe rotate`: SIGHUP for the writer of a runtime directory, for units and scripts, where
 * there may be no kill(1), and where nobody knows the pid.
 */
#include <signal.h>
#include <unistd.h>

#include "base/arguments.h"
#include "cli/tool.h"
#include "cli/writer_find.h"

static int rotate_dir(const struct runtime_dir *dir, const char *path)
{
	struct status_page page;
	int fd = writer_find(dir, path, "there is nothing to rotate", "SIGHUP", &page);
	int status;

	if (fd < 0)
		return TOOL_FAILED;
	status = writer_tell(fd, path, page.pid, SIGHUP, "SIGHUP");
	close(fd);
	return status;
}

static int rotate_path(const char *given)
{
	char path[RUNTIME_PATH_BYTES_MAX];
	struct runtime_dir dir;
	int status = tool_open_runtime(&dir, path, given);

	if (status != TOOL_OK)
		return status;
	status = rotate_dir(&dir, path);
	runtime_close(&dir);
	return status;
}

/* ---- the command ---- */

static const struct argp_option options[] = {
	{"dir", 'd', "DIR", 0, "runtime directory ($OTLPIPE_DIR, else /dev/shm/otlpipe-UID)", 0},
	{0},
};

static error_t take_option(int key, char *text, struct argp_state *state)
{
	const char **dir = state->input;

	switch (key) {
	case 'd':
		*dir = text;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_refuse(state, "it takes no argument, and not '%s'", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int rotate_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = take_option,
		.doc = "Tell the writer of a runtime directory to seal its files and to go on in "
		       "new ones, as SIGHUP does.\v"
		       "It does not wait for that. Exit status: 0 if the writer was told, 1 if "
		       "there is none.",
	};
	const char *dir = NULL;
	int rc = tool_parse(&argp, argc, argv, &dir);

	if (rc != 0)
		return rc - 1;
	return tool_finish(rotate_path(dir));
}
