/* SPDX-License-Identifier: Apache-2.0 */
/* What of a ring is in no file that was read. */
#ifndef OTLPIPE_CLI_VERIFY_GAPS_H
#define OTLPIPE_CLI_VERIFY_GAPS_H

#include "cli/verify_account.h"

/**
 * An entry does not go on where the ring's last one ended.
 *
 * @param place  where it stands; NULL: the ring alone says that there was something
 * @return 0 or -ENOMEM
 */
int verify_gap_add(struct verify_ring *ring, struct verify_gap gap,
		   const struct verify_place *place);

enum verify_fill {
	FILL_NOT,   /* it stands in no gap */
	FILL_WRONG, /* and does not go with the numbers of items around it */
	FILL_DONE,
	FILL_NO_MEMORY
};

/** An entry that is behind the ring's end: does it stand in a gap of another directory? */
enum verify_fill verify_gap_fill(struct verify_ring *ring, const struct batch_entry *entry,
				 size_t dir);

/** All is read: judge those that are left. */
void verify_gaps_conclude(struct verify *verify, const struct verify_region *region,
			  struct verify_ring *ring, enum otlp_signal signal);

#endif
