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

#include "base/descriptor.h"
#include "base/host_limits.h"
#include "base/undisturbed.h"
#include "shm/atomic.h"

/* A lost wake-up costs little if the sleep has just begun, and that is when it can get lost. */
#define CONTROL_SLICE_NS       INT64_C(1000000)
#define CONTROL_TAKE_TRIES_MAX 16
#define CONTROL_LOCK_TRIES_MAX 50
#define CONTROL_LOCK_STEP_NS   10000000

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
	/* Not on the stack, which may be that of a signal handler. */
	static const struct control_page page = {
		.magic = CONTROL_MAGIC, .major = LAYOUT_MAJOR, .minor = LAYOUT_MINOR};
	int fd, rc;

	fd = runtime_write_unnamed(dir, &page, sizeof(page));
	if (fd < 0)
		return fd;
	if (fchmod(fd, dir->group ? 0640 : 0600) < 0)
		rc = -errno;
	else
		rc = runtime_link(dir, fd, RUNTIME_CONTROL);
	close(fd);
	return rc;
}

/* Tells one file from another: never 0. */
static uint64_t file_key_of(const struct stat *st)
{
	return ((uint64_t)st->st_ino << 1 ^ (uint64_t)st->st_dev << 32) | 1;
}

/* A read-only mapping does for waking and waiting. */
static int control_map_fd(int fd, bool writable, struct control_page **ret, uint64_t *ret_key)
{
	struct control_page *page;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != LAYOUT_PAGE_BYTES)
		return -EPROTO;
	page = mmap(NULL, LAYOUT_PAGE_BYTES, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		    MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	if (page->magic != CONTROL_MAGIC || page->major != LAYOUT_MAJOR) {
		munmap(page, LAYOUT_PAGE_BYTES);
		return -EPROTO;
	}
	*ret = page;
	*ret_key = file_key_of(&st);
	return 0;
}

static int control_open_file(const struct runtime_dir *dir, bool writable)
{
	return descriptor_openat(dir->fd, RUNTIME_CONTROL,
				 (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK, 0);
}

/* A private directory: whoever made the page is the same user as we. */
static int control_map_own(const struct runtime_dir *dir, struct control_page **ret,
			   uint64_t *ret_key)
{
	int fd = control_open_file(dir, true), rc;

	if (fd < 0)
		return fd;
	rc = control_map_fd(fd, true, ret, ret_key);
	close(fd);
	return rc;
}

/* A producer in a group directory. Only what no other member can cut is mapped. */
static int control_map_writers(const struct runtime_dir *dir, struct control_page **ret,
			       uint64_t *ret_key)
{
	int fd = control_open_file(dir, false), rc;

	if (fd < 0)
		return -ENOENT; /* none, or something that a member put there */
	rc = runtime_is_writers(dir, fd) ? control_map_fd(fd, false, ret, ret_key) : -ENOENT;
	close(fd);
	return rc;
}

int control_open(struct control *ret, const struct runtime_dir *dir)
{
	struct control control = {.is_group = dir->group, .lock_fd = -1};
	unsigned tries;
	int rc = 0;

	if (dir->group) {
		rc = control_map_writers(dir, &control.page, &control.file_key);
		if (rc == -ENOENT)
			rc = 0;
	} else {
		/* Whoever may remove it may do so between two of our steps. */
		for (tries = 0; tries < CONTROL_TAKE_TRIES_MAX; tries++) {
			rc = control_map_own(dir, &control.page, &control.file_key);
			if (rc != -ENOENT)
				break;
			rc = control_make(dir);
			if (rc < 0 && rc != -EEXIST)
				break;
			rc = -ENOENT;
		}
	}
	if (rc == 0)
		*ret = control;
	return rc;
}

/* A predecessor's lock may linger; a member, who can lock for reading only, need not go at all. */
static bool control_lock(int fd)
{
	const struct timespec step = {.tv_nsec = CONTROL_LOCK_STEP_NS};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	unsigned tries;

	for (tries = 0; tries < CONTROL_LOCK_TRIES_MAX; tries++) {
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

int control_open_writer(struct control *ret, const struct runtime_dir *dir)
{
	struct control control = {.is_group = true, .is_writer = true, .lock_fd = -1};
	unsigned tries;
	int fd, rc = 0;

	if (!dir->group) {
		rc = control_open(ret, dir);
		if (rc == 0)
			ret->is_writer = true;
		return rc;
	}
	for (tries = 0; tries < CONTROL_TAKE_TRIES_MAX; tries++) {
		fd = control_open_file(dir, true);
		if (fd >= 0 && runtime_is_writers(dir, fd) && control_lock(fd)) {
			rc = control_map_fd(fd, true, &control.page, &control.file_key);
			control.lock_fd = fd;
			if (rc < 0)
				close(fd);
			else
				*ret = control;
			return rc;
		}
		if (fd >= 0)
			close(fd);
		rc = fd == -ENOENT ? control_make(dir) : runtime_displace(dir, RUNTIME_CONTROL);
		if (rc < 0 && rc != -EEXIST && rc != -ENOENT)
			return rc;
	}
	return -EBUSY; /* a member puts something there faster than we can take it away */
}

bool control_has_name(const struct control *control, const struct runtime_dir *dir)
{
	struct stat st;

	return fstatat(dir->fd, RUNTIME_CONTROL, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       file_key_of(&st) == atomic_load_relaxed_u64(&control->file_key);
}

void control_set_epoch(struct control *control, uint64_t epoch)
{
	atomic_store_relaxed_u64(&control->page->writer_epoch, epoch);
}

int control_move(struct control *control, const struct runtime_dir *dir)
{
	const uint64_t epoch = atomic_load_relaxed_u64(&control->page->writer_epoch);
	struct control fresh;
	int rc = control_open_writer(&fresh, dir);

	if (rc < 0)
		return rc;
	control_set_epoch(&fresh, epoch);
	/* In one step: a signal handler may be looking at it. */
	if (mremap(fresh.page, LAYOUT_PAGE_BYTES, LAYOUT_PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED,
		   control->page) == MAP_FAILED) {
		rc = -errno;
		control_close(&fresh);
		return rc;
	}
	if (control->lock_fd >= 0)
		close(control->lock_fd);
	control->lock_fd = fresh.lock_fd;
	control->is_group = fresh.is_group;
	atomic_store_relaxed_u64(&control->file_key, fresh.file_key);
	return 0;
}

int control_read_epoch(const struct runtime_dir *dir, uint64_t *ret)
{
	int fd = control_open_file(dir, false), rc = 0;

	if (fd < 0)
		return fd;
	if (dir->group && !runtime_is_writers(dir, fd))
		rc = -EPERM;
	else if (pread(fd, ret, sizeof(*ret), offsetof(struct control_page, writer_epoch)) !=
		 (ssize_t)sizeof(*ret))
		rc = -EPROTO;
	close(fd);
	return rc;
}

void control_close(struct control *control)
{
	if (control->page != NULL) {
		munmap(control->page, LAYOUT_PAGE_BYTES);
		if (control->lock_fd >= 0)
			close(control->lock_fd);
	}
	control->page = NULL;
}

static struct control_page *control_page(const struct control *control)
{
	/* PAIR(control-late): with control_put_page() in another thread. */
	return atomic_load_acquire_ptr((void *const *)&control->page);
}

/* Of several threads that found one, one enters it. */
static bool control_put_page(struct control *control, struct control_page *before,
			     struct control_page *page, uint64_t key)
{
	/* PAIR(control-late): with control_page(). */
	if (!atomic_cas_release_ptr((void **)&control->page, before, page)) {
		munmap(page, LAYOUT_PAGE_BYTES);
		return false;
	}
	atomic_store_relaxed_u64(&control->file_key, key);
	return true;
}

void control_refresh(struct control *control, const struct runtime_dir *dir)
{
	struct control_page *before = control_page(control), *page;
	uint64_t key;

	/* Where there was none, the next wake-up looks for it. */
	if (before == NULL || control_has_name(control, dir))
		return;
	if ((dir->group ? control_map_writers(dir, &page, &key)
			: control_map_own(dir, &page, &key)) < 0)
		return; /* not yet */
	/* Not unmapped: another thread may be about to look at it. */
	(void)control_put_page(control, before, page, key);
}

/* Has a writer made the page meanwhile? */
static struct control_page *control_look_late(struct control *control)
{
	struct control_page *page = NULL;
	struct undisturbed undisturbed;
	struct runtime_dir dir;
	uint64_t key = 0;

	if (control->late_dir == NULL)
		return NULL;
	undisturbed_begin(&undisturbed);
	if (runtime_open(&dir, control->late_dir, false) == 0) {
		if (!dir.group || control_map_writers(&dir, &page, &key) < 0)
			page = NULL;
		runtime_close(&dir);
	}
	if (page != NULL && !control_put_page(control, NULL, page, key))
		page = control_page(control);
	undisturbed_end(&undisturbed);
	return page;
}

void control_wake_writer(struct control *control)
{
	struct control_page *page = control_page(control);
	int saved = errno;

	if (page == NULL)
		page = control_look_late(control);
	/* Of all that see it asleep one wakes it, where they can take note of it. */
	if (page != NULL && atomic_load_relaxed_u32(&page->sleeping) != 0 &&
	    (control->is_group || atomic_cas_relaxed_u32(&page->sleeping, 1, 0)))
		control_futex(&page->sleeping, FUTEX_WAKE, 1, NULL);
	errno = saved;
}

void control_end_deep_sleep(struct control *control, const char *path, bool may_set_time)
{
	struct control_page *page = control_page(control);
	int saved = errno;
	long woken = 0;

	if (page == NULL)
		page = control_look_late(control);
	if (page != NULL)
		woken = control_futex(&page->deep, FUTEX_WAKE, 1, NULL);
	/* The path is our own, and so is the directory, or an administrator's. */
	if (woken <= 0 && may_set_time)
		(void)utimensat(AT_FDCWD, path, NULL, 0);
	errno = saved;
}

void control_doze(uint32_t *word, uint32_t value)
{
	control_futex(word, FUTEX_WAIT, value, NULL);
}

bool control_move_sleeper(struct control *control, uint32_t *word, uint32_t value)
{
	/* Wake none, move one, if the word has that value. */
	return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE, 0, 1UL, &control->page->deep, value) ==
	       1;
}

uint32_t control_flushed(const struct control *control)
{
	const struct control_page *page = control_page(control);

	/* PAIR(control-flushed): with control_notify_flushed(): read before the heads, so
	 * that one which moves after we looked changes this. */
	return page == NULL ? 0 : atomic_load_acquire_u32(&page->flushed);
}

void control_wait_flushed(struct control *control, uint32_t seen, int64_t timeout_ns)
{
	const struct timespec ts = control_timespec(timeout_ns);
	struct control_page *page = control_page(control);

	if (page == NULL)
		nanosleep(&ts, NULL);
	else
		control_futex(&page->flushed, FUTEX_WAIT, seen, &ts);
}

bool control_register_producer(void)
{
	return !limits_have_seccomp() &&
	       syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

void control_announce_sleep(struct control *control)
{
	atomic_store_relaxed_u32(&control->page->sleeping, 1);
	/* The full barrier of both sides: between our store and our next look at the
	 * tails, and in every running producer between its tail and its look at this. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}

bool control_sleep(struct control *control, int64_t timeout_ns)
{
	const struct timespec ts = control_timespec(timeout_ns);
	bool is_over = control_futex(&control->page->sleeping, FUTEX_WAIT, 1, &ts) < 0 &&
		       errno == ETIMEDOUT;

	atomic_store_relaxed_u32(&control->page->sleeping, 0);
	return !is_over;
}

int64_t control_slice_ns(const struct control *control, bool is_reached)
{
	return control->is_group || !is_reached ? CONTROL_SLICE_NS : INT64_MAX;
}

void control_cancel_sleep(struct control *control)
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
