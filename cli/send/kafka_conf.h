/* SPDX-License-Identifier: Apache-2.0 */
/* What librdkafka and the topics are told: the options of the destination, read and checked. */
#ifndef OTLPIPE_CLI_SEND_KAFKA_CONF_H
#define OTLPIPE_CLI_SEND_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "cli/send/destination.h"
#include "cli/send/kafka_options.h"

/* What a broker takes at most, where it says nothing else. */
#define KAFKA_MESSAGE_BYTES_DEFAULT 1000000u

struct kafka_conf {
	rd_kafka_conf_t *conf; /* a copy of it for each producer */
	char *shown;	       /* the URL */
	char *topics[SIGNAL_COUNT];
	size_t message_bytes; /* the largest message, as the options say; 0: ask the broker */
};

/**
 * @param text  set on -EINVAL
 * @return 0, -EINVAL or -ENOMEM; nothing is to be freed then
 */
int kafka_conf_read(struct kafka_conf *conf, const struct kafka_options *options,
		    char text[SEND_TEXT_BYTES]);
void kafka_conf_free(struct kafka_conf *conf);

#endif
