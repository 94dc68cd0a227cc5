/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A push makes no allocation and no system call, counted: this program's own
 * malloc() counts, and a child under seccomp is killed by any system call but
 * those that end it. Two exceptions are counted by a handler of SIGSYS: one futex
 * wake each time a ring passes half full while the writer sleeps, and the look for
 * the region's name while a ring is more than half full, once in PRODUCER_LOOK_MS.
 *
 * The library is the shared one, as a stranger links it, so that its calls to
 * malloc() would come here. The writer is played by the test: it says that it
 * sleeps, and gives ring space back, at moments that a real one would choose
 * by itself.
 */
#include <otlpipe/logger.h>

#include "base/array.h"
#include "base/clock.h"
#include "core/producer_state.h"
#include "core/record/signal.h"
#include "tests/unit/library_fixture.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "shm/control.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#define PUSHES 100000

static volatile unsigned allocations;

#ifndef HAS_SANITIZER
/* A sanitizer has a malloc() of its own; there the count stays 0 and its test is skipped. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void __libc_free(void *memory);

void *malloc(size_t bytes)
{
	allocations++;
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	allocations++;
	return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
	allocations++;
	return __libc_realloc(memory, bytes);
}

void free(void *memory)
{
	allocations++;
	__libc_free(memory);
}
#endif

/* All kinds of exports, made before anything is counted. */
struct cost {
	struct otlp_library *library;
	struct otlp_span_exporter *exporter;
	struct otlp_span good, rich, invalid, not_utf8, too_large, own_resource;
	struct otlp_attribute attributes[4];
	struct otlp_resource resource;
	struct otlp_number_point points[200]; /* more than one record takes */
	struct fixture_gauge few, many, bad;
	struct otlp_logger logger;
	struct otlp_log_context context;
	struct otlp_log_record log;
	struct otlp_log_shape *log_shape;
	char large[32 << 10];
	uint64_t accepted, refused;
};

static struct cost cost;

static void cost_open(uint32_t ring_bytes)
{
	size_t i;

	memset(&cost, 0, sizeof(cost));
	cost.library = fixture_open_rings(ring_bytes, ring_bytes);
	assert_int_equal(otlp_library_span_exporter(cost.library, &cost.exporter), OTLP_OK);
	memset(cost.large, 'a', sizeof(cost.large));
	cost.attributes[0] =
		otlp_attr_str(OTLP_STR("http.route"), OTLP_STR("/v1/\xc3\xa9t\xc3\xa9"));
	cost.attributes[1] = otlp_attr_int(OTLP_STR("http.response.status_code"), 200);
	cost.attributes[2] = otlp_attr_double(OTLP_STR("ratio"), 0.5);
	cost.attributes[3] = otlp_attr_bool(OTLP_STR("cached"), true);
	cost.good = cost.rich = cost.invalid = cost.not_utf8 = cost.too_large = cost.own_resource =
		fixture_span(1);
	cost.rich.attributes =
		(struct otlp_attributes){.items = cost.attributes, .count = 4, .dropped = 1};
	memset(cost.invalid.trace_id, 0, sizeof(cost.invalid.trace_id));
	cost.not_utf8.name = OTLP_STR("\xff");
	cost.too_large.name = (struct otlp_str){cost.large, sizeof(cost.large)};
	cost.resource.attributes = (struct otlp_attributes){.items = cost.attributes, .count = 1};
	cost.own_resource.resource = &cost.resource;
	for (i = 0; i < COUNT_OF(cost.points); i++)
		cost.points[i] = fixture_point((int64_t)i);
	cost.logger.library = cost.library;
	cost.logger.severity_min = OTLP_SEVERITY_INFO;
	cost.context.trace_id[0] = cost.context.span_id[0] = 1;
	cost.log.severity_number = OTLP_SEVERITY_INFO;
	cost.log.body =
		otlp_value_str(OTLP_STR("a text of more than a few bytes, copied as a whole"));
	cost.log.attributes = (struct otlp_attributes){.items = cost.attributes, .count = 4};
	assert_int_equal(otlp_log_shape_register(&cost.log, &cost.log_shape), OTLP_OK);
	fixture_gauge_init(&cost.few, cost.points, 3);
	fixture_gauge_init(&cost.many, cost.points, COUNT_OF(cost.points));
	fixture_gauge_init(&cost.bad, NULL, 2);
}

static void cost_close(void)
{
	otlp_span_exporter_unref(cost.exporter);
	otlp_log_shape_unref(cost.log_shape);
	otlp_library_unref(cost.library);
}

/* Each form of a log statement; what the library counts says whether it was taken. */
static void log_once(unsigned i)
{
	const struct otlp_log_context *before = otlp_log_context_set(&cost.context);

	OTLP_LOG(&cost.logger, OTLP_SEVERITY_DEBUG, "not logged");
	OTLP_LOG(&cost.logger, OTLP_SEVERITY_INFO, "request served", OTLP_KV("status", 200),
		 OTLP_KV("route", "/v1/\xc3\xa9t\xc3\xa9"), OTLP_KV("ratio", 0.5),
		 OTLP_KV("number", i));
	OTLP_LOGF(&cost.logger, OTLP_SEVERITY_WARN, "%s: %u of %5.2f", "number", i, 1.5);
	/* Cut, repaired, and with an attribute more. */
	OTLP_LOGF_IN(&cost.logger, NULL, OTLP_SEVERITY_ERROR, (OTLP_KV("number", i)), "\xff%2000d",
		     (int)i);
	otlp_log_context_set(before);
	otlp_library_export_logs(cost.library, &cost.log, 1);
	otlp_library_export_logs_shaped(cost.library, cost.log_shape, &cost.log, 1);
}

static void push_once(unsigned i)
{
	const struct otlp_span *const spans[] = {&cost.good,	  &cost.rich,
						 &cost.invalid,	  &cost.not_utf8,
						 &cost.too_large, &cost.own_resource};
	const struct fixture_gauge *const gauges[] = {&cost.few, &cost.many, &cost.bad};
	int rc;

	if (i % 16 == 0)
		log_once(i);
	if (i % 3 == 0)
		rc = otlp_library_export_metrics_ref(cost.library, &gauges[i / 3 % 3]->metrics);
	else if (i % 3 == 1)
		rc = otlp_library_export_traces(cost.library, spans[i / 3 % 6], 1);
	else
		rc = otlp_span_exporter_export(cost.exporter, spans[i / 3 % 6], 1).cause;
	cost.accepted += rc == OTLP_OK;
	cost.refused += rc != OTLP_OK;
}

/* Empty ring: what was pushed is given back before more is. */
struct cost_reader {
	struct region_view view;
	struct ring_reader readers[SIGNAL_COUNT];
};

static void cost_reader_open(struct cost_reader *reader)
{
	char name[REGION_NAME_BYTES_MAX];
	int signal;

	assert_true(find_region_of(getpid(), name));
	assert_int_equal(region_attach(&reader->view, &shm_fixture_dir, name, true), 0);
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		assert_int_equal(ring_reader_init(&reader->readers[signal],
						  reader->view.rings[signal].shared,
						  reader->view.rings[signal].data,
						  reader->view.rings[signal].bytes, true),
				 0);
}

static void cost_reader_drain(struct cost_reader *reader)
{
	int signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		struct ring_done done = {0};

		reader->readers[signal].read =
			atomic_load_relaxed_u64(&reader->readers[signal].shared->tail);
		done.position = reader->readers[signal].read;
		ring_reader_release(&reader->readers[signal], &done);
	}
}

static void a_push_allocates_nothing(void **state)
{
	struct cost_reader reader;
	unsigned before, i;
	void *memory;

	(void)state;
#ifdef HAS_SANITIZER
	skip();
#endif
	if (under_valgrind()) /* has a malloc() of its own, too */
		skip();
	before = allocations;
	memory = malloc(1);
	__asm__ volatile("" : "+r"(memory));
	free(memory);
	assert_int_equal(allocations, before + 2); /* the count counts */
	cost_open(64 << 10);
	cost_reader_open(&reader);
	before = allocations;
	for (i = 0; i < PUSHES; i++) {
		push_once(i);
		if (i < PUSHES / 2) /* the ring empty, then full */
			cost_reader_drain(&reader);
	}
	assert_int_equal(allocations, before);
	assert_true(cost.accepted > PUSHES / 10 && cost.refused > PUSHES / 10);
	region_detach(&reader.view);
	cost_close();
}

/*
 * Any system call kills, but those of _exit(). A futex and the opening of a directory may trap
 * instead; then signals may be held back too, and descriptors asked for, as before an opening.
 */
static void forbid_system_calls(bool trap)
{
	const uint32_t trapped = trap ? SECCOMP_RET_TRAP : SECCOMP_RET_KILL_PROCESS;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 7, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, trap ? 3 : 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, trap ? 2 : 0, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, trapped),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = COUNT_OF(filter), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(100);
}

/* _exit() itself; of a call that does not return a sanitizer would ask for the signal stack. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

static bool has_seccomp(void)
{
	/* valgrind makes system calls of its own; the sanitizers' runtimes make none in a push. */
	return !under_valgrind() && prctl(PR_GET_SECCOMP) >= 0;
}

static void the_filter_kills_what_makes_a_system_call(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (!has_seccomp())
		skip();
	pid = fork_child();
	if (pid == 0) {
		forbid_system_calls(false);
		syscall(SYS_getppid);
		_exit(0);
	}
	status = wait_child(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void a_push_to_an_empty_ring_makes_no_system_call(void **state)
{
	pid_t pid;

	(void)state;
	if (!has_seccomp())
		skip();
	pid = fork_child();
	if (pid == 0) {
		struct cost_reader reader;
		unsigned i;

		cost_open(64 << 10); /* the child's own, so not its first push after the fork */
		cost_reader_open(&reader);
		forbid_system_calls(false);
		for (i = 0; i < PUSHES; i++) {
			push_once(i);
			cost_reader_drain(&reader);
		}
		leave(cost.accepted > PUSHES / 3 && cost.refused > PUSHES / 10 ? 0 : 1);
	}
	expect_child_succeeds(pid);
}

static volatile unsigned wakes, other_futexes, looks;

static void count_call(int number, siginfo_t *info, void *context)
{
	ucontext_t *registers = context;

	(void)number;
#ifdef __x86_64__
	if (info->si_syscall == SYS_openat) {
		/* Nothing is learnt by this look: the push goes on. */
		looks++;
		registers->uc_mcontext.gregs[REG_RAX] = -EMFILE;
		return;
	}
	if ((registers->uc_mcontext.gregs[REG_RSI] & 127) == FUTEX_WAKE)
		wakes++;
	else
		other_futexes++;
	registers->uc_mcontext.gregs[REG_RAX] = 0;
#else
	(void)info;
	(void)registers;
	_exit(101);
#endif
}

static int64_t coarse_ms(void)
{
	return clock_now_ns(CLOCK_MONOTONIC_COARSE) / 1000000;
}

static void a_push_to_a_full_ring_makes_no_system_call_but_a_rare_look_for_its_name(void **state)
{
	pid_t pid;

	(void)state;
#ifndef __x86_64__
	skip(); /* the handler reads registers */
#endif
	if (!has_seccomp())
		skip();
	pid = fork_child();
	if (pid == 0) {
		struct sigaction action = {.sa_sigaction = count_call, .sa_flags = SA_SIGINFO};
		int64_t begin_ms, looks_max;
		unsigned i;

		cost_open(64 << 10);
		if (sigaction(SIGSYS, &action, NULL) < 0)
			leave(103);
		begin_ms = coarse_ms();
		forbid_system_calls(true);
		for (i = 0; i < PUSHES; i++)
			push_once(i);
		/* Its milliseconds are odd, so two looks may be one closer. */
		looks_max = (coarse_ms() - begin_ms) / (PRODUCER_LOOK_MS - 1) + 1;
		if (wakes != 0 || other_futexes != 0)
			leave(1);
		if (looks == 0 || looks > looks_max)
			leave(2);
		leave(cost.accepted > 0 && cost.refused > PUSHES / 2 ? 0 : 3);
	}
	expect_child_succeeds(pid);
}

static uint64_t ring_used(const struct cost_reader *reader)
{
	const struct ring_shared *shared = reader->readers[OTLP_SIGNAL_TRACES].shared;

	return atomic_load_relaxed_u64(&shared->tail) - atomic_load_relaxed_u64(&shared->head);
}

/* Push spans until the ring is as full as that. */
static void fill_to(const struct cost_reader *reader, uint64_t bytes)
{
	while (ring_used(reader) <= bytes)
		if (otlp_library_export_traces(cost.library, &cost.good, 1) != OTLP_OK)
			leave(102);
}

static void fill_whole(void)
{
	while (otlp_library_export_traces(cost.library, &cost.good, 1) == OTLP_OK)
		;
}

/* In the child; @return its exit status */
static int count_wakes(const struct cost_reader *reader_at_start, struct control *control)
{
	struct cost_reader reader = *reader_at_start;
	uint32_t *sleeping = &control->page->sleeping;
	const uint64_t half = 32 << 10;
	unsigned round;

	for (round = 1; round <= 10; round++) {
		atomic_store_relaxed_u32(sleeping, 1);
		fill_to(&reader, half - 512);
		if (wakes != round - 1)
			return 1; /* too early */
		fill_to(&reader, half);
		if (wakes != round || atomic_load_relaxed_u32(sleeping) != 0)
			return 2;
		atomic_store_relaxed_u32(sleeping, 1); /* asleep again, with the ring half full */
		fill_whole();
		if (wakes != round)
			return 3; /* once each time, and not for each push */
		cost_reader_drain(&reader);
	}
	atomic_store_relaxed_u32(sleeping, 0); /* and never while it is awake */
	fill_whole();
	if (wakes != 10 || other_futexes != 0)
		return 4;
	return 0;
}

static void a_sleeping_writer_is_woken_once_each_time_a_ring_passes_half_full(void **state)
{
	pid_t pid;

	(void)state;
#ifndef __x86_64__
	skip(); /* the handler reads registers */
#endif
	if (!has_seccomp())
		skip();
	pid = fork_child();
	if (pid == 0) {
		struct sigaction action = {.sa_sigaction = count_call, .sa_flags = SA_SIGINFO};
		struct cost_reader reader;
		struct control control;

		cost_open(64 << 10);
		cost_reader_open(&reader);
		if (control_open(&control, &shm_fixture_dir) < 0 ||
		    sigaction(SIGSYS, &action, NULL) < 0)
			_exit(103);
		forbid_system_calls(true);
		leave(count_wakes(&reader, &control));
	}
	expect_child_succeeds(pid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_push_allocates_nothing),
		TEST(the_filter_kills_what_makes_a_system_call),
		TEST(a_push_to_an_empty_ring_makes_no_system_call),
		TEST(a_push_to_a_full_ring_makes_no_system_call_but_a_rare_look_for_its_name),
		TEST(a_sleeping_writer_is_woken_once_each_time_a_ring_passes_half_full),
	};

	return cmocka_run_group_tests_name("push_cost", tests, NULL, NULL);
}
