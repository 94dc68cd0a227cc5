/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver of OTLP/HTTP as a destination: libcurl, several requests at a time, kept alive. */
#ifndef OTLPIPE_CLI_SEND_HTTP_H
#define OTLPIPE_CLI_SEND_HTTP_H

#include "cli/send/destination.h"
#include "cli/send/options.h"

/**
 * @param ret  to be closed by its ops
 * @return 0; -EINVAL: an option or a variable makes no sense, and stderr says which; or another
 *         negative errno
 */
int http_open(struct send_destination **ret, const struct send_options *options);

#endif
