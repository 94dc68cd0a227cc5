/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads topics of a Kafka broker from their beginning to the end that they have now, with a
 * consumer that belongs to no group, and puts the messages of each behind each other to a file for
 * load_scan.
 *
 * usage: topic_read BROKERS PREFIX DIR     DIR/traces, DIR/metrics, DIR/logs are there
 * One line: {"traces":{"messages":N,"bytes_max":N,"partitions":N},…}; a topic that is not there has
 * no partition.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#define TIMEOUT_MS  30000
#define SIGNALS	    3
#define ERROR_BYTES 512

struct topic {
	const char *signal;
	const char *name;
	uint64_t messages, bytes_max;
	int partitions;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "topic_read: %s: %s\n", what, why);
	exit(1);
}

static int partitions_of(rd_kafka_t *consumer, const char *name)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, name, NULL);
	rd_kafka_resp_err_t error = rd_kafka_metadata(consumer, 0, handle, &metadata, TIMEOUT_MS);
	int count = 0;

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(name, rd_kafka_err2str(error));
	if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
		count = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(handle);
	return count;
}

static void read_partition(rd_kafka_t *consumer, struct topic *topic, int partition, FILE *to)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t low, next, end;
	rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
		consumer, topic->name, partition, &low, &end, TIMEOUT_MS);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(topic->name, rd_kafka_err2str(error));
	rd_kafka_topic_partition_list_add(list, topic->name, partition)->offset = low;
	rd_kafka_assign(consumer, list);
	rd_kafka_topic_partition_list_destroy(list);
	for (next = low; next < end;) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, TIMEOUT_MS);

		if (message == NULL)
			die(topic->name, "no message comes, and it should have more");
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			die(topic->name, rd_kafka_message_errstr(message));
		if (message->offset != next)
			die(topic->name, "an offset has no message");
		next = message->offset + 1;
		topic->messages++;
		if (message->len > topic->bytes_max)
			topic->bytes_max = message->len;
		if (fwrite(message->payload, 1, message->len, to) != message->len)
			die(topic->name, "it cannot be written");
		rd_kafka_message_destroy(message);
	}
	rd_kafka_assign(consumer, NULL);
}

static void read_topic(rd_kafka_t *consumer, struct topic *topic, const char *folder)
{
	char path[4096];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s/topic-00000001.binpb", folder, topic->signal);
	to = fopen(path, "wb");
	if (to == NULL)
		die(path, "it cannot be made");
	topic->partitions = partitions_of(consumer, topic->name);
	for (int i = 0; i < topic->partitions; i++)
		read_partition(consumer, topic, i, to);
	if (fclose(to) != 0)
		die(path, "it cannot be written");
}

static rd_kafka_t *open_consumer(const char *brokers)
{
	static const char *const settings[][2] = {
		{"group.id", "none"},
		{"enable.auto.commit", "false"},
		{"allow.auto.create.topics", "false"},
		{"auto.offset.reset", "error"},
		{"check.crcs", "true"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[ERROR_BYTES];
	rd_kafka_t *consumer;

	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)) !=
	    RD_KAFKA_CONF_OK)
		die(brokers, why);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof(why)) !=
		    RD_KAFKA_CONF_OK)
			die(settings[i][0], why);
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (consumer == NULL)
		die(brokers, why);
	rd_kafka_poll_set_consumer(consumer);
	return consumer;
}

int main(int argc, char **argv)
{
	static const char *const names[SIGNALS][2] = {
		{"traces", "otlp_spans"}, {"metrics", "otlp_metrics"}, {"logs", "otlp_logs"}};
	rd_kafka_t *consumer;

	if (argc != 4)
		die("usage", "topic_read BROKERS PREFIX DIR");
	consumer = open_consumer(argv[1]);
	putchar('{');
	for (int i = 0; i < SIGNALS; i++) {
		struct topic topic = {.signal = names[i][0]};
		char name[512];

		snprintf(name, sizeof(name), "%s%s", argv[2], names[i][1]);
		topic.name = name;
		read_topic(consumer, &topic, argv[3]);
		printf("%s\"%s\":{\"messages\":%" PRIu64 ",\"bytes_max\":%" PRIu64
		       ",\"partitions\":%d}",
		       i == 0 ? "" : ",", topic.signal, topic.messages, topic.bytes_max,
		       topic.partitions);
	}
	puts("}");
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
	return 0;
}
