/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expectation files: what was pushed, written straight from the borrowed
 * structs, for the foreign decoders to compare with. One JSON object a line:
 *
 *   {"signal": "span", "thread": "0", "resource": Resource, "resource_schema_url": T,
 *    "scope": InstrumentationScope or null, "scope_schema_url": T, "item": Span}
 *   {"signal": "log", ... as above ..., "item": LogRecord}
 *   {"signal": "point", ... as above ..., "metric": {"name": T, "description": T, "unit": T,
 *    "metadata": [...], "kind": name of the oneof's member, "aggregation_temporality": I,
 *    "is_monotonic": B}, "item": the point's message}
 *
 * Messages are objects with OTLP's field names and each field of the message,
 * but oneof members only if set; an absent message is null. T, texts and bytes:
 * "x:" and hex. Doubles: "d:" and the 64 bits in hex. I, integers and enums: a
 * decimal string. Booleans: JSON's.
 */
#ifndef OTLPIPE_TESTS_PIPELINE_EXPECT_H
#define OTLPIPE_TESTS_PIPELINE_EXPECT_H

#include <otlpipe/otlpipe.h>
#include <stdio.h>

/** resource: what the span or record is expected to come out with; its own pointer may be NULL. */
void expect_span(FILE *out, unsigned thread, const struct otlp_resource *resource,
		 const struct otlp_span *span);

void expect_log(FILE *out, unsigned thread, const struct otlp_resource *resource,
		const struct otlp_log_record *log);

/** A line for each point of each metric. */
void expect_metrics(FILE *out, unsigned thread, const struct otlp_resource *resource,
		    const struct otlp_resource_metrics *metrics);

#endif
