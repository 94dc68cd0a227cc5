/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a look, to stdout through tool_write(). */
#ifndef OTLPIPE_CLI_VERIFY_REPORT_H
#define OTLPIPE_CLI_VERIFY_REPORT_H

#include "cli/verify_account.h"

/** For people. */
void verify_print(const struct verify *verify);

/** @return 0 or -errno */
void verify_print_json(const struct verify *verify);

#endif
