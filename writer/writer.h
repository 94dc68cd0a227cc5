/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: one loop that drains all rings into a queue for each signal. */
#ifndef OTLPIPE_WRITER_WRITER_H
#define OTLPIPE_WRITER_WRITER_H

#include "writer/options.h"

/**
 * Run until a signal or, with --drain, until the rings are empty. SIGHUP may change the options.
 *
 * @return the process's exit status: 0, or 1 and a line was said
 */
int writer_run(struct options *options);

#endif
