/* SPDX-License-Identifier: Apache-2.0 */
/* A system call that fails, or that a process does not survive: what it had done by then is seen.
 */
#ifndef OTLPIPE_TESTS_UNIT_REFUSE_H
#define OTLPIPE_TESTS_UNIT_REFUSE_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

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
