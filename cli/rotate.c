/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe rotate`: SIGHUP for the writer of a runtime directory, for units and scripts, where
 * there may be no kill(1), and where nobody knows the pid. The pid is on the writer's page. It
 * could be that of another process by now, or of another pid namespace, so the process must have
 * the writer's lock file open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arguments.h"
#include "cli/tool.h"
#include "shm/runtime.h"
#include "shm/status.h"

/* Has the process this file open? 1, 0, or -errno. */
static int has_open(uint32_t pid, const struct stat *file)
{
	struct dirent *entry;
	char path[64];
	DIR *stream;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/fd", pid);
	stream = opendir(path);
	if (stream == NULL)
		return -errno;
	while (found == 0 && (entry = readdir(stream)) != NULL) {
		struct stat st;

		if (fstatat(dirfd(stream), entry->d_name, &st, 0) == 0 &&
		    st.st_dev == file->st_dev && st.st_ino == file->st_ino)
			found = 1;
	}
	closedir(stream);
	return found;
}

static int fail(const char *path, uint32_t pid, const char *what, int error)
{
	char text[96];

	snprintf(text, sizeof(text), "its writer, pid %" PRIu32 ", %s", pid, what);
	return tool_path_error(path, text, -error);
}

/* From the descriptor on it is this process or none, also where its pid is used again. */
static int rotate_pid(const char *path, uint32_t pid, const struct stat *lock)
{
	int fd = pidfd_open((pid_t)pid, 0);
	int status = TOOL_OK;
	int rc;

	if (fd < 0)
		return fail(path, pid, "cannot be found", errno);
	rc = has_open(pid, lock);
	if (rc < 0) {
		status = fail(path, pid, "cannot be looked at", -rc);
	} else if (rc == 0) {
		tool_error("%s: process %" PRIu32 " is not its writer, which may run in a "
			   "container: run this there, or send the writer SIGHUP",
			   path, pid);
		status = TOOL_FAILED;
	} else if (pidfd_send_signal(fd, SIGHUP, NULL, 0) < 0) {
		status = fail(path, pid, "cannot be sent SIGHUP", errno);
	}
	close(fd);
	return status;
}

static int rotate_dir(const struct runtime_dir *dir, const char *path)
{
	struct status_page page;
	bool is_running = false;
	struct stat lock;
	int rc;

	rc = status_read(dir, &page, &is_running);
	if (rc == 0 && is_running && fstatat(dir->fd, RUNTIME_WRITER_LOCK, &lock, 0) < 0)
		rc = -errno;
	if (rc < 0 && rc != -ENOENT) {
		tool_error("%s/%s: %s", path, RUNTIME_WRITER_LOCK,
			   rc == -EPROTO ? "it was written by another version of otlpipe-writer"
					 : strerror(-rc));
		return TOOL_FAILED;
	}
	if (rc == -ENOENT || !is_running) {
		tool_error("%s: no writer runs there, so there is nothing to rotate", path);
		return TOOL_FAILED;
	}
	return rotate_pid(path, page.pid, &lock);
}

static int rotate_path(const char *given)
{
	char path[RUNTIME_PATH_BYTES_MAX];
	struct runtime_dir dir;
	int rc, status;

	rc = runtime_path(path, sizeof(path), given);
	if (rc == 0)
		rc = runtime_open(&dir, path, false);
	if (rc < 0)
		return tool_runtime_error(path, rc);
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
