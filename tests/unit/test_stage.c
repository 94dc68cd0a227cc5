/* SPDX-License-Identifier: Apache-2.0 */
/* Grouping: what protobuf-c reads back from a stage is what was added, where it belongs. */
#include "writer/encode/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cmocka.h>

#include "tests/gen.h"
#include "tests/oracle.h"

/* Trees that are read back. */
#define TRACES(name) opentelemetry__proto__trace__v1__traces_data__##name

static struct stage *stage;

static int setup(void **state)
{
	(void)state;
	return stage_open(&stage);
}

static int teardown(void **state)
{
	(void)state;
	stage_close(stage);
	return 0;
}

static const struct stage_origin no_origin;

/* By way of the record, as the writer has it; the resource inline or as a table entry. */
static void add(const struct otlp_span *span, const struct otlp_resource *resource,
		bool by_reference)
{
	struct record_view view;
	uint8_t *record, *table = NULL;
	size_t bytes, table_bytes, before = stage_bytes_bound(stage), bound;

	assert_int_equal(
		record_size_span(span, by_reference ? NULL : resource, span->scope, &bytes), 0);
	record = malloc(bytes);
	assert_non_null(record);
	assert_int_not_equal(record_write_span(record, span, by_reference ? NULL : resource,
					       by_reference ? 9 : 0, bytes),
			     RECORD_CHANGED);
	assert_int_equal(record_parse(record, bytes, bytes, &view), 0);
	if (by_reference) {
		assert_int_equal(record_size_resource(resource, &table_bytes), 0);
		table = malloc(table_bytes);
		assert_non_null(table);
		assert_true(record_write_resource(table, resource, table_bytes));
		assert_int_equal(record_parse_resource(table, table_bytes), 0);
		view.resource = table;
		view.resource_bytes = table_bytes;
	}
	bound = stage_add_bound(&view, view.resource_bytes);
	assert_int_equal(stage_add(stage, &view, view.resource, view.resource_bytes, &no_origin),
			 0);
	assert_true(stage_bytes_bound(stage) <= before + bound);
	/* Nothing of the record is needed any more. */
	memset(record, 0xaa, bytes);
	free(record);
	free(table);
}

static PB_TRACE(TracesData) * write_and_decode(void)
{
	const size_t bound = stage_bytes_bound(stage);
	uint8_t *bytes = malloc(bound + 1), *end;
	PB_TRACE(TracesData) * data;

	assert_non_null(bytes);
	end = stage_write(stage, bytes);
	assert_true((size_t)(end - bytes) <= bound);
	assert_true(stage_is_empty(stage));
	assert_int_equal(stage_bytes_bound(stage), 0);
	data = TRACES(unpack)(NULL, (size_t)(end - bytes), bytes);
	assert_non_null(data);
	free(bytes);
	return data;
}

static struct otlp_span span_of(uint64_t number, const struct otlp_scope *scope)
{
	return (struct otlp_span){
		.trace_id = {1}, .span_id = {1}, .scope = scope, .start_time_unix_ns = number};
}

static struct otlp_str text(const char *string)
{
	return (struct otlp_str){string, strlen(string)};
}

static bool is_text(ProtobufCBinaryData data, const char *expected)
{
	return data.len == strlen(expected) && memcmp(data.data, expected, data.len) == 0;
}

static void an_empty_stage_writes_nothing(void **state)
{
	uint8_t byte;

	(void)state;
	assert_true(stage_is_empty(stage));
	assert_int_equal(stage_bytes_bound(stage), 0);
	assert_ptr_equal(stage_write(stage, &byte), &byte);
}

static void equal_resources_are_one_however_they_came(void **state)
{
	const struct otlp_attribute attribute = otlp_attr_str(text("service.name"), text("shop"));
	const struct otlp_resource resource = {.attributes = {.items = &attribute, .count = 1},
					       .schema_url = text("https://resource")};
	const struct otlp_scope scope = {.name = text("lib"), .schema_url = text("https://scope")};
	PB_TRACE(TracesData) * data;
	PB_RESOURCE(Resource) *expected = oracle_resource(&resource);

	(void)state;
	for (uint64_t i = 0; i < 6; i++) {
		const struct otlp_span span = span_of(i, &scope);

		add(&span, &resource, i % 2 != 0);
	}
	data = write_and_decode();
	assert_int_equal(data->n_resource_spans, 1);
	assert_true(oracle_equal(data->resource_spans[0]->resource, expected, NULL, 0));
	assert_true(is_text(data->resource_spans[0]->schema_url, "https://resource"));
	assert_int_equal(data->resource_spans[0]->n_scope_spans, 1);
	assert_true(is_text(data->resource_spans[0]->scope_spans[0]->schema_url, "https://scope"));
	assert_int_equal(data->resource_spans[0]->scope_spans[0]->n_spans, 6);
	for (uint64_t i = 0; i < 6; i++)
		assert_int_equal(
			data->resource_spans[0]->scope_spans[0]->spans[i]->start_time_unix_nano, i);
	oracle_free(expected);
	TRACES(free_unpacked)(data, NULL);
}

static void no_scope_and_an_empty_scope_are_two(void **state)
{
	const struct otlp_resource resource = {0};
	const struct otlp_scope empty = {0};
	const struct otlp_span without = span_of(1, NULL), with = span_of(2, &empty);
	PB_TRACE(TracesData) * data;

	(void)state;
	add(&without, &resource, false);
	add(&with, &resource, false);
	add(&without, &resource, false);
	data = write_and_decode();
	assert_int_equal(data->n_resource_spans, 1);
	assert_int_equal(data->resource_spans[0]->n_scope_spans, 2);
	assert_null(data->resource_spans[0]->scope_spans[0]->scope);
	assert_int_equal(data->resource_spans[0]->scope_spans[0]->n_spans, 2);
	assert_non_null(data->resource_spans[0]->scope_spans[1]->scope);
	assert_int_equal(data->resource_spans[0]->scope_spans[1]->n_spans, 1);
	TRACES(free_unpacked)(data, NULL);
}

static void one_byte_of_difference_keeps_them_apart(void **state)
{
	struct otlp_resource resources[] = {
		{.schema_url = text("a")}, {.schema_url = text("b")}, {.schema_url = text("ab")}};
	struct otlp_scope scopes[] = {{.name = text("a")},
				      {.name = text("b")},
				      {.version = text("a")},
				      {.schema_url = text("a")}};
	PB_TRACE(TracesData) * data;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned r = 0; r < 3; r++) {
			for (unsigned s = 0; s < 4; s++) {
				const struct otlp_span span = span_of(10 * r + s, &scopes[s]);

				add(&span, &resources[r], false);
			}
		}
	}
	data = write_and_decode();
	assert_int_equal(data->n_resource_spans, 3);
	for (unsigned r = 0; r < 3; r++) {
		assert_int_equal(data->resource_spans[r]->n_scope_spans, 4);
		for (unsigned s = 0; s < 4; s++) {
			assert_int_equal(data->resource_spans[r]->scope_spans[s]->n_spans, 2);
			assert_int_equal(data->resource_spans[r]
						 ->scope_spans[s]
						 ->spans[1]
						 ->start_time_unix_nano,
					 10 * r + s);
		}
	}
	TRACES(free_unpacked)(data, NULL);
}

static void thousands_of_groups_keep_their_order(void **state)
{
	enum { GROUPS = 3000, ROUNDS = 3 };
	const struct otlp_resource resource = {0};
	PB_TRACE(TracesData) * data;

	(void)state;
	for (uint64_t i = 0; i < GROUPS * ROUNDS; i++) {
		char name[16];
		struct otlp_scope scope = {.name = {name, 0}};
		const struct otlp_span span = span_of(i, &scope);

		scope.name.len = (size_t)snprintf(name, sizeof(name), "%u", (unsigned)(i % GROUPS));
		add(&span, &resource, false);
	}
	data = write_and_decode();
	assert_int_equal(data->n_resource_spans, 1);
	assert_int_equal(data->resource_spans[0]->n_scope_spans, GROUPS);
	for (uint64_t g = 0; g < GROUPS; g++) {
		const PB_TRACE(ScopeSpans) *group = data->resource_spans[0]->scope_spans[g];
		char name[16];

		assert_int_equal(group->n_spans, ROUNDS);
		snprintf(name, sizeof(name), "%u", (unsigned)g);
		assert_true(is_text(group->scope->name, name));
		for (uint64_t round = 0; round < ROUNDS; round++)
			assert_int_equal(group->spans[round]->start_time_unix_nano,
					 round * GROUPS + g);
	}
	TRACES(free_unpacked)(data, NULL);
}

/* Find the next span that was not yet found in the group that it must be in. */
static bool find(PB_TRACE(TracesData) * data, size_t *next, const void *resource, const void *scope,
		 const void *span)
{
	size_t group = 0;

	for (size_t r = 0; r < data->n_resource_spans; r++) {
		PB_TRACE(ResourceSpans) *of = data->resource_spans[r];
		const bool is_resource = oracle_equal(of->resource, resource, NULL, 0);

		for (size_t s = 0; s < of->n_scope_spans; s++, group++) {
			PB_TRACE(ScopeSpans) *in = of->scope_spans[s];

			if (is_resource && next[group] < in->n_spans &&
			    (in->scope == NULL) == (scope == NULL) &&
			    (scope == NULL || oracle_equal(in->scope, scope, NULL, 0)) &&
			    oracle_equal(in->spans[next[group]], span, NULL, 0)) {
				next[group]++;
				return true;
			}
		}
	}
	return false;
}

static void random_spans_are_found_in_their_groups_in_order(void **state)
{
	enum { SPANS = 400 };
	static const void *resources[SPANS], *scopes[SPANS], *spans[SPANS];
	static size_t next[SPANS];
	const struct otlp_resource none = {0};
	struct gen *gen = gen_new(7);
	PB_TRACE(TracesData) * data;

	(void)state;
	gen_set_size(gen, GEN_SMALL);
	for (unsigned i = 0; i < SPANS; i++) {
		const struct otlp_span *span = gen_span(gen);
		const struct otlp_resource *resource = span->resource ? span->resource : &none;

		add(span, resource, i % 3 == 0);
		resources[i] = oracle_resource(resource);
		scopes[i] = span->scope ? oracle_scope(span->scope) : NULL;
		spans[i] = oracle_span(span);
	}
	data = write_and_decode();
	for (unsigned i = 0; i < SPANS; i++)
		assert_true(find(data, next, resources[i], scopes[i], spans[i]));
	for (unsigned i = 0; i < SPANS; i++) {
		oracle_free((void *)(uintptr_t)resources[i]);
		oracle_free((void *)(uintptr_t)scopes[i]);
		oracle_free((void *)(uintptr_t)spans[i]);
	}
	TRACES(free_unpacked)(data, NULL);
	gen_free(gen);
}

static void a_stage_is_used_again_after_it_was_written(void **state)
{
	const struct otlp_resource resource = {0};
	const struct otlp_span span = span_of(5, NULL);

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		PB_TRACE(TracesData) * data;

		add(&span, &resource, false);
		data = write_and_decode();
		assert_int_equal(data->n_resource_spans, 1);
		assert_int_equal(data->resource_spans[0]->scope_spans[0]->n_spans, 1);
		TRACES(free_unpacked)(data, NULL);
	}
}

/* An attribute for the resource with this number. */
static struct otlp_attribute numbered(int64_t number)
{
	return otlp_attr_int(OTLP_STR("k"), number);
}

/* Do the low bits of the hash say nothing of this resource, if one knows no secret? */
static bool collides(int64_t number)
{
	const struct otlp_attribute attribute = numbered(number);
	const struct otlp_resource resource = {.attributes = {.items = &attribute, .count = 1}};
	uint8_t bytes[64];
	size_t count;

	assert_int_equal(record_size_resource(&resource, &count), 0);
	assert_true(count <= sizeof(bytes) && record_write_resource(bytes, &resource, count));
	return (XXH3_64bits(bytes, count) & 1023) == 0;
}

/* With a hash that everybody knows this is half a search through all of them for each record. */
static void resources_that_were_chosen_to_collide_cost_no_more_than_others(void **state)
{
	enum { RESOURCES = 2000, ROUNDS = 3 };
	int64_t number = 0, numbers[RESOURCES];
	PB_TRACE(TracesData) * data;

	(void)state;
	for (unsigned i = 0; i < RESOURCES; number++)
		if (collides(number))
			numbers[i++] = number;
	for (unsigned i = 0; i < RESOURCES * ROUNDS; i++) {
		const struct otlp_attribute attribute = numbered(numbers[i % RESOURCES]);
		const struct otlp_resource resource = {
			.attributes = {.items = &attribute, .count = 1}};
		const struct otlp_span span = span_of(i, NULL);

		add(&span, &resource, false);
	}
	/* A search for the resource, one for the scope: a look each, and a half for what shares a
	 * bucket. Twice that is not reached by chance. */
	assert_true(stage_steps(stage) < 6 * RESOURCES * ROUNDS);
	data = write_and_decode();
	assert_int_equal(data->n_resource_spans, RESOURCES);
	TRACES(free_unpacked)(data, NULL);
}

/* Its table was made for few things, and has to grow. */
static void very_many_scopes_cost_no_more_than_few(void **state)
{
	enum { SCOPES = 30000, ROUNDS = 2 };
	const struct otlp_resource resource = {0};
	PB_TRACE(TracesData) * data;

	(void)state;
	for (unsigned i = 0; i < SCOPES * ROUNDS; i++) {
		char name[16];
		struct otlp_scope scope = {.name = {name, 0}};
		const struct otlp_span span = span_of(i, &scope);

		scope.name.len = (size_t)snprintf(name, sizeof(name), "%u", i % SCOPES);
		add(&span, &resource, false);
	}
	assert_true(stage_steps(stage) < 6 * SCOPES * ROUNDS);
	data = write_and_decode();
	assert_int_equal(data->n_resource_spans, 1);
	assert_int_equal(data->resource_spans[0]->n_scope_spans, SCOPES);
	TRACES(free_unpacked)(data, NULL);
}

/* ---- in what was lent ---- */

#define HEAD_BYTES 192u
#define LENT_BYTES 65536u

static uint8_t lent[LENT_BYTES];
static size_t lent_bytes;

static void lend(size_t bytes)
{
	lent_bytes = bytes;
	stage_lend(stage, lent, bytes);
}

static const struct otlp_resource shop = {.schema_url = {"https://resource", 16}};
static const struct otlp_scope library = {.name = {"lib", 3}, .schema_url = {"https://scope", 13}};

static void add_some(unsigned count)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct otlp_span span = span_of(i, &library);

		add(&span, &shop, false);
	}
}

/* What a stage that was lent nothing writes of the same. */
static size_t expected_of(unsigned count, uint8_t *to)
{
	struct stage *const ours = stage;
	const uint8_t *end;

	assert_int_equal(stage_open(&stage), 0);
	add_some(count);
	end = stage_write(stage, to);
	stage_close(stage);
	stage = ours;
	return (size_t)(end - to);
}

/* @return was it written where it was lent? In either case it is what it has to be. */
static bool write_some(unsigned count, size_t head_bytes)
{
	static uint8_t expected[LENT_BYTES], copied[LENT_BYTES];
	const size_t bytes = expected_of(count, expected);
	const uint8_t *end;

	add_some(count);
	end = stage_write_in_place(stage, head_bytes);
	if (end == NULL) {
		end = stage_write(stage, copied);
		assert_int_equal((size_t)(end - copied), bytes);
		assert_memory_equal(copied, expected, bytes);
		return false;
	}
	assert_true(stage_is_empty(stage));
	assert_int_equal(stage_bytes_bound(stage), 0);
	assert_int_equal((size_t)(end - lent) - head_bytes, bytes);
	assert_memory_equal(lent + head_bytes, expected, bytes);
	stage_lend(stage, lent, lent_bytes);
	return true;
}

static void one_group_is_written_where_it_was_encoded(void **state)
{
	(void)state;
	lend(sizeof(lent));
	/* The first one does not know what stands before it; then it is as with the one before. */
	assert_false(write_some(100, HEAD_BYTES));
	assert_true(write_some(100, HEAD_BYTES));
	assert_true(write_some(90, HEAD_BYTES));
}

static void other_bytes_before_it_take_a_copy_once(void **state)
{
	(void)state;
	lend(sizeof(lent));
	assert_false(write_some(100, HEAD_BYTES));
	/* Another ring in the ledger; another length of the lengths. */
	assert_false(write_some(100, HEAD_BYTES + 128));
	assert_true(write_some(100, HEAD_BYTES + 128));
	assert_false(write_some(1, HEAD_BYTES + 128));
	assert_true(write_some(1, HEAD_BYTES + 128));
	/* So many that no room is left for them, and that of before is. */
	assert_false(write_some(1, 4096));
	assert_true(write_some(1, HEAD_BYTES + 128));
}

static void two_groups_take_a_copy(void **state)
{
	const struct otlp_span without = span_of(1, NULL);
	PB_TRACE(TracesData) * data;

	(void)state;
	lend(sizeof(lent));
	assert_false(write_some(10, HEAD_BYTES));
	add_some(10);
	add(&without, &shop, false);
	add_some(10);
	assert_null(stage_write_in_place(stage, HEAD_BYTES));
	data = write_and_decode();
	assert_int_equal(data->n_resource_spans, 1);
	assert_int_equal(data->resource_spans[0]->n_scope_spans, 2);
	assert_int_equal(data->resource_spans[0]->scope_spans[0]->n_spans, 20);
	TRACES(free_unpacked)(data, NULL);
	assert_true(write_some(10, HEAD_BYTES));
}

/* The batch goes on in memory of the stage's own, and the next one in what was lent. */
static void what_outgrows_it_takes_a_copy(void **state)
{
	(void)state;
	lend(8192);
	assert_false(write_some(10, HEAD_BYTES));
	assert_true(write_some(10, HEAD_BYTES));
	assert_false(write_some(600, HEAD_BYTES));
	assert_false(write_some(600, HEAD_BYTES));
	assert_false(write_some(10, HEAD_BYTES)); /* its lengths are shorter */
	assert_true(write_some(10, HEAD_BYTES));
}

/* Behind the records stand the schema URLs: with each length of what is lent that may matter. */
static void nothing_is_written_behind_what_was_lent(void **state)
{
	static uint8_t guarded[LENT_BYTES];
	bool was_in_place = false, was_copied = false;

	(void)state;
	for (size_t bytes = 500; bytes < 3000; bytes++) {
		uint8_t copied[2048];

		memset(guarded, 0xa5, sizeof(guarded));
		stage_lend(stage, guarded, bytes);
		add_some(10);
		if (stage_write_in_place(stage, HEAD_BYTES) != NULL) {
			was_in_place = true;
		} else {
			was_copied = true;
			(void)stage_write(stage, copied);
		}
		for (size_t i = bytes; i < sizeof(guarded); i++)
			assert_int_equal(guarded[i], 0xa5);
	}
	assert_true(was_in_place);
	assert_true(was_copied);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STAGE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		STAGE_TEST(an_empty_stage_writes_nothing),
		STAGE_TEST(equal_resources_are_one_however_they_came),
		STAGE_TEST(no_scope_and_an_empty_scope_are_two),
		STAGE_TEST(one_byte_of_difference_keeps_them_apart),
		STAGE_TEST(thousands_of_groups_keep_their_order),
		STAGE_TEST(random_spans_are_found_in_their_groups_in_order),
		STAGE_TEST(a_stage_is_used_again_after_it_was_written),
		STAGE_TEST(resources_that_were_chosen_to_collide_cost_no_more_than_others),
		STAGE_TEST(very_many_scopes_cost_no_more_than_few),
		STAGE_TEST(one_group_is_written_where_it_was_encoded),
		STAGE_TEST(other_bytes_before_it_take_a_copy_once),
		STAGE_TEST(two_groups_take_a_copy),
		STAGE_TEST(what_outgrows_it_takes_a_copy),
		STAGE_TEST(nothing_is_written_behind_what_was_lent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
