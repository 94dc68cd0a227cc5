/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a runtime directory. What is in a region, and whether it still is one, the caller sees.
 */
#include "writer/tool/each_region.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "shm/region.h"

int each_region(const struct runtime_dir *dir, int (*look)(void *context, const char *name),
		void *context)
{
	struct dirent *entry;
	DIR *stream;
	int fd, r = 0;

	fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (stream == NULL) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0) {
		uint32_t pid;
		uint64_t id;

		errno = 0;
		entry = readdir(stream);
		if (entry == NULL) {
			r = -errno;
			break;
		}
		if (region_parse_name(entry->d_name, &pid, &id))
			r = look(context, entry->d_name);
	}
	closedir(stream);
	return r;
}
