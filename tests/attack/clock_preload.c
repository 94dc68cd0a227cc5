/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a writer: its clocks are set when the test says so. $CLOCK_STEPS names a file with
 * two numbers, the seconds that the wall clock is ahead and those that the time since boot is.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef int clock_call(clockid_t clock, struct timespec *ret);

static void read_steps(long *ret_wall_s, long *ret_boot_s)
{
	const char *path = getenv("CLOCK_STEPS");
	char text[64], *end;
	ssize_t n;
	int fd;

	*ret_wall_s = *ret_boot_s = 0;
	fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	*ret_wall_s = strtol(text, &end, 10);
	*ret_boot_s = strtol(end, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	static clock_call *real;
	long wall_s, boot_s;
	int rc;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	rc = real(clock, ret);
	if (rc != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
		return rc;
	read_steps(&wall_s, &boot_s);
	ret->tv_sec += clock == CLOCK_REALTIME ? wall_s : boot_s;
	return 0;
}
