/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed data. Whoever measures them says how; here is only what. */
#include "bench/bench_data.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"

#define NAME OTLP_STR_INIT("POST /api/v1/charges")
#define TRACE_ID                                                      \
	{                                                             \
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 \
	}
#define START_NS UINT64_C(1700000000000000000)
#define END_NS	 UINT64_C(1700000000001000000)

#define STRING(key, value)                           \
	{                                            \
		OTLP_STR_INIT(key),                  \
		{                                    \
			OTLP_VALUE_STRING,           \
			{                            \
				OTLP_STR_INIT(value) \
			}                            \
		}                                    \
	}
#define INTEGER(key, value)                        \
	{                                          \
		OTLP_STR_INIT(key),                \
		{                                  \
			OTLP_VALUE_INT,            \
			{                          \
				.integer = (value) \
			}                          \
		}                                  \
	}
#define BOOLEAN(key, value)                        \
	{                                          \
		OTLP_STR_INIT(key),                \
		{                                  \
			OTLP_VALUE_BOOL,           \
			{                          \
				.boolean = (value) \
			}                          \
		}                                  \
	}

#define ATTRIBUTE_COUNT	      8
#define EVENT_ATTRIBUTE_COUNT 2

static const struct otlp_attribute attributes_s[ATTRIBUTE_COUNT] = {
	STRING("http.request.mtd", "application/json"),
	STRING("url.path", "/api/v1/checkout"),
	STRING("server.address", "shop.example.com"),
	STRING("user_agent.name", "bench-agent/1.00"),
	STRING("http.route", "/api/v1/{action}"),
	INTEGER("server.port", 8443),
	INTEGER("http.status_code", 503),
	BOOLEAN("cache.hit", true),
};

static const struct otlp_attribute event_attributes[EVENT_ATTRIBUTE_COUNT] = {
	STRING("exception.type", "TimeoutException"),
	INTEGER("retry.count", 3),
};

static const struct otlp_span_event event_s = {
	.time_unix_ns = UINT64_C(1700000000000500000),
	.name = OTLP_STR_INIT("exception"),
	.attributes = {event_attributes, EVENT_ATTRIBUTE_COUNT, 0},
};

/* Each span of a real SDK has one: its instrumentation library's. */
static const struct otlp_scope scope = {
	.name = OTLP_STR_INIT("io.opentelemetry.http.server"),
	.version = OTLP_STR_INIT("2.11.0"),
};

#define SPAN_S(its_scope)                                                                      \
	{                                                                                      \
		.scope = its_scope, .trace_id = TRACE_ID, .span_id = {1, 2, 3, 4, 5, 6, 7, 8}, \
		.parent_span_id = {8, 7, 6, 5, 4, 3, 2, 1}, .name = NAME,                      \
		.kind = OTLP_SPAN_KIND_SERVER, .flags = 1, .start_time_unix_ns = START_NS,     \
		.end_time_unix_ns = END_NS, .attributes = {attributes_s, ATTRIBUTE_COUNT, 0},  \
		.events = &event_s, .event_count = 1, .status = OTLP_STATUS_ERROR,             \
		.status_message = OTLP_STR_INIT("upstream timeout"),                           \
	}
#define SPAN_S0(its_scope)                                                                     \
	{                                                                                      \
		.scope = its_scope, .trace_id = TRACE_ID, .span_id = {1, 2, 3, 4, 5, 6, 7, 8}, \
		.parent_span_id = {8, 7, 6, 5, 4, 3, 2, 1}, .name = NAME,                      \
		.kind = OTLP_SPAN_KIND_SERVER, .flags = 1, .start_time_unix_ns = START_NS,     \
		.end_time_unix_ns = END_NS,                                                    \
	}

const struct otlp_span bench_span_s = SPAN_S(&scope);
const struct otlp_span bench_span_s0 = SPAN_S0(&scope);
const struct otlp_span bench_span_s_no_scope = SPAN_S(NULL);
const struct otlp_span bench_span_s0_no_scope = SPAN_S0(NULL);

const struct otlp_span bench_span_128 = {
	.trace_id = TRACE_ID,
	.span_id = {1, 2, 3, 4, 5, 6, 7, 8},
	.parent_span_id = {8, 7, 6, 5, 4, 3, 2, 1},
	.name = NAME,
	.kind = OTLP_SPAN_KIND_SERVER,
	.flags = 1,
	.start_time_unix_ns = START_NS,
	.end_time_unix_ns = END_NS,
	.attributes = {&attributes_s[2], 1, 0},
};

static const struct otlp_attribute attributes_l[] = {
	STRING("http.route", "/api/v1/{action}"),
	STRING("user.name", "bench-agent"),
	INTEGER("http.status_code", 503),
	INTEGER("retry.count", 3),
};

#define LOG_TEXT                                                                            \
	"charge of customer 4711 was refused by the payment service, which did not answer " \
	"within the 500 ms that it may take; it is kept."

static_assert(sizeof(LOG_TEXT) - 1 == 128, "as the header says");

const struct otlp_log_record bench_log_l = {
	.time_unix_ns = START_NS,
	.observed_time_unix_ns = START_NS,
	.severity_number = OTLP_SEVERITY_WARN,
	.flags = 1,
	.severity_text = OTLP_STR_INIT("WARN"),
	.body = {OTLP_VALUE_STRING, {OTLP_STR_INIT(LOG_TEXT)}},
	.attributes = {attributes_l, COUNT_OF(attributes_l), 0},
	.trace_id = TRACE_ID,
	.span_id = {1, 2, 3, 4, 5, 6, 7, 8},
};

#define POINT_ATTRIBUTES 3
#define BUCKETS		 15

static const struct otlp_attribute point_attributes[4][POINT_ATTRIBUTES] = {
	{STRING("http.method", "GET"), STRING("http.route", "/api/v1/charges"),
	 STRING("net.host.name", "shop.example.com")},
	{STRING("http.method", "POST"), STRING("http.route", "/api/v1/checkout"),
	 STRING("net.host.name", "shop.example.com")},
	{STRING("http.method", "PUT"), STRING("http.route", "/api/v1/accounts"),
	 STRING("net.host.name", "pay.example.com")},
	{STRING("http.method", "DELETE"), STRING("http.route", "/api/v1/sessions"),
	 STRING("net.host.name", "pay.example.com")},
};

#define POINT(i)                                                          \
	{                                                                 \
		.attributes = {point_attributes[i], POINT_ATTRIBUTES, 0}, \
		.start_time_unix_ns = START_NS, .time_unix_ns = END_NS    \
	}
#define SUM_POINT(i)                                                                        \
	{                                                                                   \
		.point = POINT(i), .value = { OTLP_NUMBER_INT, {.integer = 1000000 + (i)} } \
	}
#define GAUGE_POINT(i)                                                                  \
	{                                                                               \
		.point = POINT(i), .value = { OTLP_NUMBER_DOUBLE, {.real = 0.5 + (i)} } \
	}

static const struct otlp_number_point sum_points[] = {
	SUM_POINT(0),
	SUM_POINT(1),
	SUM_POINT(2),
	SUM_POINT(3),
};
static const struct otlp_number_point gauge_points[] = {GAUGE_POINT(0), GAUGE_POINT(1)};

static const uint64_t bucket_counts[BUCKETS] = {1,  4,	9,  16, 25, 36, 49, 64,
						81, 64, 49, 36, 25, 16, 9};
static const double bounds[BUCKETS - 1] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
					   0.5,	  0.75, 1,     2.5,  5,	    7.5, 10};

#define HISTOGRAM_POINT(i)                                                                 \
	{                                                                                  \
		.point = POINT(i), .count = 484, .has_sum = true, .has_min = true,         \
		.has_max = true, .sum = 151.25, .min = 0.001, .max = 11.5,                 \
		.bucket_counts = bucket_counts, .bucket_count = BUCKETS, .bounds = bounds, \
		.bound_count = BUCKETS - 1                                                 \
	}

static const struct otlp_histogram_point histogram_points[] = {
	HISTOGRAM_POINT(0),
	HISTOGRAM_POINT(1),
};

#define SUM(text)                                                                                  \
	{                                                                                          \
		.name = OTLP_STR_INIT(text), .description = OTLP_STR_INIT("Requests since start"), \
		.unit = OTLP_STR_INIT("{request}"), .type = OTLP_METRIC_SUM,                       \
		.temporality = OTLP_TEMPORALITY_CUMULATIVE, .is_monotonic = true,                  \
		.points.number = sum_points, .point_count = 4                                      \
	}
#define GAUGE(text)                                                                              \
	{                                                                                        \
		.name = OTLP_STR_INIT(text), .description = OTLP_STR_INIT("How much is in use"), \
		.unit = OTLP_STR_INIT("1"), .type = OTLP_METRIC_GAUGE,                           \
		.points.number = gauge_points, .point_count = 2                                  \
	}
#define HISTOGRAM(text)                                                                            \
	{                                                                                          \
		.name = OTLP_STR_INIT(text), .description = OTLP_STR_INIT("Time from end to end"), \
		.unit = OTLP_STR_INIT("s"), .type = OTLP_METRIC_HISTOGRAM,                         \
		.temporality = OTLP_TEMPORALITY_CUMULATIVE, .points.histogram = histogram_points,  \
		.point_count = 2                                                                   \
	}

static const struct otlp_metric metrics[] = {
	SUM("http.server.requests"),	   SUM("http.client.requests"),
	SUM("http.server.errors"),	   SUM("db.client.operations"),
	SUM("cache.client.hits"),	   GAUGE("process.cpu.usage"),
	GAUGE("process.memory.usage"),	   GAUGE("pool.connections.in"),
	HISTOGRAM("http.server.duration"), HISTOGRAM("db.client.duration"),
};

static const struct otlp_scope_metrics scope_metrics = {
	.scope = {.name = OTLP_STR_INIT("bench.instruments"), .version = OTLP_STR_INIT("1.0.0")},
	.metrics = metrics,
	.metric_count = COUNT_OF(metrics),
};

const struct otlp_resource_metrics bench_metrics_m = {
	.scope_metrics = &scope_metrics,
	.scope_metrics_count = 1,
};

/* Numbers that look like nothing and are the same each time (xorshift). */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

const struct otlp_span *bench_spans_varied(void)
{
	static const char text[] =
		"abcdefghijklmnopqrstuvwxyz-0123456789/ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static struct otlp_span spans[BENCH_VARIED_COUNT];
	static struct otlp_attribute attributes[BENCH_VARIED_COUNT][ATTRIBUTE_COUNT];
	uint32_t state = 2463534242u;

	for (size_t i = 0; i < BENCH_VARIED_COUNT; i++) {
		spans[i] = bench_span_s;
		memcpy(attributes[i], attributes_s, sizeof(attributes_s));
		for (size_t a = 0; a < ATTRIBUTE_COUNT; a++) {
			struct otlp_value *value = &attributes[i][a].value;

			if (value->type == OTLP_VALUE_STRING) {
				value->as.string.ptr = text + next_random(&state) % 40;
				value->as.string.len = 12 + next_random(&state) % 9;
			} else if (value->type == OTLP_VALUE_INT) {
				value->as.integer = (int64_t)(next_random(&state) >> i % 24);
			}
		}
		for (size_t b = 0; b < sizeof(spans[i].span_id); b++)
			spans[i].span_id[b] = (uint8_t)(next_random(&state) | 1);
		spans[i].attributes.items = attributes[i];
	}
	return spans;
}
