/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer that enters in the ledger what was accepted: some threads, each
 * with a slot of its own, until SIGTERM or until each has tried so many times.
 *
 * usage: torture_producer LEDGER FIRST_SLOT THREADS [--tries N] [--give-up]
 *                         [--ring-bytes N] [--lanes N] [--pause-us N] [--burst N]
 *                         [--abrupt] [--fork CHILDREN] [--daemon]
 * --tries    0: for ever. --give-up: a try that finds the ring full is not made again.
 * --lanes    of each ring; 0: as many as there are by default.
 * --burst    this many pushes, then a pause of --pause-us.
 * --abrupt   ends by SIGKILL to itself instead of closing the library.
 * --fork     while the threads push, so many children are forked one after another; each makes a
 *            few pushes into the slot behind the threads' and ends, every second one by SIGKILL.
 * --daemon   a child is forked, leaves the session, and pushes for ever into the last slot of the
 *            group, also when its parent has ended.
 * The last line says {"accepted":…,"refused":…,"dropped":…}: dropped as the library counts.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "tests/torture/ledger.h"

#define THREADS_MAX 64

struct worker {
	pthread_t thread;
	uint32_t slot;
	uint64_t accepted, refused;
};

static struct {
	uint64_t tries, ring_bytes, lanes, pause_us, burst, children;
	bool give_up, abrupt, daemon;
} options = {.ring_bytes = 64 << 10, .pause_us = 1000, .burst = 16};

static struct ledger ledger;
static struct otlp_library *library;
static volatile sig_atomic_t stop;

static void handle_stop(int number)
{
	(void)number;
	stop = 1;
}

static void pause_for(uint64_t us)
{
	struct timespec ts = {.tv_sec = (time_t)(us / 1000000),
			      .tv_nsec = (long)(us % 1000000) * 1000};

	nanosleep(&ts, NULL);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	uint64_t tries;

	for (tries = 0; !stop && (options.tries == 0 || tries < options.tries); tries++) {
		int rc = ledger_push_next(&ledger, library, worker->slot);

		if (rc == OTLP_OK) {
			worker->accepted++;
		} else if (rc != OTLP_ERR_FULL) {
			fprintf(stderr, "slot %u: %s\n", worker->slot, otlp_strerror(rc));
			exit(1);
		} else {
			worker->refused++;
			if (!options.give_up) {
				tries--;
				pause_for(1000);
			}
		}
		if (options.burst != 0 && (tries + 1) % options.burst == 0)
			pause_for(options.pause_us);
	}
	return NULL;
}

static void parse(int argc, char **argv)
{
	struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{"--tries", &options.tries},	   {"--ring-bytes", &options.ring_bytes},
		{"--pause-us", &options.pause_us}, {"--burst", &options.burst},
		{"--fork", &options.children},	   {"--lanes", &options.lanes},
	};
	const struct {
		const char *name;
		bool *value;
	} flags[] = {
		{"--give-up", &options.give_up},
		{"--abrupt", &options.abrupt},
		{"--daemon", &options.daemon},
	};
	int i;

	for (i = 4; i < argc; i++) {
		size_t n;

		for (n = 0; n < sizeof(flags) / sizeof(flags[0]); n++)
			if (strcmp(argv[i], flags[n].name) == 0)
				break;
		if (n < sizeof(flags) / sizeof(flags[0])) {
			*flags[n].value = true;
			continue;
		}
		for (n = 0; n < COUNT_OF(numbers); n++)
			if (strcmp(argv[i], numbers[n].name) == 0)
				break;
		if (n == COUNT_OF(numbers) || i + 1 == argc) {
			fprintf(stderr, "%s: what is that?\n", argv[i]);
			exit(2);
		}
		*numbers[n].value = strtoull(argv[++i], NULL, 10);
	}
}

/* One of a forked process: its first push makes a region of its own. */
static void push_as_child(uint32_t slot, uint64_t tries)
{
	struct worker worker = {.slot = slot};

	options.tries = tries;
	options.give_up = true;
	work(&worker);
}

static void run_children(uint32_t slot)
{
	uint64_t n;

	for (n = 0; n < options.children && !stop; n++) {
		pid_t pid = fork();

		if (pid == 0) {
			push_as_child(slot, 24);
			if (n % 2 == 0)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		/* SIGTERM may interrupt the wait; the child ends by itself. */
		if (pid < 0 || (waitpid(pid, NULL, 0) < 0 && errno != EINTR)) {
			perror("a child");
			exit(1);
		}
		pause_for(options.pause_us);
	}
}

static void run_daemon(uint32_t slot)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("the daemon");
		exit(1);
	}
	if (pid != 0)
		return;
	setsid();
	push_as_child(slot, 0);
	_exit(0);
}

static void report(const struct worker *workers, unsigned count)
{
	uint64_t accepted = 0, refused = 0;
	struct otlp_stats stats;
	unsigned i;

	for (i = 0; i < count; i++) {
		accepted += workers[i].accepted;
		refused += workers[i].refused;
	}
	otlp_library_get_stats(library, &stats, sizeof(stats));
	printf("{\"accepted\":%llu,\"refused\":%llu,\"dropped\":%llu}\n",
	       (unsigned long long)accepted, (unsigned long long)refused,
	       (unsigned long long)(stats.signals[OTLP_SIGNAL_TRACES].dropped_full +
				    stats.signals[OTLP_SIGNAL_METRICS].dropped_full +
				    stats.signals[OTLP_SIGNAL_LOGS].dropped_full));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = handle_stop};
	struct worker workers[THREADS_MAX] = {0};
	struct otlp_options open_options;
	unsigned first, count, i;
	int rc;

	if (argc < 4)
		return 2;
	first = (unsigned)strtoul(argv[2], NULL, 10);
	count = (unsigned)strtoul(argv[3], NULL, 10);
	if (count == 0 || count > THREADS_MAX || first + count > LEDGER_SLOTS_MAX)
		return 2;
	parse(argc, argv);
	sigaction(SIGTERM, &action, NULL);
	rc = ledger_open(&ledger, argv[1]);
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-rc));
		return 1;
	}
	otlp_options_init(&open_options, sizeof(open_options));
	for (i = 0; i <= OTLP_SIGNAL_LOGS; i++)
		open_options.ring_bytes[i] = (uint32_t)options.ring_bytes;
	open_options.lanes = (uint32_t)options.lanes;
	rc = otlp_library_open(&library, &open_options);
	if (rc < 0) {
		fprintf(stderr, "open: %s\n", otlp_strerror(rc));
		return 3;
	}
	/* Before there are threads: what the child pushes does not depend on what they hold. */
	if (options.daemon)
		run_daemon(first / LEDGER_GROUP_SLOTS * LEDGER_GROUP_SLOTS + LEDGER_GROUP_SLOTS -
			   1);
	printf("ready\n");
	fflush(stdout);
	for (i = 0; i < count; i++) {
		workers[i].slot = first + i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return 1;
	}
	run_children(first + count);
	for (i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	report(workers, count);
	if (options.abrupt)
		kill(getpid(), SIGKILL);
	otlp_library_unref(library);
	ledger_close(&ledger);
	return 0;
}
