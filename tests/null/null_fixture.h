/* SPDX-License-Identifier: Apache-2.0 */
/* What gen_null.py's calls are made of: good values, room for answers, and what is expected. */
#ifndef OTLPIPE_TESTS_NULL_NULL_FIXTURE_H
#define OTLPIPE_TESTS_NULL_NULL_FIXTURE_H

#include <otlpipe/logger.h>
#include <otlpipe/otlpipe.h>

/* Good values: the same for each call. */
struct null_given {
	struct otlp_library *library;
	struct otlp_metric_exporter *metrics;
	struct otlp_span_exporter *spans;
	struct otlp_log_exporter *logs;
	struct otlp_shape *shape;
	struct otlp_log_shape *log_shape;
	struct otlp_options options;
	struct otlp_attribute attribute;
	struct otlp_bytes bytes;
	struct otlp_resource resource;
	struct otlp_resource_metrics resource_metrics;
	struct otlp_span span;
	struct otlp_log_record log;
	struct otlp_log_context context;
	struct otlp_logger logger;
	va_list *arguments; /* none: no format has a conversion */
};

/* What a call gives out: given back behind each. */
struct null_got {
	struct otlp_library *library;
	struct otlp_metric_exporter *metrics;
	struct otlp_span_exporter *spans;
	struct otlp_log_exporter *logs;
	struct otlp_shape *shape;
	struct otlp_log_shape *log_shape;
	struct otlp_options options;
	struct otlp_stats stats;
	char text[64];
};

extern struct null_given given;
extern struct null_got got;

/** Before the call, so that one which crashes has been named. */
void null_begin(const char *call);
void null_end_code(int code, int expected);
void null_end_result(struct otlp_sdk_result result, int expected);
void null_end_pointer(const void *pointer);
void null_end(void);

#define expect_code(text, call, expected)   (null_begin(text), null_end_code(call, expected))
#define expect_result(text, call, expected) (null_begin(text), null_end_result(call, expected))
#define expect_null(text, call)		    (null_begin(text), null_end_pointer(call))
#define expect_return(text, call)	    (null_begin(text), call, null_end())

/** Generated. */
void null_calls(void);

#endif
