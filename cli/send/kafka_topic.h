/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker says of a topic: how many partitions it has, and the largest message. */
#ifndef OTLPIPE_CLI_SEND_KAFKA_TOPIC_H
#define OTLPIPE_CLI_SEND_KAFKA_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "cli/send/destination.h"

struct kafka_topic {
	const char *name;
	rd_kafka_topic_t *handle; /* the producer's */
	int32_t partitions;	  /* 0: the broker has not said yet */
	size_t message_bytes;	  /* the largest body of a message */
	int64_t asked_ns;	  /* when it said so */
	int32_t broker;		  /* the one that answered */
	unsigned silences;	  /* it was asked for the limit, and said nothing */
	int64_t unknown_since_ns; /* it says that there is no such topic, since then; or 0 */
};

/**
 * Ask the broker.
 *
 * @param told_bytes  the largest message, where it is not to be asked for that; or 0
 * @param text        set on errors
 * @return 0; -EAGAIN: no answer, or none yet; -ENOENT, -EACCES or another negative errno: it will
 *         not be different until somebody changes something
 */
int kafka_topic_ask(struct kafka_topic *topic, rd_kafka_t *producer, size_t told_bytes,
		    int timeout_ms, char text[SEND_TEXT_BYTES]);

/** Does it say that nothing can be sent until somebody changes something? */
bool kafka_error_is_lasting(rd_kafka_resp_err_t error);

#endif
