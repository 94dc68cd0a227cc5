/* SPDX-License-Identifier: Apache-2.0 */
/* writer.lock: the lock in it, and the status page. The writer decides what the numbers mean. */
#include "shm/status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"

#define STATUS_TAKE_TRIES_MAX 16

static int status_check(const struct runtime_dir *dir, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return -EINVAL;
	/* In a group directory somebody else could have put it there for us to trust. */
	if (st.st_uid != geteuid() && (geteuid() != 0 || st.st_uid != dir->owner))
		return -EACCES;
	return 0;
}

/*
 * The locked file. What somebody else has put in its place in a group directory is put aside.
 *
 * @return the descriptor, or a negative errno
 */
static int status_take_file(const struct runtime_dir *dir, int64_t wait_ns)
{
	unsigned tries;

	for (tries = 0; tries < STATUS_TAKE_TRIES_MAX; tries++) {
		int fd, rc;

		if (dir->group && runtime_is_foreign(dir, RUNTIME_WRITER_LOCK)) {
			rc = runtime_displace(dir, RUNTIME_WRITER_LOCK);
			if (rc < 0 && rc != -ENOENT)
				return rc;
			continue;
		}
		fd = lock_open(dir->fd, RUNTIME_WRITER_LOCK, wait_ns);
		rc = fd < 0 ? fd : status_check(dir, fd);
		if (rc >= 0)
			return fd;
		if (fd >= 0)
			close(fd);
		if (!dir->group || !runtime_is_foreign(dir, RUNTIME_WRITER_LOCK))
			return rc;
	}
	/* A member puts something there faster than we can take it away. Never 0: that would be
	 * taken for a descriptor. */
	return -EBUSY;
}

int status_open(struct status *ret, const struct runtime_dir *dir, int64_t wait_ns)
{
	struct status_page *page;
	int fd, rc;

	fd = status_take_file(dir, wait_ns);
	if (fd < 0)
		return fd;
	if (fallocate(fd, 0, 0, sizeof(*page)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		rc = -errno;
		close(fd);
		return rc;
	}
	/* Whoever may write the file may cut it. */
	guard_add(&ret->guard, page, sizeof(*page));
	/* Of another version the output directory is still what is to be recovered first. */
	if (page->magic != STATUS_MAGIC)
		memset(page, 0, sizeof(*page));
	else if (page->major != STATUS_MAJOR)
		memset(page, 0, offsetof(struct status_page, output));
	/* A writer leaves an absolute path with its end, or nothing. */
	if (page->output[0] != '/' || page->output[sizeof(page->output) - 1] != '\0')
		page->output[0] = '\0';
	if (page->memory.version != STATUS_MEMORY_VERSION)
		memset(&page->memory, 0, sizeof(page->memory));
	ret->fd = fd;
	ret->page = page;
	return 0;
}

void status_close(struct status *status)
{
	guard_remove(&status->guard);
	munmap(status->page, sizeof(*status->page));
	close(status->fd);
}

bool status_has_name(const struct status *status, const struct runtime_dir *dir)
{
	return lock_has_name(status->fd, dir->fd, RUNTIME_WRITER_LOCK);
}

/* May this writer forget what stands in the file there? */
static bool status_is_ours(const struct status *status, int fd)
{
	const struct status_memory *ours = &status->page->memory;
	char output[STATUS_OUTPUT_BYTES];
	struct status_memory found;
	uint64_t magic;

	if (pread(fd, &magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) || magic != STATUS_MAGIC)
		return true;
	if (pread(fd, output, sizeof(output), offsetof(struct status_page, output)) !=
		    (ssize_t)sizeof(output) ||
	    output[0] != '/')
		return true;
	if (pread(fd, &found, sizeof(found), offsetof(struct status_page, memory)) ==
		    (ssize_t)sizeof(found) &&
	    found.version == STATUS_MEMORY_VERSION && found.output_id != 0)
		return found.output_id == ours->output_id;
	return strncmp(output, status->page->output, sizeof(output)) == 0;
}

static int status_fill(struct status *status, int fd)
{
	ssize_t n;
	void *page;
	int rc;

	if (!status_is_ours(status, fd))
		return -ESTALE;
	n = pwrite(fd, status->page, sizeof(*status->page), 0);
	if (n != (ssize_t)sizeof(*status->page))
		return n < 0 ? -errno : -ENOSPC;
	page = mmap(NULL, sizeof(*status->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	/* In one step: others look at the page by its address. */
	if (mremap(page, sizeof(*status->page), sizeof(*status->page),
		   MREMAP_MAYMOVE | MREMAP_FIXED, status->page) == MAP_FAILED) {
		rc = -errno;
		munmap(page, sizeof(*status->page));
		return rc;
	}
	return 0;
}

int status_move(struct status *status, const struct runtime_dir *dir)
{
	int fd = status_take_file(dir, 0), rc;

	if (fd < 0)
		return fd;
	rc = fallocate(fd, 0, 0, sizeof(*status->page)) < 0 ? -errno : 0;
	if (rc == 0)
		rc = status_fill(status, fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	close(status->fd);
	status->fd = fd;
	return 0;
}

/* A text that is for a terminal, whoever wrote it. */
static void status_terminate(char *text, size_t bytes)
{
	text[bytes - 1] = '\0';
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int status_read(const struct runtime_dir *dir, struct status_page *ret, bool *ret_running)
{
	unsigned signal; /* and snapshot */
	ssize_t n;
	int fd, rc;

	fd = openat(dir->fd, RUNTIME_WRITER_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, ret, sizeof(*ret), 0);
	rc = n < 0 ? -errno : 0;
	close(fd);
	if (rc < 0)
		return rc;
	if (n != (ssize_t)sizeof(*ret) || ret->magic != STATUS_MAGIC || ret->major != STATUS_MAJOR)
		return -EPROTO;
	status_terminate(ret->io, sizeof(ret->io));
	for (signal = 0; signal < REGION_SIGNALS_MAX; signal++)
		status_terminate(ret->problems[signal], sizeof(ret->problems[signal]));
	status_terminate(ret->retention.problem, sizeof(ret->retention.problem));
	for (signal = 0; signal < STATUS_SNAPSHOTS; signal++)
		status_terminate(ret->flight.snapshots[signal].problem,
				 sizeof(ret->flight.snapshots[signal].problem));
	status_terminate(ret->flight.output, sizeof(ret->flight.output));
	status_terminate(ret->output, sizeof(ret->output));
	status_terminate(ret->version, sizeof(ret->version));
	if (ret->minor >= STATUS_MINOR_FLIGHT && ret->flight.is_on != 0 &&
	    ret->flight.output[0] == '/' &&
	    strlen(ret->flight.output) + 1 < sizeof(ret->flight.output))
		strcpy(ret->output, ret->flight.output);
	else if (ret->minor < STATUS_MINOR_FLIGHT)
		memset(&ret->flight, 0, sizeof(ret->flight));
	rc = runtime_has_writer(dir);
	if (rc < 0)
		return rc;
	*ret_running = rc > 0;
	return 0;
}

uint32_t status_holder(const struct runtime_dir *dir)
{
	struct status_page page;
	bool running;

	return status_read(dir, &page, &running) == 0 && running ? page.pid : 0;
}
