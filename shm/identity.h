/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region's id, which the ledger in the data files names it by, is bound to its file: a part of it
 * is a hash of what the kernel says of the file and nobody can choose, its inode and when that was
 * made. So no other file can carry it. Whoever may make files in the directory can read the names
 * there, and could make a region with somebody else's id; the writer would have to guess then which
 * of the two is the true one. In a private directory, where there is nobody else, it is not asked
 * for: regions that were copied there can be drained.
 *
 *     63              24 23        0            63        32 31        0
 *     ┌─────────────────┬───────────┐           ┌───────────┬───────────┐
 *     │ inode and birth │ random    │           │ inode     │ random    │
 *     └─────────────────┴───────────┘           └───────────┴───────────┘
 *      REGION_FLAG_BIRTH                         without: where the file system
 *                                                keeps no time of birth
 *
 * To copy an id means to make files until one has the same hash: 2^40 of them, or as many as take
 * the inode numbers around once, 2^32.
 */
#ifndef OTLPIPE_SHM_IDENTITY_H
#define OTLPIPE_SHM_IDENTITY_H

#include <stdint.h>

/**
 * The id of a new file. Async-signal-safe.
 *
 * @param ret_flags  REGION_FLAG_BIRTH is set or left
 * @return 0, or the errno of what failed
 */
int identity_make(int fd, uint32_t *ret_flags, uint64_t *ret_id);

/**
 * Is that the id of this file?
 *
 * @param flags  of the header that it stands in
 * @return 0; -ENOTUNIQ: it is another file's; or the errno of what failed
 */
int identity_check(int fd, uint32_t flags, uint64_t id);

#endif
