/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a writer: the wall clock jumps or stands still, and writes
 * fail, as the test says. Everything else goes to the kernel as it is.
 */
#include "tests/pipeline/model_preload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Only writes of whole blocks are those of the data. */
#define DATA_BYTES_MIN 4096

/* Under both names: which of them the writer calls depends on how it was compiled. */
ssize_t preload_pwrite(int fd, const void *bytes, size_t count, off_t offset) __asm__("pwrite");
ssize_t preload_pwrite64(int fd, const void *bytes, size_t count, off_t offset) __asm__("pwrite64");

static struct model_preload *orders;

__attribute__((constructor)) static void preload_open(void)
{
	const char *path = getenv(MODEL_PRELOAD_FILE);
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	orders = map != MAP_FAILED ? map : NULL;
	if (fd >= 0)
		close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	long rc = syscall(SYS_clock_gettime, clock, ret);

	if (rc < 0 || clock != CLOCK_REALTIME || orders == NULL)
		return (int)rc;
	__atomic_fetch_add(&orders->wall_calls, 1, __ATOMIC_RELAXED);
	ret->tv_sec += __atomic_load_n(&orders->wall_offset_seconds, __ATOMIC_RELAXED);
	if (orders->wall_frozen_seconds != 0)
		*ret = (struct timespec){.tv_sec = orders->wall_frozen_seconds};
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

ssize_t preload_pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
	if (orders != NULL && count >= DATA_BYTES_MIN &&
	    __atomic_load_n(&orders->writes_left, __ATOMIC_ACQUIRE) != 0) {
		__atomic_fetch_sub(&orders->writes_left, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&orders->writes_failed, 1, __ATOMIC_RELAXED);
		errno = (int)orders->writes_error;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

ssize_t preload_pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
	return preload_pwrite64(fd, bytes, count, offset);
}
