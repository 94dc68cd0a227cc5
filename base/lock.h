/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of one process on a file, by its open file description. */
#ifndef OTLPIPE_BASE_LOCK_H
#define OTLPIPE_BASE_LOCK_H

#include <stdint.h>

/**
 * Take it; it ends with the last reference to what fd refers to.
 *
 * @param wait_ns  how long to wait for another that is going: a killed process's lock lingers
 * @return 0, -EBUSY: somebody holds it; or the errno of what failed
 */
int lock_take(int fd, int64_t wait_ns);

#endif
