/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the names only; the caller finds out whether a file still is a region. */
#include "cli/each_region.h"

#include <dirent.h>
#include <errno.h>

#include "base/descriptor.h"
#include "shm/region_name.h"

int each_region(const struct runtime_dir *dir, int (*look)(void *context, const char *name),
		void *context)
{
	struct dirent *entry;
	DIR *stream;
	int rc = descriptor_opendir(dir->fd, &stream);

	if (rc < 0)
		return rc;
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
