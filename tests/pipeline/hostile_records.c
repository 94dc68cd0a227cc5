/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lies inside of what is committed in order: records and entries of the table with lengths, counts
 * and depths that are not what they say, made out of good ones.
 */
#include <stdlib.h>
#include <string.h>

#include "core/record/record.h"
#include "shm/atomic.h"
#include "tests/gen.h"
#include "tests/pipeline/hostile.h"

#define LEVELS_MAX     300u
#define NEST_BYTES_MAX (LEVELS_MAX * 16u + 256u)
#define ENTRIES_EACH   8u

static struct gen *gen;

/* Where the references say that the scope is elsewhere, it is not in the record. */
static const struct otlp_scope *inline_scope(const struct otlp_scope *scope, uint32_t refs)
{
	return refs >> RECORD_SCOPE_REF_SHIFT != 0 ? NULL : scope;
}

static uint8_t *make_span(const struct otlp_resource *resource, uint32_t reference,
			  size_t *ret_bytes)
{
	const struct otlp_span *span = gen_span(gen);
	uint8_t *record;

	if (record_size_span(span, resource, inline_scope(span->scope, reference), ret_bytes) < 0)
		hostile_die("a span");
	record = malloc(*ret_bytes);
	if (record_write_span(record, span, resource, reference, *ret_bytes) == RECORD_CHANGED)
		hostile_die("a record that was written");
	return record;
}

static uint8_t *make_metric(const struct otlp_resource *resource, uint32_t reference,
			    size_t *ret_bytes)
{
	const struct otlp_metric *metric = gen_metric(gen);
	uint8_t *record;
	size_t point_bytes;

	if (record_measure_metric(metric, NULL, resource, ret_bytes) < 0)
		hostile_die("a metric");
	for (size_t i = 0; i < metric->point_count; i++) {
		if (record_measure_point(metric, i, &point_bytes) < 0)
			hostile_die("a point");
		*ret_bytes += point_bytes;
	}
	record = malloc(*ret_bytes);
	if (record_write_metric(record, metric, NULL, resource, reference, 0, metric->point_count,
				*ret_bytes) == RECORD_CHANGED)
		hostile_die("a record that was written");
	return record;
}

static uint8_t *make_log(const struct otlp_resource *resource, uint32_t reference,
			 size_t *ret_bytes)
{
	const struct otlp_log_record *log = gen_log(gen);
	uint8_t *record;

	if (record_size_log(log, resource, inline_scope(log->scope, reference), ret_bytes) < 0)
		hostile_die("a log record");
	record = malloc(*ret_bytes);
	if (record_write_log(record, log, resource, reference, *ret_bytes) == RECORD_CHANGED)
		hostile_die("a record that was written");
	return record;
}

/* A good record of the generator's, which the caller frees, and where its head ends. */
static const struct {
	uint8_t *(*make)(const struct otlp_resource *resource, uint32_t reference,
			 size_t *ret_bytes);
	size_t head_bytes;
} makers[SIGNAL_COUNT] = {
	[OTLP_SIGNAL_TRACES] = {make_span, sizeof(struct record_span_head)},
	[OTLP_SIGNAL_METRICS] = {make_metric, sizeof(struct record_metric_head)},
	[OTLP_SIGNAL_LOGS] = {make_log, sizeof(struct record_log_head)},
};

/* A few words of it are lies; half of them where the counts and lengths of the head are. */
static void spoil(uint8_t *bytes, size_t count, size_t head)
{
	for (uint64_t n = hostile_pick(4); n > 0 && count > sizeof(uint32_t); n--) {
		size_t below = hostile_pick(2) == 0 && head < count ? head : count;
		size_t at = hostile_pick(below - sizeof(uint32_t) + 1);
		uint32_t word;

		memcpy(&word, bytes + at, sizeof(word));
		word = (uint32_t)(hostile_pick(3) == 0 ? word ^ 1u << hostile_pick(32)
						       : hostile_lie(word));
		memcpy(bytes + at, &word, sizeof(word));
	}
}

/* A span with one attribute: lists in lists, more than any reader goes down into. */
static uint32_t nest(uint8_t *to)
{
	const struct record_span_head head = {.kind = RECORD_SPAN,
					      .has = RECORD_HAS_RESOURCE,
					      .start_time_unix_ns = 1,
					      .trace_id = {1},
					      .span_id = {1},
					      .attribute_count = 1};
	const struct record_resource_head resource = {0};
	const uint32_t levels = 1 + (uint32_t)hostile_pick(LEVELS_MAX);
	const uint32_t type = hostile_pick(2) == 0 ? OTLP_VALUE_ARRAY : OTLP_VALUE_KVLIST;
	uint8_t *at = to;

	memcpy(at, &head, sizeof(head));
	at = bytes_store32(at + sizeof(head), sizeof(resource));
	memcpy(at, &resource, sizeof(resource));
	at += sizeof(resource);
	for (uint32_t level = 0; level < levels; level++) {
		const uint32_t inner = levels - level - 1;

		at = bytes_store32(at, type | RECORD_ATTRIBUTE_LONG);
		at = bytes_store32(at, 0);
		at = bytes_store32(at, 4 + inner * 16);
		at = bytes_store32(at, inner > 0 || hostile_pick(2) == 0 ? inner > 0 : UINT32_MAX);
	}
	return (uint32_t)(at - to);
}

static void push_one(struct prey *prey, uint32_t reference)
{
	static uint8_t nested[NEST_BYTES_MAX];
	static const struct otlp_resource none;
	const enum otlp_signal signal = hostile_pick(SIGNAL_COUNT);
	size_t bytes;
	uint8_t *record;

	if (hostile_pick(4) == 0) {
		prey_push_bytes(prey, OTLP_SIGNAL_TRACES, nested, nest(nested));
		return;
	}
	gen_reset(gen);
	record = makers[signal].make(reference == 0 ? &none : NULL, reference, &bytes);
	spoil(record, bytes, makers[signal].head_bytes);
	if (bytes <= UINT32_MAX && hostile_pick(8) == 0)
		bytes = 1 + hostile_pick(bytes);
	/* Now and then in the wrong ring. */
	prey_push_bytes(prey, hostile_pick(16) == 0 ? OTLP_SIGNAL_TRACES : signal, record,
			(uint32_t)bytes);
	free(record);
}

void hostile_records(uint64_t rounds)
{
	gen = gen_new(rounds + hostile_pick(1000));
	gen_set_size(gen, GEN_SMALL);
	for (; rounds > 0; rounds--) {
		struct prey prey;

		prey_open(&prey);
		for (unsigned i = 0; i < 20 && !region_is_abandoned(&prey.region); i++)
			push_one(&prey, (uint32_t)hostile_pick(2) * (uint32_t)hostile_lie(1));
		hostile_pause();
		prey_leave(&prey);
	}
	gen_free(gen);
}

/* A resource, a scope or a shape, mostly spoilt; many are then used as something else too. */
static uint32_t add_entry(struct prey *prey, uint8_t *types, uint16_t *texts)
{
	static const struct otlp_resource none;
	const struct otlp_resource *resource;
	const struct otlp_scope *scope;
	const struct otlp_log_record *log;
	const struct otlp_span *span;
	struct record_shape shape = {.types = types, .texts = texts};
	uint32_t reference;
	uint8_t *entry;
	size_t bytes;

	gen_reset(gen);
	resource = gen_resource(gen);
	span = gen_span(gen);
	log = gen_log(gen);
	scope = gen_scope(gen);
	if (hostile_pick(4) == 0 && log->attributes.count <= OTLP_SHAPE_ATTRIBUTES_MAX &&
	    record_measure_log_shape(log, &shape, &bytes) == 0) {
		entry = malloc(bytes);
		if (!record_write_log_shape(entry, log, bytes))
			hostile_die("a record that was written");
	} else if (hostile_pick(3) == 0) {
		if (record_size_scope(scope, &bytes) < 0)
			hostile_die("a scope");
		entry = malloc(bytes);
		if (!record_write_scope(entry, scope, bytes))
			hostile_die("a scope that was written");
	} else if (hostile_pick(2) == 0 && span->attributes.count <= OTLP_SHAPE_ATTRIBUTES_MAX &&
		   record_measure_shape(span, &shape, &bytes) == 0) {
		entry = malloc(bytes);
		if (!record_write_shape(entry, span, bytes))
			hostile_die("a record that was written");
	} else {
		if (record_measure_resource(resource != NULL ? resource : &none, &bytes) < 0)
			hostile_die("a resource");
		entry = malloc(bytes);
		if (!record_write_resource(entry, resource != NULL ? resource : &none, bytes))
			hostile_die("a record that was written");
	}
	spoil(entry, bytes, 32);
	reference = region_table_add(&prey->region, entry, (uint32_t)bytes);
	free(entry);
	return reference;
}

/* The head of a shaped span, and bytes that may be its values. */
static void push_shaped(struct prey *prey, uint32_t resource, uint32_t shape)
{
	struct record_span_head head = {.kind = RECORD_SHAPED_SPAN,
					.resource_ref = (uint16_t)resource,
					.scope_ref = hostile_pick(8) == 0,
					.start_time_unix_ns = 1,
					.trace_id = {1},
					.span_id = {1},
					.name_bytes = shape,
					.attribute_count = (uint32_t)hostile_pick(6)};
	uint8_t bytes[sizeof(head) + 64] = {0};

	memcpy(bytes, &head, sizeof(head));
	spoil(bytes + sizeof(head), sizeof(bytes) - sizeof(head), 16);
	prey_push_bytes(prey, OTLP_SIGNAL_TRACES, bytes,
			(uint32_t)(sizeof(head) + hostile_pick(sizeof(bytes) - sizeof(head) + 1)));
}

/* The same of a log, with a body now and then. */
static void push_shaped_log(struct prey *prey, uint32_t resource, uint32_t shape)
{
	struct record_log_head head = {.kind = RECORD_SHAPED_LOG,
				       .has = hostile_pick(2) == 0 ? RECORD_HAS_BODY : 0,
				       .resource_ref = (uint16_t)resource,
				       .scope_ref = hostile_pick(8) == 0,
				       .time_unix_ns = 1,
				       .event_name_bytes = shape,
				       .attribute_count = (uint32_t)hostile_pick(6)};
	uint8_t bytes[sizeof(head) + 64] = {0};

	memcpy(bytes, &head, sizeof(head));
	spoil(bytes + sizeof(head), sizeof(bytes) - sizeof(head), 16);
	prey_push_bytes(prey, OTLP_SIGNAL_LOGS, bytes,
			(uint32_t)(sizeof(head) + hostile_pick(sizeof(bytes) - sizeof(head) + 1)));
}

/* A table that is nothing but entries, each over the next ones: whoever copies all copies much. */
static void fill_table(struct prey *prey)
{
	for (uint64_t at = 0; at + 8 <= TABLE_BYTES; at += 8)
		atomic_store_relaxed_u64(
			(uint64_t *)(void *)(prey->region.table + at),
			entry_word(ENTRY_COMMITTED, (uint32_t)(TABLE_BYTES - at - 8)));
}

void hostile_tables(uint64_t rounds)
{
	static uint16_t texts[OTLP_SHAPE_ATTRIBUTES_MAX];
	static uint8_t types[OTLP_SHAPE_ATTRIBUTES_MAX];

	gen = gen_new(rounds + hostile_pick(1000));
	gen_set_size(gen, GEN_SMALL);
	for (; rounds > 0; rounds--) {
		uint32_t references[ENTRIES_EACH];
		struct prey prey;

		prey_open(&prey);
		for (unsigned i = 0; i < ENTRIES_EACH; i++)
			references[i] = add_entry(&prey, types, texts);
		if (hostile_pick(4) == 0)
			fill_table(&prey);
		for (unsigned i = 0; i < 40 && !region_is_abandoned(&prey.region); i++) {
			uint32_t known = references[hostile_pick(ENTRIES_EACH)];
			uint32_t other = hostile_pick(4) == 0 ? (uint32_t)hostile_lie(known)
							      : references[i % ENTRIES_EACH];
			uint32_t *word = (uint32_t *)(void *)(prey.region.table +
							      hostile_pick(TABLE_BYTES / 4) * 4);

			if (hostile_pick(3) == 0)
				push_shaped(&prey, known, other);
			else if (hostile_pick(2) == 0)
				push_shaped_log(&prey, known, other);
			else
				push_one(&prey, RECORD_REFS(known & UINT16_MAX, other));
			/* What was good when it was referred to is not when it is looked at. */
			if (hostile_pick(4) == 0)
				atomic_store_relaxed_u32(word, (uint32_t)hostile_lie(*word));
			if (hostile_pick(16) == 0)
				prey.region.header->table_tail = (uint32_t)hostile_lie(0);
		}
		hostile_pause();
		prey_leave(&prey);
	}
	gen_free(gen);
}
