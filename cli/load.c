/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe load`: a load generator that uses the public API alone. Here: its
 * options, the worker processes and the line at the end. What a worker does is
 * load_worker.c, what it pushes load_data.c.
 */
#include <errno.h>
#include <getopt.h>
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

#include "base/units.h"
#include "cli/load_worker.h"
#include "cli/tool.h"

#define POLL_NS 2000000L

static const char help[] =
	"usage: otlpipe load [OPTION…]\n"
	"\n"
	"Pushes spans and metrics like an HTTP server's through the library and prints one line:\n"
	"{\"spans\":{\"accepted\":N,\"dropped\":N},\"points\":{\"accepted\":N,\"dropped\":N},"
	"\"seconds\":S}\n"
	"Each record carries otlpipe.load.producer and otlpipe.load.seq.\n"
	"\n"
	"      --processes P        worker processes (1)\n"
	"      --threads T          threads of each (1)\n"
	"      --count N            records of each signal, of all threads together (10000);\n"
	"                           0: until SIGINT or SIGTERM\n"
	"      --rate R             records of each signal a second, of all threads together (0:\n"
	"                           as fast as possible)\n"
	"      --seed S             of the data (1)\n"
	"      --signal spans|metrics|both\n"
	"      --dir D              runtime directory ($OTLPIPE_DIR)\n"
	"      --span-ring-bytes B, --metric-ring-bytes B\n"
	"                           size of the rings, such as 64KiB\n"
	"      --retry              try again what a full ring refused, after 1 ms\n"
	"      --wait               then wait until the writer has written all, also for a writer\n"
	"                           that is not there yet\n"
	"  -h, --help               print this\n"
	"\n"
	"Dropped records are a result and no error: exit status 0. A worker that fails or is\n"
	"killed: exit status 1; the line then has \"killed\", and counts what the killed pushed,\n"
	"up to the one record of each of its threads that was under way.\n";

/* ---- options ---- */

enum option_id {
	OPT_PROCESSES = 256,
	OPT_THREADS,
	OPT_COUNT,
	OPT_RATE,
	OPT_SEED,
	OPT_SIGNAL,
	OPT_DIR,
	OPT_SPAN_RING,
	OPT_METRIC_RING,
	OPT_RETRY,
	OPT_WAIT,
};

static int count_option(const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (units_parse_count(optarg, min, max, ret) == 0)
		return 0;
	return tool_usage("load: --%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'",
			  name, min, max, optarg);
}

static int ring_option(const char *name, uint64_t *ret)
{
	if (units_parse_size(optarg, ret) == 0 && *ret >= OTLP_RING_BYTES_MIN &&
	    *ret <= OTLP_RING_BYTES_MAX)
		return 0;
	return tool_usage("load: --%s takes a size from 4KiB to 1GiB, not '%s'", name, optarg);
}

static int signal_option(struct load_options *options)
{
	options->spans = strcmp(optarg, "metrics") != 0;
	options->points = strcmp(optarg, "spans") != 0;
	if (!options->spans || !options->points || strcmp(optarg, "both") == 0)
		return 0;
	return tool_usage("load: --signal takes spans, metrics or both, not '%s'", optarg);
}

static int take_option(int c, struct load_options *options)
{
	switch (c) {
	case OPT_PROCESSES:
		return count_option("processes", 1, LOAD_PROCESSES_MAX, &options->processes);
	case OPT_THREADS:
		return count_option("threads", 1, LOAD_THREADS_MAX, &options->threads);
	case OPT_COUNT:
		return count_option("count", 0, INT64_MAX, &options->count);
	case OPT_RATE:
		return count_option("rate", 0, LOAD_RATE_MAX, &options->rate);
	case OPT_SEED:
		return count_option("seed", 0, UINT64_MAX, &options->seed);
	case OPT_SIGNAL:
		return signal_option(options);
	case OPT_SPAN_RING:
		return ring_option("span-ring-bytes", &options->span_ring_bytes);
	case OPT_METRIC_RING:
		return ring_option("metric-ring-bytes", &options->metric_ring_bytes);
	case OPT_DIR:
		options->dir = optarg;
		return 0;
	case OPT_RETRY:
		options->retry = true;
		return 0;
	case OPT_WAIT:
		options->wait = true;
		return 0;
	default: /* getopt_long has said it */
		return TOOL_USAGE;
	}
}

static int parse(int argc, char **argv, struct load_options *options, bool *ret_help)
{
	static const struct option longs[] = {
		{"processes", required_argument, NULL, OPT_PROCESSES},
		{"threads", required_argument, NULL, OPT_THREADS},
		{"count", required_argument, NULL, OPT_COUNT},
		{"rate", required_argument, NULL, OPT_RATE},
		{"seed", required_argument, NULL, OPT_SEED},
		{"signal", required_argument, NULL, OPT_SIGNAL},
		{"dir", required_argument, NULL, OPT_DIR},
		{"span-ring-bytes", required_argument, NULL, OPT_SPAN_RING},
		{"metric-ring-bytes", required_argument, NULL, OPT_METRIC_RING},
		{"retry", no_argument, NULL, OPT_RETRY},
		{"wait", no_argument, NULL, OPT_WAIT},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		int status;

		if (c == 'h') {
			*ret_help = true;
			return 0;
		}
		status = take_option(c, options);
		if (status != 0)
			return status;
	}
	if (optind < argc)
		return tool_usage("load: takes no argument '%s'", argv[optind]);
	return 0;
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
			tool_error("load: cannot fork: %s", strerror(errno));
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

static void print_line(const struct load_shared *shared, uint64_t producers, unsigned int killed)
{
	uint64_t span_accepted = 0, span_dropped = 0, point_accepted = 0, point_dropped = 0;
	char line[256];
	int n;

	for (uint64_t i = 0; i < producers; i++) {
		const struct load_slot *slot = &shared->slots[i];

		span_accepted += atomic_load_explicit(&slot->spans.accepted, memory_order_relaxed);
		span_dropped += atomic_load_explicit(&slot->spans.dropped, memory_order_relaxed);
		point_accepted +=
			atomic_load_explicit(&slot->points.accepted, memory_order_relaxed);
		point_dropped += atomic_load_explicit(&slot->points.dropped, memory_order_relaxed);
	}
	n = snprintf(line, sizeof(line),
		     "{\"spans\":{\"accepted\":%" PRIu64 ",\"dropped\":%" PRIu64
		     "},\"points\":{\"accepted\":%" PRIu64 ",\"dropped\":%" PRIu64
		     "},\"seconds\":%.6f",
		     span_accepted, span_dropped, point_accepted, point_dropped,
		     seconds(shared, producers));
	tool_write(line, (size_t)n);
	n = snprintf(line, sizeof(line), ",\"killed\":%u", killed);
	if (killed > 0)
		tool_write(line, (size_t)n);
	tool_write("}\n", 2);
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
		tool_error("load: %s", strerror(errno));
		return TOOL_FAILED;
	}
	/* A name, unless the user gave one. */
	if (!attributes || !strstr(attributes, "service.name="))
		setenv("OTEL_SERVICE_NAME", "otlpipe-load", 0);
	tool_catch_signals();
	run_workers(options, shared, &tally);
	print_line(shared, producers, tally.killed);
	munmap(shared, bytes);
	return tally.failed || tally.killed > 0 ? TOOL_FAILED : TOOL_OK;
}

int load_main(int argc, char **argv)
{
	struct load_options options = {
		.processes = 1,
		.threads = 1,
		.count = 10000,
		.seed = 1,
		.spans = true,
		.points = true,
	};
	bool wants_help = false;
	int rc;

	rc = parse(argc, argv, &options, &wants_help);
	if (rc != 0)
		return rc;
	if (wants_help) {
		tool_write(help, sizeof(help) - 1);
		return tool_finish(TOOL_OK);
	}
	return tool_finish(run(&options));
}
