/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that are built in one pass: to the byte what the long way writes, or not built. The
 * buffer ends at a page that nobody may touch.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/array.h"
#include "core/record/record_build.h"
#include "core/shape.h"
#include "shm/atomic.h"
#include "tests/gen.h"

#define RECORDS	     5000
#define PAGE_BYTES   ((size_t)4096)
#define RESOURCE_REF 17
#define SHAPE_REF    9
#define TEXT_BYTES   8192

static char text[TEXT_BYTES];

static struct otlp_str text_of(size_t len)
{
	return (struct otlp_str){text, len};
}

/* A buffer whose last byte is the last that may be touched, and full of what no record has. */
static uint8_t *buffer_new(void)
{
	static uint8_t *pages;

	if (pages == NULL) {
		pages = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(pages != MAP_FAILED);
		assert_int_equal(mprotect(pages + PAGE_BYTES, PAGE_BYTES, PROT_NONE), 0);
	}
	memset(pages, 0xee, PAGE_BYTES);
	return pages + PAGE_BYTES - RECORD_BUILD_BUFFER_BYTES;
}

/* With the scope inline, or by reference. */
static struct record_built build_span(uint8_t *buffer, const struct otlp_span *span, uint32_t refs)
{
	return record_build_span(buffer, span, NULL, refs, 0);
}

static struct record_built build_log(uint8_t *buffer, const struct otlp_log_record *log,
				     uint32_t refs)
{
	return record_build_log(buffer, log, NULL, refs, 0);
}

/* Each other record has its scope by reference. */
static uint32_t refs_of(const struct otlp_scope *scope, unsigned index)
{
	return RECORD_REFS(RESOURCE_REF, scope != NULL && index % 2 != 0 ? 9 : 0);
}

/* It is what was written, its text was judged alike, and zeros follow. */
static void assert_same(const struct record_built *built, const uint8_t *buffer,
			const uint8_t *written, size_t bytes, enum record_written how)
{
	assert_int_equal(built->bytes, bytes);
	assert_memory_equal(buffer, written, bytes);
	assert_int_equal(built->is_ascii, how == RECORD_ASCII);
	for (size_t i = bytes; i % 8 != 0; i++)
		assert_int_equal(buffer[i], 0);
}

static uint8_t *room_of(int rc, size_t bytes)
{
	uint8_t *const room = malloc(bytes);

	assert_int_equal(rc, 0);
	assert_non_null(room);
	return room;
}

static void a_built_span_is_the_one_that_is_written(void **state)
{
	struct gen *gen = gen_new(4711);
	unsigned built_count = 0;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		const struct otlp_span *const span = gen_span(gen);
		uint8_t *const buffer = buffer_new(), *written;
		const uint32_t refs = refs_of(span->scope, i);
		const struct record_built built = build_span(buffer, span, refs);
		size_t bytes = 0;
		int rc;

		if (built.bytes != 0) {
			rc = record_size_span(span, NULL, record_inline_scope(span->scope, refs),
					      &bytes);
			written = room_of(rc, bytes);
			assert_same(&built, buffer, written, bytes,
				    record_write_span(written, span, NULL, refs, bytes));
			free(written);
			built_count++;
		}
		gen_reset(gen);
	}
	gen_free(gen);
	print_message("%u of %u spans built\n", built_count, RECORDS);
	assert_in_range(built_count, RECORDS / 100, RECORDS - 1);
}

static void a_built_log_is_the_one_that_is_written(void **state)
{
	struct gen *gen = gen_new(4712);
	unsigned built_count = 0;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		const struct otlp_log_record *const log = gen_log(gen);
		uint8_t *const buffer = buffer_new(), *written;
		const uint32_t refs = refs_of(log->scope, i);
		const struct record_built built = build_log(buffer, log, refs);
		size_t bytes = 0;
		int rc;

		if (built.bytes != 0) {
			rc = record_size_log(log, NULL, record_inline_scope(log->scope, refs),
					     &bytes);
			written = room_of(rc, bytes);
			assert_same(&built, buffer, written, bytes,
				    record_write_log(written, log, NULL, refs, bytes));
			free(written);
			built_count++;
		}
		gen_reset(gen);
	}
	gen_free(gen);
	print_message("%u of %u logs built\n", built_count, RECORDS);
	assert_in_range(built_count, RECORDS / 100, RECORDS - 1);
}

static void a_built_shaped_span_is_the_one_that_is_written(void **state)
{
	struct gen *gen = gen_new(4713);
	unsigned built_count = 0;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		const struct otlp_span *const span = gen_span(gen);
		uint8_t *const buffer = buffer_new(), *written;
		struct record_built built;
		struct otlp_shape *shape;
		size_t bytes = 0;
		int rc;

		if (otlp_shape_register(span, &shape) == OTLP_OK) {
			built = record_build_span(buffer, span, &shape->record, RESOURCE_REF,
						  SHAPE_REF);
			if (built.bytes != 0) {
				rc = record_size_shaped(span, &shape->record, NULL, &bytes);
				written = room_of(rc, bytes);
				assert_same(&built, buffer, written, bytes,
					    record_write_shaped(written, span, NULL, RESOURCE_REF,
								SHAPE_REF, bytes));
				free(written);
				built_count++;
			}
			otlp_shape_unref(shape);
		}
		gen_reset(gen);
	}
	gen_free(gen);
	assert_in_range(built_count, RECORDS / 100, RECORDS - 1);
}

static void a_built_shaped_log_is_the_one_that_is_written(void **state)
{
	struct gen *gen = gen_new(4714);
	unsigned built_count = 0;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		const struct otlp_log_record *const log = gen_log(gen);
		uint8_t *const buffer = buffer_new(), *written;
		struct otlp_log_shape *shape;
		struct record_built built;
		size_t bytes = 0;
		int rc;

		if (otlp_log_shape_register(log, &shape) == OTLP_OK) {
			built = record_build_log(buffer, log, &shape->shape.record, RESOURCE_REF,
						 SHAPE_REF);
			if (built.bytes != 0) {
				rc = record_size_shaped_log(log, &shape->shape.record, NULL,
							    &bytes);
				written = room_of(rc, bytes);
				assert_same(&built, buffer, written, bytes,
					    record_write_shaped_log(written, log, NULL,
								    RESOURCE_REF, SHAPE_REF,
								    bytes));
				free(written);
				built_count++;
			}
			otlp_log_shape_unref(shape);
		}
		gen_reset(gen);
	}
	gen_free(gen);
	assert_in_range(built_count, RECORDS / 100, RECORDS - 1);
}

/* What is lent, all of it ours to change: a usual span, and a usual log. */
static struct {
	struct otlp_attribute attributes[5];
	struct otlp_span_event event;
	struct otlp_scope scope;
	struct otlp_span span;
	struct otlp_log_record log;
} lent;

static const struct otlp_bytes some_bytes = {(const uint8_t *)text, 30};

static int fill(void **state)
{
	const struct otlp_attributes all = {lent.attributes, COUNT_OF(lent.attributes), 3};
	const struct otlp_attributes two = {lent.attributes, 2, 0};

	(void)state;
	memset(&lent, 0, sizeof(lent));
	memset(text, 'a', sizeof(text));
	lent.attributes[0] = otlp_attr_str(text_of(9), text_of(20));
	lent.attributes[1] = otlp_attr_int(text_of(4), -1);
	lent.attributes[2] = otlp_attr_bool(text_of(12), true);
	lent.attributes[3] = otlp_attr_double(text_of(1), 0.5);
	lent.attributes[4] = otlp_attr_str(text_of(30), text_of(40));
	lent.scope = (struct otlp_scope){.name = text_of(13),
					 .version = text_of(5),
					 .schema_url = text_of(31),
					 .attributes = two};
	lent.event =
		(struct otlp_span_event){.name = text_of(11), .attributes = two, .time_unix_ns = 1};
	lent.span = (struct otlp_span){
		.trace_id = {1},
		.span_id = {1},
		.scope = &lent.scope,
		.trace_state = text_of(10),
		.name = text_of(18),
		.attributes = all,
		.events = &lent.event,
		.event_count = 1,
		.status_message = text_of(30),
	};
	lent.log = (struct otlp_log_record){
		.scope = &lent.scope,
		.severity_text = text_of(4),
		.body = otlp_value_str(text_of(100)),
		.attributes = all,
		.event_name = text_of(14),
	};
	return 0;
}

static bool span_is_built(void)
{
	return build_span(buffer_new(), &lent.span, RESOURCE_REF).bytes != 0;
}

static bool log_is_built(void)
{
	return build_log(buffer_new(), &lent.log, RESOURCE_REF).bytes != 0;
}

/* Each of them, alone, in what else is usual. */
#define ASSERT_NOT_BUILT(is_built, field, value)                                      \
	do {                                                                          \
		__typeof__(field) const was = (field);                                \
		assert_true(is_built());                                              \
		memcpy((void *)&(field), &(__typeof__(field)){value}, sizeof(field)); \
		assert_false(is_built());                                             \
		memcpy((void *)&(field), &was, sizeof(field));                        \
		assert_true(is_built());                                              \
	} while (0)

static void what_is_wrong_or_unusual_in_a_span_is_not_built(void **state)
{
	const struct otlp_span_link link = {.trace_id = {1}, .span_id = {1}};

	(void)state;
	ASSERT_NOT_BUILT(span_is_built, lent.span.trace_id[0], 0);
	ASSERT_NOT_BUILT(span_is_built, lent.span.span_id[0], 0);
	ASSERT_NOT_BUILT(span_is_built, lent.span.kind, (enum otlp_span_kind)6);
	ASSERT_NOT_BUILT(span_is_built, lent.span.status, (enum otlp_status_code)3);
	ASSERT_NOT_BUILT(span_is_built, lent.span.reserved[0], &lent);
	ASSERT_NOT_BUILT(span_is_built, lent.span.reserved[1], &lent);
	ASSERT_NOT_BUILT(span_is_built, lent.span.name.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.span.trace_state.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.span.status_message.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.span.events, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.span.attributes.items, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.event.name.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.event.attributes.items, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.scope.name.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.scope.version.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.scope.schema_url.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.attributes[0].key.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.attributes[0].value.as.string.ptr, NULL);
	ASSERT_NOT_BUILT(span_is_built, lent.attributes[2].value.type, (enum otlp_value_type)8);
	ASSERT_NOT_BUILT(span_is_built, lent.attributes[2].value.type, OTLP_VALUE_ARRAY);
	ASSERT_NOT_BUILT(span_is_built, lent.attributes[2].value.type, OTLP_VALUE_KVLIST);
	ASSERT_NOT_BUILT(span_is_built, lent.attributes[2].value.type, OTLP_VALUE_EMPTY);
	ASSERT_NOT_BUILT(span_is_built, lent.attributes[2].value.type, OTLP_VALUE_BYTES);
	lent.span.links = &link;
	ASSERT_NOT_BUILT(span_is_built, lent.span.link_count, 1);
}

static void what_is_wrong_or_unusual_in_a_log_is_not_built(void **state)
{
	(void)state;
	ASSERT_NOT_BUILT(log_is_built, lent.log.severity_number, (enum otlp_severity_number)25);
	ASSERT_NOT_BUILT(log_is_built, lent.log.reserved[0], &lent);
	ASSERT_NOT_BUILT(log_is_built, lent.log.reserved[1], &lent);
	ASSERT_NOT_BUILT(log_is_built, lent.log.severity_text.ptr, NULL);
	ASSERT_NOT_BUILT(log_is_built, lent.log.event_name.ptr, NULL);
	ASSERT_NOT_BUILT(log_is_built, lent.log.body.as.string.ptr, NULL);
	ASSERT_NOT_BUILT(log_is_built, lent.log.body.type, OTLP_VALUE_INT);
	ASSERT_NOT_BUILT(log_is_built, lent.log.body.type, OTLP_VALUE_ARRAY);
	ASSERT_NOT_BUILT(log_is_built, lent.log.body.type, (enum otlp_value_type)8);
	ASSERT_NOT_BUILT(log_is_built, lent.log.attributes.items, NULL);
}

static void what_is_not_of_its_shape_is_not_built(void **state)
{
	struct otlp_shape *shape;
	uint8_t *buffer = buffer_new();

	(void)state;
	assert_int_equal(otlp_shape_register(&lent.span, &shape), OTLP_OK);
#define BUILT() (record_build_span(buffer, &lent.span, &shape->record, 1, 2).bytes != 0)
	assert_true(BUILT());
	lent.span.attributes.count--;
	assert_false(BUILT());
	lent.span.attributes.count++;
	lent.attributes[1].value.type = OTLP_VALUE_DOUBLE;
	assert_false(BUILT());
	lent.attributes[1].value.type = OTLP_VALUE_INT;
	lent.attributes[0].value.as.string.ptr = NULL;
	assert_false(BUILT());
	lent.attributes[0].value.as.string.ptr = text;
	lent.span.attributes.items = NULL;
	assert_false(BUILT());
	lent.span.attributes.items = lent.attributes;
	assert_true(BUILT());
#undef BUILT
	otlp_shape_unref(shape);
}

/* Bytes that are no text may be anything; a string is asked about. */
static void only_text_has_to_be_ascii(void **state)
{
	static const uint8_t high[30] = {0xff, 0xfe};
	struct otlp_shape *shape;
	uint8_t *buffer = buffer_new();

	(void)state;
	lent.attributes[4] = otlp_attr_bytes(text_of(30), some_bytes);
	assert_int_equal(otlp_shape_register(&lent.span, &shape), OTLP_OK);
	assert_true(record_build_span(buffer, &lent.span, &shape->record, 1, 2).is_ascii);
	lent.attributes[4].value.as.bytes.ptr = high;
	assert_true(record_build_span(buffer, &lent.span, &shape->record, 1, 2).is_ascii);
	lent.attributes[0].value.as.string.ptr = (const char *)high;
	assert_false(record_build_span(buffer, &lent.span, &shape->record, 1, 2).is_ascii);
	assert_true(record_build_span(buffer, &lent.span, &shape->record, 1, 2).bytes != 0);
	otlp_shape_unref(shape);
}

static void the_largest_record_fills_the_buffer_and_a_larger_one_is_not_built(void **state)
{
	const size_t largest = RECORD_BUILD_BYTES - sizeof(struct record_span_head);
	struct otlp_span span = {.trace_id = {1}, .span_id = {1}, .name = text_of(largest)};

	(void)state;
	assert_int_equal(build_span(buffer_new(), &span, RESOURCE_REF).bytes, RECORD_BUILD_BYTES);
	span.name.len++;
	assert_int_equal(build_span(buffer_new(), &span, RESOURCE_REF).bytes, 0);
}

/* The lengths and counts of what is lent. */
static size_t *const lengths[] = {
	&lent.attributes[0].key.len,
	&lent.attributes[0].value.as.string.len,
	&lent.attributes[1].key.len,
	&lent.attributes[2].key.len,
	&lent.attributes[3].key.len,
	&lent.attributes[4].key.len,
	&lent.attributes[4].value.as.string.len,
	&lent.event.name.len,
	&lent.event.attributes.count,
	&lent.scope.name.len,
	&lent.scope.version.len,
	&lent.scope.schema_url.len,
	&lent.scope.attributes.count,
	&lent.span.trace_state.len,
	&lent.span.name.len,
	&lent.span.status_message.len,
	&lent.span.attributes.count,
	&lent.span.event_count,
	&lent.span.link_count,
	&lent.log.severity_text.len,
	&lent.log.event_name.len,
	&lent.log.body.as.string.len,
	&lent.log.attributes.count,
};

static void assert_whole(const struct record_built *built, const uint8_t *buffer)
{
	struct record_view view;

	assert_true(built->bytes <= RECORD_BUILD_BYTES);
	if (built->bytes != 0)
		assert_int_equal(record_parse(buffer, built->bytes, built->bytes, &view), 0);
}

static void no_length_leads_out_of_the_buffer(void **state)
{
	static const size_t changes[] = {
		0,
		1,
		7,
		8,
		24,
		25,
		300,
		800,
		1023,
		1024,
		1025,
		4095,
		4096,
		65536,
		UINT32_MAX,
		1ul << 32,
		(1ul << 32) + 9,
		1ul << 63,
		SIZE_MAX - 80,
		SIZE_MAX - 8,
		SIZE_MAX,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		const size_t was = *lengths[i];
		const bool is_count =
			was <= COUNT_OF(lent.attributes) || lengths[i] == &lent.span.link_count;

		for (size_t c = 0; c < COUNT_OF(changes); c++) {
			uint8_t *const buffer = buffer_new();
			struct record_built built;

			/* More items than there are would be read from where there is nothing. */
			if (is_count && changes[c] > was && changes[c] < RECORD_BUILD_BYTES)
				continue;
			*lengths[i] = changes[c];
			built = build_span(buffer, &lent.span, RESOURCE_REF);
			assert_whole(&built, buffer);
			built = build_log(buffer, &lent.log, RESOURCE_REF);
			assert_whole(&built, buffer);
		}
		*lengths[i] = was;
	}
}

/* A thread changes the lengths at any moment, over and over, while records are built. */
#define BUILDS 5000
#define FLIPS  200

static uint32_t is_over;

static void *change(void *unused)
{
	static const size_t values[] = {0, 3, 9, 40, 700, SIZE_MAX};

	for (uint64_t i = 0; atomic_load_relaxed_u32(&is_over) == 0; i++) {
		size_t *const length = lengths[i / FLIPS % COUNT_OF(lengths)];
		const size_t was = *length;

		if (was <= COUNT_OF(lent.attributes)) /* a count: only less */
			atomic_store_relaxed_u64((uint64_t *)length, 0);
		else
			atomic_store_relaxed_u64((uint64_t *)length, values[i % COUNT_OF(values)]);
		atomic_store_relaxed_u64((uint64_t *)length, was);
	}
	return unused;
}

static void what_a_thread_changes_all_the_time_is_whole_or_not_built(void **state)
{
	unsigned built_count = 0;
	pthread_t changer;

	(void)state;
	is_over = 0;
	assert_int_equal(pthread_create(&changer, NULL, change, NULL), 0);
	for (unsigned i = 0; i < BUILDS; i++) {
		uint8_t *const buffer = buffer_new();
		struct record_built built = build_span(buffer, &lent.span, RESOURCE_REF);

		assert_whole(&built, buffer);
		built_count += built.bytes != 0;
		built = build_log(buffer, &lent.log, RESOURCE_REF);
		assert_whole(&built, buffer);
	}
	atomic_store_relaxed_u32(&is_over, 1);
	pthread_join(changer, NULL);
	assert_true(built_count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_built_span_is_the_one_that_is_written, fill),
		cmocka_unit_test_setup(a_built_log_is_the_one_that_is_written, fill),
		cmocka_unit_test_setup(a_built_shaped_span_is_the_one_that_is_written, fill),
		cmocka_unit_test_setup(a_built_shaped_log_is_the_one_that_is_written, fill),
		cmocka_unit_test_setup(what_is_wrong_or_unusual_in_a_span_is_not_built, fill),
		cmocka_unit_test_setup(what_is_wrong_or_unusual_in_a_log_is_not_built, fill),
		cmocka_unit_test_setup(what_is_not_of_its_shape_is_not_built, fill),
		cmocka_unit_test_setup(only_text_has_to_be_ascii, fill),
		cmocka_unit_test_setup(
			the_largest_record_fills_the_buffer_and_a_larger_one_is_not_built, fill),
		cmocka_unit_test_setup(no_length_leads_out_of_the_buffer, fill),
		cmocka_unit_test_setup(what_a_thread_changes_all_the_time_is_whole_or_not_built,
				       fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
