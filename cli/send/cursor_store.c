/* SPDX-License-Identifier: Apache-2.0 */
/* Written aside, synced, renamed, and the directory synced: in this order, each checked. */
#include "cli/send/cursor_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/mode.h"
#include "base/write_all.h"

/* A killed sender's lock lingers for a moment. */
#define LOCK_WAIT_NS INT64_C(1000000000)

static int open_dir(const char *path, const char *slash)
{
	char *dir;
	int fd;

	if (slash == NULL)
		return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (dir == NULL) {
		errno = ENOMEM;
		return -1;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return fd;
}

int cursor_store_open(struct cursor_store *store, const char *path, struct cursor *ret)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	char lock[NAME_MAX + 1];
	int rc;

	*store = (struct cursor_store){.dirfd = -1, .lock_fd = -1};
	if (name[0] == '\0' || strlen(name) + sizeof("..lock") > sizeof(store->name))
		return -ENAMETOOLONG;
	snprintf(store->name, sizeof(store->name), "%s", name);
	snprintf(store->aside, sizeof(store->aside), "%s.new", name);
	snprintf(lock, sizeof(lock), ".%s.lock", name);
	store->dirfd = open_dir(path, slash);
	if (store->dirfd < 0)
		return -errno;
	store->lock_fd = lock_open(store->dirfd, lock, LOCK_WAIT_NS);
	rc = store->lock_fd < 0 ? store->lock_fd : cursor_load(ret, store->dirfd, store->name);
	if (rc == -ENOENT && store->lock_fd >= 0)
		rc = 0;
	if (rc < 0)
		cursor_store_close(store);
	return rc;
}

void cursor_store_close(struct cursor_store *store)
{
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	if (store->dirfd >= 0)
		close(store->dirfd);
	free(store->saved);
	*store = (struct cursor_store){.dirfd = -1, .lock_fd = -1};
}

static int write_aside(const struct cursor_store *store, const char *text, size_t bytes)
{
	/* What a kill left there is written over. */
	int fd = openat(store->dirfd, store->aside,
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = mode_set(fd, mode_of_file());
	if (rc == 0)
		rc = write_all(fd, text, bytes);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	/* A full disk gets its blocks back. */
	if (rc < 0)
		(void)unlinkat(store->dirfd, store->aside, 0);
	return rc;
}

int cursor_store_save(struct cursor_store *store, const struct cursor *cursor)
{
	size_t bytes;
	char *text;
	int rc = cursor_format(cursor, &text, &bytes);

	if (rc < 0)
		return rc;
	if (store->saved != NULL && bytes == store->saved_bytes &&
	    memcmp(text, store->saved, bytes) == 0) {
		free(text);
		return 0;
	}
	rc = write_aside(store, text, bytes);
	if (rc == 0 && renameat(store->dirfd, store->aside, store->dirfd, store->name) < 0)
		rc = -errno;
	if (rc == 0 && fsync(store->dirfd) < 0)
		rc = -errno;
	if (rc < 0) {
		free(text);
		/* Whichever it has now: the next one is written in any case. */
		free(store->saved);
		store->saved = NULL;
		return rc;
	}
	free(store->saved);
	store->saved = text;
	store->saved_bytes = bytes;
	return 0;
}
