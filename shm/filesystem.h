/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file system must do so that regions can stand on it: keep a lock as long as a mapping is
 * there, and never fail a write into space that was reserved. Both are measured, on a file of two
 * pages without a name.
 */
#ifndef OTLPIPE_SHM_FILESYSTEM_H
#define OTLPIPE_SHM_FILESYSTEM_H

#include <stddef.h>

/**
 * Measure the file system that a directory is on. Async-signal-safe.
 *
 * @return 0; -ENOLCK: a lock goes with the descriptor, although the file is still mapped;
 *         -EMEDIUMTYPE: what is written again needs new space, and a full disk would be SIGBUS in a
 *         push; -EOPNOTSUPP: it has no nameless files, no locks of open files, cannot reserve
 *         space, or does not show where a file's blocks are; or the errno of what failed
 */
int filesystem_measure(int dirfd);

/** The name of its kind, for a message, or its number. */
void filesystem_name(int dirfd, char *ret, size_t ret_bytes);

#endif
