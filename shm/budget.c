/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds up the bytes of the regions in a directory. This may run in a signal handler, so it does not
 * use opendir().
 */
#include "shm/budget.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/environment.h"
#include "base/units.h"

#define BUDGET_BLOCK_BYTES 512u /* of st_blocks, whatever the file system has */
#define BUDGET_READ_BYTES  1024
/* Somebody fills the directory with names: what was counted until then is what counts. */
#define BUDGET_NAMES_MAX 65536u

/* As the kernel has it; glibc's own is for its readdir(). */
struct budget_entry {
	uint64_t ino;
	int64_t off;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

static bool budget_parse(const char *text, struct budget *ret)
{
	const size_t len = strlen(text);
	char number[UNITS_TEXT_BYTES];
	uint64_t percent;

	memset(ret, 0, sizeof(*ret));
	if (len < 2 || text[len - 1] != '%')
		return units_parse_size(text, &ret->bytes) == 0 && ret->bytes != 0;
	memcpy(number, text, len - 1);
	number[len - 1] = '\0';
	if (units_parse_count(number, 1, 100, &percent) < 0)
		return false;
	ret->percent = (uint32_t)percent;
	return true;
}

bool budget_from_environment(struct budget *ret)
{
	char text[UNITS_TEXT_BYTES];
	const char *value;
	size_t len;

	memset(ret, 0, sizeof(*ret));
	if (!environment_get(BUDGET_VARIABLE, &value, &len))
		return true;
	if (len < sizeof(text)) {
		memcpy(text, value, len);
		text[len] = '\0';
		if (budget_parse(text, ret))
			return true;
	}
	memset(ret, 0, sizeof(*ret));
	return false;
}

static uint64_t share(uint64_t blocks, uint64_t block_bytes, uint32_t percent)
{
	/* The file systems of some have as many blocks as fit into the word. */
	if (blocks > UINT64_MAX / block_bytes)
		return UINT64_MAX;
	return blocks * block_bytes / 100 * percent;
}

int budget_bytes(const struct budget *budget, const struct runtime_dir *dir, uint64_t *ret)
{
	struct statfs fs;

	*ret = budget->bytes;
	if (budget->bytes != 0)
		return 0;
	if (fstatfs(dir->fd, &fs) < 0)
		return -errno;
	/* A tmpfs without a size says 0 blocks. */
	*ret = fs.f_blocks == 0 || fs.f_bsize <= 0
		       ? UINT64_MAX
		       : share(fs.f_blocks, (uint64_t)fs.f_bsize,
			       budget->percent != 0 ? budget->percent : BUDGET_PERCENT_DEFAULT);
	return 0;
}

/* What all of the file system holds is never less than what this directory does. */
static bool is_far_from(const struct runtime_dir *dir, uint64_t bytes, uint64_t needed_bytes)
{
	struct statfs fs;
	uint64_t used;

	if (bytes == UINT64_MAX)
		return true;
	if (fstatfs(dir->fd, &fs) < 0 || fs.f_blocks == 0 || fs.f_bsize <= 0)
		return false;
	used = share(fs.f_blocks - fs.f_bfree, (uint64_t)fs.f_bsize, 100) + fs.f_bsize * 100u;
	return used <= bytes && needed_bytes <= bytes - used;
}

static uint64_t held_by(int fd, const char *name)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return (uint64_t)st.st_blocks * BUDGET_BLOCK_BYTES;
}

static uint64_t held_by_all(int fd)
{
	_Alignas(8) char buffer[BUDGET_READ_BYTES];
	uint64_t held = 0, names = 0;
	long n, at;

	while (names < BUDGET_NAMES_MAX &&
	       (n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (at = 0; at < n; names++) {
			const struct budget_entry *entry = (const void *)(buffer + at);

			held += held_by(fd, entry->name);
			at += entry->bytes;
		}
	}
	return held;
}

int budget_check(const struct budget *budget, const struct runtime_dir *dir, uint64_t needed_bytes,
		 struct failure *failure)
{
	const bool is_default = budget->bytes == 0 && budget->percent == 0;
	uint64_t bytes, held;
	int fd;

	/* What cannot be counted limits nothing: what is missing then is missing below, too. */
	if (budget_bytes(budget, dir, &bytes) < 0 || is_far_from(dir, bytes, needed_bytes))
		return 0;
	fd = descriptor_openat(dir->fd, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return 0;
	held = held_by_all(fd);
	close(fd);
	if ((held <= bytes && needed_bytes <= bytes - held) || (is_default && held < needed_bytes))
		return 0;
	failure->step = FAILURE_BUDGET;
	failure->needed_bytes = needed_bytes;
	failure->limit_bytes = bytes;
	failure->left_bytes = bytes > held ? bytes - held : 0;
	return -EDQUOT;
}
