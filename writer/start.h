/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting the writer's parts together: the locks, the recovery of what its
 * predecessor left, then everything that the loop needs.
 */
#ifndef OTLPIPE_WRITER_START_H
#define OTLPIPE_WRITER_START_H

#include "writer/parts.h"

/** @return 0, or negative and a line was said */
int writer_start(struct writer *writer, struct options *options);
void writer_end(struct writer *writer);

#endif
