/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are cut from messages: each is decoded by the generated code, as a receiver would.
 */
#include "cli/send/cutter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/send/records.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest trace_request;
typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest metrics_request;

#define RESOURCES 3u
#define SCOPES	  2u
#define SPANS	  7u
#define COUNT	  (RESOURCES * SCOPES * SPANS)

/* Bytes of a message, written by hand: a field is its tag, its length and its bytes. */
struct bytes {
	uint8_t data[1 << 16];
	size_t count;
};

static void put_field(struct bytes *to, unsigned number, const void *data, size_t count)
{
	assert_true(number < 16 && count < 16384 && to->count + count + 3 < sizeof(to->data));
	to->data[to->count++] = (uint8_t)(number << 3 | 2);
	to->data[to->count++] = (uint8_t)(count | 0x80);
	to->data[to->count++] = (uint8_t)(count >> 7);
	memcpy(to->data + to->count, data, count);
	to->count += count;
}

static void put_text(struct bytes *to, unsigned number, const char *text)
{
	put_field(to, number, text, strlen(text));
}

/* A span or a log record whose name is its number, and which is the larger the larger that is. */
static void put_span(struct bytes *to, unsigned number)
{
	static struct bytes span;
	char name[16], state[512];

	span.count = 0;
	snprintf(name, sizeof(name), "%u", number);
	memset(state, 'x', sizeof(state));
	put_field(&span, 3, state, number * 7 % sizeof(state));
	put_text(&span, 5, name);
	put_field(to, 2, span.data, span.count);
}

static void make_traces(struct bytes *ret)
{
	static struct bytes resource, scope, inner;
	unsigned number = 0;
	char text[32];

	ret->count = 0;
	for (unsigned r = 0; r < RESOURCES; r++) {
		resource.count = 0;
		inner.count = 0;
		put_field(&resource, 1, inner.data, 0);
		for (unsigned s = 0; s < SCOPES; s++) {
			scope.count = inner.count = 0;
			snprintf(text, sizeof(text), "scope %u", s);
			put_text(&inner, 1, text);
			put_field(&scope, 1, inner.data, inner.count);
			for (unsigned i = 0; i < SPANS; i++)
				put_span(&scope, number++);
			put_text(&scope, 3, "scope's schema");
			put_field(&resource, 2, scope.data, scope.count);
		}
		snprintf(text, sizeof(text), "resource %u", r);
		put_text(&resource, 3, text);
		put_field(ret, 1, resource.data, resource.count);
		/* What is no data: the zeros of a batch, say. */
		put_text(ret, 9, "not sent");
	}
}

static bool is_text(ProtobufCBinaryData found, const char *text)
{
	return found.len == strlen(text) && memcmp(found.data, text, found.len) == 0;
}

/* What a request holds: its spans must be the next ones, in their own scope and resource. */
static unsigned check_traces(const uint8_t *data, size_t bytes, unsigned next)
{
	trace_request *request =
		opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
			NULL, bytes, data);

	assert_non_null(request);
	assert_int_equal(request->base.n_unknown_fields, 0);
	for (size_t r = 0; r < request->n_resource_spans; r++) {
		Opentelemetry__Proto__Trace__V1__ResourceSpans *resource =
			request->resource_spans[r];

		assert_non_null(resource->resource);
		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			Opentelemetry__Proto__Trace__V1__ScopeSpans *scope =
				resource->scope_spans[s];

			assert_true(scope->n_spans > 0);
			assert_true(is_text(scope->schema_url, "scope's schema"));
			for (size_t i = 0; i < scope->n_spans; i++, next++) {
				char text[32];

				snprintf(text, sizeof(text), "%u", next);
				assert_true(is_text(scope->spans[i]->name, text));
				snprintf(text, sizeof(text), "scope %u", next / SPANS % SCOPES);
				assert_true(is_text(scope->scope->name, text));
				snprintf(text, sizeof(text), "resource %u", next / SPANS / SCOPES);
				assert_true(is_text(resource->schema_url, text));
			}
		}
	}
	protobuf_c_message_free_unpacked(&request->base, NULL);
	return next;
}

static void cut_traces(size_t limit)
{
	static struct bytes message;
	struct records records = {0};
	struct cutter cutter = {.limit_bytes = limit};
	unsigned next = 0;
	size_t at = 0;

	make_traces(&message);
	assert_int_equal(records_find(&records, OTLP_SIGNAL_TRACES, message.data, message.count),
			 0);
	assert_int_equal(records.count, COUNT);
	while (at < records.count || cutter.count > 0) {
		const int rc = at < records.count ? cutter_add(&cutter, &records, at) : 0;
		uint64_t count;
		uint8_t *body;
		size_t bytes;

		assert_true(rc >= 0);
		at += (size_t)rc;
		if (rc == 1)
			continue;
		count = cutter.count;
		body = cutter_take(&cutter, &bytes);
		assert_non_null(body);
		assert_true(bytes <= limit || count == 1);
		assert_int_equal(check_traces(body, bytes, next), next + count);
		next += (unsigned)count;
		free(body);
	}
	assert_int_equal(next, COUNT);
	cutter_free(&cutter);
	records_free(&records);
}

static void each_request_is_valid_and_all_records_are_in_once_at_every_limit(void **state)
{
	(void)state;
	for (size_t limit = 1; limit < 2000; limit += limit < 700 ? 1 : 37)
		cut_traces(limit);
	cut_traces(SIZE_MAX);
}

/* A request can be halved again and again: it is a message too. */
static void a_request_is_cut_like_what_it_was_cut_from(void **state)
{
	static struct bytes message;
	struct records records = {0}, again = {0};
	struct cutter cutter = {.limit_bytes = SIZE_MAX};
	uint8_t *body;
	size_t bytes;

	(void)state;
	make_traces(&message);
	assert_int_equal(records_find(&records, OTLP_SIGNAL_TRACES, message.data, message.count),
			 0);
	for (size_t i = 10; i < records.count; i++)
		assert_int_equal(cutter_add(&cutter, &records, i), 1);
	body = cutter_take(&cutter, &bytes);
	assert_int_equal(records_find(&again, OTLP_SIGNAL_TRACES, body, bytes), 0);
	assert_int_equal(again.count, COUNT - 10);
	assert_int_equal(check_traces(body, bytes, 10), COUNT);
	free(body);
	records_free(&again);
	records_free(&records);
	cutter_free(&cutter);
}

static void two_batches_go_into_one_request(void **state)
{
	static struct bytes message;
	struct records records = {0};
	struct cutter cutter = {.limit_bytes = SIZE_MAX};
	trace_request *request;
	uint8_t *body;
	size_t bytes;

	(void)state;
	make_traces(&message);
	for (unsigned batch = 0; batch < 2; batch++) {
		assert_int_equal(
			records_find(&records, OTLP_SIGNAL_TRACES, message.data, message.count), 0);
		for (size_t i = 0; i < records.count; i++)
			assert_int_equal(cutter_add(&cutter, &records, i), 1);
		cutter_leave(&cutter);
	}
	body = cutter_take(&cutter, &bytes);
	request = opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
		NULL, bytes, body);
	assert_non_null(request);
	assert_int_equal(request->n_resource_spans, 2 * RESOURCES);
	protobuf_c_message_free_unpacked(&request->base, NULL);
	free(body);
	records_free(&records);
	cutter_free(&cutter);
}

static void metrics_are_cut_between_points(void **state)
{
	static const unsigned kinds[] = {5, 7, 9, 10, 11};
	static struct bytes message, resource, scope, metric, data, point;
	struct records records = {0};
	struct cutter cutter = {.limit_bytes = 1};
	unsigned points = 0, bare = 0;

	(void)state;
	message.count = resource.count = scope.count = 0;
	for (unsigned k = 0; k < 5; k++) {
		metric.count = data.count = 0;
		point.count = 0;
		for (unsigned p = 0; p < 4; p++)
			put_field(&data, 1, point.data, 0);
		put_text(&metric, 1, "name");
		put_text(&metric, 3, "unit");
		put_field(&metric, kinds[k], data.data, data.count);
		put_field(&scope, 2, metric.data, metric.count);
	}
	/* Two that have no points: one without data, one with data that is empty. */
	metric.count = 0;
	put_text(&metric, 1, "bare");
	put_field(&scope, 2, metric.data, metric.count);
	put_field(&metric, 5, metric.data, 0);
	put_field(&scope, 2, metric.data, metric.count);
	put_field(&resource, 2, scope.data, scope.count);
	put_field(&message, 1, resource.data, resource.count);
	assert_int_equal(records_find(&records, OTLP_SIGNAL_METRICS, message.data, message.count),
			 0);
	assert_int_equal(records.count, 22);
	for (size_t i = 0; i < records.count; i++) {
		metrics_request *request;
		Opentelemetry__Proto__Metrics__V1__Metric *found;
		uint8_t *body;
		size_t bytes;

		assert_int_equal(cutter_add(&cutter, &records, i), 1);
		body = cutter_take(&cutter, &bytes);
		request =
			opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__unpack(
				NULL, bytes, body);
		assert_non_null(request);
		assert_int_equal(request->n_resource_metrics, 1);
		assert_int_equal(request->resource_metrics[0]->n_scope_metrics, 1);
		assert_int_equal(request->resource_metrics[0]->scope_metrics[0]->n_metrics, 1);
		found = request->resource_metrics[0]->scope_metrics[0]->metrics[0];
		if (is_text(found->name, "bare")) {
			bare++;
		} else {
			assert_true(is_text(found->unit, "unit"));
			assert_int_equal(found->data_case, kinds[i / 4]);
			points++;
		}
		protobuf_c_message_free_unpacked(&request->base, NULL);
		free(body);
	}
	assert_int_equal(points, 20);
	assert_int_equal(bare, 2);
	records_free(&records);
	cutter_free(&cutter);
}

static void what_is_no_protobuf_is_refused_wherever_it_is_cut(void **state)
{
	static struct bytes message;
	struct records records = {0};
	unsigned refused = 0;

	(void)state;
	make_traces(&message);
	for (size_t bytes = 0; bytes < message.count; bytes++) {
		/* An own copy, so that a read behind it is seen. */
		uint8_t *copy = malloc(bytes + 1);
		int rc;

		assert_non_null(copy);
		memcpy(copy, message.data, bytes);
		rc = records_find(&records, OTLP_SIGNAL_TRACES, copy, bytes);
		assert_true(rc == 0 || rc == -EBADMSG);
		refused += rc < 0;
		free(copy);
	}
	/* But for the ends of its six outermost fields. */
	assert_int_equal(refused, message.count - 2 * RESOURCES);
	records_free(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_valid_and_all_records_are_in_once_at_every_limit),
		cmocka_unit_test(a_request_is_cut_like_what_it_was_cut_from),
		cmocka_unit_test(two_batches_go_into_one_request),
		cmocka_unit_test(metrics_are_cut_between_points),
		cmocka_unit_test(what_is_no_protobuf_is_refused_wherever_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
