/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into the writer: a directory of very many files without making them. Whoever reads the
 * directory OTLPIPE_MANY_DIR is told of OTLPIPE_MANY_COUNT sealed files of traces, numbered from 1
 * on, and then of what really is in it. Each is empty.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MANY_TIME "20260131T235959Z"

static __thread struct {
	DIR *stream;
	uint64_t left;
	struct dirent64 entry;
} reading;

static bool is_many(DIR *stream)
{
	const char *path = getenv("OTLPIPE_MANY_DIR");
	struct stat st, many;

	return path != NULL && fstat(dirfd(stream), &st) == 0 && stat(path, &many) == 0 &&
	       st.st_dev == many.st_dev && st.st_ino == many.st_ino;
}

DIR *fdopendir(int fd)
{
	static DIR *(*real)(int);
	const char *count = getenv("OTLPIPE_MANY_COUNT");
	DIR *stream;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fdopendir");
	stream = real(fd);
	reading.stream = stream;
	reading.left =
		stream != NULL && count != NULL && is_many(stream) ? strtoull(count, NULL, 10) : 0;
	return stream;
}

struct dirent64 *readdir64(DIR *stream)
{
	static struct dirent64 *(*real)(DIR *);

	if (stream != reading.stream || reading.left == 0) {
		if (real == NULL)
			*(void **)&real = dlsym(RTLD_NEXT, "readdir64");
		return real(stream);
	}
	reading.entry.d_type = DT_REG;
	snprintf(reading.entry.d_name, sizeof(reading.entry.d_name),
		 "traces-" MANY_TIME "-%08" PRIu64 ".binpb", reading.left--);
	return &reading.entry;
}

int fstatat64(int fd, const char *name, struct stat64 *ret, int flags)
{
	static int (*real)(int, const char *, struct stat64 *, int);

	if (strstr(name, MANY_TIME) != NULL) {
		*ret = (struct stat64){.st_mode = S_IFREG | 0640, .st_nlink = 1};
		return 0;
	}
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fstatat64");
	return real(fd, name, ret, flags);
}
