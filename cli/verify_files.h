/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a signal, batch by batch. */
#ifndef OTLPIPE_CLI_VERIFY_FILES_H
#define OTLPIPE_CLI_VERIFY_FILES_H

#include "cli/verify_account.h"

/**
 * Look at every file of a signal below the output directory that is being looked at.
 *
 * @return 0, -ESTALE: files were renamed or removed meanwhile; or the errno of what cannot be
 *         read or has no memory
 */
int verify_files(struct verify *verify, enum otlp_signal signal);

#endif
