/* SPDX-License-Identifier: Apache-2.0 */
/* What the rings hold now. */
#ifndef OTLPIPE_CLI_VERIFY_LIVE_H
#define OTLPIPE_CLI_VERIFY_LIVE_H

#include "cli/verify_account.h"

/**
 * Look at every ring in the runtime directories.
 *
 * @return 0, or the errno of what cannot be read or has no memory
 */
int verify_rings(struct verify *verify);

/**
 * When the files are read: which regions that they name were not there to be looked at, and have
 * come since? What these hold is not known.
 *
 * @return 0 or a negative errno
 */
int verify_rings_again(struct verify *verify);

#endif
