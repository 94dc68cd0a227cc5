/* SPDX-License-Identifier: Apache-2.0 */
/* The account of each ring: the entries of all batches, and the end of it. */
#ifndef OTLPIPE_CLI_VERIFY_LEDGER_H
#define OTLPIPE_CLI_VERIFY_LEDGER_H

#include "cli/verify_account.h"

/**
 * Enter a batch's ledger.
 *
 * @return 0 or -ENOMEM
 */
int verify_ledger(struct verify *verify, const struct verify_place *place,
		  const struct batch_head *head, const struct batch_entry *entries);

/** When all is entered: what is there against what the producers say. @return 0 or -ENOMEM */
int verify_conclude(struct verify *verify);

#endif
