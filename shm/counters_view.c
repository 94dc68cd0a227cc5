/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds up the counters of all users. Neither the contents nor the names of their files are trusted.
 */
#include "shm/counters_view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"

/* Of a user whose file it is, and no other: a member of a group directory can make any name. */
static bool counters_is_owners(const char *name, const struct stat *st)
{
	const char *digits = name + sizeof(COUNTERS_PREFIX) - 1;
	char *end;
	unsigned long long uid;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	uid = strtoull(digits, &end, 10);
	return errno == 0 && *end == '\0' && uid == st->st_uid;
}

static void counters_sum_file(const struct runtime_dir *dir, const char *name,
			      struct counters_sum *sum)
{
	/* Read, not mapped: no cut of the file is a signal then. */
	struct counters_page page;
	struct stat st;
	unsigned signal;
	int fd;

	fd = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return; /* gone, or another user's */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && counters_is_owners(name, &st) &&
	    pread(fd, &page, sizeof(page), 0) == (ssize_t)sizeof(page) &&
	    page.magic == COUNTERS_MAGIC && page.major == COUNTERS_MAJOR) {
		for (signal = 0; signal < REGION_SIGNALS_MAX; signal++)
			sum->dropped_items[signal] += page.dropped_items[signal];
		sum->refused_opens += page.refused_opens;
	}
	close(fd);
}

int counters_read(const struct runtime_dir *dir, struct counters_sum *ret)
{
	struct dirent *entry;
	DIR *stream;
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = descriptor_opendir(dir->fd, &stream);
	if (rc < 0)
		return rc;
	for (;;) {
		errno = 0;
		entry = readdir(stream);
		if (entry == NULL)
			break;
		if (strncmp(entry->d_name, COUNTERS_PREFIX, sizeof(COUNTERS_PREFIX) - 1) == 0)
			counters_sum_file(dir, entry->d_name, ret);
	}
	rc = -errno;
	closedir(stream);
	return rc;
}
