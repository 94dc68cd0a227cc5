/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of a process, looked at before something is done that would end it: to
 * go beyond RLIMIT_FSIZE is a deadly signal, to go beyond the memory limit of a cgroup
 * has the kernel kill some process of it. Async-signal-safe, and easy on the stack.
 */
#ifndef OTLPIPE_BASE_HOST_LIMITS_H
#define OTLPIPE_BASE_HOST_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITS_NONE UINT64_MAX

/** RLIMIT_FSIZE: how large a file may become; LIMITS_NONE: as large as it will. */
uint64_t limits_file_bytes(void);

/** Any other resource of getrlimit(2): its soft limit, or LIMITS_NONE. */
uint64_t limits_of(int resource);

struct limits_memory {
	uint64_t limit_bytes; /* of the cgroup that leaves least; LIMITS_NONE: none has one */
	uint64_t left_bytes;  /* what may still be had there: caches can go, swap is used */
};

/**
 * The memory that this process's cgroup, and those above it, still give (cgroup v2 and v1).
 * Where that cannot be found out there is no limit.
 */
void limits_get_memory(struct limits_memory *ret);

/**
 * May this thread be ended for a system call that it makes (seccomp(2))? Where that cannot be
 * found out, yes.
 */
bool limits_have_seccomp(void);

/**
 * limits_get_memory() from other places, for tests.
 *
 * @param own  as /proc/self/cgroup
 * @param v2   where cgroup v2 is mounted
 * @param v1   where the memory controller of v1 is mounted
 * @param free_swap_bytes  of the machine
 */
void limits_get_memory_from(struct limits_memory *ret, const char *own, const char *v2,
			    const char *v1, uint64_t free_swap_bytes);

#endif
