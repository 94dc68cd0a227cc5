/* SPDX-License-Identifier: Apache-2.0 */
#include "base/write_all.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/* @param at  where; NULL: where the file stands */
static int write_parts(int fd, const uint8_t *from, size_t count, off_t *at)
{
	while (count > 0) {
		ssize_t n = at != NULL ? pwrite(fd, from, count, *at) : write(fd, from, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		count -= (size_t)n;
		if (at != NULL)
			*at += n;
	}
	return 0;
}

int write_all(int fd, const void *bytes, size_t count)
{
	return write_parts(fd, bytes, count, NULL);
}

int write_all_at(int fd, const void *bytes, size_t count, off_t at)
{
	return write_parts(fd, bytes, count, &at);
}
