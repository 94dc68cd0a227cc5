/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The locks of a region: REGION_LOCK_PRODUCER and REGION_LOCK_WRITER of shm/layout.h. They belong
 * to an open file description, and last as long as that or a mapping made through it.
 */
#ifndef OTLPIPE_SHM_REGION_LOCK_H
#define OTLPIPE_SHM_REGION_LOCK_H

/** @return 0, -EBUSY: somebody else holds it; or another errno. Async-signal-safe. */
int region_lock(int fd, unsigned byte);

/** @return 1, 0, or a negative errno */
int region_is_locked(int fd, unsigned byte);

#endif
