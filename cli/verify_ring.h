/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in one ring, noted entry by entry, beside producers that push and a writer that
 * takes. The memory it takes is a fraction of the ring's.
 */
#ifndef OTLPIPE_CLI_VERIFY_RING_H
#define OTLPIPE_CLI_VERIFY_RING_H

#include "base/guard.h"
#include "cli/verify_account.h"
#include "shm/region_view.h"

/**
 * Look at a ring.
 *
 * @param is_alive  its producer, when it was looked at before this
 * @return 0; -EBADMSG: the ring makes no sense; or -ENOMEM
 */
int verify_ring_look(struct verify *verify, const struct region_view *view,
		     const struct guard *guard, unsigned number, bool is_alive,
		     struct verify_live *ret);

#endif
