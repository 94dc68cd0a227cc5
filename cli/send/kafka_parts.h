/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a request: its records by the partition that each belongs to, put together to
 * messages below a limit, in the order in which they stand.
 */
#ifndef OTLPIPE_CLI_SEND_KAFKA_PARTS_H
#define OTLPIPE_CLI_SEND_KAFKA_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/send/cutter.h"
#include "cli/send/records.h"
#include "core/record/signal.h"

struct kafka_part {
	struct kafka_part *next;
	void *owner; /* the caller's */
	uint8_t *body;
	size_t bytes;
	int32_t partition;
	uint64_t items;
};

struct kafka_parts {
	struct records records;
	struct cutter *cutters; /* one for each partition */
	int32_t cutter_count;
	struct kafka_part *first, **end; /* what was cut */
};

/**
 * @param limit_bytes  of the body of a message
 * @param ret          the parts, the caller's to free by kafka_part_free()
 * @return 0; -EMSGSIZE: a single record is larger than the limit; -EBADMSG: not OTLP; -ENOMEM; each
 *         without any part
 */
int kafka_parts_cut(struct kafka_parts *parts, enum otlp_signal signal, const uint8_t *body,
		    size_t bytes, int32_t partitions, size_t limit_bytes, struct kafka_part **ret);

/**
 * Cut a part again that was too large; what comes of it goes to the same partition.
 *
 * @return as above; -EMSGSIZE: it is one record alone
 */
int kafka_parts_halve(struct kafka_parts *parts, enum otlp_signal signal,
		      const struct kafka_part *part, struct kafka_part **ret);

void kafka_part_free(struct kafka_part *part);
void kafka_parts_free(struct kafka_parts *parts);

#endif
