/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring in one thread: claims, reads and releases, on one mapping and on
 * two, near every wrap of its positions. Death and hostile content are in
 * test_ring_recovery.c.
 */
#include "tests/unit/ring_fixture.h"

#define BYTES	RING_FIXTURE_BYTES
#define QUARTER ((uint32_t)(BYTES / 4 - ENTRY_HEADER_BYTES))

static void every_payload_size_comes_back_from_every_offset(void **state)
{
	struct ring_fixture *f = *state;
	static uint8_t want[QUARTER];

	assert_int_equal(ring_payload_bytes_max(BYTES), QUARTER);
	ring_fixture_at(f, 0);
	for (uint32_t bytes = 1; bytes <= QUARTER; bytes++) {
		memset(want, (int)(bytes & 0x7f) | 0x80, bytes);
		for (uint64_t offset = 0; offset < BYTES; offset += ENTRY_ALIGN_BYTES) {
			uint64_t to_end = BYTES - offset;
			bool wraps = entry_bytes(bytes) > to_end;
			struct ring_claim claim;
			struct ring_entry entry;

			/* The ring is all zeros again, so only the positions have to be set. */
			f->shared->tail = f->shared->head = f->reader.head = f->reader.read =
				f->ring.cached_head = 7 * BYTES + offset;
			claim = claim_or_fail(&f->ring, bytes);
			memcpy(claim.payload, want, bytes);
			ring_commit(&claim);
			if (wraps)
				expect_kind(f, false, RING_ENTRY_SKIP, to_end);
			entry = peek_one(f, false);
			if (entry.kind != RING_ENTRY_RECORD || entry.payload_bytes != bytes ||
			    memcmp(entry.payload, want, bytes) != 0)
				fail_msg("%u bytes at %ju", bytes, (uintmax_t)offset);
			ring_reader_next(&f->reader, &entry);
			ring_reader_release(&f->reader,
					    &(struct ring_done){.position = f->reader.read});
		}
		assert_zero_outside(f);
	}
}

static void an_entry_that_does_not_fit_before_the_wrap_leaves_padding_there(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		/* The whole of what is left, one word less, one more. */
		for (uint64_t left = 8; left <= 256; left += 8) {
			uint32_t bytes = 120; /* an entry of 128 */

			ring_fixture_at(f, ring_bases[b] + BYTES - left);
			push_one(f, bytes, 1);
			if (left < 128)
				expect_kind(f, false, RING_ENTRY_SKIP, left);
			expect_record(f, false, bytes, 1);
			assert_int_equal(peek_one(f, false).kind, RING_ENTRY_NONE);
			assert_true(f->shared->tail ==
				    ring_bases[b] + BYTES + (left < 128 ? 128 : 128 - left));
			release_all(f);
		}
	}
}

static void a_ring_takes_entries_until_it_is_exactly_full(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		for (uint64_t offset = 0; offset < BYTES; offset += 128) {
			struct ring_claim claim;

			ring_fixture_at(f, ring_bases[b] + offset);
			for (uint32_t i = 0; i < BYTES / 128; i++)
				push_one(f, 120, i);
			assert_true(f->shared->tail - f->shared->head == BYTES);
			assert_false(ring_claim(&f->ring, 1, 1, &claim));
			for (uint32_t i = 0; i < BYTES / 128; i++)
				expect_record(f, false, 120, i);
			assert_int_equal(peek_one(f, false).kind, RING_ENTRY_NONE);
			/* Read is not given back. */
			assert_false(ring_claim(&f->ring, 1, 1, &claim));
			release_all(f);
			push_one(f, QUARTER, 99);
			if (offset > BYTES - entry_bytes(QUARTER))
				expect_kind(f, false, RING_ENTRY_SKIP, BYTES - offset);
			expect_record(f, false, QUARTER, 99);
			release_all(f);
		}
	}
}

static void a_claim_on_a_full_ring_changes_nothing(void **state)
{
	struct ring_fixture *f = *state;
	static uint8_t before[BYTES];
	struct ring_shared shared_before;
	struct ring_claim claim;

	/* 16 bytes are left at the end: too few also with the padding in front of it. */
	ring_fixture_at(f, (UINT64_C(1) << 32) - 16);
	push_one(f, 8, 0);
	for (uint32_t i = 0; i < 4; i++)
		push_one(f, QUARTER - (i == 3 ? 16 : 0), i);
	assert_true(f->shared->tail - f->shared->head == BYTES);
	memcpy(before, f->data, BYTES);
	memcpy(&shared_before, f->shared, sizeof(shared_before));
	for (uint32_t bytes = 1; bytes <= QUARTER; bytes++)
		assert_false(ring_claim(&f->ring, bytes, 1, &claim));
	assert_memory_equal(before, f->data, BYTES);
	assert_memory_equal(&shared_before, f->shared, sizeof(shared_before));
}

static void padding_counts_when_space_is_short(void **state)
{
	struct ring_fixture *f = *state;
	struct ring_claim claim;

	/* Free: 1,008 bytes up to the end, and 64 behind the wrap. */
	ring_fixture_at(f, 64);
	for (uint32_t i = 0; i < 3; i++)
		push_one(f, QUARTER - (i == 2 ? 48 : 0), i);
	assert_true(f->shared->tail == BYTES - 1008);
	assert_false(ring_claim(&f->ring, QUARTER, 1, &claim));
	assert_true(f->shared->tail == BYTES - 1008);
	push_one(f, 1000, 3);
	push_one(f, 56, 4);
	assert_true(f->shared->tail - f->shared->head == BYTES);
}

static void the_largest_payload_is_a_quarter_and_has_a_limit(void **state)
{
	(void)state;
	assert_int_equal(ring_payload_bytes_max(RING_BYTES_MIN), 1016);
	assert_int_equal(ring_payload_bytes_max(UINT64_C(4) << 20), (1 << 20) - 8);
	assert_true(ring_payload_bytes_max(RING_BYTES_MAX) == RING_PAYLOAD_BYTES_MAX);
	assert_true(RING_PAYLOAD_BYTES_MAX <= UINT32_MAX);
}

static void entries_committed_out_of_order_are_read_in_order(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		struct ring_claim claims[3];

		ring_fixture_at(f, ring_bases[b] + BYTES - 48);
		for (uint32_t i = 0; i < 3; i++)
			claims[i] = claim_one(f, 24, i);
		ring_commit(&claims[2]);
		assert_int_equal(peek_one(f, false).kind, RING_ENTRY_BUSY);
		ring_commit(&claims[0]);
		expect_record(f, false, 24, 0);
		expect_kind(f, false, RING_ENTRY_SKIP, 16);
		assert_int_equal(peek_one(f, false).kind, RING_ENTRY_BUSY);
		release_all(f);
		ring_commit(&claims[1]);
		expect_record(f, false, 24, 1);
		expect_record(f, false, 24, 2);
		assert_int_equal(peek_one(f, false).kind, RING_ENTRY_NONE);
		release_all(f);
	}
}

static void a_busy_entry_does_not_move_the_reader(void **state)
{
	struct ring_fixture *f = *state;
	struct ring_claim claim;

	ring_fixture_at(f, 0);
	claim = claim_one(f, 100, 0);
	push_one(f, 16, 1);
	expect_kind(f, false, RING_ENTRY_BUSY, 0);
	assert_true(f->reader.read == 0);
	/* Nor does one whose header is not stored yet. */
	ring_commit(&claim);
	expect_record(f, false, 100, 0);
	expect_record(f, false, 16, 1);
	claim_and_store_nothing(f, 64);
	expect_kind(f, false, RING_ENTRY_BUSY, 0);
}

static void an_entry_that_was_given_up_is_skipped_and_zeroed(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		struct ring_claim claim;

		ring_fixture_at(f, ring_bases[b] + BYTES - 64);
		claim = claim_one(f, 100, 0);
		push_one(f, 16, 1);
		ring_abort(&f->ring, &claim);
		expect_kind(f, false, RING_ENTRY_SKIP, 64);
		expect_kind(f, false, RING_ENTRY_SKIP, entry_bytes(100));
		expect_record(f, false, 16, 1);
		release_all(f);
	}
}

static void passing_half_is_told_once_and_again_after_the_head_has_moved(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		struct ring_claim claim;
		uint32_t i;

		ring_fixture_at(f, ring_bases[b]);
		/* 16 entries fill it; the 9th is the first beyond half. */
		for (i = 0; i < 16; i++) {
			claim = claim_or_fail(&f->ring, 248);
			assert_int_equal(claim.passes_half, i == 8);
			payload_fill(claim.payload, 248, 0, i);
			ring_commit(&claim);
		}
		assert_false(ring_claim(&f->ring, 248, 1, &claim));
		for (i = 0; i < 7; i++)
			expect_record(f, false, 248, i);
		release_all(f);
		/* 9 are left: still beyond half, and no news. */
		claim = claim_or_fail(&f->ring, 248);
		assert_false(claim.passes_half);
		ring_commit(&claim);
		/* 10 are left; give back until 8 are, which is half and not beyond it. */
		for (i = 0; i < 2; i++)
			expect_record(f, false, 248, 7 + i);
		release_all(f);
		claim = claim_or_fail(&f->ring, 248);
		assert_true(claim.passes_half);
		ring_abort(&f->ring, &claim);
		claim = claim_or_fail(&f->ring, 248);
		assert_false(claim.passes_half);
	}
}

static void passing_half_is_judged_by_the_head_and_not_by_an_old_copy_of_it(void **state)
{
	struct ring_fixture *f = *state;
	struct ring_claim claim;

	ring_fixture_at(f, 0);
	for (uint32_t i = 0; i < 8; i++)
		push_one(f, 248, i);
	for (uint32_t i = 0; i < 8; i++)
		expect_record(f, false, 248, i);
	release_all(f);
	/* By the cached head this one would be the 9th. */
	assert_true(f->ring.cached_head == 0);
	claim = claim_or_fail(&f->ring, 248);
	assert_false(claim.passes_half);
	assert_true(f->ring.cached_head == 2048);
}

static void a_head_ahead_of_an_old_tail_is_no_full_ring(void **state)
{
	struct ring_fixture *f = *state;

	/* What a thread sees that read the tail, slept, and then reads another's head. */
	for (size_t b = 0; b < RING_BASES; b++) {
		struct ring_claim claim;

		ring_fixture_at(f, ring_bases[b]);
		f->ring.cached_head = ring_bases[b] + 512;
		assert_true(ring_claim(&f->ring, 16, 1, &claim));
		assert_false(claim.passes_half);
		/* And where it has to look at the real one. */
		ring_fixture_at(f, ring_bases[b]);
		f->ring.cached_head = ring_bases[b] - BYTES;
		f->shared->head = ring_bases[b] + 512;
		assert_true(ring_claim(&f->ring, 16, 1, &claim));
		assert_false(claim.passes_half);
	}
}

static void a_new_reader_goes_on_where_the_last_one_was_done(void **state)
{
	struct ring_fixture *f = *state;

	for (size_t b = 0; b < RING_BASES; b++) {
		struct ring_done done = {.totals = {11, 12, 13, 14}}, got;

		ring_fixture_at(f, ring_bases[b] + BYTES - 128);
		for (uint32_t i = 0; i < 8; i++)
			push_one(f, 24, i);
		for (uint32_t i = 0; i < 5; i++) {
			expect_record(f, false, 24, i);
			if (i == 2)
				done.position = f->reader.read;
		}
		ring_reader_release(&f->reader, &done);
		assert_int_equal(
			ring_reader_init(&f->reader, f->reader_shared, f->reader_data, BYTES, true),
			0);
		ring_reader_get_done(&f->reader, &got);
		assert_memory_equal(&got, &done, sizeof(got));
		/* What was read and not done is read again. */
		for (uint32_t i = 3; i < 8; i++)
			expect_record(f, false, 24, i);
		release_all(f);
	}
}

/* Not a claim's business, but the host must survive what others write into the tail. */
static void a_misaligned_tail_does_not_lead_a_producer_out_of_the_ring(void **state)
{
	struct ring_fixture *f = *state;

	for (uint64_t offset = 0; offset < BYTES; offset++) {
		struct ring_claim claim;

		ring_fixture_at(f, offset & ~UINT64_C(7));
		f->shared->tail = offset;
		if (!ring_claim(&f->ring, 24, 1, &claim))
			continue;
		assert_true((uint8_t *)claim.word >= f->data);
		assert_true(claim.payload + 24 <= f->data + BYTES);
		assert_int_equal((uintptr_t)claim.word % ENTRY_ALIGN_BYTES, 0);
		payload_fill(claim.payload, 24, 0, 0);
		ring_commit(&claim);
	}
}

/* A thread that woke the writer may be held up until that has fallen asleep once more. */
static void a_push_takes_no_later_sleep_of_the_writer_away(void **state)
{
	struct ring_fixture *f = *state;
	struct ring_claim claim;

	ring_fixture_at(f, 0);
	assert_int_equal(ring_deep_sleep(&f->ring), 0);
	f->shared->deep_sleep = 7;
	claim = claim_or_fail(&f->ring, 24);
	ring_commit(&claim);
	assert_int_equal(ring_deep_sleep(&f->ring), 7);
	f->shared->deep_sleep = 8;
	ring_woke_writer(&f->ring, 7);
	assert_int_equal(ring_deep_sleep(&f->ring), 8);
	ring_woke_writer(&f->ring, 8);
	assert_int_equal(ring_deep_sleep(&f->ring), 0);
}

#define ON_BOTH(test)                                                                              \
	{#test " (one mapping)", test, ring_fixture_setup_one, ring_fixture_teardown, NULL},       \
	{                                                                                          \
#test " (two mappings)", test, ring_fixture_setup_two, ring_fixture_teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(every_payload_size_comes_back_from_every_offset),
		ON_BOTH(an_entry_that_does_not_fit_before_the_wrap_leaves_padding_there),
		ON_BOTH(a_ring_takes_entries_until_it_is_exactly_full),
		ON_BOTH(a_claim_on_a_full_ring_changes_nothing),
		ON_BOTH(padding_counts_when_space_is_short),
		cmocka_unit_test(the_largest_payload_is_a_quarter_and_has_a_limit),
		ON_BOTH(entries_committed_out_of_order_are_read_in_order),
		ON_BOTH(a_busy_entry_does_not_move_the_reader),
		ON_BOTH(an_entry_that_was_given_up_is_skipped_and_zeroed),
		ON_BOTH(passing_half_is_told_once_and_again_after_the_head_has_moved),
		ON_BOTH(passing_half_is_judged_by_the_head_and_not_by_an_old_copy_of_it),
		ON_BOTH(a_head_ahead_of_an_old_tail_is_no_full_ring),
		ON_BOTH(a_new_reader_goes_on_where_the_last_one_was_done),
		ON_BOTH(a_push_takes_no_later_sleep_of_the_writer_away),
		ON_BOTH(a_misaligned_tail_does_not_lead_a_producer_out_of_the_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
