/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Borrowed log records. The rules of data.h are those of these structs.
 *
 * Source: opentelemetry-proto 1.x, logs.proto.
 */
#ifndef OTLPIPE_LOG_H
#define OTLPIPE_LOG_H

#include <otlpipe/data.h>

/** How bad it is: four steps in each of six ranges. Source: logs.proto, SeverityNumber. */
enum otlp_severity_number {
	OTLP_SEVERITY_UNSPECIFIED = 0, /**< Not said. */
	OTLP_SEVERITY_TRACE = 1,       /**< For finding faults, in every detail. */
	OTLP_SEVERITY_TRACE2 = 2,      /**< As #OTLP_SEVERITY_TRACE, a step higher. */
	OTLP_SEVERITY_TRACE3 = 3,      /**< Two steps higher. */
	OTLP_SEVERITY_TRACE4 = 4,      /**< Three steps higher. */
	OTLP_SEVERITY_DEBUG = 5,       /**< For finding faults. */
	OTLP_SEVERITY_DEBUG2 = 6,      /**< As #OTLP_SEVERITY_DEBUG, a step higher. */
	OTLP_SEVERITY_DEBUG3 = 7,      /**< Two steps higher. */
	OTLP_SEVERITY_DEBUG4 = 8,      /**< Three steps higher. */
	OTLP_SEVERITY_INFO = 9,	       /**< Something happened. */
	OTLP_SEVERITY_INFO2 = 10,      /**< As #OTLP_SEVERITY_INFO, a step higher. */
	OTLP_SEVERITY_INFO3 = 11,      /**< Two steps higher. */
	OTLP_SEVERITY_INFO4 = 12,      /**< Three steps higher. */
	OTLP_SEVERITY_WARN = 13,       /**< More important than that; not an error. */
	OTLP_SEVERITY_WARN2 = 14,      /**< As #OTLP_SEVERITY_WARN, a step higher. */
	OTLP_SEVERITY_WARN3 = 15,      /**< Two steps higher. */
	OTLP_SEVERITY_WARN4 = 16,      /**< Three steps higher. */
	OTLP_SEVERITY_ERROR = 17,      /**< Something went wrong. */
	OTLP_SEVERITY_ERROR2 = 18,     /**< As #OTLP_SEVERITY_ERROR, a step higher. */
	OTLP_SEVERITY_ERROR3 = 19,     /**< Two steps higher. */
	OTLP_SEVERITY_ERROR4 = 20,     /**< Three steps higher. */
	OTLP_SEVERITY_FATAL = 21,      /**< The program ends, or cannot go on. */
	OTLP_SEVERITY_FATAL2 = 22,     /**< As #OTLP_SEVERITY_FATAL, a step higher. */
	OTLP_SEVERITY_FATAL3 = 23,     /**< Two steps higher. */
	OTLP_SEVERITY_FATAL4 = 24      /**< Three steps higher. */
};

/** One log record: the SDKs call it LogRecordData. Source: logs.proto, LogRecord. */
struct otlp_log_record {
	const struct otlp_resource *resource;	   /**< NULL: the exporter's. */
	const struct otlp_scope *scope;		   /**< NULL: no scope. */
	uint64_t time_unix_ns;			   /**< When it happened; 0: not known. */
	uint64_t observed_time_unix_ns;		   /**< When it was collected; 0: not known. */
	enum otlp_severity_number severity_number; /**< What is none is refused. */
	uint32_t flags;			   /**< W3C trace flags, 8 bits; the others are left out. */
	struct otlp_str severity_text;	   /**< The level by the source's own name. */
	struct otlp_value body;		   /**< Of any type; #OTLP_VALUE_EMPTY: no body. */
	struct otlp_attributes attributes; /**< Of the record. */
	uint8_t trace_id[16];		   /**< All zero: of no trace. */
	uint8_t span_id[8];		   /**< All zero: of no span. */
	struct otlp_str event_name;	   /**< Which kind of event it is; empty: none. */
	const void *reserved[2];	   /**< Must be zero. */
};

#endif
