/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record to OTLP protobuf in one forward pass. Takes what record_parse() has accepted and trusts
 * it; allocates nothing and cannot fail. What goes around an item (ResourceSpans, ScopeSpans) is
 * the batch's.
 *
 * The bound: no part of a record becomes more than twice as long. The proof is at the head of
 * encode.c; the tests try its worst cases.
 */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_H

#include "core/record/record.h"
#include "writer/encode/encode_wire.h"

/** The most that encode_record() writes for this record, and what it needs behind that. */
static inline size_t encode_bound(const struct record_view *view)
{
	return ENCODE_GROWTH_MAX * view->len + ENCODE_SLACK_BYTES;
}

/**
 * A whole field 2 of ScopeSpans, ScopeMetrics or ScopeLogs: tag, length, and the Span, Metric or
 * LogRecord.
 * Returns the end.
 */
uint8_t *encode_record(const struct record_view *view, uint8_t *to);

/** The most that the two calls for a resource write together; the same for those for a scope. */
static inline size_t encode_section_bound(size_t section_bytes)
{
	return ENCODE_GROWTH_MAX * section_bytes + ENCODE_SLACK_BYTES;
}

/**
 * Fields 1 and 3 of ResourceSpans, ResourceMetrics and ResourceLogs, from view->resource or an
 * entry of the region's table. Field 3, the schema URL, is left out when it is empty.
 */
uint8_t *encode_resource(const uint8_t *resource, size_t bytes, uint8_t *to);
uint8_t *encode_resource_schema_url(const uint8_t *resource, uint8_t *to);

/**
 * The same fields of ScopeSpans, ScopeMetrics and ScopeLogs. Without a scope there is nothing to
 * call.
 */
uint8_t *encode_scope(const uint8_t *scope, size_t bytes, uint8_t *to);
uint8_t *encode_scope_schema_url(const uint8_t *scope, uint8_t *to);

#endif
