/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a push costs the program that pushes, through the public API alone,
 * beside the speed of light (memcpy of as many bytes) and what one might do
 * instead (a write() for each record), in the same run.
 *
 * A writer must run on $OTLPIPE_DIR: tools/bench.sh starts one. It drains
 * between the bursts, and a burst fits into the ring, so nothing is dropped;
 * the counter says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <otlpipe/otlpipe.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness.h"

#define BURST_OPERATIONS 4096
#define RING_BYTES	 (16u << 20) /* several bursts: the writer is never behind by a whole ring */
#define FLUSH_TIMEOUT_NS INT64_C(10000000000)

/* What memcpy and write() carry: the two spans' sizes as records, to the nearest line. */
#define BYTES_S	 448
#define BYTES_S0 128

/* Span S: a 20-character name, 8 attributes of about 16 bytes, one event with 2, a status. */
static const struct otlp_attribute attributes_s[] = {
	{OTLP_STR_INIT("http.request.method"), {OTLP_VALUE_STRING, {OTLP_STR_INIT("GET")}}},
	{OTLP_STR_INIT("url.path"), {OTLP_VALUE_STRING, {OTLP_STR_INIT("/api/v1/checkout")}}},
	{OTLP_STR_INIT("server.address"), {OTLP_VALUE_STRING, {OTLP_STR_INIT("shop.example.com")}}},
	{OTLP_STR_INIT("user_agent.name"),
	 {OTLP_VALUE_STRING, {OTLP_STR_INIT("bench-agent/1.00")}}},
	{OTLP_STR_INIT("http.route"), {OTLP_VALUE_STRING, {OTLP_STR_INIT("/api/v1/{action}")}}},
	{OTLP_STR_INIT("server.port"), {OTLP_VALUE_INT, {.integer = 8443}}},
	{OTLP_STR_INIT("http.status_code"), {OTLP_VALUE_INT, {.integer = 503}}},
	{OTLP_STR_INIT("cache.hit"), {OTLP_VALUE_BOOL, {.boolean = true}}},
};

static const struct otlp_attribute event_attributes[] = {
	{OTLP_STR_INIT("exception.type"), {OTLP_VALUE_STRING, {OTLP_STR_INIT("TimeoutException")}}},
	{OTLP_STR_INIT("retry.count"), {OTLP_VALUE_INT, {.integer = 3}}},
};

static const struct otlp_span_event event_s = {
	.time_unix_ns = UINT64_C(1700000000000500000),
	.name = OTLP_STR_INIT("exception"),
	.attributes = {event_attributes, 2, 0},
};

static const struct otlp_span span_s = {
	.trace_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	.span_id = {1, 2, 3, 4, 5, 6, 7, 8},
	.parent_span_id = {8, 7, 6, 5, 4, 3, 2, 1},
	.name = OTLP_STR_INIT("POST /api/v1/charges"),
	.kind = OTLP_SPAN_KIND_SERVER,
	.flags = 1,
	.start_time_unix_ns = UINT64_C(1700000000000000000),
	.end_time_unix_ns = UINT64_C(1700000000001000000),
	.attributes = {attributes_s, 8, 0},
	.events = &event_s,
	.event_count = 1,
	.status = OTLP_STATUS_ERROR,
	.status_message = OTLP_STR_INIT("upstream timeout"),
};

/* Span S0: the same name, ids and times, and nothing else. */
static const struct otlp_span span_s0 = {
	.trace_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	.span_id = {1, 2, 3, 4, 5, 6, 7, 8},
	.name = OTLP_STR_INIT("POST /api/v1/charges"),
	.kind = OTLP_SPAN_KIND_SERVER,
	.start_time_unix_ns = UINT64_C(1700000000000000000),
	.end_time_unix_ns = UINT64_C(1700000000001000000),
};

static struct otlp_library *library;
static unsigned char *target;
static int target_fd = -1;

static int push_setup(const struct bench *bench)
{
	struct otlp_options options;
	int error;

	(void)bench;
	otlp_options_init(&options, sizeof(options));
	options.span_ring_bytes = RING_BYTES;
	error = otlp_library_open(&library, &options);
	if (error != 0)
		return error;
	/* Without a writer the figures would be those of a full ring. */
	error = otlp_library_flush(library, FLUSH_TIMEOUT_NS);
	if (error != 0)
		otlp_library_unref(library);
	return error;
}

static int64_t push_burst(const struct bench *bench, uint64_t operations)
{
	const struct otlp_span *span = bench->argument;
	uint64_t started_ns = bench_now_ns(), elapsed_ns;
	int error;

	for (uint64_t i = 0; i < operations; i++)
		otlp_library_export_traces(library, span, 1);
	elapsed_ns = bench_now_ns() - started_ns;
	error = otlp_library_flush(library, FLUSH_TIMEOUT_NS);
	return error != 0 ? error : (int64_t)elapsed_ns;
}

static size_t push_counters(const struct bench *bench, struct bench_counter *ret)
{
	struct otlp_stats stats;
	uint64_t accepted;

	(void)bench;
	otlp_library_get_stats(library, &stats, sizeof(stats));
	accepted = stats.spans.accepted > 0 ? stats.spans.accepted : 1;
	ret[0] = (struct bench_counter){"record_bytes", stats.spans.accepted_bytes / accepted};
	ret[1] = (struct bench_counter){"dropped", stats.spans.dropped_full};
	return 2;
}

static void push_teardown(const struct bench *bench)
{
	(void)bench;
	otlp_library_shutdown(library, FLUSH_TIMEOUT_NS);
	otlp_library_unref(library);
	library = NULL;
}

/* The other two carry mere bytes, as many as the record has. */
static int copy_setup(const struct bench *bench)
{
	target = malloc(bench->burst_operations * bench->operation_bytes);
	if (target == NULL)
		return -ENOMEM;
	memset(target, 0, bench->burst_operations * bench->operation_bytes);
	return 0;
}

static int64_t copy_burst(const struct bench *bench, uint64_t operations)
{
	const size_t len = bench->operation_bytes;
	uint64_t started_ns = bench_now_ns();

	for (uint64_t i = 0; i < operations; i++) {
		memcpy(target + i * len, bench->argument, len);
		bench_use(target);
	}
	return (int64_t)(bench_now_ns() - started_ns);
}

static void copy_teardown(const struct bench *bench)
{
	(void)bench;
	free(target);
	target = NULL;
}

/* A file below the current directory, nameless from the start. */
static int write_setup(const struct bench *bench)
{
	char name[] = "bench-push-XXXXXX";

	(void)bench;
	target_fd = mkstemp(name);
	if (target_fd < 0)
		return -errno;
	unlink(name);
	return 0;
}

static int64_t write_burst(const struct bench *bench, uint64_t operations)
{
	uint64_t started_ns;

	/* The same pages each time: what is measured is the call, not the disk. */
	if (lseek(target_fd, 0, SEEK_SET) < 0)
		return -errno;
	started_ns = bench_now_ns();
	for (uint64_t i = 0; i < operations; i++) {
		ssize_t written = write(target_fd, bench->argument, bench->operation_bytes);

		if (written != (ssize_t)bench->operation_bytes)
			return written < 0 ? -errno : -EIO;
	}
	return (int64_t)(bench_now_ns() - started_ns);
}

static void write_teardown(const struct bench *bench)
{
	(void)bench;
	close(target_fd);
	target_fd = -1;
}

static const unsigned char record[BYTES_S] = {1};

#define PUSH(title, span)                                                             \
	{                                                                             \
		title, push_setup, push_burst, push_counters, push_teardown, &(span), \
			BURST_OPERATIONS, 0                                           \
	}
#define COPY(title, bytes)                                                                    \
	{                                                                                     \
		title, copy_setup, copy_burst, NULL, copy_teardown, record, BURST_OPERATIONS, \
			bytes                                                                 \
	}
#define WRITE(title, bytes)                                                                      \
	{                                                                                        \
		title, write_setup, write_burst, NULL, write_teardown, record, BURST_OPERATIONS, \
			bytes                                                                    \
	}

const struct bench bench_table[] = {
	PUSH("push/span_S", span_s),
	PUSH("push/span_S0", span_s0),
	COPY("memcpy/448", BYTES_S),
	COPY("memcpy/128", BYTES_S0),
	WRITE("write/448", BYTES_S),
	WRITE("write/128", BYTES_S0),
	{.name = NULL},
};
