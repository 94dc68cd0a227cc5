/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests whose process is a producer: a writer process of its own, what it
 * wrote as protobuf-c decodes it, and a preloaded library that lies to the
 * writer about the wall clock and lets its writes fail (model_preload.c).
 */
#ifndef OTLPIPE_TESTS_PIPELINE_MODEL_FIXTURE_H
#define OTLPIPE_TESTS_PIPELINE_MODEL_FIXTURE_H

#include "base/array.h"
#include "core/record/signal.h"
#include "tests/unit/library_fixture.h"

#include <inttypes.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/oracle.h"
#include "tests/pipeline/model_preload.h"
#include "writer/file/batch_scan.h"
#include "writer/file/dataname.h"

#define WAIT_NS		INT64_C(120000000000) /* a limit for what hangs, no measure */
#define FOUND_FILES_MAX 1024

extern char model_output[64];
extern pid_t model_writer;
extern struct model_preload *model_preload;

void model_end_writer(void);

int model_setup(void **state);

int model_teardown(void **state);

/** Start it, and wait until it says that it is ready. */
void model_start(bool preload, const char *const *options);

#define MODEL_START(...)	   model_start(false, (const char *const[]){__VA_ARGS__, NULL})
#define MODEL_START_PRELOADED(...) model_start(true, (const char *const[]){__VA_ARGS__, NULL})

/** In order: it drains, seals and ends with 0. */
void model_stop(void);

/** Texts are bytes in this build of the schema, as they may hold a NUL. */
bool text_is(ProtobufCBinaryData text, const char *expected);

struct found_span {
	const PB_TRACE(ResourceSpans) * resource;
	const PB_TRACE(ScopeSpans) * scope;
	const PB_TRACE(Span) * span;
};

struct found_metric {
	const PB_METRICS(ResourceMetrics) * resource;
	const PB_METRICS(ScopeMetrics) * scope;
	const PB_METRICS(Metric) * metric;
};

struct found_log {
	const PB_LOGS(ResourceLogs) * resource;
	const PB_LOGS(ScopeLogs) * scope;
	const PB_LOGS(LogRecord) * log;
};

/* All that is in whole batches, in the order of the files, and the sums of the ledger. */
struct found {
	void **messages;
	size_t message_count;
	struct found_span *spans;
	size_t span_count;
	struct found_metric *metrics;
	size_t metric_count;
	struct found_log *logs;
	size_t log_count;
	uint64_t written_items, invalid_items, lost_items, torn_bytes;
	size_t file_count;
};

void found_free(struct found *found);

/** What is on the disk now; once more where a file was renamed meanwhile. */
void found_read(struct found *found);

/** Wait until so many spans are on the disk, without asking for a flush. */
void found_wait(struct found *found, size_t spans);

/** How many spans have this number (fixture_span()). */
size_t found_count(const struct found *found, uint64_t number);

/** These numbers, each once, and no others. */
void expect_numbers(const struct found *found, const uint64_t *numbers, size_t count);
#define EXPECT_NUMBERS(found, ...)                             \
	expect_numbers(found, (const uint64_t[]){__VA_ARGS__}, \
		       sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

void push_number(struct otlp_library *library, uint64_t number);

#define MODEL_TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

void model_clean_environment(void);

#endif
