/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of each signal, packed by protobuf-c from random data,
 * with the expectation file that goes with them: the input for the test of
 * decode_compare.py and decode_protoc.py themselves. No part of the pipeline
 * takes part, so a difference here is the scripts' fault or expect.c's.
 *
 * usage: oracle_file OUTPUT_DIR SEED COUNT EXPECTATION [BREAK]
 * BREAK: the number of the span that is written with another end time, and of the log record with
 * another observed time, which the scripts must find.
 */
#include "tests/gen.h"
#include "tests/oracle.h"
#include "tests/pipeline/expect.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * protobuf-c 1.4.1 takes -0.0 for the default and leaves it out; the two
 * decoders are right to miss it then. Such an item is not used here: the
 * pipeline's own files do have -0.0.
 */
static bool survives(const void *message)
{
	const ProtobufCMessage *from = message;
	size_t len = protobuf_c_message_get_packed_size(from);
	uint8_t *packed = malloc(len + 1);
	ProtobufCMessage *back;
	bool same;

	if (!packed)
		abort();
	protobuf_c_message_pack(from, packed);
	back = protobuf_c_message_unpack(from->descriptor, NULL, len, packed);
	same = oracle_equal(message, back, NULL, 0);
	oracle_free(back);
	free(packed);
	return same;
}

/* One length-delimited field of at most 4 GiB with that number. */
static void put_field(FILE *out, uint32_t number, const void *bytes, size_t len)
{
	uint64_t varints[2] = {number << 3 | 2, len};

	for (int i = 0; i < 2; i++) {
		while (varints[i] >= 128) {
			putc((int)(varints[i] & 127) | 128, out);
			varints[i] >>= 7;
		}
		putc((int)varints[i], out);
	}
	fwrite(bytes, 1, len, out);
}

static void put_message(FILE *out, const void *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = malloc(len + 1);

	if (!packed)
		abort();
	protobuf_c_message_pack(message, packed);
	put_field(out, 1, packed, len); /* resource_spans, resource_metrics or resource_logs */
	free(packed);
}

static ProtobufCBinaryData borrow(struct otlp_str text)
{
	return (ProtobufCBinaryData){.len = text.len, .data = (uint8_t *)text.ptr};
}

/* The messages around an item live on the stack and borrow; the parts are freed. */
static void put_span(FILE *out, const struct otlp_resource *resource,
		     const struct otlp_span *original, PB_TRACE(Span) * span)
{
	PB_TRACE(ScopeSpans) scope = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
	PB_TRACE(ResourceSpans) all = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
	PB_TRACE(ScopeSpans) *scopes = &scope;

	all.resource = oracle_resource(resource);
	all.schema_url = borrow(resource->schema_url);
	all.n_scope_spans = 1;
	all.scope_spans = &scopes;
	if (original->scope) {
		scope.scope = oracle_scope(original->scope);
		scope.schema_url = borrow(original->scope->schema_url);
	}
	scope.n_spans = 1;
	scope.spans = &span;
	put_message(out, &all);
	oracle_free(all.resource);
	oracle_free(scope.scope);
}

static void put_metric(FILE *out, const struct otlp_resource *resource,
		       const struct otlp_scope *borrowed, PB_METRICS(Metric) * metric)
{
	PB_METRICS(ScopeMetrics) scope = OPENTELEMETRY__PROTO__METRICS__V1__SCOPE_METRICS__INIT;
	PB_METRICS(ResourceMetrics)
	all = OPENTELEMETRY__PROTO__METRICS__V1__RESOURCE_METRICS__INIT;
	PB_METRICS(ScopeMetrics) *scopes = &scope;

	all.resource = oracle_resource(resource);
	all.schema_url = borrow(resource->schema_url);
	all.n_scope_metrics = 1;
	all.scope_metrics = &scopes;
	scope.scope = oracle_scope(borrowed);
	scope.schema_url = borrow(borrowed->schema_url);
	scope.n_metrics = 1;
	scope.metrics = &metric;
	put_message(out, &all);
	oracle_free(all.resource);
	oracle_free(scope.scope);
}

static void write_span(struct gen *gen, FILE *out, FILE *expected, bool is_broken)
{
	const struct otlp_span *span = gen_span(gen);
	const struct otlp_resource *resource = span->resource ? span->resource : gen_resource(gen);
	PB_TRACE(Span) *tree = oracle_span(span);

	if (survives(tree)) {
		expect_span(expected, 0, resource, span);
		tree->end_time_unix_nano ^= is_broken;
		put_span(out, resource, span, tree);
	}
	oracle_free(tree);
}

static void write_metric(struct gen *gen, FILE *out, FILE *expected)
{
	const struct otlp_metric *metric = gen_metric(gen);
	const struct otlp_resource *resource = gen_resource(gen);
	const struct otlp_scope_metrics scope = {
		.scope = *gen_scope(gen),
		.metrics = metric,
		.metric_count = 1,
	};
	const struct otlp_resource_metrics all = {
		.resource = resource,
		.scope_metrics = &scope,
		.scope_metrics_count = 1,
	};
	PB_METRICS(Metric) *tree = oracle_metric(metric);

	if (survives(tree)) {
		expect_metrics(expected, 0, resource, &all);
		put_metric(out, resource, &scope.scope, tree);
	}
	oracle_free(tree);
}

static void put_log(FILE *out, const struct otlp_resource *resource,
		    const struct otlp_log_record *original, PB_LOGS(LogRecord) * log)
{
	PB_LOGS(ScopeLogs) scope = OPENTELEMETRY__PROTO__LOGS__V1__SCOPE_LOGS__INIT;
	PB_LOGS(ResourceLogs) all = OPENTELEMETRY__PROTO__LOGS__V1__RESOURCE_LOGS__INIT;
	PB_LOGS(ScopeLogs) *scopes = &scope;

	all.resource = oracle_resource(resource);
	all.schema_url = borrow(resource->schema_url);
	all.n_scope_logs = 1;
	all.scope_logs = &scopes;
	if (original->scope) {
		scope.scope = oracle_scope(original->scope);
		scope.schema_url = borrow(original->scope->schema_url);
	}
	scope.n_log_records = 1;
	scope.log_records = &log;
	put_message(out, &all);
	oracle_free(all.resource);
	oracle_free(scope.scope);
}

static void write_log(struct gen *gen, FILE *out, FILE *expected, bool is_broken)
{
	const struct otlp_log_record *log = gen_log(gen);
	const struct otlp_resource *resource = log->resource ? log->resource : gen_resource(gen);
	PB_LOGS(LogRecord) *tree = oracle_log(log);

	if (survives(tree)) {
		expect_log(expected, 0, resource, log);
		tree->observed_time_unix_nano ^= is_broken;
		put_log(out, resource, log, tree);
	}
	oracle_free(tree);
}

static FILE *open_below(const char *dir, const char *signal)
{
	char path[4096];
	FILE *file;

	mkdir(dir, 0777);
	snprintf(path, sizeof(path), "%s/%s", dir, signal);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/oracle.binpb", dir, signal);
	file = fopen(path, "w");
	if (!file)
		perror(path);
	return file;
}

int main(int argc, char **argv)
{
	static const char padding[100];
	FILE *traces, *metrics, *logs, *expected;
	unsigned long count, broken;
	struct gen *gen;
	int rc;

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: oracle_file OUTPUT_DIR SEED COUNT EXPECTATION [BREAK]\n");
		return 2;
	}
	traces = open_below(argv[1], "traces");
	metrics = open_below(argv[1], "metrics");
	logs = open_below(argv[1], "logs");
	expected = fopen(argv[4], "w");
	if (!traces || !metrics || !logs || !expected)
		return 1;
	gen = gen_new(strtoul(argv[2], NULL, 10));
	count = strtoul(argv[3], NULL, 10);
	broken = argc == 6 ? strtoul(argv[5], NULL, 10) : count;
	put_field(traces, 1000, "an opening", 10);
	for (unsigned long i = 0; i < count; i++) {
		write_span(gen, traces, expected, i == broken);
		write_metric(gen, metrics, expected);
		write_log(gen, logs, expected, i == broken);
		gen_reset(gen);
	}
	put_field(metrics, 1001, padding, sizeof(padding));
	gen_free(gen);
	rc = fclose(traces) | fclose(metrics) | fclose(logs) | fclose(expected);
	return rc ? 1 : 0;
}
