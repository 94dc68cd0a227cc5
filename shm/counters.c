/* SPDX-License-Identifier: Apache-2.0 */
/* One page for each user. A user who may write it can only make its numbers wrong. */
#include "shm/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/text.h"
#include "shm/atomic.h"

/* "counters.<uid>" */
static void counters_name(char ret[COUNTERS_NAME_BYTES_MAX])
{
	struct text text;

	text_begin(&text, ret, COUNTERS_NAME_BYTES_MAX);
	text_add(&text, COUNTERS_PREFIX);
	text_add_number(&text, geteuid());
}

/* Whole before it has its name, and with its space: no count is a signal. */
static int counters_make(const struct runtime_dir *dir, const char *name)
{
	/* Not on the stack, which may be that of a signal handler. */
	static const struct counters_page page = {
		.magic = COUNTERS_MAGIC, .major = COUNTERS_MAJOR, .minor = 0};
	int fd, rc;

	fd = runtime_write_unnamed(dir, &page, sizeof(page));
	if (fd < 0)
		return fd;
	rc = runtime_share(dir, fd);
	if (rc == 0)
		rc = runtime_link(dir, fd, name);
	close(fd);
	return rc;
}

static int counters_map(const struct runtime_dir *dir, const char *name, struct counters_page **ret)
{
	struct counters_page *page;
	struct stat st;
	int fd, rc = 0;

	fd = descriptor_openat(dir->fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	/* Whoever else may write it could cut it under us. */
	else if (!S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof(*page) || st.st_nlink != 1 ||
		 st.st_uid != geteuid())
		rc = -EPROTO;
	page = rc < 0 ? MAP_FAILED
		      : mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rc == 0 && page == MAP_FAILED)
		rc = -errno;
	close(fd);
	if (rc < 0)
		return rc;
	if (page->magic != COUNTERS_MAGIC || page->major != COUNTERS_MAJOR) {
		munmap(page, sizeof(*page));
		return -EPROTO;
	}
	*ret = page;
	return 0;
}

static struct counters_page *counters_page(const struct counters *counters)
{
	/* PAIR(counters-page): with counters_open() in another thread. */
	return atomic_load_acquire_ptr((void *const *)&counters->page);
}

int counters_open(struct counters *counters, const struct runtime_dir *dir)
{
	char name[COUNTERS_NAME_BYTES_MAX];
	struct counters_page *page;
	int rc;

	if (counters_page(counters) != NULL &&
	    atomic_load_relaxed_u64(&counters->inode) == (uint64_t)dir->inode)
		return 0;
	counters_name(name);
	rc = counters_map(dir, name, &page);
	if (rc == -ENOENT) {
		rc = counters_make(dir, name);
		if (rc == 0 || rc == -EEXIST)
			rc = counters_map(dir, name, &page);
	}
	if (rc < 0)
		return rc;
	/* One of another directory, which this one has taken the place of, stays mapped: a thread
	 * may be counting there. */
	atomic_store_relaxed_u64(&counters->inode, dir->inode);
	/* PAIR(counters-page): with counters_page(). */
	atomic_store_release_ptr((void **)&counters->page, page);
	return 0;
}

void counters_close(struct counters *counters)
{
	if (counters->page != NULL)
		munmap(counters->page, sizeof(*counters->page));
	counters->page = NULL;
}

void counters_add_dropped(const struct counters *counters, unsigned signal, uint64_t items)
{
	struct counters_page *page = counters_page(counters);

	if (page != NULL)
		atomic_add_relaxed_u64(&page->dropped_items[signal], items);
}

void counters_add_refused_open(const struct counters *counters)
{
	struct counters_page *page = counters_page(counters);

	if (page != NULL)
		atomic_add_relaxed_u64(&page->refused_opens, 1);
}
