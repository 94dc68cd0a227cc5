/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/send/kafka_topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/send/kafka_conf.h"

/* A topic that the broker makes by itself is not there at once; nor is one that was just made. */
#define UNKNOWN_PATIENCE_NS INT64_C(30000000000)
/* Around the body of a message: the head of the batch, that of the record. */
#define AROUND_BYTES   512u
#define PARTITIONS_MAX 100000
/* What answers for a topic and not for its limit is taken to have the default one. */
#define SILENCES_MAX 5u

bool kafka_error_is_lasting(rd_kafka_resp_err_t error)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
	case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
		return true;
	default:
		return false;
	}
}

static int unknown_topic(struct kafka_topic *topic, char text[SEND_TEXT_BYTES])
{
	const int64_t now = clock_monotonic_ns();

	if (topic->unknown_since_ns == 0)
		topic->unknown_since_ns = now;
	snprintf(text, SEND_TEXT_BYTES,
		 "topic %.120s: the broker has none of that name, and does not make it; create it",
		 topic->name);
	return now - topic->unknown_since_ns < UNKNOWN_PATIENCE_NS ? -EAGAIN : -ENOENT;
}

static int ask_partitions(struct kafka_topic *topic, rd_kafka_t *producer, int timeout_ms,
			  char text[SEND_TEXT_BYTES])
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error =
		rd_kafka_metadata(producer, 0, topic->handle, &metadata, timeout_ms);
	int32_t partitions = 0;

	if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		error = metadata->topic_cnt == 1 ? metadata->topics[0].err
						 : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			partitions = metadata->topics[0].partition_cnt;
		topic->broker = metadata->orig_broker_id;
		rd_kafka_metadata_destroy(metadata);
	}
	if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	    error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
		return unknown_topic(topic, text);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR && partitions > 0) {
		topic->unknown_since_ns = 0;
		topic->partitions = partitions < PARTITIONS_MAX ? partitions : PARTITIONS_MAX;
		return 0;
	}
	snprintf(text, SEND_TEXT_BYTES, "topic %.120s: %.100s", topic->name,
		 error != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_err2str(error)
						     : "it has no partition yet");
	return kafka_error_is_lasting(error) ? -EACCES : -EAGAIN;
}

static size_t limit_in(const rd_kafka_event_t *event)
{
	const rd_kafka_DescribeConfigs_result_t *result =
		rd_kafka_event_DescribeConfigs_result((rd_kafka_event_t *)event);
	const rd_kafka_ConfigResource_t **resources;
	const rd_kafka_ConfigEntry_t **entries;
	size_t count;

	if (result == NULL)
		return 0;
	resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
	if (count != 1)
		return 0;
	entries = rd_kafka_ConfigResource_configs(resources[0], &count);
	for (size_t i = 0; i < count; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "max.message.bytes") == 0 &&
		    value != NULL)
			return (size_t)strtoull(value, NULL, 10);
	}
	return 0;
}

/*
 * The topic's max.message.bytes. A broker that does not say it, since it is old or this client may
 * not ask, has the default, as far as we know. Returns -EAGAIN where none answers.
 */
static int ask_limit(const struct kafka_topic *topic, rd_kafka_t *producer, int timeout_ms,
		     size_t *ret)
{
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(producer, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_ConfigResource_t *resource =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic->name);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(producer);
	rd_kafka_event_t *event = NULL;
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
	char why[SEND_TEXT_BYTES];

	if (options != NULL && resource != NULL && queue != NULL) {
		rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof(why));
		/* Any broker knows it; without this the controller is asked, which may be away. */
		rd_kafka_AdminOptions_set_broker(options, topic->broker, why, sizeof(why));
		rd_kafka_DescribeConfigs(producer, &resource, 1, options, queue);
		/* It always answers, if only that the time is over. */
		event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
	}
	*ret = 0;
	if (event != NULL) {
		error = rd_kafka_event_error(event);
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			*ret = limit_in(event);
		rd_kafka_event_destroy(event);
	}
	if (queue != NULL)
		rd_kafka_queue_destroy(queue);
	if (resource != NULL)
		rd_kafka_ConfigResource_destroy(resource);
	if (options != NULL)
		rd_kafka_AdminOptions_destroy(options);
	return error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT
		       ? -EAGAIN
		       : 0;
}

int kafka_topic_ask(struct kafka_topic *topic, rd_kafka_t *producer, size_t told_bytes,
		    int timeout_ms, char text[SEND_TEXT_BYTES])
{
	size_t limit_bytes = told_bytes;
	int rc;

	if (topic->handle == NULL)
		topic->handle = rd_kafka_topic_new(producer, topic->name, NULL);
	if (topic->handle == NULL) {
		snprintf(text, SEND_TEXT_BYTES, "topic %.120s: %.100s", topic->name,
			 rd_kafka_err2str(rd_kafka_last_error()));
		return -EINVAL;
	}
	rc = ask_partitions(topic, producer, timeout_ms, text);
	if (rc < 0)
		return rc;
	if (limit_bytes == 0) {
		rc = ask_limit(topic, producer, timeout_ms, &limit_bytes);
		if (rc < 0 && ++topic->silences < SILENCES_MAX) {
			snprintf(text, SEND_TEXT_BYTES, "topic %.120s: no answer", topic->name);
			topic->partitions = 0;
			return rc;
		}
	}
	topic->silences = 0;
	if (limit_bytes == 0)
		limit_bytes = KAFKA_MESSAGE_BYTES_DEFAULT;
	topic->message_bytes =
		limit_bytes > 2 * AROUND_BYTES ? limit_bytes - AROUND_BYTES : AROUND_BYTES;
	topic->asked_ns = clock_monotonic_ns();
	return 0;
}
