/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region in the making, stopped at each instruction or met by another push: what a thread, a
 * signal handler or the writer would find of it. And what comes of one that cannot be made.
 */
#include <stddef.h>
#include <sys/ptrace.h>

#include "core/library.h"
#include "core/table_entry.h"
#include "tests/unit/library_fixture.h"

#define STEPS_MAX 2000000u

struct watch {
	pid_t pid;
	const struct producer_page *page; /* the child's, at the same address as ours */
	off_t directory_bytes;
	bool was_busy, was_ready, was_failed, was_named;
};

static uint32_t peek(const struct watch *watch, size_t offset)
{
	const uint8_t *at = (const uint8_t *)watch->page + offset;
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, watch->pid, at, NULL);
	assert_int_equal(errno, 0);
	return (uint32_t)word;
}

static void check_state(struct watch *watch)
{
	const uint32_t count = peek(watch, offsetof(struct producer_page, region_count));
	const uint32_t error = peek(watch, offsetof(struct producer_page, error));
	const bool is_making = peek(watch, offsetof(struct producer_page, maker)) != 0;

	assert_true(count <= 1);
	watch->was_busy |= is_making;
	if (count == 1) {
		assert_true(watch->was_busy);
		watch->was_ready = true;
	}
	if (error != 0) {
		assert_int_equal(error, (uint32_t)OTLP_ERR_ACCESS);
		watch->was_failed = true;
	}
	/* Once it was begun, one of the two is there when it is over. */
	if (!is_making && watch->was_busy)
		assert_true(watch->was_ready || watch->was_failed);
}

/* Whoever finds a region by its name finds it whole, and alive. */
static void check_name(struct watch *watch)
{
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	struct stat st;

	/* A look at the size is cheap, and each name changes it on tmpfs. */
	assert_int_equal(fstat(shm_fixture_dir.fd, &st), 0);
	if (st.st_size == watch->directory_bytes || !find_region_of(watch->pid, name))
		return;
	watch->directory_bytes = st.st_size;
	watch->was_named = true;
	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, true), 0);
	assert_int_equal(region_is_alive(&view), 1);
	region_detach(&view);
}

static void run_stepped(struct watch *watch, mode_t mode, int expected)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	struct otlp_span span = fixture_span(1);
	struct stat st;
	int status;

	if (!can_be_stepped()) {
		otlp_library_unref(library);
		skip();
	}
	assert_int_equal(fstat(shm_fixture_dir.fd, &st), 0);
	watch->directory_bytes = st.st_size;
	watch->page = library->producer.page;
	assert_int_equal(chmod(shm_fixture_path, mode), 0);
	watch->pid = fork_child();
	if (watch->pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(77);
		raise(SIGSTOP);
		_exit(otlp_library_export_traces(library, &span, 1) == expected ? 0 : 1);
	}
	status = wait_child(watch->pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		otlp_library_unref(library);
		skip();
	}
	for (unsigned steps = 0; WIFSTOPPED(status) && steps < STEPS_MAX; steps++) {
		check_state(watch);
		check_name(watch);
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, watch->pid, 0, 0), 0);
		status = wait_child(watch->pid);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	otlp_library_unref(library);
}

static void a_first_push_shows_a_region_only_when_it_is_whole(void **state)
{
	struct watch watch = {0};

	(void)state;
	run_stepped(&watch, 0700, OTLP_OK);
	assert_true(watch.was_busy && watch.was_ready && watch.was_named);
	assert_false(watch.was_failed);
}

static void a_first_push_that_fails_shows_why_at_once(void **state)
{
	struct watch watch = {0};

	(void)state;
	run_stepped(&watch, 0755, OTLP_ERR_ACCESS);
	assert_true(watch.was_busy && watch.was_failed);
	assert_false(watch.was_ready || watch.was_named);
}

static int try_push(struct otlp_library *library, uint64_t number)
{
	struct otlp_span span = fixture_span(number);

	return otlp_library_export_traces(library, &span, 1);
}

/* Armed: a push comes while the region is being made, as from a handler or another thread. */
static struct otlp_library *push_within;
static int within_result;

int __real_region_create(struct region *ret, const struct runtime_dir *dir,
			 const struct region_options *options);
int __wrap_region_create(struct region *ret, const struct runtime_dir *dir,
			 const struct region_options *options);

int __wrap_region_create(struct region *ret, const struct runtime_dir *dir,
			 const struct region_options *options)
{
	struct otlp_library *library = push_within;

	push_within = NULL;
	if (library != NULL)
		within_result = try_push(library, 2);
	return __real_region_create(ret, dir, options);
}

static void a_push_within_the_making_makes_no_second_region(void **state)
{
	struct otlp_library *library = fixture_open();
	pid_t pid;

	(void)state;
	pid = fork_child();
	if (pid == 0) {
		push_within = library;
		if (try_push(library, 1) != OTLP_OK)
			_exit(1);
		if (push_within != NULL || within_result != OTLP_ERR_FULL)
			_exit(2);
		if (count_regions() != 2) /* the parent's is the other */
			_exit(3);
		_exit(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted == 1 &&
				      fixture_stats(library)
						      .signals[OTLP_SIGNAL_TRACES]
						      .dropped_full == 1
			      ? 0
			      : 4);
	}
	expect_child_succeeds(pid);
	otlp_library_unref(library);
}

/* What the entry said when it was put into the table: were it there already, others would use it.
 */
static const struct table_entry *watched;
static uint64_t reference_before;

uint32_t __real_region_table_add(struct region *region, const void *payload, uint32_t bytes);
uint32_t __wrap_region_table_add(struct region *region, const void *payload, uint32_t bytes);

uint32_t __wrap_region_table_add(struct region *region, const void *payload, uint32_t bytes)
{
	if (watched != NULL)
		reference_before = watched->reference;
	return __real_region_table_add(region, payload, bytes);
}

static void a_reference_holds_in_its_own_region_alone(void **state)
{
	static const struct region_options options = {
		.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN}};
	static const char bytes[] = "0123456789abcdef";
	struct table_entry entry = {.bytes = (const uint8_t *)bytes, .bytes_count = sizeof(bytes)};
	static struct region regions[2];

	assert_int_equal(region_create(&regions[0], *state, &options), 0);
	assert_int_equal(region_create(&regions[1], *state, &options), 0);
	assert_true(region_table_add(&regions[1], "another", 8) > 0);
	watched = &entry;
	for (unsigned i = 0; i < 4; i++) {
		struct region *region = &regions[i % 2];
		uint64_t before = entry.reference;
		uint32_t reference = table_entry_reference(&entry, region);

		assert_true(reference_before == before);

		assert_true(reference > 0);
		assert_memory_equal(region->table + reference - 1 + ENTRY_HEADER_BYTES, bytes,
				    sizeof(bytes));
		assert_int_equal(table_entry_reference(&entry, region), reference);
	}
	watched = NULL;
	region_close(&regions[0]);
	region_close(&regions[1]);
}

/* Nothing went through it, and there is something to tell all the same. */
static void a_region_with_drops_alone_is_left_to_the_writer(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_span span = fixture_span(1);

	(void)state;
	otlp_library_unref(library);
	assert_int_equal(count_regions(), 0);
	library = fixture_open();
	memset(span.span_id, 0, sizeof(span.span_id));
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_ERR_INVALID);
	otlp_library_unref(library);
	assert_int_equal(count_regions(), 1);
}

static void an_abandoned_region_goes_on_while_no_other_can_be_made(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	const struct ring_shared *shared =
		library->producer.regions[0].rings[OTLP_SIGNAL_TRACES].shared;
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	uint64_t accepted = 0;

	(void)state;
	find_region(name);
	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, true), 0);
	region_abandon(&view);
	region_detach(&view);
	assert_int_equal(chmod(shm_fixture_path, 0755), 0);
	while (try_push(library, accepted) == OTLP_OK)
		accepted++;
	assert_true(shared->tail > 4096 * 3 / 4);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted, accepted);
	assert_int_equal(chmod(shm_fixture_path, 0700), 0);
	/* A push that finds the ring full makes it now and then. */
	for (unsigned i = 0; i < 60000 && count_regions() == 1; i++) {
		assert_int_equal(try_push(library, 0), OTLP_ERR_FULL);
		usleep(1000);
	}
	assert_int_equal(count_regions(), 2);
	assert_int_equal(try_push(library, accepted), OTLP_OK);
	otlp_library_unref(library);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_first_push_shows_a_region_only_when_it_is_whole),
		TEST(a_first_push_that_fails_shows_why_at_once),
		TEST(a_push_within_the_making_makes_no_second_region),
		TEST(a_reference_holds_in_its_own_region_alone),
		TEST(a_region_with_drops_alone_is_left_to_the_writer),
		TEST(an_abandoned_region_goes_on_while_no_other_can_be_made),
	};

	return cmocka_run_group_tests_name("producer_making", tests, NULL, NULL);
}
