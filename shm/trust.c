/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks owners and modes of a directory, and of those above it up to the root. Async-signal-safe.
 */
#include "shm/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/descriptor.h"

/* Deeper paths are refused. */
#define TRUST_LEVELS_MAX 64

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_ours_or_roots(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/*
 * Could nobody but root, this user and the directory's owner have put the child into its parent?
 * Where more may write, only the sticky bit keeps a child of root or of this user what it is: any
 * other child there may have been made by somebody who came first.
 */
static bool is_safe_step(const struct stat *parent, const struct stat *child, uid_t owner)
{
	if (!is_ours_or_roots(parent) && parent->st_uid != owner)
		return false;
	if ((parent->st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return true;
	return (parent->st_mode & S_ISVTX) && is_ours_or_roots(child);
}

static bool is_safe_place(int fd, const struct stat *st)
{
	struct stat child = *st, parent;
	int at = fd, up, level;
	bool is_safe = true, is_root = false;

	for (level = 0; level < TRUST_LEVELS_MAX && is_safe && !is_root; level++) {
		up = descriptor_openat(at, "..", O_PATH | O_DIRECTORY, 0);
		if (at != fd)
			close(at);
		if (up < 0)
			return false;
		at = up;
		is_safe = fstat(at, &parent) == 0;
		is_root = is_safe && is_same_file(&parent, &child);
		is_safe = is_safe && (is_root || is_safe_step(&parent, &child, st->st_uid));
		child = parent;
	}
	if (at != fd)
		close(at);
	return is_safe && is_root;
}

enum trust trust_look(int fd, const struct stat *st, bool is_default_path)
{
	if (st->st_uid == geteuid() && (st->st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return TRUST_PRIVATE;
	if (is_default_path)
		return TRUST_NOT_DEFAULT;
	if ((st->st_mode & 07777) != TRUST_GROUP_MODE)
		return TRUST_NOT;
	/* The kernel lets nobody in who is neither of the group, nor the owner, nor root. */
	if (is_ours_or_roots(st) || is_safe_place(fd, st))
		return TRUST_GROUP;
	return TRUST_NOT_ITS_PLACE;
}
