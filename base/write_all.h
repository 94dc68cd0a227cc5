/* SPDX-License-Identifier: Apache-2.0 */
/* All of some bytes into a file: what write(2) and pwrite(2) may do in parts. */
#ifndef OTLPIPE_BASE_WRITE_ALL_H
#define OTLPIPE_BASE_WRITE_ALL_H

#include <stddef.h>
#include <sys/types.h>

/** Where the file stands. @return 0, or -errno: some of it may be there */
int write_all(int fd, const void *bytes, size_t count);

/** At an offset. */
int write_all_at(int fd, const void *bytes, size_t count, off_t at);

#endif
