/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a message from the resources down to the records, level by level. */
#include "cli/send/records.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/wire.h"

/* What the fields of a node at this depth are. */
struct level {
	uint32_t children; /* bit n: field n is a message on the way to the records */
	bool has_records;  /* and those are the records */
};

#define FIELD(n) (UINT32_C(1) << (n))

static const struct level levels_plain[] = {
	{FIELD(2), false}, /* ResourceSpans: scope_spans */
	{FIELD(2), true},  /* ScopeSpans: spans */
};

static const struct level levels_metrics[] = {
	{FIELD(2), false}, /* ResourceMetrics: scope_metrics */
	{FIELD(2), false}, /* ScopeMetrics: metrics */
	/* Metric: gauge, sum, histogram, exponential_histogram, summary */
	{FIELD(5) | FIELD(7) | FIELD(9) | FIELD(10) | FIELD(11), false},
	{FIELD(1), true}, /* each of them: data_points */
};

#define DEPTH_METRIC 2u

void records_free(struct records *records)
{
	free(records->list);
	free(records->nodes);
	free(records->owns);
	memset(records, 0, sizeof(*records));
}

/* Room for one more. */
static int grow(void *array, size_t *capacity, size_t count, size_t element_bytes)
{
	void **at = array;
	const size_t wanted = *capacity > 0 ? *capacity * 2 : 256;
	void *grown;

	if (count < *capacity)
		return 0;
	grown = reallocarray(*at, wanted, element_bytes);
	if (grown == NULL)
		return -ENOMEM;
	*at = grown;
	*capacity = wanted;
	return 0;
}

static int add_record(struct records *records, size_t at, size_t bytes, uint32_t node)
{
	int rc = grow(&records->list, &records->capacity, records->count, sizeof(*records->list));

	if (rc < 0)
		return rc;
	records->list[records->count++] = (struct records_record){
		.at = (uint32_t)at,
		.bytes = (uint32_t)bytes,
		.node = node,
	};
	return 0;
}

static int add_node(struct records *records, uint32_t parent, uint32_t depth, uint32_t tag)
{
	int rc = grow(&records->nodes, &records->node_capacity, records->node_count,
		      sizeof(*records->nodes));

	if (rc < 0)
		return rc;
	records->nodes[records->node_count++] = (struct records_node){
		.parent = parent,
		.depth = depth,
		.tag = tag,
	};
	return 0;
}

/* Own bytes of the node that was added last: one piece with those before, where they adjoin. */
static int add_own(struct records *records, uint32_t node_number, size_t at, size_t bytes)
{
	struct records_node *node = &records->nodes[node_number];
	struct records_own *last;
	int rc;

	node->own_bytes += (uint32_t)bytes;
	if (node->own_count > 0) {
		last = &records->owns[records->own_count - 1];
		if (last->at + last->bytes == at) {
			last->bytes += (uint32_t)bytes;
			return 0;
		}
	}
	rc = grow(&records->owns, &records->own_capacity, records->own_count,
		  sizeof(*records->owns));
	if (rc < 0)
		return rc;
	if (node->own_count++ == 0)
		node->own_first = (uint32_t)records->own_count;
	records->owns[records->own_count++] = (struct records_own){(uint32_t)at, (uint32_t)bytes};
	return 0;
}

static bool is_child(const struct level *level, const struct wire_field *field)
{
	return field->type == WIRE_BYTES && field->number < 32 &&
	       (level->children & FIELD(field->number)) != 0;
}

/* A node's own bytes first, so that they stand together; what leads to records is counted. */
static int find_own(struct records *records, const struct level *level, uint32_t node, size_t at,
		    size_t end, size_t *ret_children)
{
	while (at < end) {
		struct wire_field field;
		size_t bytes;
		int rc = wire_field(records->data + at, end - at, &field);

		if (rc < 0)
			return rc;
		bytes = field.head_bytes + (size_t)field.payload_bytes;
		if (is_child(level, &field))
			++*ret_children;
		else
			rc = add_own(records, node, at, bytes);
		if (rc < 0)
			return rc;
		at += bytes;
	}
	return 0;
}

/* The records of a node that has them: one walk, since they are many. */
static int find_records(struct records *records, const struct level *level, uint32_t node,
			size_t at, size_t end)
{
	while (at < end) {
		struct wire_field field;
		size_t bytes;
		int rc = wire_field(records->data + at, end - at, &field);

		if (rc < 0)
			return rc;
		bytes = field.head_bytes + (size_t)field.payload_bytes;
		rc = is_child(level, &field) ? add_record(records, at, bytes, node)
					     : add_own(records, node, at, bytes);
		if (rc < 0)
			return rc;
		at += bytes;
	}
	return 0;
}

/* A place on the way down: what is left of a node. */
struct walk {
	uint32_t node;
	size_t at, end;
};

/* Go into a node that stands at these bytes. 1: its children are next; 0: it is done. */
static int enter(struct records *records, const struct level *levels, struct walk *walk,
		 uint32_t depth, uint32_t parent, const struct wire_field *field, size_t at)
{
	const size_t begin = at + field->head_bytes, end = begin + (size_t)field->payload_bytes;
	const uint32_t node = (uint32_t)records->node_count;
	const size_t records_before = records->count;
	size_t children = 0;
	int rc;

	rc = add_node(records, parent, depth, field->number << 3 | WIRE_BYTES);
	if (rc < 0)
		return rc;
	if (levels[depth].has_records) {
		rc = find_records(records, &levels[depth], node, begin, end);
		return rc < 0 || records->count > records_before ? rc : 0;
	}
	rc = find_own(records, &levels[depth], node, begin, end, &children);
	if (rc < 0)
		return rc;
	*walk = (struct walk){node, begin, end};
	return children > 0;
}

/* A metric without points is a record as it stands: there is nothing in it to be cut. */
static int keep_metric(struct records *records, const struct wire_field *field, size_t at,
		       uint32_t scope, size_t records_before)
{
	if (records->count > records_before)
		return 0;
	return add_record(records, at, field->head_bytes + (size_t)field->payload_bytes, scope);
}

/* All below one node. It calls itself, as deep as there are levels. */
static int find_below(struct records *records, const struct level *levels, struct walk walk,
		      uint32_t depth)
{
	while (walk.at < walk.end) {
		const size_t before = records->count;
		struct wire_field field;
		struct walk inner;
		int rc = wire_field(records->data + walk.at, walk.end - walk.at, &field);

		if (rc < 0)
			return rc;
		if (is_child(&levels[depth], &field)) {
			rc = enter(records, levels, &inner, depth + 1, walk.node, &field, walk.at);
			if (rc == 1)
				rc = find_below(records, levels, inner, depth + 1);
			if (rc == 0 && levels == levels_metrics && depth + 1 == DEPTH_METRIC)
				rc = keep_metric(records, &field, walk.at, walk.node, before);
			if (rc < 0)
				return rc;
		}
		walk.at += field.head_bytes + (size_t)field.payload_bytes;
	}
	return 0;
}

int records_find(struct records *records, enum otlp_signal signal, const uint8_t *data,
		 size_t bytes)
{
	const struct level *levels = signal == OTLP_SIGNAL_METRICS ? levels_metrics : levels_plain;
	struct wire_field field;
	struct walk walk;

	records->data = data;
	records->bytes = bytes;
	records->count = records->node_count = records->own_count = 0;
	if (bytes > UINT32_MAX)
		return -EBADMSG;
	for (size_t at = 0; at < bytes; at += field.head_bytes + (size_t)field.payload_bytes) {
		int rc = wire_field(data + at, bytes - at, &field);

		if (rc < 0)
			return rc;
		if (field.number != 1 || field.type != WIRE_BYTES)
			continue;
		rc = enter(records, levels, &walk, 0, RECORDS_NO_NODE, &field, at);
		if (rc == 1)
			rc = find_below(records, levels, walk, 0);
		if (rc < 0)
			return rc;
	}
	return 0;
}
