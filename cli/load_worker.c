/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe load`, one worker process: a library of its own, and threads that
 * push one record a call, so that each call's result tells about one record.
 */
#include "cli/load_worker.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/load_data.h"
#include "cli/tool.h"

#define NS_PER_S      INT64_C(1000000000)
#define RETRY_NS      1000000L
#define START_POLL_NS 200000L
/* Sleeping less than this costs more than it paces. */
#define AHEAD_NS     INT64_C(1000000)
#define SLEEP_NS_MAX INT64_C(100000000)
#define WAIT_NS	     INT64_C(100000000)

struct producer {
	const struct load_options *options;
	struct load_shared *shared;
	struct load_slot *slot;
	struct otlp_library *library;
	uint32_t index;
	int error; /* the first that no drop explains */
	pthread_t thread;
	struct load_producer data;
};

static void sleep_ns(int64_t ns)
{
	const struct timespec pause = {ns / NS_PER_S, ns % NS_PER_S};

	nanosleep(&pause, NULL);
}

static bool stopped(const struct load_shared *shared)
{
	return atomic_load_explicit(&shared->stop, memory_order_relaxed) != 0;
}

static void count(_Atomic uint64_t *counter)
{
	/* One writer: no atomic addition is needed. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static bool is_drop(int rc)
{
	return rc == OTLP_ERR_FULL || rc == OTLP_ERR_TOO_LARGE || rc == OTLP_ERR_INVALID;
}

static const void *next_span(struct load_producer *data, uint64_t now_ns)
{
	return load_next_span(data, now_ns);
}

static int push_span(struct otlp_library *library, const void *record)
{
	return otlp_library_export_traces(library, record, 1);
}

static const void *next_point(struct load_producer *data, uint64_t now_ns)
{
	return load_next_point(data, now_ns);
}

static int push_point(struct otlp_library *library, const void *record)
{
	return otlp_library_export_metrics_ref(library, record);
}

static const void *next_log(struct load_producer *data, uint64_t now_ns)
{
	return load_next_log(data, now_ns);
}

static int push_log(struct otlp_library *library, const void *record)
{
	return otlp_library_export_logs(library, record, 1);
}

/* How each signal's records are made, and what pushes one of them. */
static const struct {
	const void *(*next)(struct load_producer *data, uint64_t now_ns);
	int (*push)(struct otlp_library *library, const void *record);
} load_rows[SIGNAL_COUNT] = {
	[OTLP_SIGNAL_TRACES] = {next_span, push_span},
	[OTLP_SIGNAL_METRICS] = {next_point, push_point},
	[OTLP_SIGNAL_LOGS] = {next_log, push_log},
};

static int push(struct producer *p, enum otlp_signal signal, uint64_t now_ns)
{
	const void *record = load_rows[signal].next(&p->data, now_ns);
	struct load_counts *counts = &p->slot->counts[signal];

	for (;;) {
		int rc = load_rows[signal].push(p->library, record);

		if (rc == 0) {
			count(&counts->accepted);
			return 0;
		}
		if (!is_drop(rc))
			return rc;
		if (rc != OTLP_ERR_FULL || !p->options->retry || stopped(p->shared)) {
			count(&counts->dropped);
			return 0;
		}
		count(&counts->retries);
		sleep_ns(RETRY_NS);
	}
}

/* Wait until the producer's record is due. */
static void pace(const struct producer *p, uint64_t record, int64_t begin_ns)
{
	uint64_t producers = p->options->processes * p->options->threads;
	int64_t due_ns;

	if (p->options->rate == 0)
		return;
	due_ns = begin_ns + (int64_t)((double)record * (double)producers * (double)NS_PER_S /
				      (double)p->options->rate);
	while (!stopped(p->shared)) {
		int64_t ahead_ns = due_ns - clock_monotonic_ns();

		if (ahead_ns < AHEAD_NS)
			return;
		sleep_ns(ahead_ns < SLEEP_NS_MAX ? ahead_ns : SLEEP_NS_MAX);
	}
}

static uint64_t share(const struct producer *p)
{
	uint64_t producers = p->options->processes * p->options->threads;

	if (p->options->count == 0)
		return UINT64_MAX;
	return p->options->count / producers + (p->index < p->options->count % producers);
}

static void *produce(void *context)
{
	struct producer *p = context;
	uint64_t records = share(p);
	int64_t begin_ns = clock_monotonic_ns();
	enum otlp_signal signal;
	int rc = 0;

	atomic_store_explicit(&p->slot->begin_ns, begin_ns, memory_order_relaxed);
	load_producer_init(&p->data, p->options->seed, p->index, p->options->series,
			   (uint64_t)clock_now_ns(CLOCK_REALTIME));
	for (uint64_t i = 0; rc == 0 && i < records && !stopped(p->shared); i++) {
		uint64_t now_ns;

		pace(p, i, begin_ns);
		if (stopped(p->shared))
			break;
		now_ns = (uint64_t)clock_now_ns(CLOCK_REALTIME);
		for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
			if (p->options->pushes[signal])
				rc = push(p, signal, now_ns);
	}
	p->error = rc;
	atomic_store_explicit(&p->slot->end_ns, clock_monotonic_ns(), memory_order_relaxed);
	return NULL;
}

static void on_diagnostic(void *context, int error, const char *text)
{
	(void)context;
	tool_error("%s (%s)", text, otlp_strerror(error));
}

static int open_library(const struct load_options *options, struct otlp_library **ret)
{
	enum otlp_signal signal;
	struct otlp_options o;
	int rc;

	otlp_options_init(&o, sizeof(o));
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		o.ring_bytes[signal] = (uint32_t)options->ring_bytes[signal];
	o.runtime_dir = options->dir;
	o.diagnostic = on_diagnostic;
	rc = otlp_library_open(ret, &o);
	if (rc < 0)
		tool_error("worker %d cannot open the library: %s", (int)getpid(),
			   otlp_strerror(rc));
	return rc;
}

/* Until the writer has all; one that is not there yet may come. */
static void wait_written(struct otlp_library *library, const struct load_shared *shared)
{
	bool has_said = false;
	int rc;

	do {
		rc = otlp_library_flush(library, WAIT_NS);
		if (rc == OTLP_ERR_NO_WRITER && !has_said)
			tool_error("worker %d: no writer runs: waiting for one", (int)getpid());
		has_said |= rc == OTLP_ERR_NO_WRITER;
		if (rc == OTLP_ERR_NO_WRITER)
			sleep_ns(WAIT_NS);
	} while ((rc == OTLP_ERR_NO_WRITER || rc == OTLP_ERR_TIMEOUT) && !stopped(shared));
	if (rc < 0 && rc != OTLP_ERR_NO_WRITER && rc != OTLP_ERR_TIMEOUT)
		tool_error("worker %d cannot wait for the writer: %s", (int)getpid(),
			   otlp_strerror(rc));
}

static bool agree(const char *what, const struct otlp_signal_stats *library, uint64_t accepted,
		  uint64_t refused)
{
	uint64_t dropped =
		library->dropped_full + library->dropped_too_large + library->dropped_invalid;

	if (library->accepted == accepted && dropped == refused)
		return true;
	tool_error("%s: the library counts %ju accepted and %ju dropped, but its calls said %ju "
		   "and %ju: this is a fault of otlpipe, please report it",
		   what, (uintmax_t)library->accepted, (uintmax_t)dropped, (uintmax_t)accepted,
		   (uintmax_t)refused);
	return false;
}

static void add(const struct load_counts *counts, uint64_t *accepted, uint64_t *refused)
{
	*accepted += atomic_load_explicit(&counts->accepted, memory_order_relaxed);
	*refused += atomic_load_explicit(&counts->dropped, memory_order_relaxed) +
		    atomic_load_explicit(&counts->retries, memory_order_relaxed);
}

/* What the calls returned and what the library counted are the same thing, counted twice. */
static int check_counts(struct otlp_library *library, const struct producer *producers,
			uint64_t threads)
{
	enum otlp_signal signal;
	struct otlp_stats stats;
	bool all_agree = true;

	otlp_library_get_stats(library, &stats, sizeof(stats));
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		uint64_t accepted = 0, refused = 0;

		for (uint64_t i = 0; i < threads; i++)
			add(&producers[i].slot->counts[signal], &accepted, &refused);
		all_agree &= agree(signal_rows[signal].item_name, &stats.signals[signal], accepted,
				   refused);
	}
	return all_agree ? TOOL_OK : TOOL_FAILED;
}

static int run_threads(struct producer *producers, uint64_t threads)
{
	int status = TOOL_OK;
	uint64_t started;

	for (started = 0; started < threads; started++) {
		struct producer *p = &producers[started];
		int rc = pthread_create(&p->thread, NULL, produce, p);

		if (rc != 0) {
			tool_error("thread %ju of %ju cannot be started: %s (ulimit -u and the "
				   "cgroup's pids.max are its limits)",
				   (uintmax_t)started + 1, (uintmax_t)threads, strerror(rc));
			atomic_store_explicit(&p->shared->stop, 1, memory_order_relaxed);
			status = TOOL_FAILED;
			break;
		}
	}
	for (uint64_t i = 0; i < started; i++) {
		pthread_join(producers[i].thread, NULL);
		if (producers[i].error != 0) {
			tool_error("producer %" PRIu32 " ended early, a push failed: %s",
				   producers[i].index, otlp_strerror(producers[i].error));
			status = TOOL_FAILED;
		}
	}
	return status;
}

int load_worker(const struct load_options *options, struct load_shared *shared, uint32_t process)
{
	static struct producer producers[LOAD_THREADS_MAX];
	struct otlp_library *library;
	int status;

	if (open_library(options, &library) < 0)
		return TOOL_FAILED;
	for (uint64_t i = 0; i < options->threads; i++) {
		uint32_t index = (uint32_t)(process * options->threads + i);

		producers[i] = (struct producer){.options = options,
						 .shared = shared,
						 .slot = &shared->slots[index],
						 .library = library,
						 .index = index};
	}
	/* All begin together, however long it took to open. */
	atomic_fetch_add_explicit(&shared->ready, 1, memory_order_relaxed);
	while (!atomic_load_explicit(&shared->go, memory_order_relaxed) && !stopped(shared))
		sleep_ns(START_POLL_NS);
	status = run_threads(producers, options->threads);
	if (status == TOOL_OK)
		status = check_counts(library, producers, options->threads);
	if (options->wait)
		wait_written(library, shared);
	otlp_library_unref(library);
	return status;
}
