/* SPDX-License-Identifier: Apache-2.0 */
/* By pidfd: from the descriptor on it is this process or none, also where its pid is used again. */
#include "cli/writer_find.h"

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

#include "cli/tool.h"

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
	(void)tool_path_error(path, text, -error);
	return -error;
}

static int find_pid(const char *path, uint32_t pid, const struct stat *lock, const char *signal)
{
	int fd = pidfd_open((pid_t)pid, 0);
	int rc;

	if (fd < 0)
		return fail(path, pid, "cannot be found", errno);
	rc = has_open(pid, lock);
	if (rc > 0)
		return fd;
	if (rc < 0)
		rc = fail(path, pid, "cannot be looked at", -rc);
	else
		tool_error("%s: process %" PRIu32 " is not its writer, which may run in a "
			   "container: run this there, or send the writer %s",
			   path, pid, signal);
	close(fd);
	return rc < 0 ? rc : -ESRCH;
}

int writer_find(const struct runtime_dir *dir, const char *path, const char *so_what,
		const char *signal, struct status_page *ret)
{
	bool is_running = false;
	struct stat lock;
	int rc;

	rc = status_read(dir, ret, &is_running);
	if (rc == 0 && is_running && fstatat(dir->fd, RUNTIME_WRITER_LOCK, &lock, 0) < 0)
		rc = -errno;
	if (rc < 0 && rc != -ENOENT) {
		tool_error("%s/%s: %s", path, RUNTIME_WRITER_LOCK,
			   rc == -EPROTO ? "it was written by another version of otlpipe-writer"
					 : strerror(-rc));
		return rc;
	}
	if (rc == -ENOENT || !is_running) {
		tool_error("%s: no writer runs there, so %s", path, so_what);
		return -ESRCH;
	}
	return find_pid(path, ret->pid, &lock, signal);
}

int writer_tell(int pidfd, const char *path, uint32_t pid, int number, const char *signal)
{
	char text[64];

	if (pidfd_send_signal(pidfd, number, NULL, 0) == 0)
		return TOOL_OK;
	snprintf(text, sizeof(text), "cannot be sent %s", signal);
	(void)fail(path, pid, text, errno);
	return TOOL_FAILED;
}
