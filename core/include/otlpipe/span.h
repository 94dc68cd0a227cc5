/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Borrowed spans. The rules of data.h are those of these structs.
 *
 * Source: opentelemetry-proto 1.x, trace.proto.
 */
#ifndef OTLPIPE_SPAN_H
#define OTLPIPE_SPAN_H

#include <otlpipe/data.h>

/** Source: trace.proto, Span.SpanKind. */
enum otlp_span_kind {
	OTLP_SPAN_KIND_UNSPECIFIED = 0, /**< Not said. */
	OTLP_SPAN_KIND_INTERNAL = 1,	/**< An operation inside the application. */
	OTLP_SPAN_KIND_SERVER = 2,	/**< Handles a request. */
	OTLP_SPAN_KIND_CLIENT = 3,	/**< Makes a request. */
	OTLP_SPAN_KIND_PRODUCER = 4,	/**< Starts something that is handled later. */
	OTLP_SPAN_KIND_CONSUMER = 5	/**< Handles what a producer started. */
};

/** Source: trace.proto, Status.StatusCode. */
enum otlp_status_code {
	OTLP_STATUS_UNSET = 0, /**< Not said. */
	OTLP_STATUS_OK = 1,    /**< The application says that all is well. */
	OTLP_STATUS_ERROR = 2  /**< The operation failed. */
};

/** Something that happened during a span. Source: trace.proto, Span.Event. */
struct otlp_span_event {
	uint64_t time_unix_ns;		   /**< When. */
	struct otlp_str name;		   /**< What. */
	struct otlp_attributes attributes; /**< Of the event. */
	const void *reserved[2];	   /**< Must be zero. */
};

/** A pointer to another span. Source: trace.proto, Span.Link. */
struct otlp_span_link {
	uint8_t trace_id[16];		   /**< All zero is refused. */
	uint8_t span_id[8];		   /**< All zero is refused. */
	struct otlp_str trace_state;	   /**< W3C tracestate of that span. */
	struct otlp_attributes attributes; /**< Of the link. */
	uint32_t flags;			   /**< As those of an otlp_span. */
	const void *reserved[2];	   /**< Must be zero. */
};

/** One finished span: the SDKs call it SpanData. Source: trace.proto, Span. */
struct otlp_span {
	const struct otlp_resource *resource; /**< NULL: the exporter's. */
	const struct otlp_scope *scope;	      /**< NULL: no scope. */
	uint8_t trace_id[16];		      /**< All zero is refused. */
	uint8_t span_id[8];		      /**< All zero is refused. */
	uint8_t parent_span_id[8];	      /**< All zero: a root span. */
	struct otlp_str trace_state;	      /**< W3C tracestate. */
	struct otlp_str name;		      /**< Of the operation. */
	enum otlp_span_kind kind;	      /**< What is none is refused. */
	uint32_t flags; /**< W3C trace flags and OTLP's context bits; 10 to 31 are left out. */
	uint64_t start_time_unix_ns;	      /**< When it began. */
	uint64_t end_time_unix_ns;	      /**< When it ended. */
	struct otlp_attributes attributes;    /**< Of the span. */
	const struct otlp_span_event *events; /**< event_count of them; NULL only with count 0. */
	size_t event_count;		      /**< Of events. */
	uint32_t dropped_event_count;	      /**< How many events the caller left out. */
	const struct otlp_span_link *links;   /**< link_count of them; NULL only with count 0. */
	size_t link_count;		      /**< Of links. */
	uint32_t dropped_link_count;	      /**< How many links the caller left out. */
	enum otlp_status_code status;	      /**< What is none is refused. */
	struct otlp_str status_message;	      /**< What went wrong. */
	const void *reserved[2];	      /**< Must be zero. */
};

#endif
