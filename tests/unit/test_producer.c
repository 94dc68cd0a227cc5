/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's regions in time: forks of each kind, a region that the writer
 * abandoned, a runtime directory that is gone, signal handlers that push. What
 * the writer makes of it is tested in tests/pipeline/test_model.c.
 */
#include "tests/unit/library_fixture.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "core/library.h"

static void push_one(struct otlp_library *library, uint64_t number)
{
	struct otlp_span span = fixture_span(number);

	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
}

/* For children, where an assertion of cmocka has nowhere to go. */
static int try_push(struct otlp_library *library, uint64_t number)
{
	struct otlp_span span = fixture_span(number);

	return otlp_library_export_traces(library, &span, 1);
}

static void a_forked_child_gets_a_region_of_its_own(void **state)
{
	struct otlp_library *library = fixture_open();
	char own[REGION_NAME_BYTES_MAX], childs[REGION_NAME_BYTES_MAX];
	pid_t pid;

	(void)state;
	push_one(library, 1);
	pid = fork_child();
	if (pid == 0) {
		if (fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted !=
		    0) /* counters are a process's own */
			_exit(1);
		if (try_push(library, 2) != OTLP_OK || try_push(library, 3) != OTLP_OK)
			_exit(2);
		_exit(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted == 2 ? 0 : 3);
	}
	expect_child_succeeds(pid);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted, 1);
	assert_true(find_region_of(getpid(), own));
	assert_true(find_region_of(pid, childs)); /* left to the writer */
	assert_int_equal(count_items(own, OTLP_SIGNAL_TRACES), 1);
	assert_int_equal(count_items(childs, OTLP_SIGNAL_TRACES), 2);
	otlp_library_unref(library);
}

static void the_lock_of_a_region_is_its_process_own(void **state)
{
	struct otlp_library *library = fixture_open();
	char own[REGION_NAME_BYTES_MAX];
	struct region_view view;
	int pipes[2];
	pid_t pid;

	(void)state;
	push_one(library, 1);
	assert_true(find_region_of(getpid(), own));
	assert_int_equal(pipe(pipes), 0);
	pid = fork_child();
	if (pid == 0) { /* lives on, and has pushed */
		char byte;

		close(pipes[1]);
		if (try_push(library, 2) != OTLP_OK)
			_exit(1);
		_exit(read(pipes[0], &byte, 1) == 0 ? 0 : 2);
	}
	close(pipes[0]);
	otlp_library_unref(library);
	assert_int_equal(region_attach(&view, &shm_fixture_dir, own, false), 0);
	assert_int_equal(region_is_alive(&view), 0); /* the child does not keep it */
	assert_true(region_is_closed(&view));
	region_detach(&view);
	close(pipes[1]);
	expect_child_succeeds(pid);
}

static void a_child_that_never_pushes_leaves_everything_alone(void **state)
{
	struct otlp_library *library = fixture_open();
	char own[REGION_NAME_BYTES_MAX];
	struct region_view view;
	pid_t pid;

	(void)state;
	pid = fork_child();
	if (pid == 0) {
		otlp_library_unref(library);
		_exit(0);
	}
	expect_child_succeeds(pid);
	pid = fork_child();
	if (pid == 0) { /* neither a flush nor a shutdown has anything to do in it */
		if (otlp_library_flush(library, OTLP_FOREVER) != OTLP_OK)
			_exit(1);
		if (otlp_library_shutdown(library, OTLP_FOREVER) != OTLP_OK)
			_exit(2);
		if (count_regions() != 1)
			_exit(3);
		otlp_library_unref(library);
		_exit(0);
	}
	expect_child_succeeds(pid);
	push_one(library, 1); /* and no shutdown reaches the parent */
	assert_true(find_region_of(getpid(), own));
	assert_int_equal(region_attach(&view, &shm_fixture_dir, own, false), 0);
	assert_int_equal(region_is_alive(&view), 1);
	assert_false(region_is_closed(&view));
	region_detach(&view);
	assert_int_equal(count_regions(), 1);
	otlp_library_unref(library);
}

static void a_child_of_a_child_gets_one_too(void **state)
{
	struct otlp_library *library = fixture_open();
	char name[REGION_NAME_BYTES_MAX];
	pid_t pid, grandchild;

	(void)state;
	push_one(library, 1);
	pid = fork_child();
	if (pid == 0) {
		if (try_push(library, 2) != OTLP_OK)
			_exit(1);
		grandchild = fork();
		if (grandchild == 0)
			_exit(try_push(library, 3) == OTLP_OK ? 0 : 2);
		if (try_push(library, 4) != OTLP_OK)
			_exit(3);
		_exit(wait_child(grandchild) == 0 ? 0 : 4);
	}
	expect_child_succeeds(pid);
	push_one(library, 5);
	assert_true(find_region_of(getpid(), name));
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), 2);
	assert_true(find_region_of(pid, name));
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), 2);
	assert_int_equal(count_regions(), 3);
	otlp_library_unref(library);
}

static void a_grandchild_of_a_child_that_did_not_push_gets_one_too(void **state)
{
	struct otlp_library *library = fixture_open();
	pid_t pid;

	(void)state;
	pid = fork_child();
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			_exit(try_push(library, 1) == OTLP_OK && count_regions() == 2 ? 0 : 1);
		_exit(wait_child(pid) == 0 ? 0 : 2);
	}
	expect_child_succeeds(pid);
	otlp_library_unref(library);
	assert_int_equal(count_regions(), 1); /* the grandchild's */
}

static void vfork_and_exec_leave_the_parent_as_it_was(void **state)
{
	struct otlp_library *library = fixture_open();
	char own[REGION_NAME_BYTES_MAX];
	int i, status;

	(void)state;
	for (i = 0; i < 3; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		assert_true(pid > 0);
		status = wait_child(pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		push_one(library, 1);
	}
	assert_int_equal(count_regions(), 1);
	find_region(own);
	assert_int_equal(count_items(own, OTLP_SIGNAL_TRACES), 3);
	otlp_library_unref(library);
}

struct pusher {
	struct otlp_library *library;
	uint32_t stop;
	uint64_t accepted, dropped;
};

static void *push_until_stopped(void *context)
{
	struct pusher *pusher = context;
	uint64_t i;

	for (i = 0; atomic_load_acquire_u32(&pusher->stop) == 0; i++) {
		int rc = try_push(pusher->library, i);

		pusher->accepted += rc == OTLP_OK;
		pusher->dropped += rc == OTLP_ERR_FULL;
	}
	return NULL;
}

static void fork_while_another_thread_pushes(void **state)
{
	struct otlp_library *library = fixture_open();
	struct pusher pusher = {.library = library};
	unsigned i, forks = under_valgrind() ? 4 : 50;
	char name[REGION_NAME_BYTES_MAX];
	struct otlp_stats stats;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, push_until_stopped, &pusher), 0);
	for (i = 0; i < forks; i++) {
		pid_t pid = fork_child();

		if (pid == 0) {
			if (try_push(library, 1) != OTLP_OK || try_push(library, 2) != OTLP_OK)
				_exit(1);
			otlp_library_unref(library);
			_exit(0);
		}
		expect_child_succeeds(pid);
		assert_true(find_region_of(pid, name));
		assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), 2);
		assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
	}
	atomic_store_release_u32(&pusher.stop, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, pusher.accepted);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_full, pusher.dropped);
	assert_true(find_region_of(getpid(), name));
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), pusher.accepted);
	otlp_library_unref(library);
}

/* A push that comes while the region is being made drops, counts, and does not wait. */
static void a_push_during_the_making_drops_and_counts(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_number_point points[3] = {fixture_point(0), fixture_point(1), fixture_point(2)};
	struct fixture_gauge gauge;
	pid_t pid;

	(void)state;
	fixture_gauge_init(&gauge, points, 3);
	pid = fork_child();
	if (pid == 0) {
		struct producer *producer = &library->producer;

		/* As if another thread were at it. */
		atomic_store_relaxed_u32(&producer->page->maker, MAKER_SHOWS);
		if (try_push(library, 1) != OTLP_ERR_FULL)
			_exit(1);
		if (otlp_library_export_metrics_ref(library, &gauge.metrics) != OTLP_ERR_FULL)
			_exit(2);
		if (fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full != 1 ||
		    fixture_stats(library).signals[OTLP_SIGNAL_METRICS].dropped_full != 3)
			_exit(3);
		atomic_store_relaxed_u32(&producer->page->maker, 0);
		if (try_push(library, 1) != OTLP_OK ||
		    otlp_library_export_metrics_ref(library, &gauge.metrics) != OTLP_OK)
			_exit(4);
		_exit(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full == 1 &&
				      fixture_stats(library)
						      .signals[OTLP_SIGNAL_METRICS]
						      .accepted == 3
			      ? 0
			      : 5);
	}
	expect_child_succeeds(pid);
	otlp_library_unref(library);
}

/* A push tries again by itself, but not each of them. @return how many were refused */
static unsigned push_until_taken(struct otlp_library *library, int refusal)
{
	unsigned refused;

	for (refused = 0; refused < 60000; refused++) {
		int rc = try_push(library, 1);

		if (rc == OTLP_OK)
			return refused;
		if (rc != refusal)
			_exit(90);
		usleep(1000);
	}
	_exit(91);
}

static void a_child_without_a_directory_fails_until_it_is_there_again(void **state)
{
	struct otlp_library *library = fixture_open();
	pid_t pid;

	(void)state;
	pid = fork_child();
	if (pid == 0) {
		unsigned refused;

		if (chmod(shm_fixture_path, 0755) < 0)
			_exit(1);
		errno = 4242;
		if (try_push(library, 1) != OTLP_ERR_ACCESS || errno != 4242)
			_exit(2);
		if (try_push(library, 1) != OTLP_ERR_ACCESS || errno != 4242)
			_exit(3);
		if (otlp_library_flush(library, 0) != OTLP_ERR_ACCESS)
			_exit(4);
		if (fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full != 2)
			_exit(5);
		if (chmod(shm_fixture_path, 0700) < 0)
			_exit(6);
		refused = push_until_taken(library, OTLP_ERR_ACCESS);
		_exit(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full == 2 + refused
			      ? 0
			      : 7);
	}
	expect_child_succeeds(pid);
	otlp_library_unref(library);
}

static void a_flush_makes_at_once_what_a_push_could_not(void **state)
{
	struct otlp_library *library = fixture_open();
	pid_t pid;

	(void)state;
	pid = fork_child();
	if (pid == 0) {
		if (chmod(shm_fixture_path, 0755) < 0)
			_exit(1);
		if (try_push(library, 1) != OTLP_ERR_ACCESS)
			_exit(2);
		if (chmod(shm_fixture_path, 0700) < 0)
			_exit(3);
		if (otlp_library_flush(library, 0) != OTLP_OK || try_push(library, 1) != OTLP_OK)
			_exit(4);
		_exit(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full == 1 ? 0 : 5);
	}
	expect_child_succeeds(pid);
	otlp_library_unref(library);
}

static void *end_at_once(void *context)
{
	*(uint32_t *)context = (uint32_t)syscall(SYS_gettid);
	return NULL;
}

/* The word of a thread that began to make a region so long ago. */
static uint32_t maker_of(uint32_t thread, time_t seconds_ago)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return MAKER_TAKEN |
	       ((uint32_t)(now.tv_sec - seconds_ago) & MAKER_SECONDS) << MAKER_THREAD_BITS | thread;
}

static void the_place_of_a_maker_that_is_gone_is_taken(void **state)
{
	struct otlp_library *library = fixture_open();
	pid_t pid;

	(void)state;
	pid = fork_child();
	if (pid == 0) {
		struct producer_page *page = library->producer.page;
		uint32_t gone = 0, own = (uint32_t)syscall(SYS_gettid);
		pthread_t thread;

		if (pthread_create(&thread, NULL, end_at_once, &gone) != 0 ||
		    pthread_join(thread, NULL) != 0)
			_exit(1);
		/* One that is alive, and has not been at it for long. */
		atomic_store_relaxed_u32(&page->maker, maker_of(own, 2));
		if (try_push(library, 1) != OTLP_ERR_FULL ||
		    otlp_library_flush(library, 1000000) != OTLP_ERR_TIMEOUT)
			_exit(2);
		/* One that shows its region, however long ago it began. */
		atomic_store_relaxed_u32(&page->maker, MAKER_SHOWS | maker_of(gone, 20));
		if (try_push(library, 1) != OTLP_ERR_FULL)
			_exit(3);
		/* The kernel may remember a thread for a moment after it was joined. */
		atomic_store_relaxed_u32(&page->maker, maker_of(gone, 2));
		(void)push_until_taken(library, OTLP_ERR_FULL);
		_exit(count_regions() == 2 && page->maker == 0 ? 0 : 4);
	}
	expect_child_succeeds(pid);
	otlp_library_unref(library);
}

static void the_place_of_a_maker_that_takes_too_long_is_taken(void **state)
{
	struct otlp_library *library = fixture_open();
	pid_t pid;

	(void)state;
	pid = fork_child();
	if (pid == 0) {
		struct producer_page *page = library->producer.page;

		atomic_store_relaxed_u32(&page->maker,
					 maker_of((uint32_t)getpid(), PRODUCER_MAKING_S_MAX + 1));
		if (try_push(library, 1) != OTLP_OK)
			_exit(1);
		_exit(count_regions() == 2 && page->maker == 0 ? 0 : 2);
	}
	expect_child_succeeds(pid);
	otlp_library_unref(library);
}

/* The writer's part of giving a region up. */
static void abandon(const char *name)
{
	struct region_view view;

	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, true), 0);
	region_abandon(&view);
	region_detach(&view);
}

static void an_abandoned_region_is_left_when_it_is_half_full(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	char name[REGION_NAME_BYTES_MAX];
	struct otlp_stats stats;
	uint64_t i;

	(void)state;
	push_one(library, 0);
	find_region(name);
	abandon(name);
	for (i = 1; count_regions() == 1; i++) {
		assert_true(i < 1000);
		push_one(library, i); /* none is dropped on the way */
	}
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, i);
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), i); /* about half of it */
	assert_true(i < 4096 / sizeof(struct record_span_head) * 3 / 4);
	push_one(library, i);
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), i);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted,
			 i + 1); /* of both */
	otlp_library_unref(library);
}

static void an_abandoned_region_that_is_full_is_left_at_the_next_push(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	char name[REGION_NAME_BYTES_MAX];
	uint64_t accepted;

	(void)state;
	while (try_push(library, 0) == OTLP_OK)
		;
	accepted = fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted;
	find_region(name);
	abandon(name);
	errno = 4242;
	assert_int_equal(try_push(library, 0), OTLP_ERR_FULL); /* finds it out */
	assert_int_equal(errno, 4242);
	assert_int_equal(count_regions(), 2);
	push_one(library, 0);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted, accepted + 1);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full, 2);
	otlp_library_unref(library);
}

static void a_flush_tells_once_of_records_that_nobody_will_write(void **state)
{
	struct otlp_library *library = fixture_open();
	char name[REGION_NAME_BYTES_MAX];

	(void)state;
	push_one(library, 0);
	find_region(name);
	abandon(name);
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_ERR_NO_WRITER);
	assert_int_equal(count_regions(), 2); /* and the next push goes to a new one */
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_OK);
	push_one(library, 1);
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), 1);
	otlp_library_unref(library);
}

/* No new region can be made, so pushes go on into the one that nobody drains. */
static void a_flush_tells_again_of_what_came_since(void **state)
{
	struct otlp_library *library = fixture_open();
	char name[REGION_NAME_BYTES_MAX];

	(void)state;
	push_one(library, 0);
	find_region(name);
	abandon(name);
	assert_int_equal(chmod(shm_fixture_path, 0755), 0);
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_ERR_NO_WRITER);
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_OK);
	push_one(library, 1);
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_ERR_NO_WRITER);
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_OK);
	assert_int_equal(chmod(shm_fixture_path, 0700), 0);
	otlp_library_unref(library);
}

static void abandoned_regions_have_a_limit(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	char name[REGION_NAME_BYTES_MAX];
	unsigned i;

	(void)state;
	for (i = 1; i <= PRODUCER_REGIONS_MAX; i++) {
		find_region(name);
		abandon(name);
		assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
		while (try_push(library, 0) == OTLP_OK && count_regions() == 0)
			;
		assert_int_equal(count_regions(), i < PRODUCER_REGIONS_MAX ? 1 : 0);
	}
	assert_int_equal(try_push(library, 0), OTLP_ERR_FULL);
	otlp_library_unref(library);
}

#define LARGE_RESOURCE_BYTES 8000

static void set_large_resource(struct otlp_span_exporter *exporter, int64_t number)
{
	static char text[LARGE_RESOURCE_BYTES];
	const struct otlp_attribute attributes[2] = {
		otlp_attr_int(OTLP_STR("n"), number),
		otlp_attr_str(OTLP_STR("k"), (struct otlp_str){text, sizeof(text)}),
	};
	const struct otlp_resource resource = {.attributes = {.items = attributes, .count = 2}};

	memset(text, 'a', sizeof(text));
	assert_int_equal(otlp_span_exporter_set_resource(exporter, &resource).cause, OTLP_OK);
}

static void a_resource_table_that_is_full_makes_resources_inline(void **state)
{
	struct otlp_library *library = fixture_open_rings(1 << 20, 4096);
	struct otlp_span_exporter *exporter;
	char name[REGION_NAME_BYTES_MAX];
	struct otlp_span span = fixture_span(1);
	unsigned i;

	(void)state;
	assert_int_equal(otlp_library_span_exporter(library, &exporter), OTLP_OK);
	for (i = 0; i < 20; i++) { /* 160 KB of resources for a table of 64 KiB */
		set_large_resource(exporter, i);
		set_large_resource(exporter, i);
		assert_int_equal(otlp_span_exporter_export(exporter, &span, 1).status,
				 OTLP_SDK_SUCCESS);
	}
	find_region(name);
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), 20);
	otlp_span_exporter_unref(exporter);
	otlp_library_unref(library);
}

/* Two that come in turn, as from providers that share an exporter, a thousand times. */
static void resources_that_come_again_take_no_more_room(void **state)
{
	struct otlp_library *library = fixture_open_rings(1 << 20, 4096);
	struct otlp_span_exporter *exporter;
	struct region_view view;
	char name[REGION_NAME_BYTES_MAX];
	struct otlp_span span = fixture_span(1);
	unsigned i;

	(void)state;
	assert_int_equal(otlp_library_span_exporter(library, &exporter), OTLP_OK);
	for (i = 0; i < 1000; i++) {
		set_large_resource(exporter, i % 2);
		assert_int_equal(otlp_span_exporter_export(exporter, &span, 1).status,
				 OTLP_SDK_SUCCESS);
	}
	find_region(name);
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), 1000);
	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, false), 0);
	assert_in_range(view.header->table_tail, 2 * LARGE_RESOURCE_BYTES,
			3 * LARGE_RESOURCE_BYTES);
	region_detach(&view);
	otlp_span_exporter_unref(exporter);
	otlp_library_unref(library);
}

/* What the handler and the main loop share. */
static struct {
	struct otlp_library *library;
	uint32_t signals;
	uint32_t errno_changed;
	uint64_t accepted, dropped;
} in_handler;

#define HANDLER_NUMBERS (UINT64_C(1) << 32)

static void push_in_handler(int number)
{
	int before = errno, rc;

	(void)number;
	rc = try_push(in_handler.library, HANDLER_NUMBERS + in_handler.accepted);
	in_handler.accepted += rc == OTLP_OK;
	in_handler.dropped += rc == OTLP_ERR_FULL;
	in_handler.errno_changed += errno != before;
	atomic_store_relaxed_u32(&in_handler.signals, in_handler.signals + 1);
}

/* Where the reader of the ring is, and the next number of each of the two that push. */
struct drained {
	struct region_view view;
	struct ring_reader reader;
	uint64_t next_main, next_handler, wrong;
};

static void drain(struct drained *drained)
{
	struct ring_entry entry;
	struct ring_done done = {0};

	while (fixture_next_record(&drained->reader, &entry)) {
		struct record_view record;
		uint64_t number, *next;

		assert_int_equal(record_parse(entry.payload, entry.payload_bytes,
					      entry.payload_bytes, &record),
				 0);
		number = record.head.span.start_time_unix_ns;
		next = number < HANDLER_NUMBERS ? &drained->next_main : &drained->next_handler;
		drained->wrong += number % HANDLER_NUMBERS != *next;
		(*next)++;
	}
	done.position = drained->reader.read;
	ring_reader_release(&drained->reader, &done);
}

static void set_timer(long us)
{
	struct itimerval timer = {.it_interval = {.tv_usec = us}, .it_value = {.tv_usec = us}};

	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* Both ends in one process: it is about what a handler does to the push it interrupts. */
static void a_signal_handler_pushes_in_the_middle_of_a_push(void **state)
{
	const uint32_t signals = under_valgrind() ? 20 : 2000;
	struct sigaction action = {.sa_handler = push_in_handler}, ignore = {.sa_handler = SIG_IGN};
	struct otlp_library *library = fixture_open_rings(16 << 10, 4096);
	char name[REGION_NAME_BYTES_MAX];
	struct drained drained = {0};
	uint64_t accepted = 0, dropped = 0;
	struct otlp_stats stats;

	(void)state;
	memset(&in_handler, 0, sizeof(in_handler));
	in_handler.library = library;
	find_region(name);
	assert_int_equal(region_attach(&drained.view, &shm_fixture_dir, name, true), 0);
	assert_int_equal(ring_reader_init(&drained.reader,
					  drained.view.rings[OTLP_SIGNAL_TRACES].shared,
					  drained.view.rings[OTLP_SIGNAL_TRACES].data,
					  drained.view.rings[OTLP_SIGNAL_TRACES].bytes, true),
			 0);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	set_timer(100);
	while (atomic_load_relaxed_u32(&in_handler.signals) < signals) {
		unsigned i;
		int rc;

		errno = 4242;
		/* Sometimes more than the ring takes. */
		for (i = 0; i < 200; i++) {
			rc = try_push(library, accepted);
			accepted += rc == OTLP_OK;
			dropped += rc == OTLP_ERR_FULL;
		}
		assert_int_equal(errno, 4242);
		drain(&drained);
	}
	set_timer(0);
	assert_int_equal(sigaction(SIGALRM, &ignore, NULL), 0); /* also one that is on its way */
	drain(&drained);
	stats = fixture_stats(library);
	assert_int_equal(in_handler.errno_changed, 0);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted,
			 accepted + in_handler.accepted);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_full,
			 dropped + in_handler.dropped);
	assert_int_equal(drained.next_main, accepted);
	assert_int_equal(drained.next_handler, in_handler.accepted);
	assert_int_equal(drained.wrong, 0);
	assert_true(in_handler.accepted > 0);
	region_detach(&drained.view);
	otlp_library_unref(library);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_forked_child_gets_a_region_of_its_own),
		TEST(the_lock_of_a_region_is_its_process_own),
		TEST(a_child_that_never_pushes_leaves_everything_alone),
		TEST(a_child_of_a_child_gets_one_too),
		TEST(a_grandchild_of_a_child_that_did_not_push_gets_one_too),
		TEST(vfork_and_exec_leave_the_parent_as_it_was),
		TEST(fork_while_another_thread_pushes),
		TEST(a_push_during_the_making_drops_and_counts),
		TEST(a_child_without_a_directory_fails_until_it_is_there_again),
		TEST(a_flush_makes_at_once_what_a_push_could_not),
		TEST(the_place_of_a_maker_that_is_gone_is_taken),
		TEST(the_place_of_a_maker_that_takes_too_long_is_taken),
		TEST(an_abandoned_region_is_left_when_it_is_half_full),
		TEST(an_abandoned_region_that_is_full_is_left_at_the_next_push),
		TEST(a_flush_tells_once_of_records_that_nobody_will_write),
		TEST(a_flush_tells_again_of_what_came_since),
		TEST(abandoned_regions_have_a_limit),
		TEST(a_resource_table_that_is_full_makes_resources_inline),
		TEST(resources_that_come_again_take_no_more_room),
		TEST(a_signal_handler_pushes_in_the_middle_of_a_push),
	};

	return cmocka_run_group_tests_name("producer", tests, NULL, NULL);
}
