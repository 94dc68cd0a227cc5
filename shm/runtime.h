/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime directory: where producers put their regions and the writer looks
 * for them. Either side may be the first and makes it.
 *
 * Who may come in is decided here, once: a private directory belongs to this
 * user and is closed to all others (0700); a group directory, for several users,
 * is made by an administrator with the setgid and the sticky bit, writable for
 * the group and not for others (03770). Anything else is refused.
 */
#ifndef SHM_RUNTIME_H
#define SHM_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RUNTIME_PATH_BYTES_MAX 4096
#define RUNTIME_WRITER_LOCK    "writer.lock"
#define RUNTIME_CONTROL	       "control"

struct runtime_dir {
	int fd;
	bool group; /* several users share it */
};

/**
 * The path in effect: the given one, else $OTLPIPE_DIR, else
 * /dev/shm/otlpipe-<uid>.
 *
 * @param path  NULL or "": not given
 * @return 0, or -ENAMETOOLONG
 */
int runtime_path(char *ret, size_t ret_bytes, const char *path);

/**
 * Open it, and make it (0700) if it is missing and create is set.
 *
 * @return 0, or negative: -EACCES where it belongs to somebody else or is open
 *         to others, else the errno of what failed
 */
int runtime_open(struct runtime_dir *ret, const char *path, bool create);
void runtime_close(struct runtime_dir *dir);

/** The mode of files that both sides map: 0600, in a group directory 0660. */
mode_t runtime_file_mode(const struct runtime_dir *dir);

/** Give a nameless file a name in the directory. 0, -EEXIST, or another errno. */
int runtime_link(const struct runtime_dir *dir, int fd, const char *name);

/**
 * Does a writer hold the directory?
 *
 * @return 1, 0, or negative where that cannot be found out
 */
int runtime_has_writer(const struct runtime_dir *dir);

#endif
