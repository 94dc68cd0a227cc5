/* SPDX-License-Identifier: Apache-2.0 */
/* The control page between two processes: who makes it, and that no wake-up is lost. */
#include "shm/control.h"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/clock.h"
#include "tests/unit/refuse.h"
#include "tests/unit/shm_fixture.h"

#define LONG_NS	  INT64_C(30000000000) /* nobody should ever sleep for so long here */
#define ROUNDS	  20000
#define FAR_BYTES (UINT64_C(64) << 20) /* more than caches hold */

static void one_that_comes_later_sees_the_same_page(void **state)
{
	unsigned descriptors = count_descriptors();
	struct control first, second;
	struct stat st;

	assert_int_equal(control_open(&first, *state), 0);
	assert_int_equal(control_open(&second, *state), 0);
	assert_true(first.page != second.page);
	assert_int_equal(count_descriptors(), descriptors);
	control_announce_sleep(&first);
	assert_int_equal(second.page->sleeping, 1);
	control_close(&first);
	control_wake_writer(&second);
	assert_int_equal(second.page->sleeping, 0);
	assert_int_equal(fstatat(shm_fixture_dir.fd, RUNTIME_CONTROL, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, LAYOUT_PAGE_BYTES);
	control_close(&second);
	assert_null(second.page);
	control_close(&second);
}

static void a_page_in_a_group_directory_is_made_by_the_writer_alone(void **state)
{
	struct runtime_dir dir;
	struct control control, producer;
	struct stat st;
	mode_t mask = umask(077);

	(void)state;
	assert_int_equal(chmod(shm_fixture_path, 03770), 0);
	assert_int_equal(runtime_open(&dir, shm_fixture_path, false), 0);
	assert_int_equal(control_open(&producer, &dir), 0);
	assert_null(producer.page);
	assert_int_equal(fstatat(dir.fd, RUNTIME_CONTROL, &st, 0), -1);
	/* Without a page nothing is rung, and a wait ends. */
	control_wake_writer(&producer);
	assert_int_equal(control_flushed(&producer), 0);
	control_wait_flushed(&producer, 0, 1000);

	assert_int_equal(control_open_writer(&control, &dir), 0);
	umask(mask);
	assert_int_equal(fstatat(dir.fd, RUNTIME_CONTROL, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* It is found when there is a reason to ring. */
	control_wake_writer(&producer);
	assert_null(producer.page);
	producer.late_dir = shm_fixture_path;
	control_wake_writer(&producer);
	assert_non_null(producer.page);
	control_close(&producer);
	control_close(&control);
	runtime_close(&dir);
}

static void of_processes_that_race_one_makes_the_page_and_all_use_it(void **state)
{
	uint32_t *go = share(sizeof(*go));
	const unsigned count = 4;

	for (unsigned round = 0; round < 50; round++) {
		struct control control;
		pid_t pids[4];

		atomic_store_release_u32(go, 0);
		for (unsigned i = 0; i < count; i++) {
			pids[i] = fork_child();
			if (pids[i] == 0) {
				while (atomic_load_acquire_u32(go) == 0)
					sched_yield();
				if (control_open(&control, *state) < 0)
					_exit(1);
				atomic_add_relaxed_u32(&control.page->flushed, 1);
				_exit(0);
			}
		}
		atomic_store_release_u32(go, 1);
		for (unsigned i = 0; i < count; i++)
			expect_child_succeeds(pids[i]);
		assert_int_equal(control_open(&control, *state), 0);
		assert_int_equal(control_flushed(&control), count);
		control_close(&control);
		assert_int_equal(unlinkat(shm_fixture_dir.fd, RUNTIME_CONTROL, 0), 0);
	}
}

static void put_file(const void *bytes, size_t count)
{
	int fd = openat(shm_fixture_dir.fd, RUNTIME_CONTROL,
			O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(write(fd, bytes, count) == (ssize_t)count);
	close(fd);
}

static void a_page_of_another_kind_is_refused(void **state)
{
	const struct control_page good = {.magic = CONTROL_MAGIC, .major = LAYOUT_MAJOR};
	unsigned descriptors = count_descriptors();
	struct control control;
	struct control_page page[2];

	memset(page, 0, sizeof(page));
	page[0] = good;
	put_file(page, LAYOUT_PAGE_BYTES);
	assert_int_equal(control_open(&control, *state), 0);
	control_close(&control);
	/* A later minor version is the same to us. */
	page[0].minor = 7;
	put_file(page, LAYOUT_PAGE_BYTES);
	assert_int_equal(control_open(&control, *state), 0);
	control_close(&control);

	page[0].major = LAYOUT_MAJOR + 1;
	put_file(page, LAYOUT_PAGE_BYTES);
	assert_int_equal(control_open(&control, *state), -EPROTO);
	page[0] = good;
	page[0].magic++;
	put_file(page, LAYOUT_PAGE_BYTES);
	assert_int_equal(control_open(&control, *state), -EPROTO);
	page[0] = good;
	put_file(page, LAYOUT_PAGE_BYTES - 1);
	assert_int_equal(control_open(&control, *state), -EPROTO);
	put_file(page, LAYOUT_PAGE_BYTES + 1);
	assert_int_equal(control_open(&control, *state), -EPROTO);
	put_file(page, 0);
	assert_int_equal(control_open(&control, *state), -EPROTO);
	assert_int_equal(count_descriptors(), descriptors);
}

static void a_page_that_is_no_file_is_refused(void **state)
{
	struct runtime_dir *dir = *state;
	struct control control;

	assert_int_equal(symlinkat("target", dir->fd, RUNTIME_CONTROL), 0);
	assert_int_equal(control_open(&control, dir), -ELOOP);
	/* Nothing was made through the link. */
	assert_int_equal(faccessat(dir->fd, "target", F_OK, 0), -1);
	assert_int_equal(unlinkat(dir->fd, RUNTIME_CONTROL, 0), 0);
	assert_int_equal(mkfifoat(dir->fd, RUNTIME_CONTROL, 0600), 0);
	assert_int_equal(control_open(&control, dir), -EPROTO);
	assert_int_equal(unlinkat(dir->fd, RUNTIME_CONTROL, 0), 0);
	assert_int_equal(mkdirat(dir->fd, RUNTIME_CONTROL, 0700), 0);
	assert_true(control_open(&control, dir) < 0);
}

static void ringing_one_that_is_awake_does_nothing_and_keeps_errno(void **state)
{
	struct control control;

	assert_int_equal(control_open(&control, *state), 0);
	errno = 4711;
	control_wake_writer(&control);
	control_announce_sleep(&control);
	errno = 4711;
	control_wake_writer(&control);
	assert_int_equal(errno, 4711);
	assert_int_equal(control.page->sleeping, 0);
	/* Rung between the announcement and the sleep: it does not sleep at all. */
	control_sleep(&control, LONG_NS);
	control_announce_sleep(&control);
	control_cancel_sleep(&control);
	assert_int_equal(control.page->sleeping, 0);
	/* A word that is neither 0 nor 1 is left alone. */
	control.page->sleeping = 12;
	control_wake_writer(&control);
	assert_int_equal(control.page->sleeping, 12);
	control_close(&control);
}

static void a_sleep_ends_by_itself_and_leaves_the_writer_awake(void **state)
{
	struct control control;

	assert_int_equal(control_open(&control, *state), 0);
	control_announce_sleep(&control);
	control_sleep(&control, 1000000);
	assert_int_equal(control.page->sleeping, 0);
	control_close(&control);
}

/* Two processes that play ping-pong: what the writer waits for is counted up in pushed. */
struct litmus {
	uint32_t asleep; /* rounds that the writer began */
	_Alignas(LAYOUT_LINE_BYTES) uint32_t pushed;
};

static void ring_each_round(const struct runtime_dir *dir, struct litmus *litmus, bool with_cas)
{
	const uint32_t rounds = under_valgrind() ? ROUNDS / 20 : ROUNDS;
	uint8_t *far_memory = share(FAR_BYTES);
	struct control control;
	uint64_t random = 1;

	if (control_open(&control, dir) < 0)
		_exit(1);
	memset(far_memory, 0, FAR_BYTES);
	control_register_producer();
	for (uint32_t round = 1; round <= rounds; round++) {
		random = (random ^ random >> 33) * UINT64_C(0xff51afd7ed558ccd) + 1;
		while (atomic_load_acquire_u32(&litmus->asleep) < round)
			sched_yield();
		/* Anywhere between the writer's announcement and its sleep, or behind it. */
		for (volatile unsigned spin = (unsigned)(random >> 40) % 4000; spin > 0; spin--)
			;
		/* Misses that fill the store buffer: ours would come late without a barrier. */
		for (unsigned i = 0; i < 40; i++) {
			random = (random ^ random >> 29) * UINT64_C(0xff51afd7ed558ccd) + 1;
			((volatile uint8_t *)far_memory)[(random >> 30) % FAR_BYTES] = 1;
		}
		if (with_cas)
			atomic_cas_relaxed_u32(&litmus->pushed, round - 1, round);
		else
			atomic_store_relaxed_u32(&litmus->pushed, round);
		control_wake_writer(&control);
	}
	_exit(0);
}

static void play(const struct runtime_dir *dir, bool with_cas)
{
	const uint32_t rounds = under_valgrind() ? ROUNDS / 20 : ROUNDS;
	struct litmus *litmus = share(sizeof(*litmus));
	unsigned timeouts = 0, slept = 0;
	struct control control;
	pid_t pid;

	assert_int_equal(control_open(&control, dir), 0);
	pid = fork_child();
	if (pid == 0)
		ring_each_round(dir, litmus, with_cas);
	for (uint32_t round = 1; round <= rounds && timeouts == 0; round++) {
		atomic_store_release_u32(&litmus->asleep, round);
		do {
			int64_t start = clock_monotonic_ns();

			/* The other takes a while to see that we begin, and so do we. */
			for (volatile unsigned spin = round * 37 % 4000; spin > 0; spin--)
				;
			control_announce_sleep(&control);
			if (atomic_load_relaxed_u32(&litmus->pushed) == round) {
				control_cancel_sleep(&control);
				break;
			}
			slept++;
			control_sleep(&control, LONG_NS);
			/* Not how long it took, only that it was not woken. */
			timeouts += clock_monotonic_ns() - start >= LONG_NS;
		} while (atomic_load_relaxed_u32(&litmus->pushed) != round);
	}
	assert_int_equal(timeouts, 0);
	assert_true(slept > 0);
	expect_child_succeeds(pid);
	control_close(&control);
}

static void no_wake_up_is_lost_behind_a_claim(void **state)
{
	play(*state, true);
}

static void no_wake_up_is_lost_behind_a_plain_store(void **state)
{
	/* The writer's barrier alone does it, where the kernel lets it. */
	if ((syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) &
	     MEMBARRIER_CMD_GLOBAL_EXPEDITED) == 0)
		skip();
	play(*state, false);
}

static void one_that_waits_for_a_flush_is_woken_by_the_next(void **state)
{
	uint32_t *position = share(sizeof(*position));
	struct control control;
	pid_t pid;

	assert_int_equal(control_open(&control, *state), 0);
	pid = fork_child();
	if (pid == 0) {
		for (uint32_t want = 1; want <= 1000; want++) {
			for (;;) {
				uint32_t seen = control_flushed(&control);
				int64_t start = clock_monotonic_ns();

				if (atomic_load_acquire_u32(position) >= want)
					break;
				control_wait_flushed(&control, seen, LONG_NS);
				if (clock_monotonic_ns() - start >= LONG_NS)
					_exit(1);
			}
		}
		_exit(0);
	}
	for (uint32_t i = 1; i <= 1000; i++) {
		atomic_store_release_u32(position, i);
		control_notify_flushed(&control);
		if (i % 3 == 0)
			sched_yield();
	}
	assert_int_equal(control_flushed(&control), 1000);
	expect_child_succeeds(pid);
	/* What was seen is old: no wait at all. */
	control_wait_flushed(&control, 999, LONG_NS);
	control_close(&control);
}

static void announce_sleep(const struct runtime_dir *dir)
{
	struct control control;

	if (control_open(&control, dir) == 0)
		control_announce_sleep(&control);
}

static void notify_flushed(const struct runtime_dir *dir)
{
	struct control control;

	if (control_open(&control, dir) == 0)
		control_notify_flushed(&control);
}

static void make_a_region(const struct runtime_dir *dir)
{
	const struct region_options options = {.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN}};
	static struct region region;

	(void)region_create(&region, dir, &options);
}

/* In a child that is killed at that call, so that only what comes before it is done. */
static void act_until(void (*act)(const struct runtime_dir *), long call, int argument,
		      uint32_t value)
{
	pid_t pid = fork_child();
	int status;

	if (pid == 0) {
		const struct rlimit no_core = {0};

		setrlimit(RLIMIT_CORE, &no_core);
		if (refuse(call, argument, value, 0) < 0)
			_exit(77);
		act(&shm_fixture_dir);
		_exit(1);
	}
	status = wait_child(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* The games above lose a wake-up without it only now and then, and on some machines never. */
static void the_writers_barrier_comes_behind_its_announcement(void **state)
{
	struct control control;

	assert_int_equal(control_open(&control, *state), 0);
	act_until(announce_sleep, SYS_membarrier, 0, MEMBARRIER_CMD_GLOBAL_EXPEDITED);
	assert_int_equal(atomic_load_relaxed_u32(&control.page->sleeping), 1);
	control_close(&control);
}

/* The filter that sees the call must not keep it from being made. */
static bool hides_the_filter;

bool __real_limits_have_seccomp(void);
bool __wrap_limits_have_seccomp(void);

bool __wrap_limits_have_seccomp(void)
{
	return !hides_the_filter && __real_limits_have_seccomp();
}

static void a_producer_asks_for_the_writers_barrier(void **state)
{
	(void)state;
	hides_the_filter = true;
	act_until(make_a_region, SYS_membarrier, 0, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
	hides_the_filter = false;
}

/* Where there is a filter it might kill for that, so the writer has to do without. */
static void a_producer_under_a_filter_does_not_ask_and_says_so(void **state)
{
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	pid_t pid;

	(void)state;
	make_a_region(&shm_fixture_dir);
	find_region(name);
	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, false), 0);
	assert_true(view.is_reached);
	region_detach(&view);
	assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
	pid = fork_child();
	if (pid == 0) {
		if (refuse(SYS_membarrier, ANY_ARGUMENT, 0, 0) < 0)
			_exit(77);
		make_a_region(&shm_fixture_dir);
		_exit(0);
	}
	if (WEXITSTATUS(wait_child(pid)) == 77)
		skip();
	find_region(name);
	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, false), 0);
	assert_false(view.is_reached);
	region_detach(&view);
}

static void a_sleep_is_short_at_first_where_the_barrier_does_not_reach_all(void **state)
{
	struct control control;

	assert_int_equal(control_open(&control, *state), 0);
	assert_true(control_slice_ns(&control, true) == INT64_MAX);
	assert_true(control_slice_ns(&control, false) < 10000000);
	control_close(&control);
}

/* Who is woken before the count has changed may wait for it again, and then for ever. */
static void a_flush_is_counted_before_anyone_is_woken(void **state)
{
	struct control control;

	assert_int_equal(control_open(&control, *state), 0);
	act_until(notify_flushed, SYS_futex, 1, FUTEX_WAKE);
	assert_int_equal(control_flushed(&control), 1);
	control_close(&control);
}

/* The sleeper of a deep sleep: its word, and how often it came back. */
struct sleeper {
	uint32_t word, back;
};

static void *sleep_once(void *argument)
{
	struct sleeper *sleeper = argument;

	control_doze(&sleeper->word, 0);
	atomic_add_relaxed_u32(&sleeper->back, 1);
	return NULL;
}

static int64_t directory_time_ns(const struct runtime_dir *dir)
{
	struct stat st;

	assert_int_equal(fstat(dir->fd, &st), 0);
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static void set_directory_time(const struct runtime_dir *dir)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	assert_int_equal(futimens(dir->fd, times), 0);
}

static void a_sleeper_that_is_moved_to_the_page_is_woken_there(void **state)
{
	struct sleeper sleeper = {0};
	struct control writer, producer;
	pthread_t thread;

	assert_int_equal(control_open(&writer, *state), 0);
	assert_int_equal(control_open(&producer, *state), 0);
	/* Nobody sleeps yet. */
	assert_false(control_move_sleeper(&writer, &sleeper.word, 0));
	assert_int_equal(pthread_create(&thread, NULL, sleep_once, &sleeper), 0);
	while (!control_move_sleeper(&writer, &sleeper.word, 0))
		sched_yield();
	assert_int_equal(atomic_load_relaxed_u32(&sleeper.back), 0);
	set_directory_time(*state);
	errno = 4711;
	control_end_deep_sleep(&producer, shm_fixture_path, true);
	assert_int_equal(errno, 4711);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(sleeper.back, 1);
	assert_int_equal(directory_time_ns(*state), 1000000000);
	control_close(&producer);
	control_close(&writer);
}

static void where_nobody_sleeps_at_the_page_the_directorys_time_is_set(void **state)
{
	struct control control;

	assert_int_equal(control_open(&control, *state), 0);
	set_directory_time(*state);
	control_end_deep_sleep(&control, shm_fixture_path, false);
	assert_int_equal(directory_time_ns(*state), 1000000000);
	errno = 4711;
	control_end_deep_sleep(&control, shm_fixture_path, true);
	assert_int_equal(errno, 4711);
	assert_true(directory_time_ns(*state) > 1000000000);
	/* Without a page, too; and without a directory nothing happens. */
	control_close(&control);
	set_directory_time(*state);
	control_end_deep_sleep(&control, shm_fixture_path, true);
	assert_true(directory_time_ns(*state) > 1000000000);
	control_end_deep_sleep(&control, "/nowhere/at/all", true);
	assert_int_equal(errno, 4711);
}

#define IN_A_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(one_that_comes_later_sees_the_same_page),
		IN_A_DIRECTORY(a_page_in_a_group_directory_is_made_by_the_writer_alone),
		IN_A_DIRECTORY(of_processes_that_race_one_makes_the_page_and_all_use_it),
		IN_A_DIRECTORY(a_page_of_another_kind_is_refused),
		IN_A_DIRECTORY(a_page_that_is_no_file_is_refused),
		IN_A_DIRECTORY(ringing_one_that_is_awake_does_nothing_and_keeps_errno),
		IN_A_DIRECTORY(a_sleep_ends_by_itself_and_leaves_the_writer_awake),
		IN_A_DIRECTORY(no_wake_up_is_lost_behind_a_claim),
		IN_A_DIRECTORY(no_wake_up_is_lost_behind_a_plain_store),
		IN_A_DIRECTORY(one_that_waits_for_a_flush_is_woken_by_the_next),
		IN_A_DIRECTORY(the_writers_barrier_comes_behind_its_announcement),
		IN_A_DIRECTORY(a_producer_asks_for_the_writers_barrier),
		IN_A_DIRECTORY(a_producer_under_a_filter_does_not_ask_and_says_so),
		IN_A_DIRECTORY(a_sleep_is_short_at_first_where_the_barrier_does_not_reach_all),
		IN_A_DIRECTORY(a_flush_is_counted_before_anyone_is_woken),
		IN_A_DIRECTORY(a_sleeper_that_is_moved_to_the_page_is_woken_there),
		IN_A_DIRECTORY(where_nobody_sleeps_at_the_page_the_directorys_time_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
