/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How files are opened: descriptors 0 to 2, and directories.
 *
 * A program that was started with one of them closed gets that number for the
 * next file that it opens, and what it says on standard error then goes into that file. So our
 * programs fill the gaps first, and what our library opens in its host keeps off these numbers.
 */
#ifndef OTLPIPE_BASE_DESCRIPTOR_H
#define OTLPIPE_BASE_DESCRIPTOR_H

#include <dirent.h>
#include <sys/types.h>

/**
 * For a program, before anything else: each of 0 to 2 that is closed becomes /dev/null, opened so
 * that using it is an error (0 for writing only, 1 and 2 for reading only). What cannot be printed
 * is then a failed write, as it would be on the closed descriptor.
 *
 * @return 0, or the errno of what failed: there is nowhere to say so, and the program must end
 */
int descriptor_fill_standard(void);

/**
 * openat() with O_CLOEXEC that never returns 0, 1 or 2. Async-signal-safe.
 *
 * @return the descriptor, or a negative errno
 */
int descriptor_openat(int dirfd, const char *path, int flags, mode_t mode);

/**
 * The names in an open directory, from the first one on. The stream has a descriptor of its own, so
 * it does not move where another stream of the same directory reads.
 *
 * @return 0, or a negative errno; *ret is for closedir()
 */
int descriptor_opendir(int dirfd, DIR **ret);

#endif
