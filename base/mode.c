/* SPDX-License-Identifier: Apache-2.0 */
/* The umask, which belongs to the process: read once, before there are threads. */
#include "base/mode.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

static bool is_taken;
static mode_t taken;

void mode_take_umask(void)
{
	if (!is_taken)
		taken = umask(S_IRWXG | S_IRWXO);
	is_taken = true;
}

static bool group_may_read(void)
{
	mode_t mask = taken;

	/* There is no other way to read it than to set it. */
	if (!is_taken) {
		mask = umask(S_IRWXG | S_IRWXO);
		umask(mask);
	}
	return (mask & S_IRGRP) == 0;
}

mode_t mode_of_directory(void)
{
	return group_may_read() ? 0750 : 0700;
}

mode_t mode_of_file(void)
{
	return group_may_read() ? 0640 : 0600;
}

int mode_set(int fd, mode_t mode)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* A directory has its setgid bit from the one above it: an operator may count on it. */
	if ((st.st_mode & 0777) == mode || fchmod(fd, (st.st_mode & 07000) | mode) == 0)
		return 0;
	rc = -errno;
	if ((rc == -EPERM || rc == -EOPNOTSUPP || rc == -ENOSYS) &&
	    (st.st_mode & mode & S_IRWXU) == (mode & S_IRWXU))
		return 0;
	return rc;
}
