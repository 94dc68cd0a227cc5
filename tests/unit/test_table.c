/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's copies of a table whose owner changes it all the time. */
#include "writer/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define URL_BYTES      60000u
#define COPIES_BYTES   (UINT64_C(1) << 20) /* as SECURITY.md says */
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
	const struct table_copy *copy;
	struct region_view view;
	struct table table = {0};
	unsigned taken = 0;

	(void)state;
	view_open(&view);
	while (taken < REFERENCES_MAX &&
	       table_find_resource(&table, &view, put_resource(taken * 8, URL_BYTES - taken * 8),
				   &copy) == 0)
		taken++;
	assert_in_range(taken, COPIES_BYTES / URL_BYTES, COPIES_BYTES / URL_BYTES + 2);
	assert_true(table.bytes <= COPIES_BYTES);
	/* What was taken stays. */
	assert_int_equal(table_find_resource(&table, &view, 1, &copy), 0);
	table_close(&table);
}

static void an_entry_is_copied_once_and_not_looked_at_again(void **state)
{
	const struct table_copy *first, *again;
	struct region_view view;
	struct table table = {0};
	uint32_t reference;

	(void)state;
	view_open(&view);
	reference = put_resource(64, 10);
	assert_int_equal(table_find_resource(&table, &view, reference, &first), 0);
	memset(memory + LAYOUT_PAGE_BYTES, 0xff, TABLE_BYTES);
	assert_int_equal(table_find_resource(&table, &view, reference, &again), 0);
	assert_ptr_equal(first, again);
	assert_int_equal(again->bytes_count, sizeof(struct record_resource_head) + 10);
	assert_int_equal(again->bytes[again->bytes_count - 1], 'u');
	/* As a shape it is another entry, and none. */
	assert_int_equal(table_find_shape(&table, &view, reference, &again), -EBADMSG);
	table_close(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_a_table_that_changes_have_a_bound),
		cmocka_unit_test(an_entry_is_copied_once_and_not_looked_at_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
