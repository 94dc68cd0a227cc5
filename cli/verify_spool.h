/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flight recorder holds in a runtime directory, for the account of the rings: records that
 * are in no file of an output directory yet, and those that were let go since the last snapshot.
 * Looked at behind the output directories. What is in both, since a writer was killed while it
 * moved it, or is just moving it, counts where it is written.
 */
#ifndef OTLPIPE_CLI_VERIFY_SPOOL_H
#define OTLPIPE_CLI_VERIFY_SPOOL_H

#include "cli/verify_account.h"

/** @return 0, -ESTALE: files went while they were looked at; or another errno */
int verify_spool(struct verify *verify, const struct runtime_dir *runtime);

#endif
