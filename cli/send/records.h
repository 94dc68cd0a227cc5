/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of an OTLP message by the places where they stand: what a request is cut from. A
 * record is a span, a data point or a log record; around it are the messages that it needs to be
 * understood (its resource, its scope, its metric), called its nodes.
 *
 * The bytes are not trusted. What is inside a record is not looked at.
 */
#ifndef OTLPIPE_CLI_SEND_RECORDS_H
#define OTLPIPE_CLI_SEND_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "core/record/signal.h"

/* Nodes around a record, at most: resource, scope, metric, its data. */
#define RECORDS_DEPTH_MAX 4u
#define RECORDS_NO_NODE	  UINT32_MAX

/* A field with its head, at these bytes of the message. */
struct records_record {
	uint32_t at;
	uint32_t bytes;
	uint32_t node; /* the innermost around it */
};

/* Bytes of a node that are none of the messages between it and the records. */
struct records_own {
	uint32_t at;
	uint32_t bytes;
};

struct records_node {
	uint32_t parent; /* RECORDS_NO_NODE: it is a resource */
	uint32_t depth;	 /* of a resource 0 */
	uint32_t tag;	 /* of its field, one byte */
	uint32_t own_first, own_count;
	uint32_t own_bytes; /* of them all */
};

struct records {
	const uint8_t *data; /* the message; the caller's */
	size_t bytes;
	struct records_record *list; /* in the order of the message */
	size_t count;
	struct records_node *nodes;
	size_t node_count;
	struct records_own *owns;
	size_t own_count;
	size_t capacity, node_capacity, own_capacity;
};

/**
 * Find the records of a message: an Export…ServiceRequest, a batch. Fields other than the data are
 * passed over. Records that were found before are forgotten, their memory is used again.
 *
 * @param data  must stay as long as the records are used; less than 4 GiB
 * @return 0; -EBADMSG: not protobuf, as far as it was looked at; -ENOMEM
 */
int records_find(struct records *records, enum otlp_signal signal, const uint8_t *data,
		 size_t bytes);
void records_free(struct records *records);

#endif
