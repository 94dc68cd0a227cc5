/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says in words why a runtime directory cannot be used: what is at the path, who owns it, which
 * user asks, and what to do. It looks again, so it may see a newer state than the one that was
 * refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "shm/filesystem.h"
#include "shm/runtime.h"
#include "shm/trust.h"

#define USE_MEMORY                                                                           \
	"name a directory in memory (a tmpfs such as /dev/shm or /run), or on ext4 or XFS, " \
	"with OTLPIPE_DIR or the option for it"

static void explain_directory(char *ret, size_t bytes, const char *path, const struct stat *st)
{
	const unsigned owner = (unsigned)st->st_uid, self = (unsigned)geteuid();
	const unsigned mode = (unsigned)st->st_mode & 07777;
	int fd = descriptor_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	enum trust trust = TRUST_NOT;

	if (fd >= 0) {
		trust = trust_look(fd, st, runtime_is_default_path(path));
		close(fd);
	}
	if (trust == TRUST_NOT_DEFAULT)
		snprintf(ret, bytes,
			 "%s belongs to user %u and has mode %04o; as your default directory it "
			 "must be yours (user %u) and closed to others (0700): whoever made it "
			 "could read what you push. Remove it, or name another directory with "
			 "OTLPIPE_DIR or the option for it",
			 path, owner, mode, self);
	else if (mode == TRUST_GROUP_MODE && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		snprintf(ret, bytes,
			 "%s is a group directory of user %u and group %u, and you (user %u) are "
			 "not in that group",
			 path, owner, (unsigned)st->st_gid, self);
	else if (trust == TRUST_NOT_ITS_PLACE)
		snprintf(ret, bytes,
			 "%s is a group directory of user %u, in a place where others than root "
			 "could have made it; it must belong to root or to you (user %u), or stand "
			 "where only root, you and its owner can make files, such as in /run",
			 path, owner, self);
	else if (trust == TRUST_PRIVATE || trust == TRUST_GROUP)
		snprintf(ret, bytes, "%s (user %u, mode %04o): %s for user %u", path, owner, mode,
			 strerror(EACCES), self);
	else
		snprintf(ret, bytes,
			 "%s belongs to user %u and has mode %04o; it must be yours (user %u) and "
			 "closed to others (0700), or a group directory that you may enter (setgid "
			 "and sticky, mode 03770)",
			 path, owner, mode, self);
}

static void explain_access(char *ret, size_t bytes, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		snprintf(ret, bytes, "%s cannot be reached by user %u: %s", path,
			 (unsigned)geteuid(), strerror(errno));
	else if (S_ISLNK(st.st_mode))
		snprintf(ret, bytes,
			 "%s is a symbolic link, which is not followed: name the directory itself",
			 path);
	else if (!S_ISDIR(st.st_mode))
		snprintf(ret, bytes, "%s: %s", path, strerror(ENOTDIR));
	else
		explain_directory(ret, bytes, path, &st);
}

static void explain_filesystem(char *ret, size_t bytes, const char *path, int rc)
{
	char kind[64] = "a file system that cannot be asked";
	int fd = descriptor_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd >= 0) {
		filesystem_name(fd, kind, sizeof(kind));
		close(fd);
	}
	if (rc == -ENOLCK)
		snprintf(ret, bytes,
			 "%s is on %s, which drops a file's lock when the file is closed although "
			 "it is still mapped: living programs would be taken for dead; " USE_MEMORY,
			 path, kind);
	else if (rc == -EMEDIUMTYPE)
		snprintf(ret, bytes,
			 "%s is on %s, which needs new space for what is written again: on a full "
			 "disk a push would end the program (SIGBUS); " USE_MEMORY,
			 path, kind);
	else
		snprintf(ret, bytes,
			 "%s is on %s, which lacks what is needed (files without a name, locks of "
			 "open files, reserved space that stays where it is, in a group directory "
			 "ACLs): %s; " USE_MEMORY,
			 path, kind, strerror(-rc));
}

void runtime_explain(char *ret, size_t ret_bytes, const char *path, int rc)
{
	switch (rc) {
	case -EACCES:
	case -ELOOP:
	case -ENOTDIR:
		explain_access(ret, ret_bytes, path);
		return;
	case -ENOLCK:
	case -EMEDIUMTYPE:
	case -EOPNOTSUPP:
		explain_filesystem(ret, ret_bytes, path, rc);
		return;
	case -ENOENT:
		snprintf(ret, ret_bytes, "%s: %s: %s", path, strerror(ENOENT),
			 runtime_is_default_path(path)
				 ? "mount a tmpfs on /dev/shm, or " USE_MEMORY
				 : "of a missing path only the last component is made");
		return;
	default:
		snprintf(ret, ret_bytes, "%s (user %u): %s", path, (unsigned)geteuid(),
			 strerror(-rc));
	}
}
