/* SPDX-License-Identifier: Apache-2.0 */
/* What the rings hold now. */
#ifndef OTLPIPE_CLI_VERIFY_LIVE_H
#define OTLPIPE_CLI_VERIFY_LIVE_H

#include "cli/verify_account.h"

/**
 * Look at every ring in the runtime directory.
 *
 * @return 0, or the errno of what cannot be read or has no memory
 */
int verify_rings(struct verify *verify);

#endif
