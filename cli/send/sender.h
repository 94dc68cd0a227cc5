/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe send` at work: which request is begun when, what an answer does, what is remembered. */
#ifndef OTLPIPE_CLI_SEND_SENDER_H
#define OTLPIPE_CLI_SEND_SENDER_H

#include "cli/send/destination.h"
#include "cli/send/options.h"

/**
 * Send until all is sent, or until a signal comes.
 *
 * @param destination  stays the caller's
 * @return an enum tool_exit; stderr says why it is not 0
 */
int sender_run(const struct send_options *options, struct send_destination *destination);

#endif
