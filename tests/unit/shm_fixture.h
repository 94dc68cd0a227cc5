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
#include <ftw.h>
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

/* The rings of a region, which here are of no signal. */
enum { RING_A, RING_B, RINGS };

static char shm_fixture_path[64];
static pid_t shm_fixture_owner;
static struct runtime_dir shm_fixture_dir = {.fd = -1};

static inline int shm_fixture_remove_entry(const char *path, const struct stat *st, int kind,
					   struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* With all that is in it: a directory of a test may have files of the library in it. */
static inline void shm_fixture_remove(void)
{
	if (shm_fixture_owner != getpid() || shm_fixture_path[0] == '\0')
		return;
	(void)nftw(shm_fixture_path, shm_fixture_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	shm_fixture_path[0] = '\0';
}

static inline int shm_fixture_setup(void **state)
{
	static bool registered;

	if (!registered)
		atexit(shm_fixture_remove);
	registered = true;
	shm_fixture_owner = getpid();
	strcpy(shm_fixture_path, "/dev/shm/otlpipe-test-XXXXXX");
	assert_non_null(mkdtemp(shm_fixture_path));
	assert_int_equal(runtime_open(&shm_fixture_dir, shm_fixture_path, false), 0);
	*state = &shm_fixture_dir;
	return 0;
}

static inline int shm_fixture_teardown(void **state)
{
	(void)state;
	runtime_close(&shm_fixture_dir);
	shm_fixture_remove();
	return 0;
}

/* fork(), and the child dies with its parent. */
static inline pid_t fork_child(void)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(99);
	}
	return pid;
}

/* Anonymous memory that children share; the test ends before it would matter to free it. */
static inline void *share(size_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(map != MAP_FAILED);
	return map;
}

static inline int wait_child(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void expect_child_succeeds(pid_t pid)
{
	int status = wait_child(pid);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Wait for a word that another process sets; the limit is generous and no measure. */
static inline bool wait_for_word(const uint32_t *word, uint32_t least)
{
	for (unsigned i = 0; i < 60000; i++) {
		if (atomic_load_acquire_u32(word) >= least)
			return true;
		usleep(1000);
	}
	return false;
}

/* The lock goes with the last of the process, which may be a moment after its end is told. */
static inline bool wait_for_death(const struct region_view *view)
{
	for (unsigned i = 0; i < 60000; i++) {
		if (region_is_alive(view) == 0)
			return true;
		usleep(1000);
	}
	return false;
}

/* Where everything is slow, and only one thread runs at a time. */
static inline bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/*
 * One instruction at a time? Not under valgrind, where one would step through valgrind itself; nor
 * on arm64, where a step ends the reservation between ck's exclusive load and store, which then
 * never succeeds.
 */
static inline bool can_be_stepped(void)
{
#if defined(__aarch64__)
	return false;
#else
	return !under_valgrind();
#endif
}

static inline unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* The name of the only region in the directory. */
static inline void find_region(char ret[REGION_NAME_BYTES_MAX])
{
	DIR *dir = opendir(shm_fixture_path);
	struct dirent *entry;
	unsigned found = 0;
	uint32_t pid;
	uint64_t id;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (region_parse_name(entry->d_name, &pid, &id)) {
			strcpy(ret, entry->d_name);
			found++;
		}
	}
	closedir(dir);
	assert_int_equal(found, 1);
}

#endif
