/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Producers for what is measured end to end: some processes, of which some push as fast as the
 * writer takes it, and the others only have their rings. A process that finds its ring three
 * quarters full sleeps a moment instead of pushing, so that nothing is dropped; its time and its
 * wait count. The end is when the writer says that everything is written.
 *
 * usage: bench_producer S|shaped|128 SPANS RING_BYTES PROCESSES ACTIVE IDLE_SECONDS
 * One line of JSON on standard output. Spans 0: all of them idle for IDLE_SECONDS.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench_data.h"
#include "bench/report.h"
#include "bench/tap.h"
#include "core/record/signal.h"

#define PROCESSES_MAX	 1024u
#define CHECK_EVERY	 64u /* pushes between two looks at the ring */
#define PAUSE_NS	 50000
#define FLUSH_TIMEOUT_NS INT64_C(60000000000)

/* Shared by the processes; each has its own entry. */
struct outcome {
	int result;
	uint64_t accepted;
	uint64_t dropped;
	uint64_t accepted_bytes;
	uint64_t pauses;
	uint64_t ended_ns;
	double pushing_cpu_seconds;
	double idle_cpu_seconds;
};

struct plan {
	const struct otlp_span *span;
	struct otlp_shape *shape; /* NULL: none */
	uint64_t spans;
	uint32_t ring_bytes;
	unsigned processes;
	unsigned active;
	double idle_seconds;
};

static void push_all(struct otlp_library *library, const struct tap *tap, const struct plan *plan,
		     struct outcome *ret)
{
	const uint64_t full = plan->ring_bytes / 4 * 3;
	const struct timespec pause = {0, PAUSE_NS};
	const uint64_t spans = plan->spans / plan->active;
	const double cpu_seconds = report_cpu_seconds(RUSAGE_SELF);

	for (uint64_t i = 0; i < spans; i++) {
		if (i % CHECK_EVERY == 0)
			while (tap_fill(tap, OTLP_SIGNAL_TRACES) > full) {
				ret->pauses++;
				nanosleep(&pause, NULL);
			}
		otlp_library_export_shaped(library, plan->shape, plan->span, 1);
	}
	ret->pushing_cpu_seconds = report_cpu_seconds(RUSAGE_SELF) - cpu_seconds;
	ret->result = otlp_library_flush(library, FLUSH_TIMEOUT_NS);
	ret->ended_ns = report_now_ns();
}

/* A child: says when it is ready, waits for the start, and stays until the end pipe is closed. */
static void child(const struct plan *plan, unsigned index, const int *ready, const int *start,
		  const int *end, struct outcome *ret)
{
	struct otlp_library *library;
	struct otlp_options options;
	struct otlp_stats stats;
	struct tap tap;
	double cpu_seconds;
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(end[1]);
	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = plan->ring_bytes;
	ret->result = otlp_library_open(&library, &options);
	if (ret->result == 0)
		ret->result = otlp_library_flush(library, FLUSH_TIMEOUT_NS);
	if (ret->result == 0)
		ret->result = tap_open(&tap, getenv("OTLPIPE_DIR"), false);
	if (write(ready[1], &byte, 1) != 1 || ret->result < 0)
		_exit(1);
	cpu_seconds = report_cpu_seconds(RUSAGE_SELF);
	if (index < plan->active) {
		if (read(start[0], &byte, 1) != 1)
			_exit(1);
		push_all(library, &tap, plan, ret);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
	}
	if (read(end[0], &byte, 1) != 0)
		_exit(1);
	ret->idle_cpu_seconds = report_cpu_seconds(RUSAGE_SELF) - cpu_seconds;
	otlp_library_get_stats(library, &stats, sizeof(stats));
	ret->accepted = stats.signals[OTLP_SIGNAL_TRACES].accepted;
	ret->accepted_bytes = stats.signals[OTLP_SIGNAL_TRACES].accepted_bytes;
	ret->dropped = stats.signals[OTLP_SIGNAL_TRACES].dropped_full +
		       stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid;
	tap_close(&tap);
	otlp_library_shutdown(library, FLUSH_TIMEOUT_NS);
	otlp_library_unref(library);
	_exit(0);
}

static int await_bytes(int fd, unsigned count)
{
	char byte;

	for (unsigned i = 0; i < count; i++)
		if (read(fd, &byte, 1) != 1)
			return -EIO;
	return 0;
}

static int run(const struct plan *plan, struct outcome *outcomes, uint64_t *ret_started_ns)
{
	int ready[2], start[2], end[2], status, rc;
	const char byte = 0;

	if (pipe(ready) < 0 || pipe(start) < 0 || pipe(end) < 0)
		return -errno;
	for (unsigned i = 0; i < plan->processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			child(plan, i, ready, start, end, &outcomes[i]);
	}
	close(end[0]);
	rc = await_bytes(ready[0], plan->processes);
	*ret_started_ns = report_now_ns();
	for (unsigned i = 0; i < plan->active && rc == 0; i++)
		rc = write(start[1], &byte, 1) == 1 ? 0 : -errno;
	if (rc == 0)
		rc = await_bytes(ready[0], plan->active);
	if (rc == 0 && plan->active == 0)
		usleep((useconds_t)(plan->idle_seconds * 1e6));
	close(end[1]);
	for (unsigned i = 0; i < plan->processes; i++)
		if (wait(&status) < 0 || status != 0)
			rc = -ECHILD;
	return rc;
}

static void print(const struct plan *plan, const struct outcome *outcomes, uint64_t started_ns)
{
	struct outcome sum = {0};

	for (unsigned i = 0; i < plan->processes; i++) {
		const struct outcome *one = &outcomes[i];

		sum.accepted += one->accepted;
		sum.accepted_bytes += one->accepted_bytes;
		sum.dropped += one->dropped;
		sum.pauses += one->pauses;
		sum.pushing_cpu_seconds += one->pushing_cpu_seconds;
		if (i >= plan->active)
			sum.idle_cpu_seconds += one->idle_cpu_seconds;
		if (one->ended_ns > sum.ended_ns)
			sum.ended_ns = one->ended_ns;
	}
	printf("{\"accepted\": %llu, \"ring_bytes\": %llu, \"dropped\": %llu, \"pauses\": %llu, "
	       "\"seconds\": %.6f, \"pushing_cpu_seconds\": %.6f, \"idle_cpu_seconds\": %.6f}\n",
	       (unsigned long long)sum.accepted, (unsigned long long)sum.accepted_bytes,
	       (unsigned long long)sum.dropped, (unsigned long long)sum.pauses,
	       plan->active > 0 ? (double)(sum.ended_ns - started_ns) * 1e-9 : plan->idle_seconds,
	       sum.pushing_cpu_seconds, sum.idle_cpu_seconds);
}

int main(int argc, char **argv)
{
	struct outcome *outcomes;
	struct plan plan = {0};
	uint64_t started_ns = 0;
	int rc;

	if (argc != 7) {
		fputs("usage: bench_producer S|shaped|128 SPANS RING_BYTES PROCESSES ACTIVE "
		      "IDLE_SECONDS\n",
		      stderr);
		return 2;
	}
	plan.span = strcmp(argv[1], "128") == 0 ? &bench_span_128 : &bench_span_s;
	plan.spans = strtoull(argv[2], NULL, 10);
	plan.ring_bytes = (uint32_t)strtoul(argv[3], NULL, 10);
	plan.processes = (unsigned)strtoul(argv[4], NULL, 10);
	plan.active = (unsigned)strtoul(argv[5], NULL, 10);
	plan.idle_seconds = strtod(argv[6], NULL);
	if (strcmp(argv[1], "shaped") == 0 && otlp_shape_register(plan.span, &plan.shape) < 0)
		return 1;
	if (plan.processes > PROCESSES_MAX || plan.active > plan.processes)
		return 2;
	outcomes = mmap(NULL, PROCESSES_MAX * sizeof(*outcomes), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcomes == MAP_FAILED)
		return 1;
	rc = run(&plan, outcomes, &started_ns);
	for (unsigned i = 0; i < plan.processes && rc == 0; i++)
		rc = outcomes[i].result;
	if (rc < 0) {
		fprintf(stderr, "bench_producer: %s\n", strerror(-rc));
		return 1;
	}
	print(&plan, outcomes, started_ns);
	otlp_shape_unref(plan.shape);
	return 0;
}
