/* SPDX-License-Identifier: Apache-2.0 */
/* A worker process of `otlpipe load`. */
#ifndef OTLPIPE_CLI_LOAD_WORKER_H
#define OTLPIPE_CLI_LOAD_WORKER_H

#include "cli/load_shared.h"

/** Its whole life. @return its exit status */
int load_worker(const struct load_options *options, struct load_shared *shared, uint32_t process);

#endif
