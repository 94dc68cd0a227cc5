/* SPDX-License-Identifier: Apache-2.0 */
/* Files and input of the fuzz targets. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIR_BYTES_MAX	 256
#define NFTW_DESCRIPTORS 8

static char directory[DIR_BYTES_MAX];

void fuzz_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_directory(void)
{
	(void)nftw(directory, remove_one, NFTW_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_dir(void)
{
	const char *parent = getenv("OTLPIPE_FUZZ_DIR");

	if (directory[0] != '\0')
		return directory;
	snprintf(directory, sizeof(directory), "%s/otlpipe-fuzz-XXXXXX",
		 parent != NULL ? parent : "/dev/shm");
	FUZZ_CHECK(mkdtemp(directory) != NULL);
	atexit(remove_directory);
	return directory;
}

void fuzz_put_file(int dirfd, const char *name, const uint8_t *bytes, size_t count)
{
	int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(count == 0 || write(fd, bytes, count) == (ssize_t)count);
	close(fd);
}

void fuzz_take(struct fuzz_input *input, void *ret, size_t bytes)
{
	size_t there = bytes < input->left ? bytes : input->left;

	memset(ret, 0, bytes);
	if (there > 0)
		memcpy(ret, input->at, there);
	input->at += there;
	input->left -= there;
}

uint8_t fuzz_take_u8(struct fuzz_input *input)
{
	uint8_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

uint16_t fuzz_take_u16(struct fuzz_input *input)
{
	uint16_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

uint64_t fuzz_take_u64(struct fuzz_input *input)
{
	uint64_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}
