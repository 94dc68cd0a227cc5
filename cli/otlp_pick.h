/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Some of the records of a ResourceSpans, ResourceMetrics or ResourceLogs, as a message of the same
 * type: with their resource, scope and metric, and every field that these have. A record is a span,
 * a data point or a log record.
 */
#ifndef OTLPIPE_CLI_OTLP_PICK_H
#define OTLPIPE_CLI_OTLP_PICK_H

#include "cli/otlp_view.h"
#include "cli/wire_out.h"
#include "core/record/signal.h"

/* The fields of a Metric that have points. */
enum pick_kind {
	PICK_GAUGE = 5,
	PICK_SUM = 7,
	PICK_HISTOGRAM = 9,
	PICK_EXP_HISTOGRAM = 10,
	PICK_SUMMARY = 11
};

struct pick_record {
	enum otlp_signal signal;
	struct view_bytes bytes;  /* the span, point or log record */
	struct view_bytes metric; /* of a point: the whole Metric */
	enum pick_kind kind;	  /* of a point */
	size_t made_bytes;	  /* so large the result is without it */
};

/** 1: it is wanted, 0: it is not, or a negative errno, which ends all. */
typedef int (*pick_fn)(void *context, const struct pick_record *record);

/**
 * @param out  the message is put behind what is there; nothing if no record is wanted
 * @param ret_count  how many records are in it
 * @return 0, -EBADMSG, -ENOMEM, or what the function gave
 */
int otlp_pick(enum otlp_signal signal, struct view_bytes resource_data, pick_fn wanted,
	      void *context, struct wire_out *out, uint64_t *ret_count);

#endif
