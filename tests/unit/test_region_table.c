/* SPDX-License-Identifier: Apache-2.0 */
/* A region's resource table: added to by threads, read by a process that does not trust it. */
#include "shm/region.h"

#include <pthread.h>
#include <sched.h>

#include "tests/unit/shm_fixture.h"

static const struct region_options small = {.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN}};

static void what_is_added_to_the_table_is_found_by_its_reference(void **state)
{
	static struct region region;
	static uint8_t payload[2000];
	static uint32_t references[TABLE_BYTES / 16];
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	const uint8_t *got;
	uint32_t count = 0, bytes;

	assert_int_equal(region_create(&region, *state, &small), 0);
	find_region(name);
	assert_int_equal(region_attach(&view, *state, name, false), 0);
	assert_int_equal(region_table_add(&region, payload, 0), 0);
	for (;; count++) {
		memset(payload, (int)count, sizeof(payload));
		references[count] = region_table_add(&region, payload, 1 + count % 2000);
		if (references[count] == 0)
			break;
	}
	assert_true(count > 200);
	/* Full is full; what still fits is taken, and nothing was changed by what did not. */
	assert_int_equal(region_table_add(&region, payload, UINT32_MAX), 0);
	assert_int_equal(region_table_add(&region, payload, (uint32_t)TABLE_BYTES), 0);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(region_table_get(&view, references[i], &got, &bytes), 0);
		assert_int_equal(bytes, 1 + i % 2000);
		memset(payload, (int)i, sizeof(payload));
		assert_memory_equal(got, payload, bytes);
	}
	region_detach(&view);
	region_close(&region);
}

static void references_to_nothing_are_refused(void **state)
{
	static struct region region;
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	const uint8_t *got;
	uint32_t bytes, reference;
	uint64_t word;

	assert_int_equal(region_create(&region, *state, &small), 0);
	find_region(name);
	assert_int_equal(region_attach(&view, *state, name, false), 0);
	reference = region_table_add(&region, "0123456789abcdef", 16);
	assert_int_equal(reference, 1);
	assert_int_equal(region_table_get(&view, reference, &got, &bytes), 0);
	for (uint32_t i = 0; i < 300; i++) {
		if (i != reference)
			assert_int_equal(region_table_get(&view, i, &got, &bytes), -EBADMSG);
		assert_int_equal(
			region_table_get(&view, (uint32_t)TABLE_BYTES + 1 + i, &got, &bytes),
			-EBADMSG);
		assert_int_equal(region_table_get(&view, UINT32_MAX - i, &got, &bytes), -EBADMSG);
	}
	/* Claimed and not committed; too long; the last word of the table. */
	word = entry_word(ENTRY_CLAIMED, 16);
	memcpy(region.table, &word, sizeof(word));
	assert_int_equal(region_table_get(&view, reference, &got, &bytes), -EBADMSG);
	word = entry_word(ENTRY_COMMITTED, (uint32_t)TABLE_BYTES - 7);
	memcpy(region.table, &word, sizeof(word));
	assert_int_equal(region_table_get(&view, reference, &got, &bytes), -EBADMSG);
	word = entry_word(ENTRY_COMMITTED, UINT32_MAX);
	memcpy(region.table, &word, sizeof(word));
	assert_int_equal(region_table_get(&view, reference, &got, &bytes), -EBADMSG);
	word = entry_word(ENTRY_COMMITTED, 1);
	memcpy(region.table + TABLE_BYTES - 8, &word, sizeof(word));
	assert_int_equal(region_table_get(&view, (uint32_t)TABLE_BYTES - 7, &got, &bytes),
			 -EBADMSG);
	region_detach(&view);
	region_close(&region);
}

static void a_table_tail_that_cannot_be_leads_nowhere(void **state)
{
	static const uint32_t tails[] = {
		TABLE_BYTES, TABLE_BYTES + 8, UINT32_MAX, UINT32_MAX - 7, 0x80000000, 4,
		1,	     TABLE_BYTES - 7,
	};
	static struct region region;

	assert_int_equal(region_create(&region, *state, &small), 0);
	for (size_t i = 0; i < COUNT_OF(tails); i++) {
		region.header->table_tail = tails[i];
		assert_int_equal(region_table_add(&region, "x", 1), 0);
		assert_int_equal(region.header->table_tail, tails[i]);
	}
	region_close(&region);
}

struct adder {
	pthread_t thread;
	struct region *region;
	uint32_t number, count;
	uint32_t references[TABLE_BYTES / 16];
};

static void *add_until_full(void *argument)
{
	struct adder *adder = argument;
	uint32_t payload[5] = {adder->number};

	for (;; adder->count++) {
		uint32_t reference;

		payload[1] = adder->count;
		reference = region_table_add(adder->region, payload, 8 + 4 * (adder->number % 4));
		if (reference == 0)
			return NULL;
		adder->references[adder->count] = reference;
	}
}

static void threads_that_add_at_once_get_each_their_own(void **state)
{
	static struct region region;
	static struct adder adders[4];
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;

	assert_int_equal(region_create(&region, *state, &small), 0);
	find_region(name);
	assert_int_equal(region_attach(&view, *state, name, false), 0);
	for (uint32_t i = 0; i < COUNT_OF(adders); i++) {
		adders[i].region = &region;
		adders[i].number = i;
		assert_int_equal(
			pthread_create(&adders[i].thread, NULL, add_until_full, &adders[i]), 0);
	}
	for (uint32_t i = 0; i < COUNT_OF(adders); i++)
		assert_int_equal(pthread_join(adders[i].thread, NULL), 0);
	for (uint32_t i = 0; i < COUNT_OF(adders); i++) {
		for (uint32_t j = 0; j < adders[i].count; j++) {
			const uint8_t *got;
			uint32_t bytes, head[2];

			assert_int_equal(
				region_table_get(&view, adders[i].references[j], &got, &bytes), 0);
			assert_int_equal(bytes, 8 + 4 * i);
			memcpy(head, got, sizeof(head));
			assert_true(head[0] == i && head[1] == j);
		}
	}
	assert_true(region.header->table_tail > TABLE_BYTES - 32);
	region_detach(&view);
	region_close(&region);
}

static const char whole[] = "0123456789abcdef";

static void *add_whole(void *argument)
{
	struct adder *adder = argument;

	adder->references[0] = region_table_add(adder->region, whole, sizeof(whole));
	return NULL;
}

/* On one mapping and with no other order than the word's: for ThreadSanitizer. */
static void an_entry_that_is_found_is_whole(void **state)
{
	static struct region region;
	static struct adder adder;
	struct region_view view = {.fd = -1};
	const uint8_t *got;
	uint32_t bytes;

	assert_int_equal(region_create(&region, *state, &small), 0);
	view.header = region.header;
	view.table_offset = region.header->table_offset;
	view.table_bytes = region.header->table_bytes;
	adder.region = &region;
	assert_int_equal(pthread_create(&adder.thread, NULL, add_whole, &adder), 0);
	while (region_table_get(&view, 1, &got, &bytes) < 0)
		sched_yield();
	assert_int_equal(bytes, sizeof(whole));
	/* Our own look: the library of the assertions is not instrumented. */
	assert_int_equal(memcmp(got, whole, sizeof(whole)), 0);
	assert_int_equal(pthread_join(adder.thread, NULL), 0);
	assert_int_equal(adder.references[0], 1);
	region_close(&region);
}

#define IN_A_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(what_is_added_to_the_table_is_found_by_its_reference),
		IN_A_DIRECTORY(references_to_nothing_are_refused),
		IN_A_DIRECTORY(a_table_tail_that_cannot_be_leads_nowhere),
		IN_A_DIRECTORY(threads_that_add_at_once_get_each_their_own),
		IN_A_DIRECTORY(an_entry_that_is_found_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
