/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in any order, and what the cursor says then. */
#include "cli/send/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EPOCH	9u
#define BATCHES 6u
#define ITEMS	10u

static const struct cursor_signal nothing;
static const struct cursor_position end = {1, EPOCH, BATCHES, 0};

/* A request of one whole batch. */
static struct parcel *make(uint64_t sequence, uint64_t epoch)
{
	struct parcel *parcel = calloc(1, sizeof(*parcel));

	assert_non_null(parcel);
	parcel->request.items = ITEMS;
	parcel->from = (struct cursor_position){1, epoch, sequence, 0};
	parcel->to = (struct cursor_position){1, epoch, sequence + 1, 0};
	parcel->closed_unix_ns = 100 + sequence;
	parcel->pieces = calloc(2, sizeof(*parcel->pieces));
	assert_non_null(parcel->pieces);
	parcel->pieces[0] = (struct lane_piece){1, sequence, 0, 4};
	parcel->pieces[1] = (struct lane_piece){1, sequence, 4, ITEMS - 4};
	parcel->piece_count = 2;
	return parcel;
}

static void fill(struct lane *lane, struct parcel *ret[BATCHES])
{
	*lane = (struct lane){.resume = &nothing};
	for (unsigned i = 0; i < BATCHES; i++) {
		ret[i] = make(i, EPOCH);
		lane_append(lane, ret[i]);
	}
}

/* By the cursor: is the record acknowledged? */
static bool is_done(const struct cursor_signal *cursor, uint64_t sequence, uint64_t item)
{
	if (sequence < cursor->next.sequence ||
	    (sequence == cursor->next.sequence && item < cursor->next.item))
		return true;
	for (size_t i = 0; i < cursor->done_count; i++)
		if (cursor_range_has(&cursor->done[i], EPOCH, sequence, item))
			return true;
	return false;
}

static bool may_be_there(const struct cursor_signal *cursor, uint64_t sequence)
{
	return sequence < cursor->begun.sequence;
}

/* Each order of answers of six requests: after each answer the cursor has exactly those. */
static void in_each_order_the_cursor_has_what_was_answered(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 720; order++) {
		struct parcel *parcels[BATCHES], *left[BATCHES];
		bool done[BATCHES] = {false};
		unsigned rest = order;
		struct lane lane;

		fill(&lane, parcels);
		memcpy(left, parcels, sizeof(left));
		for (unsigned i = 0; i < BATCHES; i++)
			lane_begin(&lane, parcels[i]);
		for (unsigned n = BATCHES; n > 0; n--) {
			const unsigned pick = rest % n;
			struct parcel *parcel = left[pick];
			struct cursor_signal cursor;

			rest /= n;
			left[pick] = left[n - 1];
			done[parcel->from.sequence] = true;
			lane_done(&lane, parcel);
			assert_int_equal(lane_look(&lane, &end, &cursor), 0);
			for (unsigned i = 0; i < BATCHES; i++) {
				assert_int_equal(is_done(&cursor, i, 0), done[i]);
				assert_int_equal(is_done(&cursor, i, ITEMS - 1), done[i]);
				assert_true(done[i] || may_be_there(&cursor, i));
			}
			assert_int_equal(lane.open_count, n - 1);
			/* Runs of those that are done are one range. */
			assert_true(cursor.done_count <= BATCHES / 2);
			free(cursor.done);
		}
		assert_null(lane.first);
		lane_free(&lane);
	}
}

static void what_was_not_begun_is_not_said_to_be_there(void **state)
{
	struct parcel *parcels[BATCHES];
	struct cursor_signal cursor;
	struct lane lane;

	(void)state;
	fill(&lane, parcels);
	lane_begin(&lane, parcels[0]);
	lane_begin(&lane, parcels[2]);
	assert_ptr_equal(lane_ready(&lane), parcels[1]);
	assert_int_equal(lane_look(&lane, &end, &cursor), 0);
	assert_int_equal(cursor.next.sequence, 0);
	assert_int_equal(cursor.begun.sequence, 3);
	free(cursor.done);
	/* Told that it was not taken, it is as if it had never been begun; without an answer not.
	 */
	lane_again(&lane, parcels[2]);
	assert_int_equal(lane_look(&lane, &end, &cursor), 0);
	assert_int_equal(cursor.begun.sequence, 1);
	free(cursor.done);
	parcels[2]->may_be_there = true;
	assert_int_equal(lane_look(&lane, &end, &cursor), 0);
	assert_int_equal(cursor.begun.sequence, 3);
	free(cursor.done);
	lane_free(&lane);
}

static void halves_have_the_places_of_their_records(void **state)
{
	struct parcel *parcels[BATCHES], *halves[2];
	struct cursor_signal cursor;
	struct lane lane;

	(void)state;
	fill(&lane, parcels);
	for (unsigned first = 1; first < ITEMS; first++) {
		uint8_t *bodies[2] = {malloc(1), malloc(1)};

		lane_begin(&lane, lane.first);
		assert_int_equal(
			lane_split(&lane, lane.first, first, bodies, (size_t[]){1, 1}, halves), 0);
		assert_int_equal(lane.begun_count, 0);
		assert_ptr_equal(lane.first, halves[0]);
		assert_int_equal(halves[0]->request.items + halves[1]->request.items, ITEMS);
		lane_begin(&lane, halves[1]);
		lane_done(&lane, halves[1]);
		assert_int_equal(lane_look(&lane, &end, &cursor), 0);
		for (unsigned i = 0; i < ITEMS; i++)
			assert_int_equal(is_done(&cursor, cursor.next.sequence, i), i >= first);
		free(cursor.done);
		lane_done(&lane, lane.first);
		if (lane.first == NULL)
			break;
	}
	lane_free(&lane);
}

static void what_an_earlier_run_has_done_is_kept_until_it_lies_behind(void **state)
{
	struct cursor_range range = {EPOCH, 3, 0, 4, 0};
	const struct cursor_signal resume = {.is_sent = true,
					     .next = {1, EPOCH, 0, 0},
					     .begun = {1, EPOCH, 5, 0},
					     .done = &range,
					     .done_count = 1};
	struct parcel *parcels[BATCHES];
	struct cursor_signal cursor;
	struct lane lane;

	(void)state;
	fill(&lane, parcels);
	lane.resume = &resume;
	for (unsigned i = 0; i < BATCHES; i++) {
		assert_int_equal(lane_look(&lane, &end, &cursor), 0);
		assert_true(is_done(&cursor, 3, 1));
		assert_int_equal(cursor.begun.sequence, i < 5 ? 5 : i);
		free(cursor.done);
		lane_begin(&lane, parcels[i]);
		lane_done(&lane, parcels[i]);
	}
	lane_free(&lane);
}

/* Another run of the writer is another epoch, whose batches count from 0 again. */
static void a_range_is_of_one_epoch(void **state)
{
	struct lane lane = {.resume = &nothing};
	struct parcel *parcels[3] = {make(4, EPOCH), make(0, EPOCH + 1), make(1, EPOCH + 1)};
	struct cursor_signal cursor;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		lane_append(&lane, parcels[i]);
		lane_begin(&lane, parcels[i]);
	}
	lane_done(&lane, parcels[2]);
	lane_done(&lane, parcels[1]);
	assert_int_equal(lane_look(&lane, &end, &cursor), 0);
	assert_int_equal(cursor.next.epoch, EPOCH);
	assert_int_equal(cursor.done_count, 1);
	assert_int_equal(cursor.done[0].epoch, EPOCH + 1);
	assert_false(is_done(&cursor, 4, 0));
	free(cursor.done);
	lane_free(&lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_each_order_the_cursor_has_what_was_answered),
		cmocka_unit_test(what_was_not_begun_is_not_said_to_be_there),
		cmocka_unit_test(halves_have_the_places_of_their_records),
		cmocka_unit_test(what_an_earlier_run_has_done_is_kept_until_it_lies_behind),
		cmocka_unit_test(a_range_is_of_one_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
