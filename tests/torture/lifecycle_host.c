/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host program with an eventful life: each scenario does to a producer what
 * programs do, and enters in the ledger what was accepted.
 *
 * usage: lifecycle_host LEDGER SLOT SCENARIO     uses slots from SLOT on
 * Exit 0: the scenario went as it must; else a line says what did not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "tests/torture/ledger.h"

#define WAIT_NS INT64_C(60000000000)

static struct ledger ledger;
static struct otlp_library *library;
static uint32_t slot;
static const char *program, *ledger_path;

#define EXPECT(what)                                                               \
	do {                                                                       \
		if (!(what)) {                                                     \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
			_exit(1);                                                  \
		}                                                                  \
	} while (0)

static void open_library(void)
{
	struct otlp_options options;

	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = options.ring_bytes[OTLP_SIGNAL_METRICS] = 64 << 10;
	EXPECT(otlp_library_open(&library, &options) == OTLP_OK);
}

static void push(uint32_t to, unsigned count)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (count > 0) {
		int rc = ledger_push_next(&ledger, library, to);

		EXPECT(rc == OTLP_OK || rc == OTLP_ERR_FULL);
		if (rc == OTLP_OK)
			count--;
		else
			nanosleep(&pause, NULL);
	}
}

static void wait_child(pid_t pid)
{
	int status;

	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The parent's records are in its region, the child's in one of its own. */
static void fork_and_child_ends_first(void)
{
	pid_t pid;

	open_library();
	push(slot, 20);
	pid = fork();
	if (pid == 0) {
		push(slot + 2, 20);
		otlp_library_unref(library);
		_exit(0);
	}
	push(slot, 20);
	wait_child(pid);
	push(slot, 20);
}

static void fork_and_parent_ends_first(void)
{
	pid_t parent = getpid();
	const struct timespec pause = {.tv_nsec = 1000000};

	open_library();
	push(slot, 20);
	if (fork() == 0) {
		push(slot + 2, 20);
		while (getppid() == parent)
			nanosleep(&pause, NULL);
		push(slot + 2, 20);
		_exit(0); /* without a word to the library */
	}
}

static volatile bool stop;

static void *push_until_stop(void *argument)
{
	uint32_t to = *(const uint32_t *)argument;

	while (!stop)
		push(to, 1);
	return NULL;
}

static void fork_while_a_thread_pushes(void)
{
	uint32_t to = slot, i;
	pthread_t thread;

	open_library();
	EXPECT(pthread_create(&thread, NULL, push_until_stop, &to) == 0);
	for (i = 1; i <= 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			push(slot + 2 * i, 20);
			push(slot + 2 * i + 1, 20);
			_exit(0);
		}
		wait_child(pid);
	}
	stop = true;
	pthread_join(thread, NULL);
}

static void exec_another(void)
{
	char number[16];

	open_library();
	push(slot, 20);
	snprintf(number, sizeof(number), "%u", slot + 2);
	execl(program, program, ledger_path, number, "close_from_3", (char *)NULL);
	EXPECT(!"exec");
}

static void vfork_and_exec(void)
{
	int i;

	open_library();
	for (i = 0; i < 20; i++) {
		pid_t pid;

		push(slot, 5);
		pid = vfork();
		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		wait_child(pid);
		push(slot, 5);
	}
}

static void close_from_3(void)
{
	int fd;

	open_library();
	push(slot, 20);
	for (fd = 3; fd < 1024; fd++)
		close(fd);
	push(slot, 20);
	EXPECT(otlp_library_flush(library, WAIT_NS) == OTLP_OK);
	push(slot, 20);
}

static void close_every_descriptor(void)
{
	int fd;

	open_library();
	push(slot, 20);
	for (fd = 0; fd < 1024; fd++)
		close(fd);
	push(slot, 20);
	EXPECT(otlp_library_flush(library, WAIT_NS) == OTLP_OK);
	push(slot, 20);
}

static void timer(suseconds_t us)
{
	struct itimerval value = {.it_interval = {.tv_usec = us}, .it_value = {.tv_usec = us}};

	EXPECT(setitimer(ITIMER_REAL, &value, NULL) == 0);
}

static sigjmp_buf jump;
static volatile sig_atomic_t may_jump;

static void jump_out(int number)
{
	(void)number;
	if (may_jump) {
		may_jump = 0;
		siglongjmp(jump, 1);
	}
}

/* What a jump left behind makes its ring wait; nothing else: the next push returns all the same. */
static void jump_out_of_a_handler(void)
{
	volatile unsigned jumps = 0;
	struct sigaction action = {.sa_handler = jump_out};

	open_library();
	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	timer(700);
	while (jumps < 100) {
		/* A record that a jump cut off may be there or not: its slot is not used again. */
		uint32_t to = slot + 2 * jumps;

		if (sigsetjmp(jump, 1) != 0) {
			jumps++;
			continue;
		}
		may_jump = 1;
		for (;;)
			(void)ledger_push_next(&ledger, library, to);
	}
	timer(0);
}

static volatile sig_atomic_t is_pushing, interrupted;

static void push_in_handler(int number)
{
	(void)number;
	interrupted += is_pushing;
	(void)ledger_push_next(&ledger, library, slot + 2);
	(void)ledger_push_next(&ledger, library, slot + 3);
}

static void push_from_a_handler_that_interrupts_a_push(void)
{
	struct sigaction action = {.sa_handler = push_in_handler, .sa_flags = SA_RESTART};
	int i;

	open_library();
	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	timer(100);
	for (i = 0; i < 3000 || interrupted < 100; i++) {
		is_pushing = 1;
		(void)ledger_push_next(&ledger, library, slot);
		(void)ledger_push_next(&ledger, library, slot + 1);
		is_pushing = 0;
	}
	timer(0);
}

static void unlink_own_region(void)
{
	const char *path = getenv("OTLPIPE_DIR");
	DIR *stream = opendir(path);
	struct dirent *entry;
	char prefix[16], name[512];
	int count = 0;

	snprintf(prefix, sizeof(prefix), "%d-", (int)getpid());
	EXPECT(stream != NULL);
	while ((entry = readdir(stream)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		EXPECT(unlink(name) == 0);
		count++;
	}
	closedir(stream);
	EXPECT(count == 1);
}

static void region_unlinked_under_it(void)
{
	open_library();
	push(slot, 20);
	/* From now on the writer has it. */
	EXPECT(otlp_library_flush(library, WAIT_NS) == OTLP_OK);
	unlink_own_region();
	push(slot, 500);
	EXPECT(otlp_library_flush(library, WAIT_NS) == OTLP_OK);
}

static void push_at_exit(void)
{
	push(slot, 20);
	otlp_library_unref(library);
}

static void exit_handlers(void)
{
	open_library();
	push(slot, 20);
	EXPECT(atexit(push_at_exit) == 0);
	exit(0);
}

static void short_life(uint32_t to)
{
	open_library();
	push(to, 2);
	push(to + 1, 2);
	otlp_library_unref(library);
	_exit(0);
}

static void thousand_in_a_row(void)
{
	uint32_t i;

	for (i = 0; i < 1000; i++) {
		pid_t pid = fork();

		if (pid == 0)
			short_life(slot + 2 * i);
		wait_child(pid);
	}
}

static void two_hundred_at_once(void)
{
	pid_t pids[200];
	uint32_t i;

	for (i = 0; i < 200; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			short_life(slot + 2 * i);
	}
	for (i = 0; i < 200; i++)
		wait_child(pids[i]);
}

static bool must_fork;

/* As a thread that forks while another makes a region: this child has the region's descriptor. */
static void live_on_with_the_lock(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	char path[512];
	int fd;

	open_library();
	push(slot + 2, 20);
	otlp_library_unref(library);
	snprintf(path, sizeof(path), "%s.done", ledger_path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	EXPECT(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s.go", ledger_path);
	while (access(path, F_OK) != 0)
		nanosleep(&pause, NULL);
	_exit(0);
}

/* The library's call comes here: the region is locked and mapped, and its descriptor is open. */
int madvise(void *start, size_t bytes, int advice)
{
	if (must_fork && advice == MADV_DONTFORK) {
		must_fork = false;
		if (fork() == 0)
			live_on_with_the_lock();
	}
	return (int)syscall(SYS_madvise, start, bytes, advice);
}

static void fork_while_a_region_is_made(void)
{
	must_fork = true;
	open_library();
	EXPECT(!must_fork);
	push(slot, 20);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"fork_while_a_region_is_made", fork_while_a_region_is_made},
	{"fork_and_child_ends_first", fork_and_child_ends_first},
	{"fork_and_parent_ends_first", fork_and_parent_ends_first},
	{"fork_while_a_thread_pushes", fork_while_a_thread_pushes},
	{"exec_another", exec_another},
	{"vfork_and_exec", vfork_and_exec},
	{"close_from_3", close_from_3},
	{"close_every_descriptor", close_every_descriptor},
	{"jump_out_of_a_handler", jump_out_of_a_handler},
	{"push_from_a_handler_that_interrupts_a_push", push_from_a_handler_that_interrupts_a_push},
	{"region_unlinked_under_it", region_unlinked_under_it},
	{"exit_handlers", exit_handlers},
	{"thousand_in_a_row", thousand_in_a_row},
	{"two_hundred_at_once", two_hundred_at_once},
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 4 || ledger_open(&ledger, argv[1]) < 0)
		return 2;
	program = argv[0];
	ledger_path = argv[1];
	slot = (uint32_t)strtoul(argv[2], NULL, 10);
	for (i = 0; i < COUNT_OF(scenarios); i++) {
		if (strcmp(scenarios[i].name, argv[3]) != 0)
			continue;
		scenarios[i].run();
		otlp_library_unref(library);
		ledger_close(&ledger);
		return 0;
	}
	return 2;
}
