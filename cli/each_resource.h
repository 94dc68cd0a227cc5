/* SPDX-License-Identifier: Apache-2.0 */
/* Each ResourceSpans, ResourceMetrics and ResourceLogs of files and directories, where it lies. */
#ifndef OTLPIPE_CLI_EACH_RESOURCE_H
#define OTLPIPE_CLI_EACH_RESOURCE_H

#include "cli/otlp_view.h"
#include "core/record/signal.h"

/**
 * Takes one. A negative value ends the walk: -EBADMSG and -ELOOP say that these bytes are wrong,
 * which ends their file alone.
 */
typedef int (*each_resource_fn)(void *context, enum otlp_signal signal,
				struct view_bytes resource_data);

struct each_resource {
	enum otlp_signal signal; /* this one alone; SIGNAL_NONE: all */
	each_resource_fn resource;
	void *context;
	int error; /* what ended the walk; 0: nothing */
};

/**
 * Walk what is stored at a path: a file, - for standard input, or a directory, as `otlpipe cat`
 * does. What cannot be read is said on stderr.
 *
 * @return an enum tool_exit
 */
int each_resource_of(struct each_resource *each, const char *path);

#endif
