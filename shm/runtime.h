/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime directory: where producers put their regions and the writer looks
 * for them. Either side may be the first and makes it.
 *
 * Who may come in is decided at each opening: a private directory belongs to this
 * user and is closed to all others (0700); a group directory, for several users,
 * is made by an administrator with the setgid and the sticky bit, writable for
 * the group and closed to others (03770). It must belong to root or to this user,
 * or stand where only root, this user and its owner can make files; and it is
 * never the default path. Anything else is refused.
 *
 * A group directory belongs to the writer's user. Members put their regions there,
 * each open to its owner and to the directory's owner alone (an ACL): a member can
 * neither write another's region nor cut it. What all of them read, the control
 * page, is the writer's and read-only for them.
 */
#ifndef OTLPIPE_SHM_RUNTIME_H
#define OTLPIPE_SHM_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RUNTIME_PATH_BYTES_MAX 4096
#define RUNTIME_WRITER_LOCK    "writer.lock"
#define RUNTIME_CONTROL	       "control"
#define RUNTIME_FD_PATH_BYTES  32
#define RUNTIME_TEXT_BYTES_MAX (RUNTIME_PATH_BYTES_MAX + 1024)

struct runtime_dir {
	int fd;
	bool group;  /* several users share it */
	uid_t owner; /* the writer's user, in a group directory too */
	dev_t device;
	ino_t inode;
};

/**
 * The path in effect: the given one, else $OTLPIPE_DIR, else
 * /dev/shm/otlpipe-<uid>.
 *
 * @param path  NULL or "": not given
 * @return 0, or -ENAMETOOLONG
 */
int runtime_path(char *ret, size_t ret_bytes, const char *path);

/** Is it what runtime_path() gives where nobody names a directory? Async-signal-safe. */
bool runtime_is_default_path(const char *path);

/**
 * Open it, and make it (0700, whatever the umask) if it is missing and create is set.
 *
 * @return 0, or negative: -EACCES where it is not to be trusted (the head of this file says which
 *         one is), else the errno of what failed
 */
int runtime_open(struct runtime_dir *ret, const char *path, bool create);
void runtime_close(struct runtime_dir *dir);

/**
 * Why it cannot be used, in one line for people: the path, its owner and mode or its file system,
 * this user, and what to do.
 *
 * @param rc  what runtime_open(), filesystem_measure() or the making of a region returned
 */
void runtime_explain(char *ret, size_t ret_bytes, const char *path, int rc);

/**
 * Open a new file to its owner, and in a group directory to the writer too: mode
 * 0600 or, where an ACL names the writer, what is shown as 0660. Async-signal-safe.
 *
 * @return 0, or the errno of what failed: -EOPNOTSUPP where a group directory
 *         lies on a file system without ACLs
 */
int runtime_share(const struct runtime_dir *dir, int fd);

/** Is it a plain file that the writer's user made, and that no other can change? */
bool runtime_is_writers(const struct runtime_dir *dir, int fd);

/** Did somebody else than the writer's user or root put there what has this name? */
bool runtime_is_foreign(const struct runtime_dir *dir, const char *name);

/** "<name>.<16 hex digits>", which nobody can foresee. @return 0, -EIO or -ENAMETOOLONG */
int runtime_random_name(char *ret, size_t ret_bytes, const char *name);

/**
 * For a writer: take a name back that a member of the group has in a group
 * directory, whatever it is; it is kept under another name.
 *
 * @return 0, or a negative errno
 */
int runtime_displace(const struct runtime_dir *dir, const char *name);

/** "/proc/self/fd/<fd>". Async-signal-safe. */
void runtime_fd_path(char ret[RUNTIME_FD_PATH_BYTES], int fd);

/**
 * Make a file of the directory that is closed to others, whole before runtime_link() gives it its
 * name. Async-signal-safe.
 *
 * @return a descriptor; -EFBIG where RLIMIT_FSIZE would make of the write a deadly signal; or
 *         another negative errno
 */
int runtime_write_unnamed(const struct runtime_dir *dir, const void *from, size_t bytes);

/** Give a nameless file a name in the directory. 0, -EEXIST, or another errno. */
int runtime_link(const struct runtime_dir *dir, int fd, const char *name);

/**
 * Does a writer hold the directory? In a group directory its lock is the one on the
 * control page, since members may not even read writer.lock: to read is enough to
 * lock others out.
 *
 * @return 1, 0, or negative where that cannot be found out
 */
int runtime_has_writer(const struct runtime_dir *dir);

#endif
