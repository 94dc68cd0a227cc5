/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that is taken out of the library at the worst moment: in the making of a
 * region, which a child's first push does, or a push after the writer abandoned one.
 *
 * usage: host_signals SCENARIO     with $OTLPIPE_DIR; says "ready" and reads a line where
 *                                  it waits for the test
 * Exit 0: the scenario went as it must; else a line says what did not.
 */
#include <alloca.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/attack/host.h"

#define WAIT_NS	   INT64_C(60000000000)
#define PAGE_BYTES 4096

/* With AVX-512 the signal's frame takes nearly half of it; the library gets the other half. */
#define SMALL_STACK_BYTES 8192
#define PUSH_STACK_BYTES  4096

static struct otlp_library *library;
static sigjmp_buf jump;

/* What happens to the thread that makes a region, once, at the call that reserves its space. */
static enum { NOTHING, CANCEL, HANDLER_JUMPS, JUMP, END_THREAD } disturbance;
static volatile sig_atomic_t disturbed;

static void open_library(void)
{
	struct otlp_options options;

	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = OTLP_RING_BYTES_MIN;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = OTLP_RING_BYTES_MIN;
	EXPECT(otlp_library_open(&library, &options) == OTLP_OK);
}

/* The library's call comes here. */
int fallocate(int fd, int mode, off_t at, off_t bytes)
{
	const int now = disturbance;

	disturbance = NOTHING;
	disturbed += now != NOTHING;
	if (now == CANCEL)
		pthread_cancel(pthread_self());
	else if (now == HANDLER_JUMPS)
		raise(SIGUSR1);
	else if (now == JUMP)
		siglongjmp(jump, 1);
	else if (now == END_THREAD)
		syscall(SYS_exit, 0);
	return (int)syscall(SYS_fallocate, fd, mode, at, bytes);
}

static void fork_child(void)
{
	pid_t pid = fork();
	int status;

	EXPECT(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 100);
}

/* The library works again, perhaps after some refusals, and says the truth about it. */
static void expect_that_it_works(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	const time_t end = time(NULL) + 60;
	struct otlp_stats stats;
	uint64_t refused = 0;
	int rc;

	while ((rc = host_push(library)) != OTLP_OK) {
		EXPECT(rc == OTLP_ERR_FULL && time(NULL) < end);
		/* A flush that finds nothing pushed has nothing to wait for: it must not say so. */
		EXPECT(refused++ != 0 || otlp_library_flush(library, 0) != OTLP_OK);
		nanosleep(&pause, NULL);
	}
	EXPECT(otlp_library_flush(library, WAIT_NS) == OTLP_OK);
	otlp_library_get_stats(library, &stats, sizeof(stats));
	EXPECT(stats.signals[OTLP_SIGNAL_TRACES].accepted >= 1);
	EXPECT(stats.signals[OTLP_SIGNAL_TRACES].dropped_full == refused);
	otlp_library_unref(library);
	_exit(0);
}

static void *push_in_thread(void *unused)
{
	(void)unused;
	(void)host_push(library);
	return NULL;
}

/* In a thread of a child, whose first push this is. */
static void disturb_a_thread(int what)
{
	pthread_t thread;

	open_library();
	fork_child();
	disturbance = what;
	EXPECT(pthread_create(&thread, NULL, push_in_thread, NULL) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
	EXPECT(disturbed == 1);
	expect_that_it_works();
}

static void a_thread_is_cancelled(void)
{
	disturb_a_thread(CANCEL);
}

static void a_thread_ends_in_the_making(void)
{
	disturb_a_thread(END_THREAD);
}

static void jump_away(int number)
{
	(void)number;
	siglongjmp(jump, 1);
}

static void disturb_by_a_jump(int what)
{
	const struct sigaction action = {.sa_handler = jump_away};

	open_library();
	fork_child();
	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
	disturbance = what;
	if (sigsetjmp(jump, 1) == 0)
		(void)host_push(library);
	EXPECT(disturbed == 1);
	expect_that_it_works();
}

static void a_handler_jumps_away(void)
{
	disturb_by_a_jump(HANDLER_JUMPS);
}

/* As out of the handler of a signal that cannot be held back: SIGSYS, SIGSEGV. */
static void the_making_itself_is_left_by_a_jump(void)
{
	disturb_by_a_jump(JUMP);
}

static const char *small_stack;

/* An alternate stack of 8 KiB between pages that nobody may touch. */
static void use_small_stack(void)
{
	char *map = mmap(NULL, SMALL_STACK_BYTES + 2 * PAGE_BYTES, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_size = SMALL_STACK_BYTES};

	EXPECT(map != MAP_FAILED);
	EXPECT(mprotect(map + PAGE_BYTES, SMALL_STACK_BYTES, PROT_READ | PROT_WRITE) == 0);
	small_stack = stack.ss_sp = map + PAGE_BYTES;
	EXPECT(sigaltstack(&stack, NULL) == 0);
}

static volatile sig_atomic_t result;
static int (*small_push)(struct otlp_library *of) = host_push;

/* The rest of the stack, whatever this machine's frame of a signal takes. */
static void push_in_handler(int number)
{
	const size_t left = (size_t)((const char *)__builtin_frame_address(0) - small_stack);
	volatile char *unused;

	(void)number;
	if (left < PUSH_STACK_BYTES) {
		result = 1;
		return;
	}
	unused = alloca(left - PUSH_STACK_BYTES);
	unused[0] = 1;
	result = small_push(library);
}

/* Pushes in the handler until a region more is made than there was. */
static void push_on_a_small_stack(void)
{
	const struct sigaction action = {.sa_handler = push_in_handler, .sa_flags = SA_ONSTACK};
	int i;

	use_small_stack();
	EXPECT(sigaction(SIGUSR2, &action, NULL) == 0);
	for (i = 0; i < 1000; i++) {
		EXPECT(raise(SIGUSR2) == 0);
		if (result > 0)
			_exit(77); /* there is no room for a push beside the frame */
	}
}

static void wait_for_the_test(void)
{
	char line[16];

	EXPECT(printf("ready\n") > 0 && fflush(stdout) == 0);
	EXPECT(fgets(line, sizeof(line), stdin) != NULL);
}

static void a_region_is_renewed_on_a_small_stack(void)
{
	open_library();
	EXPECT(host_push(library) == OTLP_OK);
	wait_for_the_test(); /* it gives the region up, as a writer would */
	push_on_a_small_stack();
	wait_for_the_test();
	otlp_library_unref(library);
}

static void a_childs_first_push_is_made_on_a_small_stack(void)
{
	open_library();
	fork_child();
	push_on_a_small_stack();
	EXPECT(result == OTLP_ERR_FULL); /* there is no writer, and 1,000 are more than it takes */
	wait_for_the_test();
	otlp_library_unref(library);
	_exit(0);
}

/* One in the other, as deep as is allowed, and text at the end that is to be looked at. */
static struct otlp_attribute deepest[OTLP_VALUE_DEPTH_MAX];

static void nest_values(void)
{
	const size_t last = OTLP_VALUE_DEPTH_MAX - 1;
	size_t i;

	for (i = 0; i <= last; i++)
		deepest[i].key = OTLP_STR("key");
	for (i = 0; i < last; i++) {
		deepest[i].value.type = OTLP_VALUE_KVLIST;
		deepest[i].value.as.kvlist.items = &deepest[i + 1];
		deepest[i].value.as.kvlist.count = 1;
	}
	deepest[last].value = otlp_value_str(OTLP_STR("na\xc3\xafve"));
}

/* In all places at once: the record's attributes, and its scope's, which is a new one each time. */
static int push_deepest(struct otlp_library *of)
{
	static char names[] = "a";
	const struct otlp_attributes attributes = {deepest, 1, 0};
	const struct otlp_scope scope = {.name = {names, 1}, .attributes = attributes};
	const struct otlp_span span = {.trace_id = {1},
				       .span_id = {1},
				       .name = OTLP_STR("span"),
				       .scope = &scope,
				       .attributes = attributes};
	const struct otlp_log_record log = {.scope = &scope, .attributes = attributes};
	int rc;

	names[0] = names[0] == 'z' ? 'a' : (char)(names[0] + 1);
	rc = otlp_library_export_traces(of, &span, 1);
	return rc < 0 ? rc : otlp_library_export_logs(of, &log, 1);
}

static void the_deepest_values_are_pushed_on_a_small_stack(void)
{
	open_library();
	nest_values();
	EXPECT(push_deepest(library) == OTLP_OK);
	small_push = push_deepest;
	push_on_a_small_stack();
	EXPECT(result == OTLP_ERR_FULL);
	wait_for_the_test();
	otlp_library_unref(library);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"a_thread_is_cancelled", a_thread_is_cancelled},
	{"a_thread_ends_in_the_making", a_thread_ends_in_the_making},
	{"a_handler_jumps_away", a_handler_jumps_away},
	{"the_making_itself_is_left_by_a_jump", the_making_itself_is_left_by_a_jump},
	{"a_region_is_renewed_on_a_small_stack", a_region_is_renewed_on_a_small_stack},
	{"a_childs_first_push_is_made_on_a_small_stack",
	 a_childs_first_push_is_made_on_a_small_stack},
	{"the_deepest_values_are_pushed_on_a_small_stack",
	 the_deepest_values_are_pushed_on_a_small_stack},
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc == 2 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (strcmp(scenarios[i].name, argv[1]) != 0)
			continue;
		scenarios[i].run();
		return 0;
	}
	return 2;
}
