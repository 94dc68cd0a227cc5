/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a runtime directory. What is in a region, and whether it still is one, the caller sees.
 */
#include "cli/each_region.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "shm/region_name.h"

int each_region(const struct runtime_dir *dir, int (*look)(void *context, const char *name),
		void *context)
{
	struct dirent *entry;
	DIR *stream;
	int fd, rc = 0;

	fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (stream == NULL) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (rc == 0) {
		uint32_t pid;
		uint64_t id;

		errno = 0;
		entry = readdir(stream);
		if (entry == NULL) {
			rc = -errno;
			break;
		}
		if (region_parse_name(entry->d_name, &pid, &id))
			rc = look(context, entry->d_name);
	}
	closedir(stream);
	return rc;
}
