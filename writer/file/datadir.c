/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals' directories: opened, listed, and what is in them compared with the manifest. The files
 * themselves are datafile.c's.
 */
#include "writer/file/datadir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/mode.h"
#include "writer/file/unzst.h"

#define NS_PER_S INT64_C(1000000000)

static int sync_fd(int fd)
{
	/* EINVAL: a file system that has nothing to sync for a directory. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

int data_dir_sync(const struct data_dir *dir)
{
	return sync_fd(dir->fd);
}

static bool is_signal(const char *signal)
{
	size_t n = strlen(signal);

	return n > 0 && n <= DATA_SIGNAL_BYTES_MAX &&
	       strspn(signal, "abcdefghijklmnopqrstuvwxyz") == n;
}

/* Called for each name that is one of ours, and of these kinds. Negative: that is the end. */
typedef int (*each_name)(void *context, const struct data_name *name, unsigned char type);

static int for_each_name(const struct data_dir *dir, unsigned kinds, each_name call, void *context)
{
	struct data_name name;
	struct dirent *entry;
	DIR *stream;
	int rc = descriptor_opendir(dir->fd, &stream);

	if (rc < 0)
		return rc;
	while (rc == 0) {
		errno = 0;
		entry = readdir(stream);
		if (!entry) {
			rc = -errno;
			break;
		}
		if (data_name_parse(dir->signal, entry->d_name, &name) == 0 && (name.kind & kinds))
			rc = call(context, &name, entry->d_type);
	}
	closedir(stream);
	return rc;
}

static int note_sequence(void *context, const struct data_name *name, unsigned char type)
{
	uint64_t *next = context;

	/* Where the file system does not say what it is, a number more is used up. */
	if ((type == DT_REG || type == DT_UNKNOWN) && name->sequence >= *next)
		*next = name->sequence + 1;
	return 0;
}

/* By the names alone: no memory and no look at each file, however many there are. */
static int find_next_sequence(struct data_dir *dir)
{
	dir->next_sequence = 1;
	return for_each_name(dir, DATA_ALL_KINDS, note_sequence, &dir->next_sequence);
}

/* Somebody else's, or open to everybody: then others could make files in our name. */
static int check_dir(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return (st.st_mode & S_IWOTH) ||
			       (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
		       ? -EPERM
		       : 0;
}

int data_dir_open(int out_dirfd, const char *signal, struct data_dir *ret)
{
	struct data_dir dir = {.fd = -1};
	bool is_made;
	int rc;

	if (!is_signal(signal))
		return -EINVAL;
	memcpy(dir.signal, signal, strlen(signal) + 1);

	is_made = mkdirat(out_dirfd, signal, mode_of_directory()) == 0;
	if (!is_made && errno != EEXIST)
		return -errno;
	dir.fd = openat(out_dirfd, signal, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir.fd < 0)
		return -errno;

	rc = check_dir(dir.fd);
	if (rc == 0 && is_made)
		rc = mode_set(dir.fd, mode_of_directory());
	/* Always: who made it may have died before this. */
	if (rc == 0)
		rc = sync_fd(out_dirfd);
	if (rc == 0)
		rc = find_next_sequence(&dir);
	if (rc < 0) {
		close(dir.fd);
		return rc;
	}

	*ret = dir;
	return 0;
}

void data_dir_close(struct data_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

/* ---- listing ---- */

struct listing {
	const struct data_dir *dir;
	struct data_name *names;
	size_t count;
	size_t capacity;
	enum data_dir_end end;
	size_t count_max; /* 0: all are kept */
	struct data_dir_rest rest;
};

static void listing_sort(struct listing *listing)
{
	if (listing->count > 0)
		qsort(listing->names, listing->count, sizeof(*listing->names), data_name_compare);
}

/* A file is packed beside the plain one, which goes then: in between it is there twice. */
static void listing_drop_twins(struct listing *listing)
{
	struct data_name *names = listing->names;
	size_t kept = 0;

	for (size_t i = 0; i < listing->count; i++) {
		if (kept > 0 && names[i].kind == DATA_PACKED &&
		    names[kept - 1].kind == DATA_SEALED &&
		    names[kept - 1].sequence == names[i].sequence)
			continue;
		if (kept != i)
			names[kept] = names[i];
		kept++;
	}
	listing->count = kept;
}

/* Sorts, and keeps the files at its end. */
static void listing_trim(struct listing *listing)
{
	size_t over, from;

	listing_sort(listing);
	listing_drop_twins(listing);
	if (listing->count_max == 0 || listing->count <= listing->count_max)
		return;
	over = listing->count - listing->count_max;
	from = listing->end == DATA_DIR_OLDEST ? listing->count_max : 0;
	listing->rest.files += over;
	for (size_t i = from; i < from + over; i++)
		listing->rest.bytes += listing->names[i].bytes;
	if (from == 0)
		memmove(listing->names, &listing->names[over],
			listing->count_max * sizeof(*listing->names));
	listing->count = listing->count_max;
}

static int listing_add(struct listing *listing, const struct data_name *name)
{
	/* Only now and then, so that it costs little for each. */
	if (listing->count_max != 0 && listing->count / 2 == listing->count_max)
		listing_trim(listing);

	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity ? listing->capacity * 2 : 64;
		struct data_name *names;

		names = reallocarray(listing->names, capacity, sizeof(*names));
		if (!names)
			return -ENOMEM;
		listing->names = names;
		listing->capacity = capacity;
	}

	listing->names[listing->count++] = *name;
	return 0;
}

/* Anybody can set a file's time to anything: kept within what nanoseconds can say. */
static int64_t timestamp_ns(const struct timespec *ts)
{
	if (ts->tv_sec < 0)
		return 0;
	if (ts->tv_sec >= INT64_MAX / NS_PER_S)
		return INT64_MAX;
	return ts->tv_sec * NS_PER_S + ts->tv_nsec;
}

static int list_name(void *context, const struct data_name *found, unsigned char type)
{
	struct listing *listing = context;
	struct data_name name = *found;
	struct stat st;

	(void)type; /* the size is wanted too */
	if (fstatat(listing->dir->fd, name.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno; /* retention was quicker */
	if (!S_ISREG(st.st_mode))
		return 0;

	name.bytes = (uint64_t)st.st_size;
	name.mtime_ns = timestamp_ns(&st.st_mtim);
	return listing_add(listing, &name);
}

static int list(struct listing *listing, unsigned kinds, struct data_name **ret, size_t *ret_count)
{
	int rc = for_each_name(listing->dir, kinds, list_name, listing);

	if (rc < 0) {
		free(listing->names);
		return rc;
	}
	listing_trim(listing);
	*ret = listing->names;
	*ret_count = listing->count;
	return 0;
}

static bool has_number(const struct data_name *names, size_t count, uint64_t sequence, size_t *at)
{
	while (*at < count && names[*at].sequence < sequence)
		++*at;
	return *at < count && names[*at].sequence == sequence;
}

static bool has_gap(const struct data_name *names, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (names[i].sequence > names[i - 1].sequence + 1)
			return true;
	return false;
}

/* Read again up to the last number that is there, and keep what only the first reading has. */
static int list_again(const struct data_dir *dir, unsigned kinds, struct data_name **names,
		      size_t *count)
{
	const uint64_t last = *count > 0 ? (*names)[*count - 1].sequence : UINT64_MAX;
	struct listing again = {.dir = dir};
	struct data_name *second;
	size_t second_count, at = 0;
	int rc = list(&again, kinds, &second, &second_count);

	if (rc < 0)
		return rc;
	again.names = second;
	while (again.count > 0 && again.names[again.count - 1].sequence > last)
		again.count--;
	second_count = again.count;
	for (size_t i = 0; rc == 0 && i < *count; i++)
		if (!has_number(again.names, second_count, (*names)[i].sequence, &at))
			rc = listing_add(&again, &(*names)[i]);
	if (rc < 0) {
		free(again.names);
		return rc;
	}
	listing_sort(&again);
	listing_drop_twins(&again);
	free(*names);
	*names = again.names;
	*count = again.count;
	return 0;
}

/*
 * A file that is renamed while the directory is read may be in the list under neither of its names,
 * and its successor may be in it. That leaves a gap. A file is renamed once, so of two readings one
 * has it. One that is packed meanwhile may be hidden in the same way, and need leave no gap: where
 * that may be, it is read twice.
 */
static int list_all(const struct data_dir *dir, unsigned kinds, bool may_be_packed,
		    struct data_name **ret, size_t *ret_count)
{
	struct listing listing = {.dir = dir};
	int rc = list(&listing, kinds, ret, ret_count);

	if (rc < 0 || !(kinds & DATA_SEALED))
		return rc;
	if (!may_be_packed && !((kinds & DATA_OPEN) && has_gap(*ret, *ret_count)))
		return rc;
	rc = list_again(dir, kinds, ret, ret_count);
	if (rc < 0)
		free(*ret);
	return rc;
}

int data_dir_list(const struct data_dir *dir, unsigned kinds, struct data_name **ret,
		  size_t *ret_count)
{
	return list_all(dir, kinds, kinds & DATA_PACKED, ret, ret_count);
}

int data_dir_list_locked(const struct data_dir *dir, unsigned kinds, struct data_name **ret,
			 size_t *ret_count)
{
	return list_all(dir, kinds, false, ret, ret_count);
}

int data_dir_list_end(const struct data_dir *dir, unsigned kinds, enum data_dir_end end,
		      size_t count_max, struct data_name **ret, size_t *ret_count,
		      struct data_dir_rest *ret_rest)
{
	struct listing listing = {.dir = dir, .end = end, .count_max = count_max};
	int rc;

	assert(count_max > 0);
	rc = list(&listing, kinds, ret, ret_count);
	*ret_rest = listing.rest;
	return rc;
}

/* ---- reading ---- */

int data_dir_open_file(int dirfd, struct data_name *name)
{
	for (;;) {
		int fd = openat(dirfd, name->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		struct data_name next;

		if (fd >= 0)
			return fd;
		if (errno != ENOENT || (name->kind != DATA_OPEN && name->kind != DATA_SEALED))
			return -errno;
		data_name_as(name, name->kind == DATA_OPEN ? DATA_SEALED : DATA_PACKED, 0, &next);
		*name = next;
	}
}

int data_dir_packed_bytes(int dirfd, const char *name, uint64_t *ret)
{
	uint8_t head[UNZST_HEAD_BYTES_MAX];
	ssize_t n;
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	do
		n = pread(fd, head, sizeof(head), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		rc = -errno;
	close(fd);
	return rc < 0 ? rc : unzst_content_bytes(head, (size_t)n, ret);
}

/* ---- the manifest ---- */

int data_dir_attach(struct data_dir *dir, struct manifest *manifest)
{
	struct data_name *names = NULL;
	struct data_dir_rest rest = {0};
	size_t count = 0;
	int rc = 0;

	/*
	 * Once in a directory's life, so that a start stays cheap with very many files. Of the
	 * oldest of too many the manifest would know nothing anyway.
	 */
	if (!manifest_knows(manifest, dir->signal, dir->next_sequence))
		rc = data_dir_list_end(dir, DATA_SEALED | DATA_BAD | DATA_PACKED, DATA_DIR_NEWEST,
				       MANIFEST_ENTRIES_MAX, &names, &count, &rest);
	/* The manifest has the sizes of what is in them. */
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (names[i].kind == DATA_PACKED &&
		    data_dir_packed_bytes(dir->fd, names[i].name, &names[i].bytes) == -EBADMSG)
			log_line("%s/%s does not say how much is in it: it is damaged, or was not "
				 "made here",
				 dir->signal, names[i].name);
	if (rc == 0)
		rc = manifest_adopt(manifest, dir->signal, names, count, dir->next_sequence,
				    &dir->next_sequence);
	free(names);
	if (rc == 0 && rest.files > 0)
		log_line("%s: the manifest has room for %zu files: of the %" PRIu64
			 " oldest ones (%" PRIu64 " bytes) verify can tell nothing but what is in "
			 "them",
			 dir->signal, MANIFEST_ENTRIES_MAX, rest.files, rest.bytes);
	if (rc == 0)
		dir->manifest = manifest;
	return rc;
}

/* The file that an entry tells of, if it is there as one that was given up. */
static bool find_bad(const struct data_dir *dir, uint64_t sequence, struct data_name *ret)
{
	struct data_name *names;
	bool is_found = false;
	size_t count;

	if (data_dir_list(dir, DATA_BAD, &names, &count) < 0)
		return false;
	for (size_t i = 0; i < count && !is_found; i++) {
		is_found = names[i].sequence == sequence;
		if (is_found)
			*ret = names[i];
	}
	free(names);
	return is_found;
}

static int settle_entry(const struct data_dir *dir, const struct manifest_entry *entry)
{
	struct data_name open, sealed, packed, bad;
	struct stat st;

	manifest_entry_name(entry, dir->signal, DATA_OPEN, &open);
	manifest_entry_name(entry, dir->signal, DATA_SEALED, &sealed);
	if (fstatat(dir->fd, open.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (fstatat(dir->fd, sealed.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return manifest_enter_end(dir->manifest, dir->signal, &sealed, MANIFEST_SEALED,
					  (uint64_t)st.st_size);
	manifest_entry_name(entry, dir->signal, DATA_PACKED, &packed);
	if (data_dir_packed_bytes(dir->fd, packed.name, &packed.bytes) == 0)
		return manifest_enter_end(dir->manifest, dir->signal, &packed, MANIFEST_SEALED,
					  packed.bytes);
	if (find_bad(dir, entry->sequence, &bad))
		return manifest_enter_end(dir->manifest, dir->signal, &bad, MANIFEST_BAD,
					  bad.trusted_bytes);
	log_line("%s/%s is gone, and was being written by an earlier writer: what it had is lost",
		 dir->signal, open.name);
	return 0;
}

int data_dir_settle(const struct data_dir *dir)
{
	struct manifest_entry *entries;
	size_t count;
	int rc;

	if (dir->manifest == NULL)
		return 0;
	rc = manifest_copy(dir->manifest, dir->signal, &entries, &count);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < count; i++)
		if (entries[i].state == MANIFEST_OPEN)
			/* What could not be written now is kept for the next line. */
			(void)settle_entry(dir, &entries[i]);
	free(entries);
	return 0;
}
