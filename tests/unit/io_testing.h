/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the disk side: a scratch directory on a real disk, children that may be killed
 * or refused a system call, and a count of descriptors.
 */
#ifndef OTLPIPE_TESTS_UNIT_IO_TESTING_H
#define OTLPIPE_TESTS_UNIT_IO_TESTING_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/refuse.h"

/* What a child returns when the machine cannot do what the test needs. */
#define CHILD_SKIP 77

/* In a child, where cmocka's assertions do not work. */
#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			return 1;                                                       \
		}                                                                       \
	} while (0)

struct scratch {
	char path[32];
	int fd;
};

static inline int scratch_open(struct scratch *ret)
{
	strcpy(ret->path, "scratch-XXXXXX");
	if (!mkdtemp(ret->path))
		return -errno;
	ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0 ? -errno : 0;
}

static inline int scratch_remove_entry(const char *path, const struct stat *st, int kind,
				       struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline int scratch_close(struct scratch *scratch)
{
	close(scratch->fd);
	return nftw(scratch->path, scratch_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* The child's exit status, or 256 plus the signal it died of. */
static inline int run_in_child(int (*body)(void *), void *context)
{
	struct rlimit no_core = {0};
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_CORE, &no_core);
		_exit(body(context));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
