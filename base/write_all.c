/* SPDX-License-Identifier: Apache-2.0 */
#include "base/write_all.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

int write_all(int fd, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	while (count > 0) {
		ssize_t n = write(fd, from, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		count -= (size_t)n;
	}
	return 0;
}

int write_all_at(int fd, const void *bytes, size_t count, off_t at)
{
	const uint8_t *from = bytes;

	while (count > 0) {
		ssize_t n = pwrite(fd, from, count, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		count -= (size_t)n;
		at += n;
	}
	return 0;
}
