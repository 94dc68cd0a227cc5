/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a writer: a member of its group directory who is always quicker. Each time that
 * the writer takes the name writer.lock away, the member's file is there again before it looks.
 *
 * $RACE_UID is the member.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	static int (*real)(int, const char *, int, const char *);
	const char *uid = getenv("RACE_UID");
	int rc, fd;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "renameat");
	rc = real(from_fd, from, to_fd, to);
	if (rc != 0 || uid == NULL || strcmp(from, "writer.lock") != 0)
		return rc;
	fd = openat(from_fd, from, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (fchown(fd, (uid_t)atoi(uid), (gid_t)-1) < 0)
			abort();
		close(fd);
	}
	return rc;
}
