/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest on disk: lines are appended and synced, and now and then the whole is written anew
 * beside it and takes its name, without what is over. What the lines mean is manifest_image.c's,
 * and which of them is due is the caller's.
 *
 * What is in memory is always whole. What could not be written is kept, and is tried again with
 * the next line; where a sync failed, or the file is not what it was, all is written anew.
 */
#include "writer/file/manifest_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mode.h"
#include "writer/file/manifest_dump.h"

#define MANIFEST_DAMAGED MANIFEST_NAME ".damaged"
/* Kept free for lines to come: retention must be able to write one when the disk is full. */
#define RESERVE_BYTES UINT64_C(65536)
/* A log is written anew when it is this long and three times as long as it need be. */
#define COMPACT_BYTES_MIN    UINT64_C(65536)
#define COMPACT_FACTOR	     3u
#define ENTRY_BYTES_ESTIMATE UINT64_C(96)
#define PENDING_BYTES_MAX    ((size_t)1 << 20)
#define BOOT_ID_PATH	     "/proc/sys/kernel/random/boot_id"

/* ---- bytes ---- */

/* The whole file. *ret is the caller's to free(). */
static int read_all(int fd, char **ret, size_t *ret_bytes)
{
	struct stat st;
	char *bytes;
	size_t at = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > MANIFEST_BYTES_MAX)
		return -EFBIG;
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	while (at < (size_t)st.st_size) {
		ssize_t n = pread(fd, bytes + at, (size_t)st.st_size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(bytes);
			return -errno;
		}
		if (n == 0)
			break;
		at += (size_t)n;
	}
	*ret = bytes;
	*ret_bytes = at;
	return 0;
}

int manifest_load(struct manifest_image *ret, int out_dirfd)
{
	int fd = openat(out_dirfd, MANIFEST_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *bytes = NULL;
	size_t count = 0;
	int rc;

	if (fd < 0)
		return -errno;
	rc = read_all(fd, &bytes, &count);
	close(fd);
	if (rc == 0)
		rc = manifest_image_read(ret, bytes, count);
	free(bytes);
	return rc;
}

/* ---- the whole anew ---- */

static void reserve(struct manifest_store *store, uint64_t bytes)
{
	const uint64_t wanted = bytes + RESERVE_BYTES;

	if (bytes + RESERVE_BYTES / 2 <= store->reserved_bytes)
		return;
	/* A file system that cannot, or has no room: then a line may fail when the disk is full. */
	if (fallocate(store->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)wanted) == 0)
		store->reserved_bytes = wanted;
}

static int sync_dir(int fd)
{
	/* EINVAL: a file system that has nothing to sync for a directory. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

static int store_rewrite(struct manifest_store *store)
{
	struct manifest_image image = {0};
	int fd, rc;

	(void)unlinkat(store->dirfd, MANIFEST_NEW, 0);
	fd = openat(store->dirfd, MANIFEST_NEW, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    mode_of_file());
	if (fd < 0)
		return -errno;
	rc = mode_set(fd, mode_of_file());
	if (rc == 0)
		rc = manifest_dump(&store->image, fd, &image);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (rc == 0 && renameat2(store->dirfd, MANIFEST_NEW, store->dirfd, MANIFEST_NAME, 0) < 0)
		rc = -errno;
	if (rc < 0) {
		(void)unlinkat(store->dirfd, MANIFEST_NEW, 0);
		close(fd);
		manifest_image_free(&image);
		return rc;
	}
	if (store->fd >= 0)
		close(store->fd);
	manifest_image_free(&store->image);
	store->fd = fd;
	store->image = image;
	store->file_bytes = image.bytes;
	store->pending_bytes = 0;
	store->reserved_bytes = 0;
	reserve(store, store->file_bytes);
	rc = sync_dir(store->dirfd);
	store->must_rewrite = rc < 0;
	return rc;
}

/* ---- lines ---- */

/* Nobody else writes it: what is not as we left it was removed, replaced or cut. */
static bool store_is_ours(const struct manifest_store *store)
{
	struct stat by_fd, by_name;

	return store->fd >= 0 && fstat(store->fd, &by_fd) == 0 &&
	       (uint64_t)by_fd.st_size == store->file_bytes &&
	       fstatat(store->dirfd, MANIFEST_NAME, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	       by_fd.st_dev == by_name.st_dev && by_fd.st_ino == by_name.st_ino;
}

static bool store_is_too_long(const struct manifest_store *store)
{
	uint64_t needed = 1024;
	unsigned i;

	if (store->file_bytes < COMPACT_BYTES_MIN)
		return false;
	for (i = 0; i < store->image.signal_count; i++)
		needed += store->image.signals[i].entry_count * ENTRY_BYTES_ESTIMATE;
	return store->file_bytes / COMPACT_FACTOR > needed;
}

static int store_append(struct manifest_store *store)
{
	int rc;

	reserve(store, store->file_bytes + store->pending_bytes);
	rc = manifest_write_at(store->fd, store->pending, store->pending_bytes, store->file_bytes);
	if (rc < 0) {
		/* Half a line is none, and this one is written again at the same place. */
		if (ftruncate(store->fd, (off_t)store->file_bytes) < 0)
			store->must_rewrite = true;
		return rc;
	}
	if (fdatasync(store->fd) < 0) {
		/* What the file holds is not known any more. */
		store->must_rewrite = true;
		return -errno;
	}
	store->file_bytes += store->pending_bytes;
	store->pending_bytes = 0;
	return 0;
}

static void store_say(struct manifest_store *store, int rc)
{
	if (rc < 0 && rc != store->said_error)
		log_line("the manifest (%s) cannot be written: %s; no file is made or removed "
			 "until it can",
			 MANIFEST_NAME, strerror(-rc));
	else if (rc == 0 && store->said_error != 0)
		log_line("the manifest (%s) is written again", MANIFEST_NAME);
	store->said_error = rc;
}

/* Make durable what is pending. */
int manifest_store_flush(struct manifest_store *store)
{
	int rc;

	if (!store->must_rewrite && store->pending_bytes == 0)
		return 0;
	if (!store->must_rewrite && !store_is_ours(store)) {
		log_line("somebody has removed or changed the manifest (%s): it is written anew",
			 MANIFEST_NAME);
		store->must_rewrite = true;
	}
	/* More at once could look like damage after a power cut. */
	if (store->must_rewrite || store->pending_bytes > MANIFEST_TAIL_BYTES_MAX ||
	    store_is_too_long(store))
		rc = store_rewrite(store);
	else
		rc = store_append(store);
	/* It need not be short: on a full disk there may be room for a line and no more. */
	if (rc < 0 && !store->must_rewrite && store_is_too_long(store))
		rc = store_append(store);
	store_say(store, rc);
	return rc;
}

void manifest_store_begin_anew(struct manifest_store *store)
{
	store->must_rewrite = true;
	store->pending_bytes = 0;
}

/* What does not fit here is in the image all the same, and then in the file that is made of it. */
static void store_keep_line(struct manifest_store *store, const char *line, size_t bytes)
{
	if (store->must_rewrite)
		return;
	if (store->pending_bytes + bytes > store->pending_capacity) {
		size_t capacity = store->pending_capacity * 2 + MANIFEST_LINE_BYTES_MAX;
		char *larger = capacity <= PENDING_BYTES_MAX
				       ? reallocarray(store->pending, capacity, 1)
				       : NULL;

		if (larger == NULL) {
			manifest_store_begin_anew(store);
			return;
		}
		store->pending = larger;
		store->pending_capacity = capacity;
	}
	memcpy(store->pending + store->pending_bytes, line, bytes);
	store->pending_bytes += bytes;
}

/* Enter a line, which is not written yet. */
int manifest_store_line(struct manifest_store *store, const char *line, size_t bytes)
{
	int rc = manifest_image_apply(&store->image, line, bytes);

	if (rc < 0)
		return rc;
	store_keep_line(store, line, bytes);
	return 0;
}

int manifest_store_entry(struct manifest_store *store, const char *signal,
			 const struct manifest_entry *entry)
{
	char line[MANIFEST_LINE_BYTES_MAX];

	return manifest_store_line(store, line,
				   manifest_line_entry(&store->image, line, signal, entry));
}

/* ---- clocks ---- */

int64_t manifest_clock_s(clockid_t clock)
{
	struct timespec now;

	return clock_gettime(clock, &now) < 0 ? 0 : (int64_t)now.tv_sec;
}

/* A random one, where the kernel does not say which boot it is. */
static void boot_find(char ret[MANIFEST_BOOT_BYTES])
{
	int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, i, digits = 0;
	uint64_t random[2] = {0};
	char text[64];

	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	for (i = 0; i < n && digits + 1 < (ssize_t)MANIFEST_BOOT_BYTES; i++)
		if ((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'))
			ret[digits++] = text[i];
	ret[digits] = '\0';
	if (digits + 1 == (ssize_t)MANIFEST_BOOT_BYTES)
		return;
	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random[0] = (uint64_t)manifest_clock_s(CLOCK_REALTIME);
	snprintf(ret, MANIFEST_BOOT_BYTES, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
}

static int store_clock(struct manifest_store *store, const char *boot)
{
	char line[MANIFEST_LINE_BYTES_MAX];

	return manifest_store_line(store, line,
				   manifest_line_clock(&store->image, line, boot,
						       manifest_clock_s(CLOCK_REALTIME),
						       manifest_clock_s(CLOCK_BOOTTIME)));
}

/* By how much the wall clock was set since the clock's line, in this boot. */
int64_t manifest_store_clock_step(const struct manifest_store *store)
{
	const struct manifest_image *image = &store->image;
	int64_t step = manifest_clock_s(CLOCK_REALTIME) - manifest_clock_s(CLOCK_BOOTTIME) -
		       (image->clock_wall_s - image->clock_boot_s);

	return step > MANIFEST_CLOCK_STEP_S || step < -MANIFEST_CLOCK_STEP_S ? step : 0;
}

/* What was sealed in this boot was so as long ago as before, whatever the clock says now. */
void manifest_store_correct_times(struct manifest_store *store, int64_t step_s)
{
	struct manifest_image *image = &store->image;
	unsigned i;
	size_t k;

	for (i = 0; i < image->signal_count; i++) {
		for (k = 0; k < image->signals[i].entry_count; k++) {
			struct manifest_entry *entry = &image->signals[i].entries[k];

			if (!entry->is_of_this_boot || entry->ended_s == 0)
				continue;
			entry->ended_s += step_s;
			if (entry->ended_s < 1)
				entry->ended_s = 1;
		}
	}
	image->clock_wall_s = manifest_clock_s(CLOCK_REALTIME);
	image->clock_boot_s = manifest_clock_s(CLOCK_BOOTTIME);
	image->newest_s = image->clock_wall_s;
	/* Times are changed in lines that are written already. */
	manifest_store_begin_anew(store);
}

/* ---- opening ---- */

/* Something is there, and is no manifest that we can go on with. */
static void store_set_aside(struct manifest_store *store, int rc)
{
	const char *why = rc == -EPROTO ? "of another version" : "damaged";

	if (renameat(store->dirfd, MANIFEST_NAME, store->dirfd, MANIFEST_DAMAGED) < 0)
		log_line("the manifest (%s) is %s, cannot be renamed (%s), and is replaced: what "
			 "was missing before now cannot be known",
			 MANIFEST_NAME, why, strerror(errno));
	else
		log_line("the manifest (%s) is %s, is kept as %s, and begun again: what was "
			 "missing before now cannot be known",
			 MANIFEST_NAME, why, MANIFEST_DAMAGED);
	manifest_image_free(&store->image);
}

/* @return -ENOENT: there is none to go on with */
static int store_read(struct manifest_store *store)
{
	int rc = manifest_load(&store->image, store->dirfd);

	/* A shortage of ours: the manifest is none the worse for it. */
	if (rc == -ENOENT || rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE)
		return rc;
	if (rc < 0 && rc != -EAGAIN) {
		store_set_aside(store, rc);
		return -ENOENT;
	}
	/* A torn tail goes with the file that has it. */
	store->must_rewrite = rc == -EAGAIN;
	if (rc == 0) {
		store->fd = openat(store->dirfd, MANIFEST_NAME,
				   O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		store->file_bytes = store->image.bytes;
		store->must_rewrite = store->fd < 0;
	}
	return 0;
}

static int store_begin(struct manifest_store *store)
{
	char line[MANIFEST_LINE_BYTES_MAX];
	uint64_t id = 0;

	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return -EIO;
	store->must_rewrite = true;
	return manifest_store_line(store, line,
				   manifest_line_begin(&store->image, line, id != 0 ? id : 1));
}

static int store_begin_clock(struct manifest_store *store)
{
	char boot[MANIFEST_BOOT_BYTES];
	int64_t step_s;

	boot_find(boot);
	if (strcmp(boot, store->image.boot) != 0)
		return store_clock(store, boot);
	step_s = manifest_store_clock_step(store);
	if (step_s != 0) {
		log_line("the clock was set by %" PRId64 " s while no writer was here", step_s);
		manifest_store_correct_times(store, step_s);
	}
	return 0;
}

int manifest_store_open(struct manifest_store *store, int out_dirfd)
{
	int rc;

	memset(store, 0, sizeof(*store));
	store->fd = -1;
	store->dirfd = fcntl(out_dirfd, F_DUPFD_CLOEXEC, 0);
	rc = store->dirfd < 0 ? -errno : store_read(store);
	if (rc == -ENOENT)
		rc = store_begin(store);
	store->found_newest_s = store->image.newest_s;
	if (rc == 0)
		rc = store_begin_clock(store);
	if (rc < 0)
		manifest_store_close(store);
	return rc;
}

void manifest_store_close(struct manifest_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	if (store->dirfd >= 0)
		close(store->dirfd);
	manifest_image_free(&store->image);
	free(store->pending);
	memset(store, 0, sizeof(*store));
	store->fd = store->dirfd = -1;
}
