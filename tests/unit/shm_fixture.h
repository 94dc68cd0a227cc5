/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime directory of its own for a test, on tmpfs as the real one, removed
 * at the end also when the test fails; and children that cannot outlive it.
 */
#ifndef OTLPIPE_TESTS_UNIT_SHM_FIXTURE_H
#define OTLPIPE_TESTS_UNIT_SHM_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "shm/region.h"
#include "shm/region_view.h"
#include "tests/unit/descriptors.h"

/* The rings of a region, which here are of no signal. */
enum { RING_A, RING_B, RINGS };

extern char shm_fixture_path[64];
extern struct runtime_dir shm_fixture_dir;

int shm_fixture_setup(void **state);

int shm_fixture_teardown(void **state);

/* fork(), and the child dies with its parent. */
pid_t fork_child(void);

/** Anonymous memory that children share; the test ends before it would matter to free it. */
void *share(size_t bytes);

int wait_child(pid_t pid);

void expect_child_succeeds(pid_t pid);

/** Wait for a word that another process sets; the limit is generous and no measure. */
bool wait_for_word(const uint32_t *word, uint32_t least);

/** The lock goes with the last of the process, which may be a moment after its end is told. */
bool wait_for_death(const struct region_view *view);

/** Where everything is slow, and only one thread runs at a time. */
bool under_valgrind(void);

/**
 * One instruction at a time? Not under valgrind, where one would step through valgrind itself; nor
 * on arm64, where a step ends the reservation between ck's exclusive load and store, which then
 * never succeeds.
 */
bool can_be_stepped(void);

/** The name of the only region in the directory. */
void find_region(char ret[REGION_NAME_BYTES_MAX]);

#endif
