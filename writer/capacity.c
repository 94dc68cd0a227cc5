/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region needs a descriptor and a mapping. Enough of both must be left for the writer's own
 * files, directories and memory, however many regions there are.
 */
#include "writer/capacity.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Directories, locks, data files, io_uring; twice that while files rotate and are recovered. */
#define CAPACITY_DESCRIPTORS_KEPT 64
/* Libraries, stacks, buffers, the heap's own. */
#define CAPACITY_MAPPINGS_KEPT 1024
/* Where the kernel does not say: its default for decades. */
#define CAPACITY_MAPPINGS_DEFAULT 65530

/* Descriptors are given the lowest free number, and we leave no gaps. */
static size_t open_descriptors(void)
{
	int probe = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (probe < 0)
		return 0;
	close(probe);
	return (size_t)probe;
}

static size_t mappings_max(void)
{
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	char text[24] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 && atoll(text) > 0 ? (size_t)atoll(text) : CAPACITY_MAPPINGS_DEFAULT;
}

/* What is left for regions: where there is very little, a quarter of it at least. */
static size_t left_of(size_t limit, size_t used, size_t kept)
{
	const size_t free = limit > used ? limit - used : 0;

	return free > kept && free - kept > free / 4 ? free - kept : free / 4;
}

static void take_least(struct capacity *capacity, size_t regions, const char *what, size_t limit)
{
	if (regions >= capacity->regions)
		return;
	capacity->regions = regions;
	snprintf(capacity->reason, sizeof(capacity->reason), "%s is %zu", what, limit);
}

void capacity_measure(struct capacity *ret, size_t regions_max)
{
	struct rlimit limit;

	ret->regions = regions_max;
	snprintf(ret->reason, sizeof(ret->reason), "a batch names no more");
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		take_least(ret,
			   left_of(limit.rlim_cur, open_descriptors(), CAPACITY_DESCRIPTORS_KEPT),
			   "RLIMIT_NOFILE", limit.rlim_cur);
	take_least(ret, left_of(mappings_max(), 0, CAPACITY_MAPPINGS_KEPT), "vm.max_map_count",
		   mappings_max());
}
