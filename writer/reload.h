/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP: the configuration file once more. What can change does; what cannot is named, and waits
 * for a restart. A file that is wrong changes nothing.
 */
#ifndef OTLPIPE_WRITER_RELOAD_H
#define OTLPIPE_WRITER_RELOAD_H

#include "writer/parts.h"

/** Between two turns. Without a configuration file there is nothing to do. */
void reload(struct writer *writer, int64_t now_ns);

#endif
