/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting by trying again: the kernel's own wait has no limit. */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <time.h>

#define LOCK_STEP_NS INT64_C(10000000)

int lock_take(int fd, int64_t wait_ns)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_NS};

	for (;;) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		if (wait_ns <= 0)
			return -EBUSY;
		nanosleep(&step, NULL);
		wait_ns -= LOCK_STEP_NS;
	}
}
