/* SPDX-License-Identifier: Apache-2.0 */
/* Each lock is on its own byte, so that one is not taken for the other. */
#include "shm/region_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct flock lock_of(unsigned byte)
{
	return (struct flock){
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
}

int region_lock(int fd, unsigned byte)
{
	struct flock lock = lock_of(byte);

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

int region_is_locked(int fd, unsigned byte)
{
	struct flock lock = lock_of(byte);

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}
