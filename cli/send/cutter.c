/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass: a node's length is written when the node is closed, in the room that was left for it,
 * as a varint of four bytes. Protobuf takes such lengths, and the writer's files have them too.
 */
#include "cli/send/cutter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 4u
#define NODE_BYTES   (1u + LENGTH_BYTES) /* tag and length */
#define LENGTH_MAX   ((size_t)1 << 28)	 /* what four bytes of a varint hold */

void cutter_free(struct cutter *cutter)
{
	free(cutter->data);
	*cutter = (struct cutter){.limit_bytes = cutter->limit_bytes};
}

static void close_to(struct cutter *cutter, unsigned depth)
{
	while (cutter->depth > depth) {
		const size_t at = cutter->length_at[--cutter->depth];
		const size_t length = cutter->bytes - at - LENGTH_BYTES;
		uint8_t *to = cutter->data + at;

		to[0] = (uint8_t)(length | 0x80);
		to[1] = (uint8_t)(length >> 7 | 0x80);
		to[2] = (uint8_t)(length >> 14 | 0x80);
		to[3] = (uint8_t)(length >> 21);
	}
}

void cutter_leave(struct cutter *cutter)
{
	close_to(cutter, 0);
	cutter->open_in = NULL;
}

static int reserve(struct cutter *cutter, size_t more)
{
	size_t wanted = cutter->capacity > 0 ? cutter->capacity : 4096;
	uint8_t *grown;

	if (cutter->capacity - cutter->bytes >= more)
		return 0;
	while (wanted - cutter->bytes < more)
		wanted *= 2;
	grown = realloc(cutter->data, wanted);
	if (grown == NULL)
		return -ENOMEM;
	cutter->data = grown;
	cutter->capacity = wanted;
	return 0;
}

/* The nodes around a record, the outermost first. Returns how many. */
static unsigned nodes_of(const struct records *records, uint32_t node,
			 uint32_t ret[RECORDS_DEPTH_MAX])
{
	const unsigned depth = records->nodes[node].depth + 1;

	for (unsigned i = depth; i > 0; i--) {
		ret[i - 1] = node;
		node = records->nodes[node].parent;
	}
	return depth;
}

static void open_node(struct cutter *cutter, const struct records *records, uint32_t number)
{
	const struct records_node *node = &records->nodes[number];

	cutter->data[cutter->bytes++] = (uint8_t)node->tag;
	cutter->open[cutter->depth] = number;
	cutter->length_at[cutter->depth++] = cutter->bytes;
	cutter->bytes += LENGTH_BYTES;
	for (uint32_t i = 0; i < node->own_count; i++) {
		const struct records_own *own = &records->owns[node->own_first + i];

		memcpy(cutter->data + cutter->bytes, records->data + own->at, own->bytes);
		cutter->bytes += own->bytes;
	}
}

int cutter_add(struct cutter *cutter, const struct records *records, size_t number)
{
	const struct records_record *record = &records->list[number];
	uint32_t nodes[RECORDS_DEPTH_MAX];
	const unsigned depth = nodes_of(records, record->node, nodes);
	size_t bytes = record->bytes;
	unsigned same = 0;
	int rc;

	if (cutter->open_in == records)
		while (same < depth && same < cutter->depth && cutter->open[same] == nodes[same])
			same++;
	for (unsigned i = same; i < depth; i++)
		bytes += NODE_BYTES + records->nodes[nodes[i]].own_bytes;
	if (cutter->count > 0 && cutter->bytes + bytes > cutter->limit_bytes)
		return 0;
	if (cutter->bytes + bytes >= LENGTH_MAX)
		return -EFBIG;
	rc = reserve(cutter, bytes);
	if (rc < 0)
		return rc;
	close_to(cutter, same);
	cutter->open_in = records;
	for (unsigned i = same; i < depth; i++)
		open_node(cutter, records, nodes[i]);
	memcpy(cutter->data + cutter->bytes, records->data + record->at, record->bytes);
	cutter->bytes += record->bytes;
	cutter->count++;
	return 1;
}

uint8_t *cutter_take(struct cutter *cutter, size_t *ret_bytes)
{
	uint8_t *data = cutter->data;

	if (cutter->count == 0)
		return NULL;
	cutter_leave(cutter);
	*ret_bytes = cutter->bytes;
	*cutter = (struct cutter){.limit_bytes = cutter->limit_bytes};
	return data;
}
