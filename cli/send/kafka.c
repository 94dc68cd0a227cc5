/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The destination that librdkafka carries to. Its threads send; the one thread of ours cuts, hands
 * over and hears of each message what became of it. A request is answered when all its messages
 * have a report.
 *
 * The producer is idempotent: as long as it lives, nothing is there twice, however often it had to
 * send. Where it fails for good it is replaced, and what it had under way is doubtful.
 */
#include "cli/send/kafka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/send/kafka_conf.h"
#include "cli/send/kafka_parts.h"
#include "cli/send/kafka_topic.h"

#define MS_NS INT64_C(1000000)
/* One look at the broker, while it has not said what a topic is like. */
#define ASK_MS_MIN 100
#define ASK_MS_MAX 500
/* Partitions may be added, limits raised. */
#define ASK_AGAIN_NS (INT64_C(600000) * MS_NS)
/* Brokers that are away for so long are worth a word. */
#define TROUBLE_NS (INT64_C(2000) * MS_NS)
/* For what a producer that ends has to report; its threads are only waited for. */
#define END_MS 5000

/* A request that was begun. It is its slot. */
struct shipment {
	struct shipment *next; /* of those with an answer, or of those without */
	struct send_request *request;
	bool is_cut;	   /* into messages: its topic is known */
	size_t open_count; /* messages without a report */
	bool is_any_there; /* a message of it was delivered, or may have been */
	struct send_answer answer;
};

struct kafka {
	struct send_destination destination; /* the first member */
	struct kafka_conf conf;
	rd_kafka_t *producer;
	struct kafka_topic topics[SIGNAL_COUNT];
	struct kafka_parts parts;
	struct kafka_part *pending, **pending_end; /* librdkafka's queue had no room */
	struct kafka_part *flying;		   /* it has them; a report will come */
	struct shipment *open;
	size_t uncut_count; /* of those */
	struct shipment *answered, **answered_end;
	bool is_broken;	 /* the producer has failed for good */
	bool is_lasting; /* nothing can be sent: stopped says why */
	char stopped[SEND_TEXT_BYTES];
	int64_t trouble_ns; /* no broker is to be had since then; 0: as far as we know one is */
	char cause[SEND_TEXT_BYTES];
};

/* ---- answers ---- */

/* Of several reports the worst counts. */
static void worsen(struct shipment *shipment, enum send_verdict verdict, const char *text)
{
	static const int rank[] = {
		[SEND_TAKEN] = 0,   [SEND_AGAIN] = 1, [SEND_TOO_LARGE] = 2,
		[SEND_REFUSED] = 3, [SEND_STOP] = 4,
	};

	if (rank[verdict] < rank[shipment->answer.verdict])
		return;
	shipment->answer.verdict = verdict;
	snprintf(shipment->answer.text, sizeof(shipment->answer.text), "%s", text);
}

/* Once all its messages have a report, it has its answer. */
static void settle(struct kafka *kafka, struct shipment *shipment)
{
	struct shipment **at = &kafka->open;

	if (shipment->open_count > 0)
		return;
	if (!shipment->is_cut)
		kafka->uncut_count--;
	while (*at != shipment)
		at = &(*at)->next;
	*at = shipment->next;
	shipment->next = NULL;
	shipment->answer.is_doubtful =
		shipment->answer.verdict != SEND_TAKEN && shipment->is_any_there;
	*kafka->answered_end = shipment;
	kafka->answered_end = &shipment->next;
}

static enum send_verdict verdict_of(rd_kafka_resp_err_t error)
{
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return SEND_TAKEN;
	if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
	    error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
	    error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE)
		return SEND_TOO_LARGE;
	return kafka_error_is_lasting(error) ? SEND_STOP : SEND_AGAIN;
}

static void append(struct kafka *kafka, struct kafka_part *parts)
{
	*kafka->pending_end = parts;
	while (*kafka->pending_end != NULL)
		kafka->pending_end = &(*kafka->pending_end)->next;
}

/*
 * The topic takes less than it said: the two halves go in its place, and later messages are cut
 * smaller at once. Returns whether that could be done.
 */
static bool halve(struct kafka *kafka, struct shipment *shipment, const struct kafka_part *part)
{
	const enum otlp_signal signal = shipment->request->signal;
	struct kafka_topic *topic = &kafka->topics[signal];
	struct kafka_part *halves;

	if (kafka_parts_halve(&kafka->parts, signal, part, &halves) < 0)
		return false;
	for (struct kafka_part *half = halves; half != NULL; half = half->next) {
		half->owner = shipment;
		shipment->open_count++;
	}
	append(kafka, halves);
	if (part->bytes <= topic->message_bytes)
		topic->message_bytes = part->bytes - part->bytes / 4;
	return true;
}

/* What became of a message. It is freed. */
static void report(struct kafka *kafka, struct kafka_part *part, rd_kafka_resp_err_t error,
		   rd_kafka_msg_status_t status)
{
	struct shipment *shipment = part->owner;
	struct kafka_topic *topic = &kafka->topics[shipment->request->signal];
	const enum send_verdict verdict = verdict_of(error);
	char text[SEND_TEXT_BYTES];

	if (status != RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
		shipment->is_any_there = true;
	if (verdict == SEND_TAKEN) {
		kafka->destination.wire_bytes += part->bytes;
		kafka->trouble_ns = 0;
		kafka->cause[0] = kafka->destination.trouble[0] = '\0';
	}
	if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
		topic->partitions = 0; /* it was made anew, with fewer: ask again */
	if (verdict != SEND_TAKEN && !(verdict == SEND_TOO_LARGE && halve(kafka, shipment, part))) {
		snprintf(text, sizeof(text), "topic %.120s: %.100s", topic->name,
			 rd_kafka_err2str(error));
		/* What was under way when all of it stopped has the reason of that. */
		if (kafka->is_lasting)
			worsen(shipment, SEND_STOP, kafka->stopped);
		else
			worsen(shipment, verdict, text);
	}
	shipment->open_count--;
	settle(kafka, shipment);
	kafka_part_free(part);
}

static void take_out(struct kafka *kafka, const struct kafka_part *part)
{
	struct kafka_part **at = &kafka->flying;

	while (*at != part)
		at = &(*at)->next;
	*at = part->next;
}

static void on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
	struct kafka_part *part = message->_private;

	(void)producer;
	take_out(opaque, part);
	/* A duplicate without a place: the broker has a later message of ours, and says that of
	 * this one. It need not have it. One that it knows has its place. */
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset < 0)
		report(opaque, part, RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER,
		       RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED);
	else
		report(opaque, part, message->err, rd_kafka_message_status(message));
}

/* ---- the producer ---- */

static void stop(struct kafka *kafka, const char *text)
{
	kafka->is_lasting = true;
	snprintf(kafka->stopped, sizeof(kafka->stopped), "%s", text);
}

/*
 * Most of what it says passes by itself: librdkafka tries again. That no broker is left comes last,
 * and the cause came before.
 */
static void on_error(rd_kafka_t *producer, int error, const char *reason, void *opaque)
{
	struct kafka *kafka = opaque;
	char text[SEND_TEXT_BYTES];

	(void)producer;
	switch (error) {
	case RD_KAFKA_RESP_ERR__FATAL:
		kafka->is_broken = true;
		return;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		snprintf(text, sizeof(text), "%.240s", reason);
		stop(kafka, text);
		return;
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		if (kafka->trouble_ns == 0)
			kafka->trouble_ns = clock_monotonic_ns();
		return;
	default:
		snprintf(kafka->cause, sizeof(kafka->cause), "%.240s", reason);
		return;
	}
}

static int start_producer(struct kafka *kafka, char text[SEND_TEXT_BYTES])
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(kafka->conf.conf);

	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_opaque(conf, kafka);
	kafka->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, SEND_TEXT_BYTES);
	if (kafka->producer == NULL) {
		rd_kafka_conf_destroy(conf);
		return -EINVAL;
	}
	kafka->is_broken = false;
	for (unsigned i = 0; i < SIGNAL_COUNT; i++)
		kafka->topics[i] = (struct kafka_topic){.name = kafka->conf.topics[i]};
	return 0;
}

/* What is still under way then may or may not be there. */
static void end_producer(struct kafka *kafka)
{
	if (kafka->producer == NULL)
		return;
	rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(kafka->producer, END_MS);
	for (unsigned i = 0; i < SIGNAL_COUNT; i++)
		if (kafka->topics[i].handle != NULL)
			rd_kafka_topic_destroy(kafka->topics[i].handle);
	rd_kafka_destroy(kafka->producer);
	kafka->producer = NULL;
	while (kafka->flying != NULL) {
		struct kafka_part *part = kafka->flying;

		kafka->flying = part->next;
		report(kafka, part, RD_KAFKA_RESP_ERR__DESTROY,
		       RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED);
	}
}

/* Nothing can be sent with it any more; what it had is answered, and is sent by another one. */
static int replace_producer(struct kafka *kafka)
{
	char text[SEND_TEXT_BYTES];

	end_producer(kafka);
	return start_producer(kafka, text);
}

/* ---- sending ---- */

/* Takes the part over. Returns false, and leaves it, while librdkafka's queue is full. */
static bool produce(struct kafka *kafka, struct kafka_part *part)
{
	const struct shipment *shipment = part->owner;
	const struct kafka_topic *topic = &kafka->topics[shipment->request->signal];
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__FATAL;

	/* A new producer does not know the topic before it was asked for. */
	if (topic->handle != NULL) {
		/* The bytes stay ours until the report: no copy. */
		if (rd_kafka_produce(topic->handle, part->partition, 0, part->body, part->bytes,
				     NULL, 0, part) == 0) {
			part->next = kafka->flying;
			kafka->flying = part;
			return true;
		}
		error = rd_kafka_last_error();
	}
	if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return false;
	report(kafka, part, error, RD_KAFKA_MSG_STATUS_NOT_PERSISTED);
	return true;
}

static void pump(struct kafka *kafka)
{
	while (kafka->pending != NULL) {
		struct kafka_part *part = kafka->pending;

		kafka->pending = part->next;
		if (kafka->pending == NULL)
			kafka->pending_end = &kafka->pending;
		part->next = NULL;
		if (produce(kafka, part))
			continue;
		part->next = kafka->pending;
		if (kafka->pending == NULL)
			kafka->pending_end = &part->next;
		kafka->pending = part;
		return;
	}
}

/* An answer without a message. */
static void answer(struct kafka *kafka, struct shipment *shipment, enum send_verdict verdict,
		   const char *text)
{
	worsen(shipment, verdict, text);
	settle(kafka, shipment);
}

/* Its topic is known: cut it, and hand it over. */
static void ship(struct kafka *kafka, struct shipment *shipment)
{
	const struct send_request *request = shipment->request;
	const struct kafka_topic *topic = &kafka->topics[request->signal];
	struct kafka_part *parts;
	char text[SEND_TEXT_BYTES];
	int rc = kafka_parts_cut(&kafka->parts, request->signal, request->body, request->body_bytes,
				 topic->partitions, topic->message_bytes, &parts);

	shipment->is_cut = true;
	kafka->uncut_count--;
	switch (rc) {
	case 0:
		break;
	case -EMSGSIZE:
		snprintf(text, sizeof(text), "topic %.120s: it takes messages up to %zu bytes",
			 topic->name, topic->message_bytes);
		answer(kafka, shipment, SEND_TOO_LARGE, text);
		return;
	case -EBADMSG:
		answer(kafka, shipment, SEND_REFUSED, "it is no OTLP message");
		return;
	default:
		answer(kafka, shipment, SEND_AGAIN, strerror(-rc));
		return;
	}
	for (struct kafka_part *part = parts; part != NULL; part = part->next) {
		part->owner = shipment;
		shipment->open_count++;
	}
	if (parts == NULL)
		settle(kafka, shipment);
	else
		append(kafka, parts);
	pump(kafka);
}

/* Those whose topic is known go, those of a topic that is not wait for the broker's word. */
static void ship_uncut(struct kafka *kafka)
{
	struct shipment *next;

	for (struct shipment *at = kafka->open; at != NULL && kafka->uncut_count > 0; at = next) {
		next = at->next;
		if (!at->is_cut && kafka->topics[at->request->signal].partitions > 0)
			ship(kafka, at);
	}
}

static bool is_to_be_asked(const struct kafka *kafka, enum otlp_signal signal)
{
	const struct kafka_topic *topic = &kafka->topics[signal];

	if (topic->partitions > 0)
		return clock_monotonic_ns() - topic->asked_ns > ASK_AGAIN_NS;
	for (const struct shipment *at = kafka->open; at != NULL; at = at->next)
		if (!at->is_cut && at->request->signal == signal)
			return true;
	return false;
}

static void ask(struct kafka *kafka, struct kafka_topic *topic, int64_t timeout_ns)
{
	const int64_t ms = timeout_ns / MS_NS;
	const int timeout_ms = ms < ASK_MS_MIN	 ? ASK_MS_MIN
			       : ms > ASK_MS_MAX ? ASK_MS_MAX
						 : (int)ms;
	char text[SEND_TEXT_BYTES];
	int rc = kafka_topic_ask(topic, kafka->producer, kafka->conf.message_bytes, timeout_ms,
				 text);

	if (rc == 0) {
		ship_uncut(kafka);
	} else if (rc != -EAGAIN) {
		stop(kafka, text);
	} else if (topic->partitions > 0) {
		/* What was known before is used on. */
		topic->asked_ns = clock_monotonic_ns();
	} else {
		snprintf(kafka->cause, sizeof(kafka->cause), "%s", text);
		if (kafka->trouble_ns == 0)
			kafka->trouble_ns = clock_monotonic_ns();
	}
}

static void ask_all(struct kafka *kafka, int64_t timeout_ns)
{
	for (enum otlp_signal s = 0; s < SIGNAL_COUNT && !kafka->is_lasting; s++)
		if (is_to_be_asked(kafka, s))
			ask(kafka, &kafka->topics[s], timeout_ns);
}

static int kafka_begin(struct send_destination *destination, struct send_request *request)
{
	struct kafka *kafka = (struct kafka *)destination;
	struct shipment *shipment = calloc(1, sizeof(*shipment));

	if (shipment == NULL)
		return -ENOMEM;
	shipment->request = request;
	shipment->answer.retry_after_ns = -1;
	shipment->next = kafka->open;
	kafka->open = shipment;
	kafka->uncut_count++;
	request->slot = shipment;
	if (kafka->is_lasting)
		answer(kafka, shipment, SEND_STOP, kafka->stopped);
	else if (kafka->topics[request->signal].partitions > 0)
		ship(kafka, shipment);
	return 0;
}

static bool take_answer(struct kafka *kafka, struct send_request **ret_request,
			struct send_answer *ret_answer)
{
	struct shipment *shipment = kafka->answered;

	if (shipment == NULL)
		return false;
	kafka->answered = shipment->next;
	if (kafka->answered == NULL)
		kafka->answered_end = &kafka->answered;
	*ret_request = shipment->request;
	*ret_answer = shipment->answer;
	shipment->request->slot = NULL;
	free(shipment);
	return true;
}

/* Those under way wait for a broker that will not have them: no report will come of them. */
static void stop_open(struct kafka *kafka)
{
	end_producer(kafka);
	while (kafka->pending != NULL) {
		struct kafka_part *part = kafka->pending;

		kafka->pending = part->next;
		report(kafka, part, RD_KAFKA_RESP_ERR__DESTROY, RD_KAFKA_MSG_STATUS_NOT_PERSISTED);
	}
	kafka->pending_end = &kafka->pending;
	while (kafka->open != NULL)
		answer(kafka, kafka->open, SEND_STOP, kafka->stopped);
}

static void look_at_trouble(struct kafka *kafka)
{
	char *to = kafka->destination.trouble;

	to[0] = '\0';
	if (kafka->open != NULL && kafka->trouble_ns != 0 &&
	    clock_monotonic_ns() - kafka->trouble_ns > TROUBLE_NS)
		snprintf(to, SEND_TEXT_BYTES, "%s",
			 kafka->cause[0] != '\0' ? kafka->cause : "no broker can be reached");
}

static int kafka_wait(struct send_destination *destination, int64_t timeout_ns,
		      struct send_request **ret_request, struct send_answer *ret_answer)
{
	struct kafka *kafka = (struct kafka *)destination;
	const int64_t end = clock_monotonic_ns() + timeout_ns;
	int64_t left = timeout_ns;

	for (;;) {
		int rc = 0;

		if (kafka->producer != NULL) {
			ask_all(kafka, left);
			pump(kafka);
			rd_kafka_poll(kafka->producer, 0);
		}
		if (kafka->is_lasting && kafka->producer != NULL)
			stop_open(kafka);
		else if (kafka->is_broken)
			rc = replace_producer(kafka);
		if (take_answer(kafka, ret_request, ret_answer))
			return 1;
		if (rc < 0)
			return rc;
		look_at_trouble(kafka);
		left = end - clock_monotonic_ns();
		if (left <= 0)
			return 0;
		if (kafka->producer == NULL)
			return 0; /* it is stopped: there is nothing to wait for */
		/* It returns with the first report. */
		rd_kafka_poll(kafka->producer, (int)(left / MS_NS) + 1);
	}
}

static void kafka_close(struct send_destination *destination)
{
	struct kafka *kafka = (struct kafka *)destination;
	struct send_request *request;
	struct send_answer unread;

	stop_open(kafka);
	while (take_answer(kafka, &request, &unread))
		;
	kafka_parts_free(&kafka->parts);
	kafka_conf_free(&kafka->conf);
	free(kafka);
}

static const struct send_destination_ops kafka_ops = {
	.begin = kafka_begin,
	.wait = kafka_wait,
	.close = kafka_close,
};

int kafka_open(const struct kafka_options *options, struct send_destination **ret,
	       char text[SEND_TEXT_BYTES])
{
	struct kafka *kafka = calloc(1, sizeof(*kafka));
	int rc = kafka == NULL ? -ENOMEM : kafka_conf_read(&kafka->conf, options, text);

	if (rc < 0) {
		free(kafka);
		if (rc == -ENOMEM)
			snprintf(text, SEND_TEXT_BYTES, "no memory");
		return rc;
	}
	kafka->destination = (struct send_destination){
		.ops = &kafka_ops,
		.shown = kafka->conf.shown,
	};
	kafka->pending_end = &kafka->pending;
	kafka->answered_end = &kafka->answered;
	rc = start_producer(kafka, text);
	if (rc < 0) {
		kafka_conf_free(&kafka->conf);
		free(kafka);
		return rc;
	}
	*ret = &kafka->destination;
	return 0;
}
