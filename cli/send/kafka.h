/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The destination kafka://broker[,broker…][/prefix]: requests go to a topic of their signal, as
 * messages that are each a whole Export…ServiceRequest, what the Collector's kafka receiver reads.
 *
 * A request is cut into one message or more for each partition: the spans of a trace go to one
 * partition, whoever sends them, and so do the points and log records of a resource. No message is
 * larger than the topic takes; the broker is asked for that limit.
 */
#ifndef OTLPIPE_CLI_SEND_KAFKA_H
#define OTLPIPE_CLI_SEND_KAFKA_H

#include <stddef.h>

#include "cli/send/destination.h"
#include "cli/send/kafka_options.h"

/**
 * Nothing is sent or connected before the first request.
 *
 * @param text  set on errors: what is wrong with the options, or what cannot be had
 * @return 0; -EINVAL: wrong options; -ENOMEM; or another negative errno
 */
int kafka_open(const struct kafka_options *options, struct send_destination **ret,
	       char text[SEND_TEXT_BYTES]);

#endif
