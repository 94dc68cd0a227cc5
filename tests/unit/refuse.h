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

/**
 * From now on a system call fails with an errno, or kills the process when error is 0. With an
 * argument number, only where that argument has this value. For children only: it stays.
 */
int refuse(long number, int argument, uint32_t value, int error);

#endif
