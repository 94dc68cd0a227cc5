/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's copies of a table whose owner changes it all the time. */
#include "writer/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define URL_BYTES      10000u
#define COPIES_BYTES   TABLE_BYTES /* as SECURITY.md says */
#define REFERENCES_MAX 2000u

static _Alignas(LAYOUT_PAGE_BYTES) uint8_t memory[LAYOUT_PAGE_BYTES + TABLE_BYTES];

static void view_open(struct region_view *view)
{
	memset(memory, 0, sizeof(memory));
	memset(view, 0, sizeof(*view));
	view->header = (struct region_header *)(void *)memory;
	view->table_offset = LAYOUT_PAGE_BYTES;
	view->table_bytes = TABLE_BYTES;
}

/* A valid resource at this offset, over whatever was there. */
static uint32_t put_resource(uint32_t offset, uint32_t url_bytes)
{
	const struct record_resource_head head = {.schema_url_bytes = url_bytes};
	const uint64_t word = entry_word(ENTRY_COMMITTED, (uint32_t)sizeof(head) + url_bytes);
	uint8_t *at = memory + LAYOUT_PAGE_BYTES + offset;

	memcpy(at, &word, sizeof(word));
	memcpy(at + sizeof(word), &head, sizeof(head));
	memset(at + sizeof(word) + sizeof(head), 'u', url_bytes);
	return offset + 1;
}

static void copies_of_a_table_that_changes_have_a_bound(void **state)
{
	struct table_copy copy;
	struct region_view view;
	struct table table = {0};
	unsigned taken = 0;

	(void)state;
	view_open(&view);
	while (taken < REFERENCES_MAX &&
	       table_find(&table, &view, put_resource(taken * 8, URL_BYTES - taken * 8),
			  TABLE_RESOURCE, &copy) == 0)
		taken++;
	assert_int_equal(taken, COPIES_BYTES / URL_BYTES);
	assert_true(table.bytes <= COPIES_BYTES);
	/* What was taken stays. */
	assert_int_equal(table_find(&table, &view, 1, TABLE_RESOURCE, &copy), 0);
	table_close(&table);
}

static void an_entry_is_copied_once_and_not_looked_at_again(void **state)
{
	struct table_copy first, again;
	struct region_view view;
	struct table table = {0};
	uint32_t reference;

	(void)state;
	view_open(&view);
	reference = put_resource(64, 10);
	assert_int_equal(table_find(&table, &view, reference, TABLE_RESOURCE, &first), 0);
	memset(memory + LAYOUT_PAGE_BYTES, 0xff, TABLE_BYTES);
	assert_int_equal(table_find(&table, &view, reference, TABLE_RESOURCE, &again), 0);
	assert_ptr_equal(first.bytes, again.bytes);
	assert_int_equal(again.bytes_count, sizeof(struct record_resource_head) + 10);
	assert_int_equal(again.bytes[again.bytes_count - 1], 'u');
	/* What is a resource is no shape, and no scope. */
	assert_int_equal(table_find(&table, &view, reference, TABLE_SHAPE, &again), -EBADMSG);
	assert_int_equal(table_find(&table, &view, reference, TABLE_SCOPE, &again), -EBADMSG);
	table_close(&table);
}

static void a_scope_is_no_resource_whichever_is_looked_for_first(void **state)
{
	const struct record_scope_head scope = {.name_bytes = 0};
	const uint64_t word = entry_word(ENTRY_COMMITTED, sizeof(scope) + 12);
	struct region_view view;
	struct table table = {0};
	struct table_copy copy;
	uint8_t *at;

	(void)state;
	view_open(&view);
	at = memory + LAYOUT_PAGE_BYTES + 64;
	memset(at, 0, 64);
	memcpy(at, &word, sizeof(word));
	at[sizeof(word)] = 12;
	assert_int_equal(table_find(&table, &view, 65, TABLE_SCOPE, &copy), 0);
	assert_int_equal(copy.kind, TABLE_SCOPE);
	assert_int_equal(copy.bytes_count, sizeof(scope) + 12);
	assert_int_equal(table_find(&table, &view, 65, TABLE_RESOURCE, &copy), -EBADMSG);
	assert_int_equal(table_find(&table, &view, 65, TABLE_SHAPE, &copy), -EBADMSG);
	table_close(&table);
}

/* Else each record that refers to it would cost a copy of it. */
static void an_entry_that_is_not_valid_is_copied_once_too(void **state)
{
	struct region_view view;
	struct table table = {0};
	struct table_copy copy;
	uint32_t reference;

	(void)state;
	view_open(&view);
	reference = put_resource(8, URL_BYTES);
	memory[LAYOUT_PAGE_BYTES + 8 + 8 + sizeof(struct record_resource_head)] = 0xff;
	for (unsigned i = 0; i < 2 * COPIES_BYTES / URL_BYTES; i++)
		assert_int_equal(table_find(&table, &view, reference, TABLE_RESOURCE, &copy),
				 -EBADMSG);
	assert_int_equal(table.count, 1);
	assert_true(table.bytes < URL_BYTES + 100);
	/* It stays what it was, whatever becomes of it. */
	assert_int_equal(put_resource(8, URL_BYTES), reference);
	assert_int_equal(table_find(&table, &view, reference, TABLE_RESOURCE, &copy), -EBADMSG);
	assert_int_equal(table_find(&table, &view, reference, TABLE_SHAPE, &copy), -EBADMSG);
	table_close(&table);
}

static void references_that_cannot_be_are_refused(void **state)
{
	static const uint32_t wrong[] = {0, 2, 8, TABLE_BYTES + 1, UINT32_MAX, UINT32_MAX - 6};
	struct region_view view;
	struct table table = {0};
	struct table_copy copy;

	(void)state;
	view_open(&view);
	put_resource(0, 10);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(table_find(&table, &view, wrong[i], TABLE_RESOURCE, &copy),
				 -EBADMSG);
		assert_int_equal(table_find(&table, &view, wrong[i], TABLE_SHAPE, &copy), -EBADMSG);
	}
	assert_int_equal(table.count, 0);
	assert_int_equal(table_find(&table, &view, 1, TABLE_RESOURCE, &copy), 0);
	table_close(&table);
}

/* Each is what it was, at whatever place it stands, and what comes later moves none of them. */
static void very_many_entries_are_each_found(void **state)
{
	enum { ENTRY = 8 + 12 + 4 }; /* word, head of a resource, url of up to 4 bytes */
	const unsigned count = TABLE_BYTES / ENTRY;
	struct table_copy copy, again;
	const uint8_t *bytes[TABLE_BYTES / ENTRY];
	struct region_view view;
	struct table table = {0};

	(void)state;
	view_open(&view);
	for (unsigned i = 0; i < count; i++) {
		/* From both ends, so that the array of places grows in between. */
		const unsigned at = i % 2 == 0 ? i / 2 : count - 1 - i / 2;

		assert_int_equal(table_find(&table, &view, put_resource(at * ENTRY, at % 5),
					    TABLE_RESOURCE, &copy),
				 0);
		bytes[at] = copy.bytes;
	}
	assert_int_equal(table.count, count);
	for (unsigned at = 0; at < count; at++) {
		assert_int_equal(table_find(&table, &view, at * ENTRY + 1, TABLE_RESOURCE, &again),
				 0);
		assert_ptr_equal(again.bytes, bytes[at]);
		assert_int_equal(again.bytes_count, sizeof(struct record_resource_head) + at % 5);
	}
	assert_int_equal(table.count, count);
	table_close(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_a_table_that_changes_have_a_bound),
		cmocka_unit_test(an_entry_is_copied_once_and_not_looked_at_again),
		cmocka_unit_test(an_entry_that_is_not_valid_is_copied_once_too),
		cmocka_unit_test(references_that_cannot_be_are_refused),
		cmocka_unit_test(a_scope_is_no_resource_whichever_is_looked_for_first),
		cmocka_unit_test(very_many_entries_are_each_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
