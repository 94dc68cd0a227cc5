/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The partition is the one that Java's clients choose for a key: the trace id in hex, which is also
 * the key of the Collector's Kafka exporter, or the bytes of the resource. So every host sends the
 * spans of a trace to the same partition, and whoever reads it has the whole trace.
 */
#include "cli/send/kafka_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "cli/wire.h"

#define TRACE_ID_FIELD 1u
#define TRACE_ID_BYTES 16u

static int32_t partition_of_key(const void *key, size_t bytes, int32_t partitions)
{
	/* It looks at nothing but the key. */
	return rd_kafka_msg_partitioner_murmur2(NULL, key, bytes, partitions, NULL, NULL);
}

/* The resource of the record's nodes: the first bytes of the outermost node that are its own. */
static int32_t partition_of_resource(const struct records *records, size_t number,
				     int32_t partitions)
{
	uint32_t node = records->list[number].node;

	while (records->nodes[node].parent != RECORDS_NO_NODE)
		node = records->nodes[node].parent;
	if (records->nodes[node].own_count == 0)
		return 0;
	return partition_of_key(records->data + records->owns[records->nodes[node].own_first].at,
				records->owns[records->nodes[node].own_first].bytes, partitions);
}

/* NULL: it has none. */
static const uint8_t *trace_id_of(const struct records *records, size_t number)
{
	const uint8_t *data = records->data + records->list[number].at;
	const size_t bytes = records->list[number].bytes;
	struct wire_field field;
	size_t at;

	if (wire_field(data, bytes, &field) < 0)
		return NULL;
	for (at = field.head_bytes; at < bytes; at += field.head_bytes + field.payload_bytes) {
		if (wire_field(data + at, bytes - at, &field) < 0)
			return NULL;
		if (field.number == TRACE_ID_FIELD && field.type == WIRE_BYTES &&
		    field.payload_bytes == TRACE_ID_BYTES)
			return data + at + field.head_bytes;
	}
	return NULL;
}

static int32_t partition_of(const struct records *records, enum otlp_signal signal, size_t number,
			    int32_t partitions)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *id = signal == OTLP_SIGNAL_TRACES ? trace_id_of(records, number) : NULL;
	char hex[2 * TRACE_ID_BYTES];

	if (partitions <= 1)
		return 0;
	if (id == NULL)
		return partition_of_resource(records, number, partitions);
	for (size_t i = 0; i < TRACE_ID_BYTES; i++) {
		hex[2 * i] = digits[id[i] >> 4];
		hex[2 * i + 1] = digits[id[i] & 15];
	}
	return partition_of_key(hex, sizeof(hex), partitions);
}

void kafka_part_free(struct kafka_part *part)
{
	if (part != NULL)
		free(part->body);
	free(part);
}

/* What the cutter has becomes a part. */
static int take(struct kafka_parts *parts, struct cutter *cutter, int32_t partition)
{
	struct kafka_part *part;

	if (cutter->count == 0)
		return 0;
	part = calloc(1, sizeof(*part));
	if (part == NULL)
		return -ENOMEM;
	part->partition = partition;
	part->items = cutter->count;
	part->body = cutter_take(cutter, &part->bytes);
	*parts->end = part;
	parts->end = &part->next;
	/* The first record of a request goes in whatever its size. */
	return part->bytes > cutter->limit_bytes ? -EMSGSIZE : 0;
}

static int add(struct kafka_parts *parts, struct cutter *cutter, size_t number, int32_t partition)
{
	int rc = cutter_add(cutter, &parts->records, number);

	if (rc == 0) {
		rc = take(parts, cutter, partition);
		if (rc == 0)
			rc = cutter_add(cutter, &parts->records, number);
	}
	return rc == -EFBIG ? -EMSGSIZE : rc < 0 ? rc : 0;
}

static int make_cutters(struct kafka_parts *parts, int32_t count, size_t limit_bytes)
{
	struct cutter *cutters;

	if (count > parts->cutter_count) {
		cutters = reallocarray(parts->cutters, (size_t)count, sizeof(*cutters));
		if (cutters == NULL)
			return -ENOMEM;
		memset(cutters + parts->cutter_count, 0,
		       (size_t)(count - parts->cutter_count) * sizeof(*cutters));
		parts->cutters = cutters;
		parts->cutter_count = count;
	}
	for (int32_t i = 0; i < count; i++)
		parts->cutters[i].limit_bytes = limit_bytes;
	return 0;
}

static void clear(struct kafka_parts *parts)
{
	struct kafka_part *part, *next;

	for (part = parts->first; part != NULL; part = next) {
		next = part->next;
		kafka_part_free(part);
	}
	parts->first = NULL;
}

/* No part is left of what went wrong, and no cutter has anything in it. */
static int finish(struct kafka_parts *parts, int32_t partitions, int rc, struct kafka_part **ret)
{
	for (int32_t i = 0; rc == 0 && i < partitions; i++)
		rc = take(parts, &parts->cutters[i], i);
	for (int32_t i = 0; rc < 0 && i < parts->cutter_count; i++)
		cutter_free(&parts->cutters[i]);
	if (rc < 0)
		clear(parts);
	*ret = parts->first;
	parts->first = NULL;
	return rc;
}

static int begin(struct kafka_parts *parts, enum otlp_signal signal, const uint8_t *body,
		 size_t bytes, int32_t partitions, size_t limit_bytes)
{
	int rc = records_find(&parts->records, signal, body, bytes);

	parts->first = NULL;
	parts->end = &parts->first;
	return rc < 0 ? rc : make_cutters(parts, partitions, limit_bytes);
}

int kafka_parts_cut(struct kafka_parts *parts, enum otlp_signal signal, const uint8_t *body,
		    size_t bytes, int32_t partitions, size_t limit_bytes, struct kafka_part **ret)
{
	int rc = begin(parts, signal, body, bytes, partitions, limit_bytes);

	for (size_t i = 0; rc == 0 && i < parts->records.count; i++) {
		const int32_t partition = partition_of(&parts->records, signal, i, partitions);

		rc = add(parts, &parts->cutters[partition], i, partition);
	}
	return finish(parts, partitions, rc, ret);
}

int kafka_parts_halve(struct kafka_parts *parts, enum otlp_signal signal,
		      const struct kafka_part *part, struct kafka_part **ret)
{
	int rc;

	*ret = NULL;
	if (part->items < 2)
		return -EMSGSIZE;
	/* The cutter's limit is no limit here: the middle is. */
	rc = begin(parts, signal, part->body, part->bytes, 1, SIZE_MAX);
	for (size_t i = 0; rc == 0 && i < parts->records.count; i++) {
		if (i == parts->records.count / 2)
			rc = take(parts, &parts->cutters[0], part->partition);
		if (rc == 0)
			rc = add(parts, &parts->cutters[0], i, part->partition);
	}
	rc = finish(parts, 1, rc, ret);
	for (struct kafka_part *half = *ret; half != NULL; half = half->next)
		half->partition = part->partition;
	return rc;
}

void kafka_parts_free(struct kafka_parts *parts)
{
	for (int32_t i = 0; i < parts->cutter_count; i++)
		cutter_free(&parts->cutters[i]);
	free(parts->cutters);
	records_free(&parts->records);
	memset(parts, 0, sizeof(*parts));
}
