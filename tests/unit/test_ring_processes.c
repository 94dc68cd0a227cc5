/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring between real processes that die: producers killed at random points
 * while the writer drains their region, and, instruction by instruction, what a
 * death would leave of a push, of a release and of the repair of a release.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/ptrace.h>

#include "tests/unit/ring_fixture.h"
#include "tests/unit/shm_fixture.h"

#define KILLS	   300
#define THREADS	   2
#define RING_BYTES (UINT64_C(16) << 10)

/* What a producer's threads have committed for certain; it may be one more each. */
struct reports {
	uint32_t ready;
	uint32_t committed[RINGS][THREADS];
};

struct pusher {
	struct region *region;
	struct reports *reports;
	uint32_t number;
};

static void *push_for_ever(void *argument)
{
	const struct pusher *pusher = argument;
	uint32_t sequence[RINGS] = {0};
	uint64_t random = pusher->number + 1;

	for (;;) {
		uint32_t signal = (uint32_t)(random >> 20) % RINGS, bytes;
		struct ring_claim claim;

		random = payload_mix(random + sequence[0]);
		bytes = sizeof(struct test_payload) + (uint32_t)(random >> 8) % 1000;
		if (!ring_claim(&pusher->region->rings[signal], bytes, 1, &claim)) {
			sched_yield();
			continue;
		}
		payload_fill(claim.payload, bytes, pusher->number, sequence[signal]);
		/* Stay here for a while at times, so that some are killed here. */
		if (random >> 61 == 0)
			sched_yield();
		ring_commit(&claim);
		atomic_store_release_u32(&pusher->reports->committed[signal][pusher->number],
					 ++sequence[signal]);
	}
	return NULL;
}

static void be_a_producer(const struct runtime_dir *dir, struct reports *reports)
{
	static struct region region;
	const struct region_options options = {.ring_bytes = {RING_BYTES, RING_BYTES}};
	struct pusher pushers[THREADS];
	pthread_t thread;

	if (region_create(&region, dir, &options) < 0)
		_exit(1);
	for (uint32_t i = 0; i < THREADS; i++)
		pushers[i] = (struct pusher){&region, reports, i};
	atomic_store_release_u32(&reports->ready, 1);
	for (uint32_t i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, push_for_ever, &pushers[i]) != 0)
			_exit(2);
	push_for_ever(&pushers[0]);
	_exit(3);
}

struct drain {
	struct ring_reader reader;
	uint32_t next[THREADS];
	uint64_t torn_bytes;
};

/* Read up to the tail, or to a busy entry, and give it back. */
static void drain_ring(struct drain *drain, bool dead)
{
	struct ring_entry entry;
	uint64_t tail;

	assert_int_equal(ring_reader_tail(&drain->reader, &tail), 0);
	do {
		struct test_payload head;

		assert_int_equal(ring_reader_peek(&drain->reader, tail, dead, &entry), 0);
		if (entry.kind == RING_ENTRY_RECORD) {
			memcpy(&head, entry.payload, sizeof(head));
			assert_true(head.producer < THREADS);
			assert_int_equal(head.sequence, drain->next[head.producer]++);
			assert_true(payload_is(entry.payload, entry.payload_bytes, head.producer,
					       head.sequence));
		} else if (entry.kind == RING_ENTRY_TORN) {
			drain->torn_bytes += entry.bytes;
		}
		ring_reader_next(&drain->reader, &entry);
	} while (entry.bytes != 0);
	assert_true(drain->reader.read <= tail);
	assert_true(!dead || drain->reader.read == tail);
	ring_reader_release(&drain->reader, &(struct ring_done){.position = drain->reader.read});
}

static uint64_t kill_one_producer(const struct runtime_dir *dir, struct reports *reports,
				  uint32_t pushes)
{
	struct drain drains[RINGS];
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	uint64_t torn_bytes = 0;
	uint32_t seen = 0;
	pid_t pid;

	memset(reports, 0, sizeof(*reports));
	memset(drains, 0, sizeof(drains));
	pid = fork_child();
	if (pid == 0)
		be_a_producer(dir, reports);
	assert_true(wait_for_word(&reports->ready, 1));
	find_region(name);
	assert_int_equal(region_attach(&view, dir, name, true), 0);
	assert_int_equal(view.pid, pid);
	assert_int_equal(region_is_alive(&view), 1);
	for (unsigned i = 0; i < RINGS; i++)
		assert_int_equal(ring_reader_init(&drains[i].reader, view.rings[i].shared,
						  view.rings[i].data, view.rings[i].bytes, true),
				 0);
	while (seen < pushes) {
		seen = 0;
		for (unsigned i = 0; i < RINGS; i++) {
			drain_ring(&drains[i], false);
			for (unsigned t = 0; t < THREADS; t++)
				seen += atomic_load_acquire_u32(&reports->committed[i][t]);
		}
		sched_yield();
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(wait_for_death(&view));
	for (unsigned i = 0; i < RINGS; i++) {
		drain_ring(&drains[i], true);
		for (unsigned t = 0; t < THREADS; t++) {
			uint32_t committed = atomic_load_acquire_u32(&reports->committed[i][t]);

			assert_in_range(drains[i].next[t], committed, committed + 1);
		}
		/* At most one claim of each thread, each with padding in front of it. */
		assert_true(drains[i].torn_bytes <= THREADS * 2 * entry_bytes(1016));
		assert_true(ring_is_zero_outside(view.rings[i].data, view.rings[i].bytes,
						 view.rings[i].shared->head,
						 view.rings[i].shared->head));
		torn_bytes += drains[i].torn_bytes;
	}
	assert_int_equal(WTERMSIG(wait_child(pid)), SIGKILL);
	assert_false(region_is_closed(&view));
	region_detach(&view);
	assert_int_equal(unlinkat(dir->fd, name, 0), 0);
	return torn_bytes;
}

static void a_killed_producer_loses_nothing_it_committed(void **state)
{
	struct reports *reports = share(sizeof(*reports));
	unsigned descriptors = count_descriptors();
	const unsigned kills = under_valgrind() ? KILLS / 10 : KILLS;
	unsigned torn = 0;
	uint64_t random = 7;

	for (unsigned i = 0; i < kills; i++) {
		random = payload_mix(random);
		torn += kill_one_producer(*state, reports, (uint32_t)(random >> 8) % 500) > 0;
	}
	assert_true(torn > 0);
	assert_int_equal(count_descriptors(), descriptors);
}

/* A ring in memory that a child shares, and what a step of it would leave. */
#define STEP_BYTES RING_BYTES_MIN

struct step_ring {
	struct ring_shared shared;
	_Alignas(LAYOUT_PAGE_BYTES) uint8_t data[STEP_BYTES];
};

struct stepped {
	void (*act)(struct step_ring *ring);
	/* Checks a copy of the ring, taken between two instructions. */
	void (*check)(struct step_ring *copy, unsigned *states);
};

static void step_ring_prepare(struct step_ring *ring)
{
	static struct ring producer;

	memset(ring, 0, sizeof(*ring));
	ring->shared.tail = ring->shared.head = ring->shared.done[0].position =
		STEP_BYTES * 9 - 160;
	ring_init(&producer, &ring->shared, ring->data, STEP_BYTES);
	for (uint32_t i = 0; i < 4; i++) {
		struct ring_claim claim = claim_or_fail(&producer, 24);

		payload_fill(claim.payload, 24, 0, i);
		ring_commit(&claim);
	}
}

/* The first wraps with padding, the second follows it. */
static void act_push(struct step_ring *ring)
{
	struct ring producer;

	ring_init(&producer, &ring->shared, ring->data, STEP_BYTES);
	for (uint32_t i = 4; i < 6; i++) {
		struct ring_claim claim;

		if (!ring_claim(&producer, 40, 1, &claim))
			_exit(1);
		payload_fill(claim.payload, 40, 0, i);
		ring_commit(&claim);
	}
}

static void act_give_up(struct step_ring *ring)
{
	struct ring_claim claim;
	struct ring producer;

	ring_init(&producer, &ring->shared, ring->data, STEP_BYTES);
	if (!ring_claim(&producer, 40, 3, &claim))
		_exit(1);
	payload_fill(claim.payload, 40, 0, 4);
	ring_abort(&producer, &claim);
}

static void act_release(struct step_ring *ring)
{
	struct ring_reader reader;
	struct ring_entry entry;
	uint64_t tail;

	if (ring_reader_init(&reader, &ring->shared, ring->data, STEP_BYTES, true) < 0 ||
	    ring_reader_tail(&reader, &tail) < 0)
		_exit(1);
	for (unsigned i = 0; i < 5; i++) {
		if (ring_reader_peek(&reader, tail, false, &entry) < 0)
			_exit(2);
		ring_reader_next(&reader, &entry);
	}
	ring_reader_release(&reader, &(struct ring_done){reader.read, {4, 0, 0, 0}});
}

static void act_init(struct step_ring *ring)
{
	struct ring_reader reader;

	/* As left by a release that was killed before its first zero. */
	ring->shared.done[1] = (struct ring_done){ring->shared.head + 160, {4, 0, 0, 0}};
	atomic_store_release_u32(&ring->shared.done_slot, 1);
	if (ring_reader_init(&reader, &ring->shared, ring->data, STEP_BYTES, true) < 0)
		_exit(1);
}

/* Everything up to the tail as the next writer reads it: the sequences in order, from first on. */
static uint32_t read_on(struct ring_reader *reader, uint32_t first)
{
	struct ring_entry entry;
	uint64_t tail;

	assert_int_equal(ring_reader_tail(reader, &tail), 0);
	for (;;) {
		assert_int_equal(ring_reader_peek(reader, tail, true, &entry), 0);
		if (entry.kind == RING_ENTRY_NONE)
			break;
		if (entry.kind == RING_ENTRY_RECORD) {
			assert_true(payload_is(entry.payload, entry.payload_bytes, 0, first));
			first++;
		}
		ring_reader_next(reader, &entry);
	}
	assert_true(reader->read == tail);
	ring_reader_release(reader, &(struct ring_done){.position = tail});
	assert_true(ring_is_zero_outside(reader->data, STEP_BYTES, tail, tail));
	return first;
}

static void check_push(struct step_ring *copy, unsigned *states)
{
	struct ring_reader reader;
	uint32_t count;

	assert_int_equal(ring_reader_init(&reader, &copy->shared, copy->data, STEP_BYTES, true), 0);
	/* What is claimed is counted, at each instruction. */
	assert_int_equal(copy->shared.accepted_items,
			 4 + (copy->shared.tail > STEP_BYTES * 9) +
				 (copy->shared.tail > STEP_BYTES * 9 + entry_bytes(40)));
	count = read_on(&reader, 0);
	assert_in_range(count, 4, 6);
	*states |= 1U << count;
}

/* What was given up does not count, at no instruction. */
static void check_give_up(struct step_ring *copy, unsigned *states)
{
	const uint64_t accepted = copy->shared.accepted_items;
	enum ring_entry_kind kind = RING_ENTRY_NONE;
	struct ring_reader reader;
	struct ring_entry entry;
	uint64_t tail;

	assert_int_equal(ring_reader_init(&reader, &copy->shared, copy->data, STEP_BYTES, true), 0);
	assert_int_equal(ring_reader_tail(&reader, &tail), 0);
	while (reader.read != tail) {
		assert_int_equal(ring_reader_peek(&reader, tail, true, &entry), 0);
		kind = entry.kind;
		ring_reader_next(&reader, &entry);
	}
	assert_true(accepted == 4 || (accepted == 4 + 3 && kind == RING_ENTRY_TORN));
	*states |= 1U << (accepted == 4 ? kind : RING_ENTRY_TORN + 1);
}

static void check_release(struct step_ring *copy, unsigned *states)
{
	const uint64_t start = STEP_BYTES * 9 - 160;
	struct ring_reader reader;
	struct ring_done done;

	assert_int_equal(ring_reader_init(&reader, &copy->shared, copy->data, STEP_BYTES, true), 0);
	ring_reader_get_done(&reader, &done);
	assert_true(done.position == reader.read);
	assert_true(ring_is_zero_outside(copy->data, STEP_BYTES, reader.read, copy->shared.tail));
	/* All or nothing, and the totals with it. */
	if (reader.read == start) {
		assert_int_equal(done.totals.written_items, 0);
		assert_int_equal(read_on(&reader, 0), 6);
		*states |= 1U << 4;
	} else {
		assert_true(reader.read == start + 160);
		assert_int_equal(done.totals.written_items, 4);
		assert_int_equal(read_on(&reader, 4), 6);
		*states |= 1U << 6;
	}
}

/*
 * Run it one instruction at a time, and look at what each changed in the ring:
 * the memory of a stopped process is the memory that its death would leave.
 */
static unsigned run_stepped(struct step_ring *ring, const struct stepped *stepped,
			    unsigned *ret_states)
{
	struct step_ring *last = share(sizeof(*ring)), *copy = share(sizeof(*ring));
	unsigned steps, changes = 0;
	int status;
	pid_t pid;

	memcpy(last, ring, sizeof(*ring));
	pid = fork_child();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(77);
		raise(SIGSTOP);
		stepped->act(ring);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	for (steps = 0; WIFSTOPPED(status) && steps < 200000; steps++) {
		if (memcmp(last, ring, sizeof(*ring)) != 0) {
			memcpy(last, ring, sizeof(*ring));
			memcpy(copy, ring, sizeof(*ring));
			stepped->check(copy, ret_states);
			changes++;
		}
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	munmap(last, sizeof(*ring));
	munmap(copy, sizeof(*ring));
	return changes;
}

/* The states that it was seen in, of at least so many. */
static unsigned step_through(void (*act)(struct step_ring *),
			     void (*check)(struct step_ring *, unsigned *), bool has_pushed,
			     unsigned changes_min)
{
	const struct stepped stepped = {act, check};
	struct step_ring *ring = share(sizeof(*ring));
	unsigned states = 0;

	if (!can_be_stepped())
		skip();
	step_ring_prepare(ring);
	if (has_pushed)
		act_push(ring);
	assert_true(run_stepped(ring, &stepped, &states) >= changes_min);
	return states;
}

static void a_push_cut_short_at_any_instruction_leaves_a_ring_to_read(void **state)
{
	(void)state;
	/* Claim, padding, header, payload, commit; claim, header, payload, commit. */
	assert_int_equal(step_through(act_push, check_push, false, 9), 1U << 4 | 1U << 5 | 1U << 6);
}

static void a_claim_given_up_is_counted_at_no_instruction_but_while_it_is_open(void **state)
{
	(void)state;
	/* Claim, padding, header, payload, count, word; open and counted, open and not counted any
	 * more, given up. */
	assert_int_equal(step_through(act_give_up, check_give_up, false, 6),
			 1U << (RING_ENTRY_TORN + 1) | 1U << RING_ENTRY_TORN |
				 1U << RING_ENTRY_SKIP);
}

static void a_release_cut_short_at_any_instruction_is_all_or_nothing(void **state)
{
	(void)state;
	assert_int_equal(step_through(act_release, check_release, true, 4), 1U << 4 | 1U << 6);
}

static void a_repair_cut_short_at_any_instruction_can_be_done_again(void **state)
{
	(void)state;
	assert_true(step_through(act_init, check_release, true, 4) & 1U << 6);
}

/* The writer at work, as a monitor meets it between two of its instructions. */
static void push_read_and_release(struct ring *producer, struct ring_reader *reader)
{
	struct ring_entry entry;
	struct ring_claim claim;
	uint64_t tail;

	assert_int_equal(ring_reader_tail(reader, &tail), 0);
	do {
		assert_int_equal(ring_reader_peek(reader, tail, false, &entry), 0);
		ring_reader_next(reader, &entry);
	} while (entry.bytes != 0);
	ring_reader_release(reader, &(struct ring_done){.position = reader->read});
	while (ring_claim(producer, 500, 1, &claim))
		ring_commit(&claim);
}

static void a_monitor_beside_a_busy_writer_never_sees_positions_that_cannot_be(void **state)
{
	struct step_ring *ring = share(sizeof(*ring));
	struct ring_reader reader, monitor;
	struct ring producer;
	uint64_t random = 1;
	unsigned wait = 0;
	int status;
	pid_t pid;

	(void)state;
	if (!can_be_stepped())
		skip();
	ring_init(&producer, &ring->shared, ring->data, STEP_BYTES);
	assert_int_equal(ring_reader_init(&reader, &ring->shared, ring->data, STEP_BYTES, true), 0);
	pid = fork_child();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(77);
		raise(SIGSTOP);
		for (unsigned i = 0; i < 300; i++) {
			if (ring_reader_init(&monitor, &ring->shared, ring->data, STEP_BYTES,
					     false) < 0)
				_exit(1);
			if (monitor.read - monitor.head > STEP_BYTES)
				_exit(2);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	while (WIFSTOPPED(status)) {
		if (wait-- == 0) {
			push_read_and_release(&producer, &reader);
			random = payload_mix(random);
			wait = (unsigned)(random >> 20) % 500;
		}
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_killed_producer_loses_nothing_it_committed,
						shm_fixture_setup, shm_fixture_teardown),
		cmocka_unit_test(a_push_cut_short_at_any_instruction_leaves_a_ring_to_read),
		cmocka_unit_test(
			a_claim_given_up_is_counted_at_no_instruction_but_while_it_is_open),
		cmocka_unit_test(a_release_cut_short_at_any_instruction_is_all_or_nothing),
		cmocka_unit_test(a_repair_cut_short_at_any_instruction_can_be_done_again),
		cmocka_unit_test(
			a_monitor_beside_a_busy_writer_never_sees_positions_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
