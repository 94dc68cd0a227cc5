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
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/descriptors.h"
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

int scratch_open(struct scratch *ret);

int scratch_close(struct scratch *scratch);

/** The child's exit status, or 256 plus the signal it died of. */
int run_in_child(int (*body)(void *), void *context);

#endif
