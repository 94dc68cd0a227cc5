/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of one process on a file, by its open file description; and lock files, which have a
 * name that somebody may remove or put another file under.
 */
#ifndef OTLPIPE_BASE_LOCK_H
#define OTLPIPE_BASE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Take it; it ends with the last reference to what fd refers to.
 *
 * @param wait_ns  how long to wait for another that is going: a killed process's lock lingers
 * @return 0, -EBUSY: somebody holds it; or the errno of what failed
 */
int lock_take(int fd, int64_t wait_ns);

/**
 * For monitors: does somebody hold the lock of this file now? It is not taken for that.
 *
 * @return 1, 0: nobody, or there is no such file; or a negative errno
 */
int lock_is_held(int dirfd, const char *name);

/** Is the file that has this name now the one that fd refers to? No lock keeps a name. */
bool lock_has_name(int fd, int dirfd, const char *name);

/**
 * Open a lock file, made with mode 0600 if there is none, and take its lock. What it returns has
 * the name at that moment: a file that was replaced while its lock was waited for is let go.
 *
 * @return the descriptor; -EBUSY: somebody holds the lock, or files come and go under this name
 *         faster than they can be locked; -EINVAL: it is no plain file, or has another name too; or
 *         the errno of what failed
 */
int lock_open(int dirfd, const char *name, int64_t wait_ns);

#endif
