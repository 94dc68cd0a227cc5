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
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

#define ANY_ARGUMENT (-1)
#define KILLED	     (256 + SIGSYS)

/*
 * From now on a system call fails with an errno, or kills the process when error is 0. With an
 * argument number, only where that argument has this value. For children only: it stays.
 */
static inline int refuse(long number, int argument, uint32_t value, int error)
{
	uint32_t action = error ? SECCOMP_RET_ERRNO | (uint32_t)error : SECCOMP_RET_KILL_PROCESS;
	uint32_t at = (uint32_t)offsetof(struct seccomp_data, args) +
		      (argument < 0 ? 0 : (uint32_t)argument * 8);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, argument < 0 ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 6, .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

#endif
