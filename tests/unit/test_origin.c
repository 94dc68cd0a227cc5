/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record's group by where its resource and scope come from, instead of by their bytes: the same
 * numbers in two regions, in a region that comes later, and of things of another kind, are not
 * the same.
 */
#include "core/record/record.h"
#include "core/record/signal.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "tests/unit/pipe_fixture.h"

#define RING_BYTES   (UINT64_C(256) << 10)
#define OUT_BYTES    (1u << 20)
#define ENTRIES	     200u /* more than a stage knows at once */
#define SPAN_TYPES   8u

#define TRACES(name) opentelemetry__proto__trace__v1__traces_data__##name

typedef Opentelemetry__Proto__Trace__V1__TracesData traces_data;
typedef Opentelemetry__Proto__Trace__V1__ResourceSpans resource_spans;
typedef Opentelemetry__Proto__Trace__V1__ScopeSpans scope_spans;

static struct pipe fixture;
static uint8_t out[OUT_BYTES];

static int setup(void **state)
{
	pipe_open(&fixture, 2, RING_BYTES);
	pipe_open_queue(&fixture);
	fixture.drain.whole = malloc(DRAIN_WHOLE_ROOM_BYTES);
	fixture.drain.batch_bytes_max = OUT_BYTES;
	*state = &fixture;
	return fixture.drain.whole != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(fixture.drain.whole);
	pipe_close_queue(&fixture);
	pipe_close(&fixture);
	return 0;
}

static struct otlp_str text(const char *string)
{
	return (struct otlp_str){string, strlen(string)};
}

/* A resource whose schema URL is its name. */
static uint32_t add_resource(unsigned region, const char *name)
{
	const struct otlp_resource resource = {.schema_url = text(name)};
	uint8_t bytes[256];
	size_t count;

	assert_int_equal(record_size_resource(&resource, &count), 0);
	assert_true(count <= sizeof(bytes) && record_write_resource(bytes, &resource, count));
	return region_table_add(&fixture.producers[region], bytes, (uint32_t)count);
}

static uint32_t add_scope(unsigned region, const char *name)
{
	const struct otlp_scope scope = {.name = text(name), .schema_url = text(name)};
	uint8_t bytes[256];
	size_t count;

	assert_int_equal(record_size_scope(&scope, &count), 0);
	assert_true(count <= sizeof(bytes) && record_write_scope(bytes, &scope, count));
	return region_table_add(&fixture.producers[region], bytes, (uint32_t)count);
}

/* Of a span named "shaped" with this scope and no attribute. */
static uint32_t add_shape(unsigned region, const struct otlp_scope *scope)
{
	const struct otlp_span span = {
		.trace_id = {1}, .span_id = {1}, .name = text("shaped"), .scope = scope};
	uint16_t texts[SPAN_TYPES];
	uint8_t types[SPAN_TYPES], bytes[256];
	struct record_shape shape = {.types = types, .texts = texts};
	size_t count;

	assert_int_equal(record_measure_shape(&span, &shape, &count), 0);
	assert_true(count <= sizeof(bytes) && record_write_shape(bytes, &span, count));
	return region_table_add(&fixture.producers[region], bytes, (uint32_t)count);
}

/* What it should be found under is its name. */
static void push(unsigned region, const char *name, uint32_t refs, uint32_t shape_ref)
{
	const struct otlp_span span = {.trace_id = {1}, .span_id = {1}, .name = text(name)};
	const struct record_shape shape = {0};
	struct ring_claim claim = {0};
	size_t count;

	if (shape_ref != 0)
		assert_int_equal(record_size_shaped(&span, &shape, NULL, &count), 0);
	else
		assert_int_equal(record_size_span(&span, NULL, NULL, &count), 0);
	assert_true(ring_claim(&fixture.producers[region].rings[OTLP_SIGNAL_TRACES],
			       (uint32_t)count, 1, &claim));
	if (shape_ref != 0)
		assert_int_not_equal(
			record_write_shaped(claim.payload, &span, NULL, refs, shape_ref, count),
			RECORD_CHANGED);
	else
		assert_int_not_equal(record_write_span(claim.payload, &span, NULL, refs, count),
				     RECORD_CHANGED);
	ring_commit(&claim);
}

static void drain_all(void)
{
	struct source *source;

	for (source = fixture.regions.sources; source != NULL; source = source->next) {
		enum drain_end end;

		do
			end = source_drain(source, OTLP_SIGNAL_TRACES, &fixture.drain,
					   fixture.queue.stage, 0);
		while (end == DRAIN_QUOTA);
		assert_int_equal(end, DRAIN_EMPTY);
	}
}

static bool is(ProtobufCBinaryData data, const char *string, size_t count)
{
	return data.len == count && memcmp(data.data, string, count) == 0;
}

/* Each span's name is "<resource>/<scope>", or "<resource>" without a scope. @return how many */
static size_t check_batch(size_t *ret_resources)
{
	traces_data *data;
	uint8_t *end;
	size_t count = 0;

	assert_true(stage_bytes_bound(fixture.queue.stage) <= sizeof(out));
	end = stage_write(fixture.queue.stage, out);
	data = TRACES(unpack)(NULL, (size_t)(end - out), out);
	assert_non_null(data);
	*ret_resources = data->n_resource_spans;
	for (size_t r = 0; r < data->n_resource_spans; r++) {
		const resource_spans *of = data->resource_spans[r];

		for (size_t s = 0; s < of->n_scope_spans; s++) {
			const scope_spans *in = of->scope_spans[s];

			for (size_t i = 0; i < in->n_spans; i++, count++) {
				const char *name = (const char *)in->spans[i]->name.data;
				const size_t len = in->spans[i]->name.len;
				const char *slash = memchr(name, '/', len);
				const size_t first = slash != NULL ? (size_t)(slash - name) : len;

				assert_true(is(of->schema_url, name, first));
				if (slash == NULL) {
					assert_null(in->scope);
					continue;
				}
				assert_true(is(in->schema_url, slash + 1, len - first - 1));
				assert_true(is(in->scope->name, slash + 1, len - first - 1));
			}
		}
	}
	TRACES(free_unpacked)(data, NULL);
	return count;
}

static void equal_references_of_two_regions_are_not_one(void **state)
{
	uint32_t refs[2];
	size_t resources;

	(void)state;
	refs[0] = RECORD_REFS(add_resource(0, "ra"), add_scope(0, "sa"));
	refs[1] = RECORD_REFS(add_resource(1, "rb"), add_scope(1, "sb"));
	assert_int_equal(refs[0], refs[1]);
	for (unsigned batch = 0; batch < 3; batch++) {
		for (unsigned i = 0; i < 10; i++) {
			push(0, "ra/sa", refs[0], 0);
			push(1, "rb/sb", refs[1], 0);
			push(0, "ra", refs[0] & UINT16_MAX, 0);
		}
		drain_all();
		assert_int_equal(check_batch(&resources), 30);
		assert_int_equal(resources, 2);
	}
}

/* In the middle of a batch, so that what was known of the old one is still there. */
static void references_of_a_region_that_came_later_are_not_the_old_ones(void **state)
{
	const struct region_options options = {.ring_bytes = {RING_BYTES, RING_BYTES_MIN},
					       .program = "test"};
	uint32_t refs, again;
	size_t resources;

	(void)state;
	refs = RECORD_REFS(add_resource(0, "ra"), add_scope(0, "sa"));
	push(0, "ra/sa", refs, 0);
	push(0, "ra/sa", refs, 0);
	drain_all();
	region_close(&fixture.producers[0]);
	regions_close(&fixture.regions);
	regions_open(&fixture.regions, &fixture.dir);
	memset(&fixture.producers[0], 0, sizeof(fixture.producers[0]));
	assert_int_equal(region_create(&fixture.producers[0], &fixture.dir, &options), 0);
	again = RECORD_REFS(add_resource(0, "rz"), add_scope(0, "sz"));
	assert_int_equal(again, refs);
	push(0, "rz/sz", again, 0);
	push(0, "rz/sz", again, 0);
	assert_int_equal(regions_discover(&fixture.regions), 0);
	drain_all();
	/* The first region's two are there once more: their positions were never released. */
	assert_int_equal(check_batch(&resources), 6);
	assert_int_equal(resources, 2);
}

static void many_origins_in_turn_each_find_their_group(void **state)
{
	uint32_t resource = add_resource(0, "r"), scopes[ENTRIES];
	char name[32];
	size_t resources;

	(void)state;
	for (unsigned i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "scope%u", i);
		scopes[i] = add_scope(0, name);
		assert_int_not_equal(scopes[i], 0);
	}
	for (unsigned i = 0; i < 3 * ENTRIES; i++) {
		snprintf(name, sizeof(name), "r/scope%u", i * 7 % ENTRIES);
		push(0, name, RECORD_REFS(resource, scopes[i * 7 % ENTRIES]), 0);
	}
	drain_all();
	assert_int_equal(check_batch(&resources), 3 * ENTRIES);
	assert_int_equal(resources, 1);
}

/* The group of a shaped span is known by its shape's number: a scope of that number is none. */
static void a_reference_to_a_thing_of_another_kind_is_invalid_beside_good_ones(void **state)
{
	const struct otlp_scope of_shape = {.name = text("s"), .schema_url = text("s")};
	const uint32_t resource = add_resource(0, "shaped"), scope = add_scope(0, "s");
	const uint32_t shape = add_shape(0, NULL), scoped = add_shape(0, &of_shape);
	const struct ring_totals *totals =
		&fixture.regions.sources->rings[OTLP_SIGNAL_TRACES].staged.totals;
	size_t resources;

	(void)state;
	if (fixture.regions.sources->view.region_id != fixture.producers[0].header->region_id)
		totals = &fixture.regions.sources->next->rings[OTLP_SIGNAL_TRACES].staged.totals;
	for (unsigned i = 0; i < 3; i++) {
		push(0, "", resource, shape);
		push(0, "shaped/s", RECORD_REFS(resource, scope), 0);
		push(0, "", RECORD_REFS(resource, 0), shape);
		push(0, "bad", RECORD_REFS(resource, shape), 0);
		push(0, "bad", RECORD_REFS(resource, scoped), 0);
		push(0, "bad", RECORD_REFS(resource, resource), 0);
		push(0, "bad", RECORD_REFS(scope, scope), 0);
		push(0, "bad", RECORD_REFS(shape, 0), 0);
		push(0, "bad", RECORD_REFS(resource, UINT16_MAX), 0);
		push(0, "bad", RECORD_REFS(resource, 8), 0);
	}
	drain_all();
	assert_int_equal(totals->written_items, 9);
	assert_int_equal(totals->invalid_items, 21);
	assert_int_equal(check_batch(&resources), 9);
	assert_int_equal(resources, 1);
}

#define WITH_A_PIPE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_A_PIPE(equal_references_of_two_regions_are_not_one),
		WITH_A_PIPE(references_of_a_region_that_came_later_are_not_the_old_ones),
		WITH_A_PIPE(many_origins_in_turn_each_find_their_group),
		WITH_A_PIPE(a_reference_to_a_thing_of_another_kind_is_invalid_beside_good_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
