/* SPDX-License-Identifier: Apache-2.0 */
/* What read.h hands out, one after the other. */
#ifndef OTLPIPE_CLI_READ_ITEM_H
#define OTLPIPE_CLI_READ_ITEM_H

#include <stddef.h>
#include <stdint.h>

#include "core/record/signal.h"

/* One ResourceSpans, ResourceMetrics or ResourceLogs. */
struct read_item {
	enum otlp_signal signal;
	const uint8_t *data; /* the message; nobody vouches for what is in it */
	size_t bytes;
	const uint8_t *field; /* the same with its tag and length: a TracesData of this one */
	size_t field_bytes;
	const char *path; /* as it is shown in messages */
	uint64_t offset;  /* in the file; of what is packed, in what was unpacked */
};

/**
 * @return 0: go on; READ_STOP: no more of anything; -EBADMSG, -ELOOP, -EILSEQ, -ENOMEM: it is
 *         damaged, which is told with its place, and the next file is read; another -errno ends it
 */
typedef int (*read_item_fn)(void *context, const struct read_item *item);

#define READ_STOP 1

#endif
