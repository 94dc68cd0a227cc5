/* SPDX-License-Identifier: Apache-2.0 */
/* <otlpipe/span.h>: borrowed span records. Source: opentelemetry-proto 1.x, trace.proto. */
#ifndef OTLPIPE_SPAN_H
#define OTLPIPE_SPAN_H

#include <otlpipe/data.h>

enum otlp_span_kind {
	OTLP_SPAN_KIND_UNSPECIFIED = 0,
	OTLP_SPAN_KIND_INTERNAL = 1,
	OTLP_SPAN_KIND_SERVER = 2,
	OTLP_SPAN_KIND_CLIENT = 3,
	OTLP_SPAN_KIND_PRODUCER = 4,
	OTLP_SPAN_KIND_CONSUMER = 5
};

enum otlp_status_code { OTLP_STATUS_UNSET = 0, OTLP_STATUS_OK = 1, OTLP_STATUS_ERROR = 2 };

struct otlp_span_event {
	uint64_t time_unix_ns;
	struct otlp_str name;
	struct otlp_attributes attributes;
	const void *reserved[2];
};

struct otlp_span_link {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	struct otlp_str trace_state;
	struct otlp_attributes attributes;
	uint32_t flags;
	const void *reserved[2];
};

/* One finished span: the SDKs call it SpanData. */
struct otlp_span {
	const struct otlp_resource *resource; /* NULL: the exporter's */
	const struct otlp_scope *scope;	      /* NULL: no scope */
	uint8_t trace_id[16];		      /* all zero is refused */
	uint8_t span_id[8];		      /* all zero is refused */
	uint8_t parent_span_id[8];	      /* all zero: a root span */
	struct otlp_str trace_state;
	struct otlp_str name;
	enum otlp_span_kind kind;
	uint32_t flags; /* W3C trace flags and OTLP's context bits; 10 to 31 are left out */
	uint64_t start_time_unix_ns;
	uint64_t end_time_unix_ns;
	struct otlp_attributes attributes;
	const struct otlp_span_event *events;
	size_t event_count;
	uint32_t dropped_event_count;
	const struct otlp_span_link *links;
	size_t link_count;
	uint32_t dropped_link_count;
	enum otlp_status_code status;
	struct otlp_str status_message;
	const void *reserved[2];
};

#endif
