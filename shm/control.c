/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control page and its two futexes. The sleep handshake is a store and a
 * load on each side (producer: tail, then sleeping; writer: sleeping, then
 * tails), which needs a full barrier on both. The producer's is left out of its
 * push: the writer runs membarrier(2) instead, once before it sleeps.
 */
#include "shm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shm/atomic.h"

static long control_futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static struct timespec control_timespec(int64_t ns)
{
	struct timespec ts = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	return ts;
}

/* Make the file whole, then give it its name: nobody ever sees half of it. */
static int control_make(const struct runtime_dir *dir)
{
	struct control_page page = {
		.magic = CONTROL_MAGIC, .major = LAYOUT_MAJOR, .minor = LAYOUT_MINOR};
	ssize_t n;
	int fd, r;

	fd = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	n = write(fd, &page, sizeof page);
	if (n != (ssize_t)sizeof page)
		r = n < 0 ? -errno : -ENOSPC;
	else if (fchmod(fd, runtime_file_mode(dir)) < 0)
		r = -errno;
	else
		r = runtime_link(dir, fd, RUNTIME_CONTROL);
	close(fd);
	return r;
}

static int control_map(struct control *ret, const struct runtime_dir *dir)
{
	struct control_page *page;
	struct stat st;
	int fd, r = 0;

	fd = openat(dir->fd, RUNTIME_CONTROL, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size != LAYOUT_PAGE_BYTES)
		r = -EPROTO;
	if (r < 0) {
		close(fd);
		return r;
	}
	page = mmap(NULL, LAYOUT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	r = page == MAP_FAILED ? -errno : 0;
	close(fd);
	if (r < 0)
		return r;
	if (page->magic != CONTROL_MAGIC || page->major != LAYOUT_MAJOR) {
		munmap(page, LAYOUT_PAGE_BYTES);
		return -EPROTO;
	}
	ret->page = page;
	return 0;
}

int control_open(struct control *ret, const struct runtime_dir *dir)
{
	int r = control_map(ret, dir);

	if (r != -ENOENT)
		return r;
	r = control_make(dir);
	if (r < 0 && r != -EEXIST)
		return r;
	return control_map(ret, dir);
}

void control_close(struct control *control)
{
	if (control->page != NULL)
		munmap(control->page, LAYOUT_PAGE_BYTES);
	control->page = NULL;
}

void control_ring(struct control *control)
{
	uint32_t *sleeping = &control->page->sleeping;
	int saved;

	/* Of all that see it asleep one wakes it. */
	if (atomic_load_relaxed_u32(sleeping) == 0 || !atomic_cas_relaxed_u32(sleeping, 1, 0))
		return;
	saved = errno;
	control_futex(sleeping, FUTEX_WAKE, 1, NULL);
	errno = saved;
}

uint32_t control_flushed(const struct control *control)
{
	/* PAIR(control-flushed): with control_notify_flushed(): read before the heads, so
	 * that one which moves after we looked changes this. */
	return atomic_load_acquire_u32(&control->page->flushed);
}

void control_wait_flushed(struct control *control, uint32_t seen, int64_t timeout_ns)
{
	struct timespec ts = control_timespec(timeout_ns);

	control_futex(&control->page->flushed, FUTEX_WAIT, seen, &ts);
}

void control_prepare_sleep(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
}

void control_register_producer(void)
{
	/* Where it is refused the writer's interval bounds the wait. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
}

void control_announce_sleep(struct control *control)
{
	atomic_store_relaxed_u32(&control->page->sleeping, 1);
	/* The full barrier of both sides: between our store and our next look at the
	 * tails, and in every running producer between its tail and its look at this. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}

void control_sleep(struct control *control, int64_t timeout_ns)
{
	struct timespec ts = control_timespec(timeout_ns);

	control_futex(&control->page->sleeping, FUTEX_WAIT, 1, &ts);
	atomic_store_relaxed_u32(&control->page->sleeping, 0);
}

void control_wake(struct control *control)
{
	atomic_store_relaxed_u32(&control->page->sleeping, 0);
}

void control_notify_flushed(struct control *control)
{
	uint32_t *flushed = &control->page->flushed;

	/* PAIR(control-flushed): with control_flushed(): the heads come first. */
	atomic_store_release_u32(flushed, atomic_load_relaxed_u32(flushed) + 1);
	control_futex(flushed, FUTEX_WAKE, INT32_MAX, NULL);
}
