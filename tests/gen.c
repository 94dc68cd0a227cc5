/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random borrowed telemetry for tests: every field, every kind, the edges of
 * every type. What it makes is valid input; wrong input is for the tests of
 * the checks themselves. Nothing here knows how a record or OTLP looks. This
 * file has the random numbers, the values and the spans; gen_metric.c and gen_log.c the rest.
 */
#include "tests/gen.h"
#include "base/array.h"
#include "tests/gen_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *pointer)
{
	if (!pointer)
		abort();
	return pointer;
}

static void arena_clear(struct arena *arena)
{
	for (size_t i = 0; i < arena->count; i++)
		free(arena->items[i]);
	arena->count = 0;
}

/* Zeroed, of exactly that size; NULL for nothing. */
void *gen_make(struct gen *gen, size_t count, size_t size)
{
	struct arena *arena = gen->arena;

	if (count == 0)
		return NULL;
	if (arena->count == arena->room) {
		arena->room = arena->room ? 2 * arena->room : 256;
		arena->items = must(realloc(arena->items, arena->room * sizeof(*arena->items)));
	}
	gen->budget -= (int64_t)(count * size / 2);
	return arena->items[arena->count++] = must(calloc(count, size));
}

/* splitmix64: any seed is good, and the sequence is the same everywhere. */
uint64_t gen_u64(struct gen *gen)
{
	uint64_t z = gen->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t gen_below(struct gen *gen, uint64_t limit)
{
	return gen_u64(gen) % limit;
}

bool gen_one_in(struct gen *gen, uint64_t n)
{
	return gen_below(gen, n) == 0;
}

/* How many: often none, mostly few, rarely many, and few when the item is full. */
size_t gen_some(struct gen *gen, size_t many)
{
	if (gen->budget < 0)
		return gen_below(gen, 2);
	switch (gen_below(gen, 8)) {
	case 0:
	case 1:
		return 0;
	case 2:
		return gen_below(gen, many + 1);
	default:
		return 1 + gen_below(gen, many < 4 ? many : 4);
	}
}

/* Integers whose encodings have every length, and the ends of each range. */
uint64_t gen_any_u64(struct gen *gen)
{
	static const uint64_t edges[] = {
		0,	    1,		127,	    128,	  16383,	  16384,
		INT32_MAX,  UINT32_MAX, 1ull << 32, INT64_MAX,	  1ull << 63,	  UINT64_MAX,
		2097151ull, 2097152ull, 268435455,  268435456ull, UINT64_MAX - 1, 34359738368ull,
	};

	if (gen_one_in(gen, 3))
		return edges[gen_below(gen, COUNT_OF(edges))];
	return gen_u64(gen) >> gen_below(gen, 64);
}

static uint32_t any_u32(struct gen *gen)
{
	return (uint32_t)(gen_one_in(gen, 2) ? 0 : gen_any_u64(gen));
}

/* Mostly around now, so that the output looks like telemetry. */
uint64_t gen_any_time(struct gen *gen)
{
	if (gen_one_in(gen, 8))
		return gen_any_u64(gen);
	return UINT64_C(1800000000000000000) + gen_below(gen, UINT64_C(1000000000000));
}

double gen_any_double(struct gen *gen)
{
	static const double edges[] = {
		0.0, -0.0,     1.0,	  -1.0, 0.1,  1e308,	   5e-324, 2.2250738585072014e-308,
		1e9, 1.5e-10,  1e15,	  1e16, 1e21, 123456789.0, -1e-7,  9007199254740993.0,
		NAN, INFINITY, -INFINITY, -NAN,
	};
	uint64_t bits;
	double value;

	if (gen_one_in(gen, 2))
		return edges[gen_below(gen, COUNT_OF(edges))];
	if (gen_one_in(gen, 2))
		return (double)(int64_t)gen_u64(gen) / 1048576.0;
	bits = gen_u64(gen);
	memcpy(&value, &bits, sizeof(value));
	if (isnan(value)) { /* a payload survives, but a signalling one not everywhere */
		bits |= UINT64_C(1) << 51;
		memcpy(&value, &bits, sizeof(value));
	}
	return value;
}

/* One character of any encoded length, the ends of each range among them. */
static size_t put_character(struct gen *gen, char *out)
{
	static const char *const characters[] = {
		"\x01",
		"\x7f",
		"\"",
		"\\",
		"\n",
		"\xc2\x80",
		"\xc3\xa9",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xe2\x82\xac",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbd",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf0\x9f\x98\x80",
		"\xf4\x8f\xbf\xbf",
		"\xe6\xbc\xa2",
	};
	const char *c;

	if (gen_one_in(gen, 16)) {
		*out = '\0';
		return 1;
	}
	c = characters[gen_below(gen, COUNT_OF(characters))];
	memcpy(out, c, strlen(c));
	return strlen(c);
}

static size_t text_length(struct gen *gen)
{
	if (gen->budget < 0)
		return gen_below(gen, 8);
	if (gen->current == GEN_LARGE && gen_one_in(gen, 24))
		return 16380 + gen_below(gen, gen_one_in(gen, 4) ? 40000 : 10);
	if (gen->current != GEN_SMALL && gen_one_in(gen, 24))
		return gen_one_in(gen, 2) ? 125 + gen_below(gen, 6) : gen_below(gen, 600);
	return 1 + gen_below(gen, 40);
}

struct otlp_str gen_text(struct gen *gen)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz.http_rpc-ABC0123456789/: ";
	bool wild = gen_one_in(gen, 6);
	size_t len, at = 0;
	char *text;

	if (gen_one_in(gen, 12))
		return gen_one_in(gen, 2) ? (struct otlp_str){NULL, 0} : OTLP_STR("");
	len = text_length(gen);
	if (len == 0)
		return (struct otlp_str){NULL, 0};
	text = gen_make(gen, len, 1);
	gen->budget -= (int64_t)(len / 2);
	while (at < len) {
		if (wild && len - at >= 4)
			at += put_character(gen, text + at);
		else
			text[at++] = plain[gen_below(gen, sizeof(plain) - 1)];
	}
	return (struct otlp_str){text, len};
}

static struct otlp_str gen_trace_state(struct gen *gen)
{
	static const struct otlp_str states[] = {
		OTLP_STR_INIT("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
		OTLP_STR_INIT("ot=th:8"),
		OTLP_STR_INIT("vendor=a:b;c:d"),
	};

	if (gen_one_in(gen, 3))
		return states[gen_below(gen, COUNT_OF(states))];
	return gen_one_in(gen, 8) ? gen_text(gen) : (struct otlp_str){NULL, 0};
}

void gen_fill_id(struct gen *gen, uint8_t *id, size_t len)
{
	for (size_t i = 0; i < len; i++)
		id[i] = (uint8_t)gen_u64(gen);
	if (gen_one_in(gen, 8)) /* one byte alone keeps it from being all zero */
		memset(id, 0, len - 1);
	id[len - 1] |= 1;
}

static struct otlp_value value_at(struct gen *gen, unsigned depth, bool chain);

static const struct otlp_attribute *pairs_at(struct gen *gen, size_t count, unsigned depth,
					     bool chain)
{
	struct otlp_attribute *pairs = gen_make(gen, count, sizeof(*pairs));

	for (size_t i = 0; i < count; i++) {
		pairs[i].key = gen_text(gen);
		pairs[i].value = value_at(gen, depth, chain && i == 0);
	}
	return pairs;
}

/* An array or a list of pairs; a chain has a first member to go on with. */
static struct otlp_value container_at(struct gen *gen, unsigned depth, bool chain)
{
	size_t count = chain ? 1 + gen_below(gen, 2) : gen_some(gen, 6);
	struct otlp_value value = {.type = OTLP_VALUE_ARRAY};
	struct otlp_value *items;

	if (gen_one_in(gen, 2)) {
		value.type = OTLP_VALUE_KVLIST;
		value.as.kvlist.items = pairs_at(gen, count, depth - 1, chain);
		value.as.kvlist.count = count;
		return value;
	}
	items = gen_make(gen, count, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = value_at(gen, depth - 1, chain && i == 0);
	value.as.array.items = items;
	value.as.array.count = count;
	return value;
}

/* A value of at most depth levels (>= 1), of exactly that many if it is a chain. */
static struct otlp_value value_at(struct gen *gen, unsigned depth, bool chain)
{
	struct otlp_value value = {.type = OTLP_VALUE_EMPTY};

	if (depth > 1 && (chain || gen_one_in(gen, 8)))
		return container_at(gen, depth, chain);
	switch (gen_below(gen, 9)) {
	case 0:
		return value;
	case 1:
		value.type = OTLP_VALUE_BOOL;
		value.as.boolean = gen_one_in(gen, 2);
		return value;
	case 2:
		value.type = OTLP_VALUE_INT;
		value.as.integer = (int64_t)gen_any_u64(gen);
		return value;
	case 3:
		value.type = OTLP_VALUE_DOUBLE;
		value.as.real = gen_any_double(gen);
		return value;
	case 4:
		value.type = OTLP_VALUE_BYTES;
		value.as.bytes.len = gen_some(gen, 200);
		value.as.bytes.ptr = gen_make(gen, value.as.bytes.len, 1);
		for (size_t i = 0; i < value.as.bytes.len; i++)
			((uint8_t *)value.as.bytes.ptr)[i] = (uint8_t)gen_u64(gen);
		return value;
	case 5: /* empty containers, which are not the empty value */
		value.type = gen_one_in(gen, 2) ? OTLP_VALUE_ARRAY : OTLP_VALUE_KVLIST;
		return value;
	default:
		value.type = OTLP_VALUE_STRING;
		value.as.string = gen_text(gen);
		return value;
	}
}

struct otlp_value gen_value(struct gen *gen)
{
	return value_at(gen, OTLP_VALUE_DEPTH_MAX, gen_one_in(gen, 128));
}

/* Without a dropped count, for the places where OTLP has none. */
struct otlp_attributes gen_pairs(struct gen *gen, size_t many)
{
	size_t count = gen_some(gen, many);
	struct otlp_attribute *items = gen_make(gen, count, sizeof(*items));

	for (size_t i = 0; i < count; i++) {
		items[i].key = gen_text(gen);
		items[i].value = gen_value(gen);
	}
	return (struct otlp_attributes){.items = items, .count = count};
}

struct otlp_attributes gen_attributes(struct gen *gen)
{
	struct otlp_attributes attributes = gen_pairs(gen, gen->current == GEN_LARGE ? 150 : 12);

	attributes.dropped = any_u32(gen);
	return attributes;
}

static const struct otlp_resource *fresh_resource(struct gen *gen)
{
	struct otlp_resource *resource = gen_make(gen, 1, sizeof(*resource));

	resource->attributes = gen_attributes(gen);
	resource->schema_url = gen_text(gen);
	return resource;
}

static const struct otlp_scope *fresh_scope(struct gen *gen)
{
	struct otlp_scope *scope = gen_make(gen, 1, sizeof(*scope));

	scope->name = gen_text(gen);
	scope->version = gen_text(gen);
	scope->schema_url = gen_text(gen);
	scope->attributes = gen_attributes(gen);
	return scope;
}

const struct otlp_resource *gen_resource(struct gen *gen)
{
	if (gen_one_in(gen, 8))
		return fresh_resource(gen);
	return gen->resources[gen_below(gen, GEN_POOL_COUNT)];
}

const struct otlp_scope *gen_scope(struct gen *gen)
{
	if (gen_one_in(gen, 8))
		return fresh_scope(gen);
	return gen->scopes[gen_below(gen, GEN_POOL_COUNT)];
}

/* A new item: which size it gets, and the budget that goes with it. */
void gen_begin(struct gen *gen)
{
	static const int64_t budgets[] = {
		[GEN_SMALL] = 300,
		[GEN_TYPICAL] = 2500,
		[GEN_LARGE] = 100000,
	};
	uint64_t dice = gen_below(gen, 64);

	gen->current = gen->size;
	if (gen->size == GEN_MIXED)
		gen->current = dice == 0 ? GEN_LARGE : dice < 20 ? GEN_SMALL : GEN_TYPICAL;
	gen->budget = budgets[gen->current];
}

static const struct otlp_span_event *gen_events(struct gen *gen, size_t count)
{
	struct otlp_span_event *events = gen_make(gen, count, sizeof(*events));

	for (size_t i = 0; i < count; i++) {
		events[i].time_unix_ns = gen_any_time(gen);
		events[i].name = gen_text(gen);
		events[i].attributes = gen_attributes(gen);
	}
	return events;
}

static const struct otlp_span_link *gen_links(struct gen *gen, size_t count)
{
	struct otlp_span_link *links = gen_make(gen, count, sizeof(*links));

	for (size_t i = 0; i < count; i++) {
		gen_fill_id(gen, links[i].trace_id, sizeof(links[i].trace_id));
		gen_fill_id(gen, links[i].span_id, sizeof(links[i].span_id));
		links[i].trace_state = gen_trace_state(gen);
		links[i].attributes = gen_attributes(gen);
		links[i].flags = (uint32_t)gen_below(gen, 1024);
	}
	return links;
}

const struct otlp_span *gen_span(struct gen *gen)
{
	struct otlp_span *span;

	gen_begin(gen);
	span = gen_make(gen, 1, sizeof(*span));
	span->resource = gen_one_in(gen, 2) ? NULL : gen_resource(gen);
	span->scope = gen_one_in(gen, 5) ? NULL : gen_scope(gen);
	gen_fill_id(gen, span->trace_id, sizeof(span->trace_id));
	gen_fill_id(gen, span->span_id, sizeof(span->span_id));
	if (!gen_one_in(gen, 4))
		gen_fill_id(gen, span->parent_span_id, sizeof(span->parent_span_id));
	span->trace_state = gen_trace_state(gen);
	span->name = gen_text(gen);
	span->kind = (enum otlp_span_kind)gen_below(gen, 6);
	span->flags = (uint32_t)(gen_one_in(gen, 3) ? 0 : gen_below(gen, 1024));
	span->start_time_unix_ns = gen_any_time(gen);
	span->end_time_unix_ns = gen_any_time(gen);
	span->attributes = gen_attributes(gen);
	span->event_count = gen_one_in(gen, 2) ? 0 : gen_some(gen, 8);
	span->events = gen_events(gen, span->event_count);
	span->dropped_event_count = any_u32(gen);
	span->link_count = gen_one_in(gen, 2) ? 0 : gen_some(gen, 8);
	span->links = gen_links(gen, span->link_count);
	span->dropped_link_count = any_u32(gen);
	span->status = (enum otlp_status_code)gen_below(gen, 3);
	if (gen_one_in(gen, 3))
		span->status_message = gen_text(gen);
	return span;
}

void gen_set_size(struct gen *gen, enum gen_size size)
{
	gen->size = size;
}

void gen_reset(struct gen *gen)
{
	arena_clear(&gen->item);
}

struct gen *gen_new(uint64_t seed)
{
	struct gen *gen = must(calloc(1, sizeof(*gen)));

	gen->state = seed;
	gen->size = GEN_MIXED;
	gen->current = GEN_TYPICAL;
	gen->arena = &gen->pool;
	for (size_t i = 0; i < GEN_POOL_COUNT; i++) {
		gen->budget = 1000;
		gen->resources[i] = fresh_resource(gen);
		gen->scopes[i] = fresh_scope(gen);
	}
	gen->arena = &gen->item;
	return gen;
}

void gen_free(struct gen *gen)
{
	if (!gen)
		return;
	arena_clear(&gen->item);
	arena_clear(&gen->pool);
	free(gen->item.items);
	free(gen->pool.items);
	free(gen);
}
