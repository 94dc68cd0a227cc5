/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that push into one small ring while another reads it: nothing lost,
 * nothing twice, nothing torn, each thread's own order kept. Run under
 * ThreadSanitizer as well.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/unit/ring_fixture.h"

#define BYTES	      UINT64_C(4096)
#define PRODUCERS_MAX 4
#define PUSHES	      20000 /* of each producer */

struct producer {
	pthread_t thread;
	struct ring *ring;
	uint32_t number;
	bool retries; /* until it is taken; else a full ring drops */
	bool aborts;  /* now and then */
	uint32_t accepted, aborted, full;
	uint32_t passes_half;
};

static struct ring_fixture fixture;
static uint32_t running, found_full;

static int setup(void **state)
{
	ring_fixture_map(&fixture, BYTES, false);
	ring_fixture_at(&fixture, (UINT64_C(1) << 32) - 1024);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	ring_fixture_unmap(*state);
	return 0;
}

static void *produce(void *argument)
{
	struct producer *producer = argument;
	uint64_t random = producer->number + 1;

	for (uint32_t i = 0; i < PUSHES; i++) {
		uint32_t bytes = sizeof(struct test_payload);
		struct ring_claim claim;

		random = payload_mix(random + i);
		/* Mostly small ones; at times as large as it gets. */
		bytes += (uint32_t)(random % 64 == 0 ? (random >> 8) % 1000 : (random >> 8) % 100);
		while (!ring_claim(producer->ring, bytes, 1, &claim)) {
			producer->full++;
			atomic_store_relaxed_u32(&found_full, 1);
			sched_yield();
			if (!producer->retries)
				goto next;
		}
		producer->passes_half += claim.passes_half;
		payload_fill(claim.payload, bytes, producer->number, producer->accepted);
		if (producer->aborts && random >> 60 == 0) {
			ring_abort(producer->ring, &claim);
			producer->aborted++;
		} else {
			ring_commit(&claim);
			producer->accepted++;
		}
	next:;
	}
	atomic_sub_acq_rel_u32(&running, 1);
	return NULL;
}

/* Read what there is; false: nothing was. */
static bool consume(struct ring_fixture *f, uint32_t next[PRODUCERS_MAX], uint32_t *skipped)
{
	struct ring_entry entry;
	bool any = false;
	uint64_t tail;

	assert_int_equal(ring_reader_tail(&f->reader, &tail), 0);
	for (;;) {
		struct test_payload head;

		assert_int_equal(ring_reader_peek(&f->reader, tail, false, &entry), 0);
		if (entry.kind != RING_ENTRY_RECORD && entry.kind != RING_ENTRY_SKIP)
			return any;
		any = true;
		if (entry.kind == RING_ENTRY_RECORD) {
			memcpy(&head, entry.payload, sizeof(head));
			assert_true(head.producer < PRODUCERS_MAX);
			assert_int_equal(head.sequence, next[head.producer]);
			assert_true(payload_is(entry.payload, entry.payload_bytes, head.producer,
					       head.sequence));
			next[head.producer]++;
		} else {
			*skipped += 1;
		}
		ring_reader_next(&f->reader, &entry);
	}
}

static void run(struct ring_fixture *f, uint32_t count, bool retries, bool aborts)
{
	struct producer producers[PRODUCERS_MAX] = {0};
	uint32_t next[PRODUCERS_MAX] = {0};
	uint32_t skipped = 0, aborted = 0, accepted = 0, full = 0;
	struct ring_done done = {0};
	uint64_t random = 1;
	bool last = false;

	running = count;
	found_full = 0;
	for (uint32_t i = 0; i < count; i++) {
		producers[i] = (struct producer){
			.ring = &f->ring, .number = i, .retries = retries, .aborts = aborts};
		assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]),
				 0);
	}
	/* Only then, or a reader that keeps up would leave the full ring untried. */
	while (atomic_load_relaxed_u32(&found_full) == 0)
		sched_yield();
	while (!last) {
		/* Looked at before the tail: then nothing comes behind it. */
		last = atomic_load_acquire_u32(&running) == 0;
		if (!consume(f, next, &skipped))
			sched_yield();
		random = payload_mix(random);
		if (last || random % 4 != 0) {
			done.position = f->reader.read;
			done.totals.written_items++;
			ring_reader_release(&f->reader, &done);
		}
		/* Another writer takes over, and reads again what was not done. */
		if (random % 1024 == 0) {
			ring_reader_release(&f->reader, &(struct ring_done){f->reader.read, {0}});
			assert_int_equal(ring_reader_init(&f->reader, f->reader_shared,
							  f->reader_data, BYTES, true),
					 0);
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
		assert_int_equal(next[i], producers[i].accepted);
		if (retries)
			assert_int_equal(producers[i].accepted + producers[i].aborted, PUSHES);
		else
			assert_int_equal(producers[i].accepted + producers[i].aborted +
						 producers[i].full,
					 PUSHES);
		accepted += producers[i].accepted;
		aborted += producers[i].aborted;
		full += producers[i].full;
	}
	/* Some of what was skipped is padding; the ring is full now and then. */
	assert_true(skipped > aborted);
	assert_true(full > 0);
	assert_true(!aborts || aborted > 0);
	assert_true(f->shared->head == f->shared->tail);
	assert_true(f->shared->accepted_items == accepted);
	assert_zero_outside(f);
}

static void one_producer_loses_nothing(void **state)
{
	run(*state, 1, true, false);
}

static void two_producers_lose_nothing_and_keep_their_orders(void **state)
{
	run(*state, 2, true, false);
}

static void four_producers_lose_nothing_and_keep_their_orders(void **state)
{
	run(*state, 4, true, false);
}

static void four_producers_that_give_up_some_claims_lose_no_others(void **state)
{
	run(*state, 4, true, true);
}

static void a_full_ring_drops_the_newest_and_the_rest_is_exact(void **state)
{
	run(*state, 4, false, true);
}

static void *fill(void *argument)
{
	struct producer *producer = argument;
	struct ring_claim claim;

	while (ring_claim(producer->ring, 24, 1, &claim)) {
		producer->passes_half += claim.passes_half;
		producer->accepted++;
		payload_fill(claim.payload, 24, producer->number, producer->accepted);
		ring_commit(&claim);
	}
	return NULL;
}

static void of_all_threads_one_claim_passes_half(void **state)
{
	struct ring_fixture *f = *state;

	for (uint64_t round = 0; round < 500; round++) {
		struct producer producers[PRODUCERS_MAX] = {0};
		uint32_t accepted = 0, passes_half = 0;

		ring_fixture_at(f, round * 8);
		for (uint32_t i = 0; i < PRODUCERS_MAX; i++) {
			producers[i].ring = &f->ring;
			producers[i].number = i;
			assert_int_equal(
				pthread_create(&producers[i].thread, NULL, fill, &producers[i]), 0);
		}
		for (uint32_t i = 0; i < PRODUCERS_MAX; i++) {
			assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
			accepted += producers[i].accepted;
			passes_half += producers[i].passes_half;
		}
		assert_true(accepted >= BYTES / 32 - 1);
		assert_int_equal(passes_half, 1);
	}
}

/*
 * One step of one thread, seen by another, and between them no order but the one in question:
 * ThreadSanitizer finds out without any luck whether it is there.
 */
struct step {
	pthread_t thread;
	struct ring_fixture *f;
	uint64_t position;
	uint32_t go;
};

static void *claim_behind_padding(void *argument)
{
	struct step *step = argument;
	struct ring_claim claim;

	if (!ring_claim(&step->f->ring, 100, 1, &claim))
		return NULL;
	while (atomic_load_relaxed_u32(&step->go) == 0)
		sched_yield();
	payload_fill(claim.payload, 100, 0, 1);
	ring_commit(&claim);
	return NULL;
}

static void padding_may_be_given_back_before_the_record_behind_it(void **state)
{
	struct ring_fixture *f = *state;
	struct step step = {.f = f};

	ring_fixture_at(f, BYTES - 40);
	assert_int_equal(pthread_create(&step.thread, NULL, claim_behind_padding, &step), 0);
	while (peek_one(f, false).kind != RING_ENTRY_SKIP)
		sched_yield();
	expect_kind(f, false, RING_ENTRY_SKIP, 40);
	ring_reader_release(&f->reader, &(struct ring_done){f->reader.read, {0}});
	atomic_store_relaxed_u32(&step.go, 1);
	assert_int_equal(pthread_join(step.thread, NULL), 0);
	expect_record(f, false, 100, 1);
	release_all(f);
}

static void *release_one(void *argument)
{
	struct step *step = argument;
	struct ring_done done = {.position = step->position, .totals = {.written_items = 7}};

	ring_reader_release(&step->f->reader, &done);
	return NULL;
}

static void what_is_done_is_seen_whole(void **state)
{
	struct ring_fixture *f = *state;
	struct step step = {.f = f};
	struct ring_reader monitor;
	struct ring_done done;

	push_one(f, 16, 0);
	expect_record(f, false, 16, 0);
	step.position = f->reader.read;
	monitor = f->reader;
	assert_int_equal(pthread_create(&step.thread, NULL, release_one, &step), 0);
	do {
		ring_reader_get_done(&monitor, &done);
	} while (done.position != step.position);
	assert_int_equal(done.totals.written_items, 7);
	assert_int_equal(pthread_join(step.thread, NULL), 0);
}

#define HALF_ROUNDS 100000
#define STEP_BYTES  256

/* One claim a round, beside a release that makes it the one that passes half. */
struct half {
	struct ring *ring;
	uint32_t begun, ended;
	bool told;
};

/* Not at once by a yield: the two sides are to meet. */
static void wait_for_round(const uint32_t *word, uint32_t round)
{
	for (uint32_t looks = 1; atomic_load_acquire_u32(word) < round; looks++)
		if (looks % 1024 == 0)
			sched_yield();
}

static void *claim_each_round(void *argument)
{
	struct half *half = argument;

	for (uint32_t round = 1; round <= HALF_ROUNDS; round++) {
		struct ring_claim claim;

		wait_for_round(&half->begun, round);
		for (volatile uint64_t spin = payload_mix(round) % 256; spin > 0; spin--)
			;
		if (!ring_claim(half->ring, STEP_BYTES - ENTRY_HEADER_BYTES, 1, &claim))
			abort();
		half->told = claim.passes_half;
		ring_commit(&claim);
		atomic_store_release_u32(&half->ended, round);
	}
	return NULL;
}

/*
 * A writer that moves the head and then looks at the tail sees a claim beyond half, or the claim
 * knows that it has to wake it: else nobody would drain a ring that fills.
 */
static void a_claim_that_passes_half_beside_a_release_is_told_or_seen(void **state)
{
	struct ring_fixture *f = *state;
	struct half half = {.ring = &f->ring};
	uint32_t told = 0, seen = 0, lost = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, claim_each_round, &half), 0);
	for (uint32_t round = 1; round <= HALF_ROUNDS; round++) {
		struct ring_entry entry;
		uint64_t tail;

		ring_fixture_at(f, 0);
		for (uint32_t i = 0; i < BYTES / 2 / STEP_BYTES + 1; i++) {
			struct ring_claim claim =
				claim_or_fail(&f->ring, STEP_BYTES - ENTRY_HEADER_BYTES);

			ring_commit(&claim);
		}
		assert_int_equal(ring_reader_tail(&f->reader, &tail), 0);
		assert_int_equal(ring_reader_peek(&f->reader, tail, false, &entry), 0);
		ring_reader_next(&f->reader, &entry);
		atomic_store_release_u32(&half.begun, round);
		/* The other takes a while to see it, and so do we. */
		for (volatile uint64_t spin = payload_mix(round + 1) % 256; spin > 0; spin--)
			;
		ring_reader_release(&f->reader, &(struct ring_done){.position = f->reader.read});
		/* The barrier of control_announce_sleep(), for one of the two sides here. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		assert_int_equal(ring_reader_tail(&f->reader, &tail), 0);
		wait_for_round(&half.ended, round);
		told += half.told;
		seen += tail - f->reader.head > BYTES / 2;
		lost += !half.told && tail - f->reader.head <= BYTES / 2;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(lost, 0);
	assert_true(told + seen >= HALF_ROUNDS);
}

#define ON_A_RING(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_RING(one_producer_loses_nothing),
		ON_A_RING(two_producers_lose_nothing_and_keep_their_orders),
		ON_A_RING(four_producers_lose_nothing_and_keep_their_orders),
		ON_A_RING(four_producers_that_give_up_some_claims_lose_no_others),
		ON_A_RING(a_full_ring_drops_the_newest_and_the_rest_is_exact),
		ON_A_RING(of_all_threads_one_claim_passes_half),
		ON_A_RING(padding_may_be_given_back_before_the_record_behind_it),
		ON_A_RING(what_is_done_is_seen_whole),
		ON_A_RING(a_claim_that_passes_half_beside_a_release_is_told_or_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
