/* SPDX-License-Identifier: Apache-2.0 */
/* Checks an open file by its name, and saves what is left of a damaged one. */
#include "writer/file/damage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "writer/file/batch_scan.h"

#define COPY_STEP_BYTES (UINT64_C(1) << 20)

enum damage damage_look(const struct data_dir *dir, const struct data_file *file)
{
	struct stat by_fd, by_name;

	if (fstat(file->fd, &by_fd) < 0)
		return DAMAGE_NONE;
	if (by_fd.st_nlink == 0)
		return DAMAGE_REMOVED;
	if (fstatat(dir->fd, file->name.name, &by_name, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return DAMAGE_MOVED;
	} else if (by_name.st_dev != by_fd.st_dev || by_name.st_ino != by_fd.st_ino) {
		return DAMAGE_MOVED;
	}
	return (uint64_t)by_fd.st_size < file->size_bytes ? DAMAGE_CUT : DAMAGE_NONE;
}

/* Where it is, or was, as far as the kernel says. */
static void path_of(const struct data_dir *dir, const struct data_file *file, char ret[PATH_MAX])
{
	char link[40];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir->fd);
	n = readlink(link, ret, PATH_MAX - DATA_NAME_BYTES - 1);
	if (n < 0)
		n = snprintf(ret, PATH_MAX, "%s", dir->signal);
	snprintf(ret + n, PATH_MAX - (size_t)n, "/%s", file->name.name);
}

void damage_say(const struct data_dir *dir, const struct data_file *file, enum damage damage)
{
	static const char *const what[] = {
		[DAMAGE_REMOVED] = "was removed or replaced while it was being written: what is "
				   "durable in it is copied into a new file",
		[DAMAGE_MOVED] = "was moved away while it was being written: what is durable in it "
				 "stays where it is now",
		[DAMAGE_CUT] = "was cut while it was being written: what is left of it is kept",
	};
	char path[PATH_MAX];

	path_of(dir, file, path);
	log_line("%s %s, and writing goes on in a new one. Only the writer may change files with "
		 "names that end in .open; `otlpipe rotate` makes it seal them",
		 path, what[damage]);
}

/* How much of what was durable is whole batches still? */
static int count_whole(const struct data_file *file, uint64_t bytes, uint64_t *ret)
{
	struct batch_head head;
	struct batch_scan scan;
	int rc;

	batch_scan_open(&scan, file->fd, bytes);
	while ((rc = batch_scan_next(&scan, &head)) == 0)
		;
	*ret = scan.offset;
	batch_scan_close(&scan);
	return rc == -ENOMEM ? rc : 0;
}

static int copy_bytes(int from, int to, uint8_t *buffer, uint64_t bytes)
{
	uint64_t at = 0;

	while (at < bytes) {
		const uint64_t step = bytes - at < COPY_STEP_BYTES ? bytes - at : COPY_STEP_BYTES;
		ssize_t n = pread(from, buffer, step, (off_t)at);

		if (n > 0)
			n = pwrite(to, buffer, (size_t)n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (uint64_t)n;
	}
	return 0;
}

/* As if it had never been: another one is made, and a recovery must not find both. */
static void drop_copy(struct data_dir *dir, struct data_file *copy)
{
	(void)!ftruncate(copy->fd, 0);
	copy->is_noted = false;
	(void)data_file_seal(dir, copy, 0);
}

/* Into a new file, which is sealed before any other is made: it keeps its place among them. */
static int copy_whole(struct data_dir *dir, const struct data_file *file, uint64_t bytes)
{
	const bool was_buffered = dir->buffered;
	uint8_t *buffer = malloc(COPY_STEP_BYTES);
	struct data_file copy;
	int rc;

	if (buffer == NULL)
		return -ENOMEM;
	dir->buffered = true;
	rc = data_file_create(dir, bytes, time(NULL), &copy);
	dir->buffered = was_buffered;
	if (rc == 0) {
		rc = copy_bytes(file->fd, copy.fd, buffer, bytes);
		if (rc == 0)
			rc = data_file_seal(dir, &copy, bytes);
		/* It has its name then, and recovery would find it under either. */
		if (copy.is_sealed)
			rc = 0;
		else if (rc < 0)
			drop_copy(dir, &copy);
		if (copy.fd >= 0)
			data_file_release(&copy);
	}
	free(buffer);
	return rc;
}

static void say_lost(const struct data_dir *dir, const struct data_file *file, uint64_t bytes,
		     const char *why)
{
	char path[PATH_MAX];

	path_of(dir, file, path);
	log_line("%s: %" PRIu64 " bytes of it that were durable are lost: %s", path, bytes, why);
}

static void enter(const struct data_dir *dir, const struct data_file *file,
		  enum manifest_state state, uint64_t bytes, uint64_t durable_bytes)
{
	if (dir->manifest == NULL)
		return;
	/* What cannot be entered now comes with the next line. */
	if (durable_bytes == 0)
		(void)manifest_enter_dropped(dir->manifest, dir->signal, file->name.sequence);
	else
		(void)manifest_enter_end(dir->manifest, dir->signal, &file->name, state, bytes);
}

static bool is_full(int rc)
{
	return rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG;
}

static int settle_removed(struct data_dir *dir, struct data_file *file, uint64_t bytes,
			  uint64_t whole)
{
	int rc = 0;

	/* What was reserved behind it may be what the copy needs. */
	(void)!ftruncate(file->fd, (off_t)whole);
	if (whole > 0)
		rc = copy_whole(dir, file, whole);
	if (rc < 0 && !is_full(rc))
		return rc;
	/* Nobody can have its space before it is closed: to wait for room would be for ever. */
	if (rc < 0)
		say_lost(dir, file, bytes, strerror(-rc));
	else if (whole < bytes)
		say_lost(dir, file, bytes - whole, "it was cut, too");
	if (rc < 0 || whole < bytes)
		enter(dir, file, MANIFEST_CUT, 0, bytes);
	else
		enter(dir, file, MANIFEST_CUT, 0, 0);
	data_file_release(file);
	return 0;
}

static int settle_moved(struct data_dir *dir, struct data_file *file, uint64_t bytes)
{
	char path[PATH_MAX];

	if (ftruncate(file->fd, (off_t)bytes) < 0 || fsync(file->fd) < 0) {
		const int error = errno;

		path_of(dir, file, path);
		log_line("%s, which was moved away, cannot be cut to %" PRIu64
			 " bytes: %s; the batches behind that are also written into a new file",
			 path, bytes, strerror(error));
	}
	enter(dir, file, MANIFEST_SEALED, bytes, bytes);
	data_file_release(file);
	return 0;
}

static int settle_cut(struct data_dir *dir, struct data_file *file, uint64_t bytes, uint64_t whole)
{
	int rc;

	/* Zeros that are there by now do not say that nothing is missing. */
	if (ftruncate(file->fd, (off_t)whole) < 0)
		return -errno;
	file->is_cut = whole < bytes;
	if (file->is_cut)
		say_lost(dir, file, bytes - whole, "it was cut");
	rc = data_file_seal(dir, file, whole);
	/* What is behind is gone whatever its name is, and with this one it is recovered. */
	if (rc < 0 && file->fd >= 0 && !file->is_sealed)
		(void)data_file_abandon(dir, file, whole);
	if (file->fd >= 0)
		data_file_release(file);
	return 0;
}

int damage_settle(struct data_dir *dir, struct data_file *file, enum damage damage, uint64_t bytes)
{
	const int flags = fcntl(file->fd, F_GETFL);
	uint64_t whole;
	int rc;

	/* From here on its blocks are not what is read. */
	if (flags >= 0)
		(void)fcntl(file->fd, F_SETFL, flags & ~O_DIRECT);
	file->direct = false;
	if (damage == DAMAGE_MOVED)
		return settle_moved(dir, file, bytes);
	rc = count_whole(file, bytes, &whole);
	if (rc < 0)
		return rc;
	return damage == DAMAGE_CUT ? settle_cut(dir, file, bytes, whole)
				    : settle_removed(dir, file, bytes, whole);
}

void damage_leave(const struct data_dir *dir, struct data_file *file, uint64_t bytes)
{
	say_lost(dir, file, bytes, "it was removed, and could not be copied until now");
	data_file_release(file);
}
