/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits, and the memory of cgroups. Sources: getrlimit(2); the kernel's
 * admin-guide/cgroup-v2.rst "Memory Interface Files" and cgroup-v1/memory.rst.
 *
 * A cgroup's charge includes page cache that the kernel drops before it kills anybody,
 * so a cgroup that stands at its limit may have plenty to give. Counted as given: the
 * limit, less the charge, plus file pages on either list, plus the swap it may use.
 */
#include "base/host_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/descriptor.h"

#define LIMITS_PATH_BYTES    4096
#define LIMITS_CONTENT_BYTES 8192
#define CGROUP_LEVELS_MAX    32
/* v1 has no word for "no limit": it says the largest multiple of a page. */
#define CGROUP_V1_NONE (UINT64_C(1) << 62)

/* Not on the stack; a mapping of its own, since threads may be here at once. */
struct limits_scratch {
	char path[LIMITS_PATH_BYTES];
	char content[LIMITS_CONTENT_BYTES]; /* terminated */
};

/* What the two versions call the same things. */
struct cgroup_names {
	const char *limit, *usage, *swap_limit, *swap_usage;
	const char *inactive, *active; /* lines of memory.stat, with the blank behind the word */
};

static const struct cgroup_names names_v2 = {
	.limit = "/memory.max",
	.usage = "/memory.current",
	.swap_limit = "/memory.swap.max",
	.swap_usage = "/memory.swap.current",
	.inactive = "inactive_file ",
	.active = "active_file ",
};

/* Its swap limit counts memory and swap together. */
static const struct cgroup_names names_v1 = {
	.limit = "/memory.limit_in_bytes",
	.usage = "/memory.usage_in_bytes",
	.swap_limit = "/memory.memsw.limit_in_bytes",
	.swap_usage = "/memory.memsw.usage_in_bytes",
	.inactive = "total_inactive_file ",
	.active = "total_active_file ",
};

uint64_t limits_of(int resource)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return LIMITS_NONE;
	return limit.rlim_cur;
}

uint64_t limits_file_bytes(void)
{
	return limits_of(RLIMIT_FSIZE);
}

static struct limits_scratch *scratch_open(void)
{
	void *map = mmap(NULL, sizeof(struct limits_scratch), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map != MAP_FAILED ? map : NULL;
}

static void scratch_close(struct limits_scratch *scratch)
{
	if (scratch != NULL)
		munmap(scratch, sizeof(*scratch));
}

/* Read a small file whole. */
static bool read_file(struct limits_scratch *scratch, const char *path)
{
	size_t used = 0;
	ssize_t n;
	int fd = descriptor_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);

	if (fd < 0)
		return false;
	do {
		n = read(fd, scratch->content + used, sizeof(scratch->content) - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	close(fd);
	scratch->content[used] = '\0';
	return n == 0;
}

/* Decimal digits; "max" and anything else is no limit. */
static uint64_t parse_number(const char *text)
{
	uint64_t value = 0;
	const char *at;

	for (at = text; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return LIMITS_NONE;
	return at == text ? LIMITS_NONE : value;
}

/* A file of the cgroup at scratch->path, whose name is put behind it for as long. */
static bool read_of(struct limits_scratch *scratch, const char *name)
{
	const size_t len = strlen(scratch->path), name_len = strlen(name);
	bool is_read;

	if (len + name_len >= sizeof(scratch->path))
		return false;
	memcpy(scratch->path + len, name, name_len + 1);
	is_read = read_file(scratch, scratch->path);
	scratch->path[len] = '\0';
	return is_read;
}

static uint64_t number_of(struct limits_scratch *scratch, const char *name)
{
	return read_of(scratch, name) ? parse_number(scratch->content) : LIMITS_NONE;
}

/* A line of memory.stat, which is in scratch->content; 0: there is none. */
static uint64_t stat_of(const struct limits_scratch *scratch, const char *word)
{
	const size_t len = strlen(word);
	const char *line = scratch->content;
	uint64_t value;

	while (line != NULL && strncmp(line, word, len) != 0) {
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	value = line != NULL ? parse_number(line + len) : 0;
	return value != LIMITS_NONE ? value : 0;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t ret;

	return __builtin_add_overflow(a, b, &ret) ? LIMITS_NONE : ret;
}

/* How much of the machine's free swap this cgroup may use. */
static uint64_t swap_left(struct limits_scratch *scratch, const struct cgroup_names *names,
			  uint64_t limit, uint64_t usage, uint64_t free_swap_bytes)
{
	uint64_t swap_limit, swap_usage, left;

	if (free_swap_bytes == 0)
		return 0;
	swap_limit = number_of(scratch, names->swap_limit);
	swap_usage = number_of(scratch, names->swap_usage);
	if (swap_limit == LIMITS_NONE || swap_usage == LIMITS_NONE)
		return free_swap_bytes;
	left = difference(swap_limit, swap_usage);
	if (names == &names_v1) /* less what memory alone may still take */
		left = difference(left, difference(limit, usage));
	return left < free_swap_bytes ? left : free_swap_bytes;
}

/* The cgroup at scratch->path. */
static void look_at(struct limits_scratch *scratch, const struct cgroup_names *names,
		    uint64_t free_swap_bytes, struct limits_memory *ret)
{
	const uint64_t limit = number_of(scratch, names->limit);
	uint64_t usage, left;

	if (limit == LIMITS_NONE || (names == &names_v1 && limit >= CGROUP_V1_NONE))
		return;
	usage = number_of(scratch, names->usage);
	if (usage == LIMITS_NONE)
		return;
	left = sum(difference(limit, usage),
		   swap_left(scratch, names, limit, usage, free_swap_bytes));
	if (read_of(scratch, "/memory.stat"))
		left = sum(left,
			   sum(stat_of(scratch, names->inactive), stat_of(scratch, names->active)));
	if (ret->limit_bytes == LIMITS_NONE || left < ret->left_bytes) {
		ret->limit_bytes = limit;
		ret->left_bytes = left;
	}
}

/* Is "memory" one of the controllers of this line, "4:memory,hugetlb:/path"? */
static bool has_memory(const char *controllers, size_t len)
{
	static const char memory[] = "memory";
	const char *at = controllers;

	while (at < controllers + len) {
		const size_t left = (size_t)(controllers + len - at);
		const char *comma = memchr(at, ',', left);
		const size_t word = comma != NULL ? (size_t)(comma - at) : left;

		if (word == sizeof(memory) - 1 && memcmp(at, memory, word) == 0)
			return true;
		at += word + 1;
	}
	return false;
}

/*
 * Find the process's path in /proc/self/cgroup, whose lines are number:controllers:path; v1's
 * memory controller before v2, which then does not have it.
 */
static const struct cgroup_names *find_own(char *content, const char **ret_path)
{
	const struct cgroup_names *found = NULL;
	char *line = content;

	while (*line != '\0') {
		char *end = strchr(line, '\n');
		char *controllers = strchr(line, ':');
		char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

		if (end == NULL)
			break;
		*end = '\0';
		if (path != NULL && path < end) {
			const size_t len = (size_t)(path - controllers - 1);

			if (has_memory(controllers + 1, len)) {
				*ret_path = path + 1;
				return &names_v1;
			}
			if (len == 0) {
				*ret_path = path + 1;
				found = &names_v2;
			}
		}
		line = end + 1;
	}
	return found;
}

static void get_memory(struct limits_scratch *scratch, struct limits_memory *ret, const char *own,
		       const char *v2, const char *v1, uint64_t free_swap_bytes)
{
	const struct cgroup_names *names;
	const char *path, *root;
	unsigned levels;
	size_t root_len;

	if (!read_file(scratch, own))
		return;
	names = find_own(scratch->content, &path);
	if (names == NULL)
		return;
	root = names == &names_v1 ? v1 : v2;
	root_len = strlen(root);
	if (root_len + strlen(path) >= sizeof(scratch->path))
		return;
	memcpy(scratch->path, root, root_len);
	strcpy(scratch->path + root_len, path);
	/* In a container the path may be the host's, and only its last step up is there. */
	for (levels = 0; levels < CGROUP_LEVELS_MAX; levels++) {
		char *slash;

		look_at(scratch, names, free_swap_bytes, ret);
		slash = strrchr(scratch->path + root_len, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
	}
}

void limits_get_memory_from(struct limits_memory *ret, const char *own, const char *v2,
			    const char *v1, uint64_t free_swap_bytes)
{
	struct limits_scratch *scratch = scratch_open();

	ret->limit_bytes = ret->left_bytes = LIMITS_NONE;
	if (scratch != NULL)
		get_memory(scratch, ret, own, v2, v1, free_swap_bytes);
	scratch_close(scratch);
}

bool limits_have_seccomp(void)
{
	static const char word[] = "\nSeccomp:\t";
	struct limits_scratch *scratch = scratch_open();
	const char *found = NULL;
	bool ret;

	/* Not by prctl(): a filter may kill for that too. */
	if (scratch != NULL && read_file(scratch, "/proc/thread-self/status"))
		found = strstr(scratch->content, word);
	ret = found == NULL || found[sizeof(word) - 1] != '0';
	scratch_close(scratch);
	return ret;
}

void limits_get_memory(struct limits_memory *ret)
{
	struct sysinfo info;
	uint64_t free_swap_bytes = 0;

	if (sysinfo(&info) == 0)
		free_swap_bytes = (uint64_t)info.freeswap * info.mem_unit;
	limits_get_memory_from(ret, "/proc/self/cgroup", "/sys/fs/cgroup", "/sys/fs/cgroup/memory",
			       free_swap_bytes);
}
