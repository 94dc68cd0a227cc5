/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring after a death, of a producer or of its reader, and with content that
 * no producer of ours would write: whatever stands there, the reader reads what
 * is whole, skips or refuses the rest, and stays inside of the ring.
 */
#include <errno.h>

#include "tests/unit/ring_fixture.h"

#define BYTES RING_FIXTURE_BYTES

static void a_claim_of_a_dead_producer_is_torn_by_its_length(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		ring_fixture_at(f, ring_bases[b]);
		push_one(f, 16, 0);
		claim_one(f, 100, 1);
		push_one(f, 17, 2);
		claim_one(f, 1, 3);
		expect_record(f, true, 16, 0);
		expect_kind(f, true, RING_ENTRY_TORN, entry_bytes(100));
		expect_record(f, true, 17, 2);
		expect_kind(f, true, RING_ENTRY_TORN, 16);
		assert_int_equal(peek_one(f, true).kind, RING_ENTRY_NONE);
		release_all(f);
	}
}

static void a_hole_ends_at_the_next_header_wherever_it_lies(void **state)
{
	struct ring_fixture *f = *state;

	/* At every offset, so also up to the wrap, across it, and from it on. */
	for (size_t b = 0; b < RING_BASES; b++) {
		for (uint64_t offset = 0; offset < BYTES; offset += 8) {
			uint64_t hole = entry_bytes(200), at;

			ring_fixture_at(f, ring_bases[b] + offset);
			push_one(f, 16, 0);
			at = f->shared->tail & (BYTES - 1);
			if (BYTES - at < hole)
				hole += BYTES - at; /* its padding was not stored either */
			claim_and_store_nothing(f, hole);
			push_one(f, 16, 1);
			if (offset > BYTES - 24)
				expect_kind(f, false, RING_ENTRY_SKIP, BYTES - offset);
			expect_record(f, false, 16, 0);
			expect_kind(f, false, RING_ENTRY_BUSY, 0);
			expect_kind(f, true, RING_ENTRY_TORN, hole);
			if (peek_one(f, true).kind == RING_ENTRY_SKIP)
				expect_kind(f, true, RING_ENTRY_SKIP, peek_one(f, true).bytes);
			expect_record(f, true, 16, 1);
			release_all(f);
		}
	}
}

static void a_hole_across_the_wrap_keeps_what_is_behind_it(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		ring_fixture_at(f, ring_bases[b] + BYTES - 40);
		claim_and_store_nothing(f, 40 + entry_bytes(100));
		push_one(f, 30, 1);
		expect_kind(f, true, RING_ENTRY_TORN, 40 + entry_bytes(100));
		expect_record(f, true, 30, 1);
		release_all(f);

		/* The padding was stored, the record's header behind it was not. */
		ring_fixture_at(f, ring_bases[b] + BYTES - 40);
		claim_and_store_nothing(f, 40 + entry_bytes(100));
		memcpy(f->data + BYTES - 40, &(uint64_t){entry_word(ENTRY_PADDING, 32)}, 8);
		push_one(f, 30, 1);
		expect_kind(f, true, RING_ENTRY_SKIP, 40);
		expect_kind(f, true, RING_ENTRY_TORN, entry_bytes(100));
		expect_record(f, true, 30, 1);
		release_all(f);
	}
}

static void a_hole_up_to_the_tail_ends_there(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		ring_fixture_at(f, ring_bases[b] + BYTES - 512);
		push_one(f, 16, 0);
		claim_and_store_nothing(f, BYTES - 24);
		expect_record(f, true, 16, 0);
		expect_kind(f, true, RING_ENTRY_TORN, BYTES - 24);
		assert_int_equal(peek_one(f, true).kind, RING_ENTRY_NONE);
		release_all(f);
		assert_true(f->shared->head == f->shared->tail);
	}
}

static void a_large_hole_is_skipped_in_steps(void **state)
{
	const uint64_t bytes = UINT64_C(1) << 20, hole = bytes / 2;
	struct ring_fixture f;
	uint64_t skipped = 0;
	unsigned steps = 0;

	(void)state;
	ring_fixture_map(&f, bytes, false);
	ring_fixture_at(&f, bytes - 4096);
	claim_and_store_nothing(&f, hole);
	push_one(&f, 16, 1);
	while (peek_one(&f, true).kind == RING_ENTRY_TORN) {
		struct ring_entry entry = peek_one(&f, true);

		assert_true(entry.bytes < hole);
		ring_reader_next(&f.reader, &entry);
		skipped += entry.bytes;
		steps++;
	}
	assert_int_equal(skipped, hole);
	assert_true(steps > 1);
	expect_record(&f, true, 16, 1);
	ring_fixture_unmap(&f);
}

static void holes_side_by_side_are_one_and_later_records_are_kept(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		ring_fixture_at(f, ring_bases[b] + BYTES - 256);
		push_one(f, 16, 0);
		claim_and_store_nothing(f, 64);
		claim_and_store_nothing(f, 16);
		push_one(f, 16, 1);
		claim_and_store_nothing(f, 24);
		claim_one(f, 50, 2);
		push_one(f, 16, 3);
		expect_record(f, true, 16, 0);
		expect_kind(f, true, RING_ENTRY_TORN, 80);
		expect_record(f, true, 16, 1);
		expect_kind(f, true, RING_ENTRY_TORN, 24);
		expect_kind(f, true, RING_ENTRY_TORN, entry_bytes(50));
		expect_record(f, true, 16, 3);
		release_all(f);
	}
}

/* Ten entries around a wrap, five of them read; returns the position behind these. */
static uint64_t half_read(struct ring_fixture *f, uint64_t base)
{
	ring_fixture_at(f, base + BYTES - 128);
	for (uint32_t i = 0; i < 10; i++)
		push_one(f, 24, i);
	for (uint32_t i = 0; i < 5; i++)
		expect_record(f, false, 24, i);
	return f->reader.read;
}

static void expect_repaired(struct ring_fixture *f, uint64_t position, uint32_t first)
{
	memset(&f->reader, 0xee, sizeof(f->reader));
	assert_int_equal(
		ring_reader_init(&f->reader, f->reader_shared, f->reader_data, BYTES, true), 0);
	assert_true(f->reader.read == position);
	assert_true(f->shared->head == position);
	assert_zero_outside(f);
	for (uint32_t i = first; i < 10; i++)
		expect_record(f, false, 24, i);
	release_all(f);
}

static void a_release_cut_short_at_any_step_is_finished_by_the_next_reader(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		for (uint64_t zeroed = 0; zeroed <= 5 * 32; zeroed++) {
			uint64_t start = ring_bases[b] + BYTES - 128;
			uint64_t position = half_read(f, ring_bases[b]);

			/* The slot is written, and not yet named: as if nothing was done. */
			f->shared->done[1].position = position;
			if (zeroed == 0) {
				expect_repaired(f, start, 0);
				position = half_read(f, ring_bases[b]);
				f->shared->done[1].position = position;
			}
			f->shared->done_slot = 1;
			for (uint64_t i = 0; i < zeroed; i++)
				f->data[(start + i) & (BYTES - 1)] = 0;
			expect_repaired(f, position, 5);
		}
	}
}

static void a_finished_release_is_taken_over_as_it_is(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		uint64_t position = half_read(f, ring_bases[b]);

		release_all(f);
		expect_repaired(f, position, 5);
	}
}

static void a_whole_ring_can_be_released_at_once_or_by_the_next_reader(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		for (int cut_short = 0; cut_short < 2; cut_short++) {
			ring_fixture_at(f, ring_bases[b] + 1024);
			for (uint32_t i = 0; i < BYTES / 64; i++)
				push_one(f, 56, i);
			for (uint32_t i = 0; i < BYTES / 64; i++)
				expect_record(f, false, 56, i);
			if (cut_short) {
				f->shared->done[1].position = f->shared->tail;
				f->shared->done_slot = 1;
				assert_int_equal(ring_reader_init(&f->reader, f->reader_shared,
								  f->reader_data, BYTES, true),
						 0);
				assert_zero_outside(f);
			} else {
				release_all(f);
			}
			assert_true(f->shared->head == f->shared->tail);
		}
	}
}

static void a_monitor_stores_nothing(void **state)
{
	struct ring_fixture *f = *state;
	static uint8_t before[BYTES];
	struct ring_shared shared_before;
	struct ring_reader monitor;

	f->shared->done[1].position = half_read(f, 0);
	f->shared->done_slot = 1;
	memcpy(before, f->data, BYTES);
	memcpy(&shared_before, f->shared, sizeof(shared_before));
	assert_int_equal(ring_reader_init(&monitor, f->reader_shared, f->reader_data, BYTES, false),
			 0);
	assert_true(monitor.read == shared_before.done[1].position);
	assert_memory_equal(before, f->data, BYTES);
	assert_memory_equal(&shared_before, f->shared, sizeof(shared_before));
}

/* The ring holds one entry at its position, and the word in front of it is a lie. */
static void an_entry_that_cannot_be_is_refused(void **state)
{
	struct ring_fixture *f = *state;
	static const struct {
		uint64_t left;	  /* to the end of the ring */
		uint64_t claimed; /* to the tail */
		uint32_t state;
		uint32_t payload_bytes;
	} lies[] = {
		{BYTES, 64, ENTRY_COMMITTED, 57},		/* past the tail by one */
		{BYTES, 64, ENTRY_COMMITTED, UINT32_MAX},	/* past everything */
		{BYTES, 64, ENTRY_COMMITTED, UINT32_MAX - 7},	/* rounded up it is 2^32 */
		{BYTES, BYTES, ENTRY_COMMITTED, BYTES / 2 - 7}, /* over half */
		{BYTES, BYTES, ENTRY_COMMITTED, 4088},
		{BYTES, 64, ENTRY_COMMITTED, 0},
		{BYTES, 64, ENTRY_CLAIMED, 0},
		{BYTES, 64, ENTRY_CLAIMED, 57},
		{BYTES, 64, ENTRY_CLAIMED, 0xfffffff0},
		{BYTES, 64, ENTRY_ABORTED, 0},
		{BYTES, 64, ENTRY_ABORTED, 1000},
		{64, 128, ENTRY_COMMITTED, 57}, /* past the wrap */
		{64, 128, ENTRY_CLAIMED, 64},
		{64, 128, ENTRY_ABORTED, 64},
		{8, 128, ENTRY_COMMITTED, 1},
		{BYTES, 64, ENTRY_PADDING, 56}, /* padding in the middle */
		{64, 128, ENTRY_PADDING, 48},	/* that ends before the wrap */
		{64, 128, ENTRY_PADDING, 57},	/* that ends behind it */
		{64, 32, ENTRY_PADDING, 56},	/* behind the tail */
		{64, 128, ENTRY_PADDING, UINT32_MAX},
		{BYTES, 64, 0, 56}, /* no state */
		{BYTES, 64, UINT32_MAX, 56},
		{BYTES, 64, ENTRY_PADDING + 2, 56},
		{BYTES, 64, ENTRY_CLAIMED ^ 1U << 31, 56},
	};

	for (size_t b = 0; b < RING_BASES; b++) {
		for (size_t i = 0; i < COUNT_OF(lies); i++) {
			uint64_t position = ring_bases[b] + BYTES - lies[i].left;
			uint64_t word = entry_word(lies[i].state, lies[i].payload_bytes);

			for (int dead = 0; dead < 2; dead++) {
				struct ring_entry entry;
				uint64_t tail;

				ring_fixture_at(f, position);
				f->shared->tail += lies[i].claimed;
				memcpy(f->data + (position & (BYTES - 1)), &word, sizeof(word));
				assert_int_equal(ring_reader_tail(&f->reader, &tail), 0);
				if (ring_reader_peek(&f->reader, tail, dead, &entry) != -EBADMSG)
					fail_msg("lie %zu was believed", i);
			}
		}
	}
}

static void a_tail_that_cannot_be_is_refused(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		const uint64_t at = ring_bases[b] + 512;
		const uint64_t lies[] = {
			at - 8,
			at + BYTES + 8,
			at + 1,
			at + 4,
			at + BYTES - 1,
			0,
			UINT64_MAX,
			UINT64_MAX - 7,
			at - BYTES,
			at + (UINT64_C(1) << 63),
			at ^ UINT64_C(1) << 32,
		};
		uint64_t tail;

		for (size_t i = 0; i < COUNT_OF(lies); i++) {
			struct ring_reader reader;

			ring_fixture_at(f, at);
			f->shared->tail = lies[i];
			assert_int_equal(ring_reader_tail(&f->reader, &tail), -EBADMSG);
			assert_int_equal(ring_reader_init(&reader, f->reader_shared, f->reader_data,
							  BYTES, true),
					 -EBADMSG);
		}
		/* Behind what was read already, though not behind the head. */
		ring_fixture_at(f, at);
		push_one(f, 56, 0);
		expect_record(f, false, 56, 0);
		f->shared->tail = at + 32;
		assert_int_equal(ring_reader_tail(&f->reader, &tail), -EBADMSG);
	}
}

static void positions_that_run_backwards_past_zero_are_refused(void **state)
{
	struct ring_fixture *f = *state;
	struct ring_reader reader;

	/* As differences they would be fine: a hole there would never come to its end. */
	memset(f->shared, 0, sizeof(*f->shared));
	memset(f->data, 0, BYTES);
	f->shared->head = f->shared->done[0].position = UINT64_MAX - 7;
	f->shared->tail = 64;
	assert_int_equal(ring_reader_init(&reader, f->reader_shared, f->reader_data, BYTES, true),
			 -EBADMSG);
	f->shared->done[0].position = 8;
	assert_int_equal(ring_reader_init(&reader, f->reader_shared, f->reader_data, BYTES, true),
			 -EBADMSG);
}

static void what_is_done_and_cannot_be_is_refused(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		const uint64_t at = ring_bases[b] + 512;
		const uint64_t lies[] = {
			at - 8,
			at + 72,
			at + 1,
			at + 60,
			at + BYTES,
			at + BYTES + 8,
			0,
			UINT64_MAX,
			UINT64_MAX - 7,
			at + (UINT64_C(1) << 63),
			at ^ UINT64_C(1) << 32,
		};

		for (size_t i = 0; i < COUNT_OF(lies); i++) {
			for (int writable = 0; writable < 2; writable++) {
				struct ring_reader reader;

				ring_fixture_at(f, at);
				push_one(f, 56, 0);
				f->shared->done[1].position = lies[i];
				f->shared->done_slot = 1;
				assert_int_equal(ring_reader_init(&reader, f->reader_shared,
								  f->reader_data, BYTES, writable),
						 -EBADMSG);
				/* Nothing was zeroed for it. */
				assert_true(payload_is(f->data + (at & (BYTES - 1)) + 8, 56, 0, 0));
			}
		}
	}
}

static void a_slot_number_that_cannot_be_names_one_of_the_two(void **state)
{
	struct ring_fixture *f = *state;
	struct ring_done done;

	ring_fixture_at(f, 64);
	f->shared->done[1].position = 64;
	for (unsigned bit = 1; bit < 32; bit++) {
		f->shared->done_slot = UINT32_MAX << bit;
		assert_int_equal(
			ring_reader_init(&f->reader, f->reader_shared, f->reader_data, BYTES, true),
			0);
		ring_reader_get_done(&f->reader, &done);
		assert_true(done.position == 64);
		release_all(f);
	}
}

/* Whatever bytes and positions there are: an error or an end, each step inside the ring. */
static void garbage_is_read_to_an_end(void **state)
{
	struct ring_fixture *f = *state;
	uint64_t random = 42;
	unsigned read = 0;

	for (unsigned round = 0; round < 20000; round++) {
		struct ring_entry entry = {.kind = RING_ENTRY_NONE};
		unsigned steps = 0;
		uint64_t tail;

		random = payload_mix(random + round);
		ring_fixture_at(f, ring_bases[round % RING_BASES] + (random >> 16) % BYTES / 8 * 8);
		f->shared->tail += (random >> 32) % (BYTES / 8 + 1) * 8;
		for (uint64_t at = 0; at < BYTES; at += 8) {
			uint64_t word = entry_word(ENTRY_CLAIMED + (uint32_t)(random >> 8) % 5,
						   (uint32_t)(random >> 40) % 128);

			random = payload_mix(random + at);
			if (random >> 60 > 6)
				word = 0;
			memcpy(f->data + at, &word, sizeof(word));
		}
		assert_int_equal(ring_reader_tail(&f->reader, &tail), 0);
		while (ring_reader_peek(&f->reader, tail, true, &entry) == 0 &&
		       entry.kind != RING_ENTRY_NONE) {
			assert_true(entry.bytes > 0 && entry.bytes <= tail - f->reader.read);
			if (entry.kind == RING_ENTRY_RECORD) {
				assert_true(entry.payload >= f->reader_data);
				assert_true(entry.payload + entry.payload_bytes <=
					    f->reader_data + BYTES);
				read++;
			}
			ring_reader_next(&f->reader, &entry);
			assert_true(++steps <= BYTES / 8);
		}
	}
	assert_true(read > 0);
}

#define ON_BOTH(test)                                                                              \
	{#test " (one mapping)", test, ring_fixture_setup_one, ring_fixture_teardown, NULL},       \
	{                                                                                          \
#test " (two mappings)", test, ring_fixture_setup_two, ring_fixture_teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(a_claim_of_a_dead_producer_is_torn_by_its_length),
		ON_BOTH(a_hole_ends_at_the_next_header_wherever_it_lies),
		ON_BOTH(a_hole_across_the_wrap_keeps_what_is_behind_it),
		ON_BOTH(a_hole_up_to_the_tail_ends_there),
		cmocka_unit_test(a_large_hole_is_skipped_in_steps),
		ON_BOTH(holes_side_by_side_are_one_and_later_records_are_kept),
		ON_BOTH(a_release_cut_short_at_any_step_is_finished_by_the_next_reader),
		ON_BOTH(a_finished_release_is_taken_over_as_it_is),
		ON_BOTH(a_whole_ring_can_be_released_at_once_or_by_the_next_reader),
		ON_BOTH(a_monitor_stores_nothing),
		ON_BOTH(an_entry_that_cannot_be_is_refused),
		ON_BOTH(a_tail_that_cannot_be_is_refused),
		ON_BOTH(positions_that_run_backwards_past_zero_are_refused),
		ON_BOTH(what_is_done_and_cannot_be_is_refused),
		ON_BOTH(a_slot_number_that_cannot_be_names_one_of_the_two),
		ON_BOTH(garbage_is_read_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
