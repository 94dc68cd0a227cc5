/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe load`: a load generator that uses the public API alone. Here: its
 * options, the worker processes and the line at the end. What a worker does is
 * load_worker.c, what it pushes load_data.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

#include "base/arguments.h"
#include "base/units.h"
#include "cli/json_add.h"
#include "cli/load_worker.h"
#include "cli/tool.h"

#define POLL_NS 2000000L

enum option_id {
	OPT_PROCESSES = 256,
	OPT_THREADS,
	OPT_COUNT,
	OPT_RATE,
	OPT_SEED,
	OPT_SERIES,
	OPT_SIGNAL,
	OPT_SPAN_RING,
	OPT_METRIC_RING,
	OPT_LOG_RING,
	OPT_RETRY,
	OPT_WAIT,
};

static const struct argp_option options_table[] = {
	{"processes", OPT_PROCESSES, "N", 0, "worker processes (1)", 0},
	{"threads", OPT_THREADS, "N", 0, "threads of each (1)", 0},
	{"count", OPT_COUNT, "N", 0, "records of each signal; 0: no limit (10000)", 0},
	{"rate", OPT_RATE, "N", 0, "of each signal a second; 0: no limit (0)", 0},
	{"seed", OPT_SEED, "N", 0, "of the data (1)", 0},
	{"series", OPT_SERIES, "N", 0, "steady series of points; 0: each its own (0)", 0},
	{"signal", OPT_SIGNAL, "SIGNAL", 0, "spans, metrics, logs, both or all (both)", 0},
	{"dir", 'd', "DIR", 0, "runtime directory ($OTLPIPE_DIR)", 0},
	{"span-ring-bytes", OPT_SPAN_RING, "SIZE", 0, "of the ring of spans, such as 64KiB (4MiB)",
	 0},
	{"metric-ring-bytes", OPT_METRIC_RING, "SIZE", 0, "of the ring of metrics (1MiB)", 0},
	{"log-ring-bytes", OPT_LOG_RING, "SIZE", 0, "of the ring of logs (1MiB)", 0},
	{"retry", OPT_RETRY, NULL, 0, "try again what a full ring refused, after 1 ms", 0},
	{"wait", OPT_WAIT, NULL, 0, "then wait until a writer has written all", 0},
	{0},
};

static error_t count_option(const struct argp_state *state, const char *name, const char *text,
			    uint64_t min, uint64_t max, uint64_t *ret)
{
	if (units_parse_count(text, min, max, ret) == 0)
		return 0;
	return arguments_refuse(state,
				"--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'",
				name, min, max, text);
}

static error_t ring_option(const struct argp_state *state, const char *name, const char *text,
			   uint64_t *ret)
{
	if (units_parse_size(text, ret) == 0 && *ret >= OTLP_RING_BYTES_MIN &&
	    *ret <= OTLP_RING_BYTES_MAX)
		return 0;
	return arguments_refuse(state, "--%s takes a size from 4KiB to 1GiB, not '%s'", name, text);
}

static error_t signal_option(const struct argp_state *state, const char *text,
			     struct load_options *options)
{
	const bool is_all = strcmp(text, "all") == 0;
	const bool is_both = strcmp(text, "both") == 0;
	enum otlp_signal signal;
	bool any = false;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		options->pushes[signal] = is_all || (is_both && signal != OTLP_SIGNAL_LOGS) ||
					  strcmp(text, signal_rows[signal].ring_name) == 0;
		any |= options->pushes[signal];
	}
	if (any)
		return 0;
	return arguments_refuse(state, "--signal takes spans, metrics, logs, both or all, not '%s'",
				text);
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct load_options *options = state->input;

	switch (key) {
	case OPT_PROCESSES:
		return count_option(state, "processes", text, 1, LOAD_PROCESSES_MAX,
				    &options->processes);
	case OPT_THREADS:
		return count_option(state, "threads", text, 1, LOAD_THREADS_MAX, &options->threads);
	case OPT_COUNT:
		return count_option(state, "count", text, 0, INT64_MAX, &options->count);
	case OPT_RATE:
		return count_option(state, "rate", text, 0, LOAD_RATE_MAX, &options->rate);
	case OPT_SEED:
		return count_option(state, "seed", text, 0, UINT64_MAX, &options->seed);
	case OPT_SERIES:
		return count_option(state, "series", text, 0, LOAD_SERIES_MAX, &options->series);
	case OPT_SIGNAL:
		return signal_option(state, text, options);
	case OPT_SPAN_RING:
		return ring_option(state, "span-ring-bytes", text,
				   &options->ring_bytes[OTLP_SIGNAL_TRACES]);
	case OPT_METRIC_RING:
		return ring_option(state, "metric-ring-bytes", text,
				   &options->ring_bytes[OTLP_SIGNAL_METRICS]);
	case OPT_LOG_RING:
		return ring_option(state, "log-ring-bytes", text,
				   &options->ring_bytes[OTLP_SIGNAL_LOGS]);
	case 'd':
		options->dir = text;
		return 0;
	case OPT_RETRY:
		options->retry = true;
		return 0;
	case OPT_WAIT:
		options->wait = true;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_refuse(state, "it takes no argument, and not '%s'", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- workers ---- */

static pid_t start_worker(const struct load_options *options, struct load_shared *shared,
			  uint32_t process)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	/* Workers end with their parent, and by its word: a signal to the whole group, as from
	 * a terminal, must not cut their counts. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(TOOL_FAILED);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	/* Not exit(): what stdout holds is the parent's. */
	_exit(load_worker(options, shared, process));
}

struct tally {
	unsigned int running;
	unsigned int killed;
	bool failed;
};

static void reap(struct tally *tally)
{
	int wait_status;

	while (tally->running > 0 && waitpid(-1, &wait_status, WNOHANG) > 0) {
		tally->running--;
		if (WIFSIGNALED(wait_status))
			tally->killed++;
		else if (WEXITSTATUS(wait_status) != TOOL_OK)
			tally->failed = true;
	}
}

static void run_workers(const struct load_options *options, struct load_shared *shared,
			struct tally *tally)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	unsigned int gone = 0;

	for (uint32_t i = 0; i < options->processes; i++) {
		if (start_worker(options, shared, i) < 0) {
			tool_error("worker %" PRIu32 " of %" PRIu64
				   " cannot be started: %s (ulimit "
				   "-u and the cgroup's pids.max are its limits)",
				   i + 1, options->processes, strerror(errno));
			tally->failed = true;
			atomic_store_explicit(&shared->stop, 1, memory_order_relaxed);
			break;
		}
		tally->running++;
	}
	while (tally->running > 0) {
		unsigned int before = tally->running;

		reap(tally);
		gone += before - tally->running;
		/* Those that are gone do not become ready any more, or were. */
		if (atomic_load_explicit(&shared->ready, memory_order_relaxed) + gone >=
		    options->processes)
			atomic_store_explicit(&shared->go, 1, memory_order_relaxed);
		if (tool_interrupted())
			atomic_store_explicit(&shared->stop, 1, memory_order_relaxed);
		if (tally->running > 0)
			nanosleep(&pause, NULL);
	}
}

/* ---- the line ---- */

/* From the first push to the last of those that ended by themselves. */
static double seconds(const struct load_shared *shared, uint64_t producers)
{
	int64_t begin_ns = INT64_MAX;
	int64_t end_ns = 0;

	for (uint64_t i = 0; i < producers; i++) {
		int64_t slot_begin_ns =
			atomic_load_explicit(&shared->slots[i].begin_ns, memory_order_relaxed);
		int64_t slot_end_ns =
			atomic_load_explicit(&shared->slots[i].end_ns, memory_order_relaxed);

		if (slot_begin_ns != 0 && slot_begin_ns < begin_ns)
			begin_ns = slot_begin_ns;
		if (slot_end_ns > end_ns)
			end_ns = slot_end_ns;
	}
	return end_ns > begin_ns ? (double)(end_ns - begin_ns) / 1e9 : 0;
}

static json_object *counts_json(uint64_t accepted, uint64_t dropped)
{
	json_object *json = json_object_new_object();

	json_add_number(json, "accepted", accepted);
	json_add_number(json, "dropped", dropped);
	return json;
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void print_line(const struct load_shared *shared, uint64_t producers, unsigned int killed)
{
	json_object *json = json_object_new_object();
	enum otlp_signal signal;
	char text[32];

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		uint64_t accepted = 0, dropped = 0;

		for (uint64_t i = 0; i < producers; i++) {
			accepted += get(&shared->slots[i].counts[signal].accepted);
			dropped += get(&shared->slots[i].counts[signal].dropped);
		}
		json_object_object_add(json, signal_rows[signal].item_name,
				       counts_json(accepted, dropped));
	}
	snprintf(text, sizeof(text), "%.6f", seconds(shared, producers));
	json_object_object_add(json, "seconds",
			       json_object_new_double_s(seconds(shared, producers), text));
	if (killed > 0)
		json_add_number(json, "killed", killed);
	tool_write_json(json);
}

static int run(const struct load_options *options)
{
	uint64_t producers = options->processes * options->threads;
	size_t bytes = sizeof(struct load_shared) + producers * sizeof(struct load_slot);
	const char *attributes = getenv("OTEL_RESOURCE_ATTRIBUTES");
	struct load_shared *shared;
	struct tally tally = {0};

	shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		tool_error("there is no memory to count in, %zu bytes: %s", bytes, strerror(errno));
		return TOOL_FAILED;
	}
	/* A name, unless the user gave one. */
	if (!attributes || !strstr(attributes, "service.name="))
		setenv("OTEL_SERVICE_NAME", "otlpipe-load", 0);
	tool_catch_signals();
	run_workers(options, shared, &tally);
	if (tally.killed > 0)
		tool_error(
			"%u workers were killed: of each of their threads the last record may not "
			"be counted",
			tally.killed);
	print_line(shared, producers, tally.killed);
	munmap(shared, bytes);
	return tally.failed || tally.killed > 0 ? TOOL_FAILED : TOOL_OK;
}

int load_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.doc = "Push spans, metrics and logs like an HTTP server's through the library, "
		       "and print one line of JSON: what was accepted and what was dropped.\v"
		       "Dropped records are a result and no error: exit status 0. It is 1 if a "
		       "worker failed or was killed; the line then has \"killed\".",
	};
	struct load_options options = {
		.processes = 1,
		.threads = 1,
		.count = 10000,
		.seed = 1,
		.pushes = {true, true},
	};
	int rc = tool_parse(&argp, argc, argv, &options);

	return rc != 0 ? rc - 1 : tool_finish(run(&options));
}
