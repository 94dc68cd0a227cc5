/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise of the sender hangs on some of librdkafka's settings: those are ours, and are refused
 * where a user sets them. All others are passed through.
 */
#include "cli/send/kafka_conf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define TOPIC_LENGTH_MAX 249u /* Kafka's */
#define TOPIC_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

struct setting {
	const char *key;
	const char *value;
};

/* The names that the Collector's kafka receiver and exporter have for them. */
static const char *const topic_names[SIGNAL_COUNT] = {
	[OTLP_SIGNAL_TRACES] = "otlp_spans",
	[OTLP_SIGNAL_METRICS] = "otlp_metrics",
	[OTLP_SIGNAL_LOGS] = "otlp_logs",
};

/* Not to be changed. */
static const struct setting fixed[] = {
	/* No message twice, or out of order, while this process lives. */
	{"enable.idempotence", "true"},
	/* A message is a batch already. With several to a batch, the broker would refuse them
	 * together for a size that none of them has. */
	{"batch.num.messages", "1"},
	{"linger.ms", "0"},
	/* A broker takes any number from a producer that is new to it. With several under way, the
	 * second may come in where the first one failed, as it does while a topic is being made:
	 * the first one is then called a duplicate, and is nowhere. */
	{"max.in.flight.requests.per.connection", "1"},
	/* The limit is the topic's, and messages are cut before they come here. */
	{"message.max.bytes", "1000000000"},
};

/* May be changed. */
static const struct setting defaults[] = {
	{"client.id", "otlpipe"},
	/* A broker that is away for an hour is no reason to give up, or to send twice: the sender
	 * has only so many requests under way. */
	{"message.timeout.ms", "0"},
	{"compression.codec", "lz4"},
	{"socket.keepalive.enable", "true"},
};

/* What would undo a promise under another name, or belongs into the URL. */
static const struct setting refused[] = {
	{"bootstrap.servers", "--to has the brokers"},
	{"metadata.broker.list", "--to has the brokers"},
	{"transactional.id", "there are no transactions"},
	{"max.in.flight", "the sender's own"},
	{"acks", "all of them, always"},
	{"request.required.acks", "all of them, always"},
	{"queue.buffering.max.ms", "the sender's own"},
	{"partitioner", "the sender's own"},
};

/* The reason why a setting is not the user's; NULL: it is. */
static const char *reason_of_refusal(const char *key)
{
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		if (strcmp(key, refused[i].key) == 0)
			return refused[i].value;
	for (size_t i = 0; i < COUNT_OF(fixed); i++)
		if (strcmp(key, fixed[i].key) == 0)
			return "the sender's own";
	return NULL;
}

/* Of librdkafka: what its threads have to say comes as errors, too. */
static void say_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

static int set(rd_kafka_conf_t *conf, const char *key, const char *value,
	       char text[SEND_TEXT_BYTES])
{
	char why[SEND_TEXT_BYTES];

	if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return 0;
	snprintf(text, SEND_TEXT_BYTES, "--kafka %.60s: %.180s", key, why);
	return -EINVAL;
}

static int read_message_bytes(struct kafka_conf *conf, const char *value,
			      char text[SEND_TEXT_BYTES])
{
	char *end;
	unsigned long long bytes;

	errno = 0;
	bytes = strtoull(value, &end, 10);
	if (errno != 0 || *end != '\0' || value[0] < '0' || value[0] > '9' || bytes < 4096 ||
	    bytes > 1000000000) {
		snprintf(text, SEND_TEXT_BYTES,
			 "--kafka message.max.bytes: a number from 4096 to 1000000000");
		return -EINVAL;
	}
	conf->message_bytes = (size_t)bytes;
	return 0;
}

static int read_setting(struct kafka_conf *conf, const char *word, char text[SEND_TEXT_BYTES])
{
	const char *equals = strchr(word, '=');
	const char *reason;
	char key[128];

	if (equals == NULL || equals == word || (size_t)(equals - word) >= sizeof(key)) {
		snprintf(text, SEND_TEXT_BYTES,
			 "--kafka '%.60s': key=value, of librdkafka's settings", word);
		return -EINVAL;
	}
	memcpy(key, word, (size_t)(equals - word));
	key[equals - word] = '\0';
	if (strcmp(key, "message.max.bytes") == 0)
		return read_message_bytes(conf, equals + 1, text);
	reason = reason_of_refusal(key);
	if (reason != NULL) {
		snprintf(text, SEND_TEXT_BYTES, "--kafka %s cannot be set: %s", key, reason);
		return -EINVAL;
	}
	if (strcmp(key, "debug") == 0)
		rd_kafka_conf_set_log_cb(conf->conf, rd_kafka_log_print);
	return set(conf->conf, key, equals + 1, text);
}

static int make_conf(struct kafka_conf *conf, const struct kafka_options *options,
		     char text[SEND_TEXT_BYTES])
{
	int rc = 0;

	conf->conf = rd_kafka_conf_new();
	rd_kafka_conf_set_log_cb(conf->conf, say_nothing);
	for (size_t i = 0; rc == 0 && i < COUNT_OF(fixed); i++)
		rc = set(conf->conf, fixed[i].key, fixed[i].value, text);
	for (size_t i = 0; rc == 0 && i < COUNT_OF(defaults); i++)
		rc = set(conf->conf, defaults[i].key, defaults[i].value, text);
	for (size_t i = 0; rc == 0 && i < options->setting_count; i++)
		rc = read_setting(conf, options->settings[i], text);
	return rc;
}

static bool is_topic(const char *name)
{
	const size_t length = strlen(name);

	return length > 0 && length <= TOPIC_LENGTH_MAX &&
	       strspn(name, TOPIC_CHARACTERS) == length && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static int read_topics(struct kafka_conf *conf, const struct kafka_options *options,
		       const char *prefix, char text[SEND_TEXT_BYTES])
{
	for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
		const char *name = options->topics[i];
		const int length = asprintf(&conf->topics[i], "%s%s", name != NULL ? "" : prefix,
					    name != NULL ? name : topic_names[i]);

		if (length < 0) {
			conf->topics[i] = NULL;
			return -ENOMEM;
		}
		if (!is_topic(conf->topics[i])) {
			snprintf(text, SEND_TEXT_BYTES,
				 "'%.100s' is no name of a topic: 1 to %u letters, digits, '.', "
				 "'_' and '-'",
				 conf->topics[i], TOPIC_LENGTH_MAX);
			return -EINVAL;
		}
	}
	return 0;
}

/* kafka://broker[:port][,broker[:port]…][/prefix] */
static int read_url(struct kafka_conf *conf, const struct kafka_options *options,
		    char text[SEND_TEXT_BYTES])
{
	const char *brokers = options->url + strlen(KAFKA_SCHEME);
	const size_t length = strcspn(brokers, "/");
	const char *prefix = brokers[length] == '/' ? brokers + length + 1 : "";
	char *list;
	int rc;

	if (length == 0 || memchr(brokers, '@', length) != NULL ||
	    strcspn(brokers, "?# ") < strlen(brokers)) {
		snprintf(text, SEND_TEXT_BYTES,
			 "the address of Kafka is %sbroker[:port][,broker…][/prefix]; users, "
			 "passwords and the rest go by --kafka key=value",
			 KAFKA_SCHEME);
		return -EINVAL;
	}
	list = strndup(brokers, length);
	if (list == NULL)
		return -ENOMEM;
	rc = set(conf->conf, "bootstrap.servers", list, text);
	free(list);
	return rc < 0 ? rc : read_topics(conf, options, prefix, text);
}

int kafka_conf_read(struct kafka_conf *conf, const struct kafka_options *options,
		    char text[SEND_TEXT_BYTES])
{
	int rc;

	memset(conf, 0, sizeof(*conf));
	conf->shown = strdup(options->url);
	rc = conf->shown != NULL ? make_conf(conf, options, text) : -ENOMEM;
	if (rc == 0)
		rc = read_url(conf, options, text);
	if (rc < 0)
		kafka_conf_free(conf);
	return rc;
}

void kafka_conf_free(struct kafka_conf *conf)
{
	if (conf->conf != NULL)
		rd_kafka_conf_destroy(conf->conf);
	for (unsigned i = 0; i < SIGNAL_COUNT; i++)
		free(conf->topics[i]);
	free(conf->shown);
	memset(conf, 0, sizeof(*conf));
}
