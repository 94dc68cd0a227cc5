/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry as an instrumented HTTP server makes it, names and shapes by the
 * OpenTelemetry semantic conventions: a SERVER span a request, CLIENT spans for
 * its database and HTTP calls, some exceptions, links and errors; metrics of all
 * five kinds; log records of all severities, with text and without. Pure: no clock, no allocation,
 * no library call.
 */
#include "cli/load_data.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"

#define MS UINT64_C(1000000)

static const struct otlp_scope scope = {
	.name = OTLP_STR_INIT("otlpipe.load"),
	.version = OTLP_STR_INIT("1.0.0"),
	.schema_url = OTLP_STR_INIT("https://opentelemetry.io/schemas/1.27.0"),
};

static const struct {
	struct otlp_str method;
	struct otlp_str route;
	struct otlp_str name;
	struct otlp_str query;
} routes[] = {
	{OTLP_STR_INIT("GET"), OTLP_STR_INIT("/"), OTLP_STR_INIT("GET /"),
	 OTLP_STR_INIT("SELECT id, title, price FROM products ORDER BY sold DESC LIMIT 20")},
	{OTLP_STR_INIT("GET"), OTLP_STR_INIT("/products/{id}"), OTLP_STR_INIT("GET /products/{id}"),
	 OTLP_STR_INIT("SELECT title, price, stock FROM products WHERE id = $1")},
	{OTLP_STR_INIT("POST"), OTLP_STR_INIT("/cart/{id}"), OTLP_STR_INIT("POST /cart/{id}"),
	 OTLP_STR_INIT("INSERT INTO cart_items (cart_id, product_id, n) VALUES ($1, $2, $3)")},
	{OTLP_STR_INIT("POST"), OTLP_STR_INIT("/checkout/{id}"),
	 OTLP_STR_INIT("POST /checkout/{id}"),
	 OTLP_STR_INIT("UPDATE orders SET state = 'paid' WHERE id = $1")},
	{OTLP_STR_INIT("DELETE"), OTLP_STR_INIT("/cart/{id}"), OTLP_STR_INIT("DELETE /cart/{id}"),
	 OTLP_STR_INIT("DELETE FROM cart_items WHERE cart_id = $1")},
};

static const struct otlp_str agents[] = {
	OTLP_STR_INIT("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
	OTLP_STR_INIT("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"),
	OTLP_STR_INIT("curl/8.5.0"),
	OTLP_STR_INIT("kube-probe/1.30"),
};

/* splitmix64 */
static uint64_t random_next(struct load_producer *p)
{
	uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static unsigned int random_below(struct load_producer *p, unsigned int bound)
{
	return (unsigned int)(random_next(p) >> 32) % bound;
}

/* Never all zero, which no id is. */
static void random_id(struct load_producer *p, uint8_t *ret, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 8) {
		uint64_t word = random_next(p) | 1;

		memcpy(ret + i, &word, 8);
	}
}

void load_producer_init(struct load_producer *producer, uint64_t seed, uint32_t index,
			uint64_t series, uint64_t now_ns)
{
	memset(producer, 0, sizeof(*producer));
	producer->random = seed;
	producer->random = random_next(producer) + index;
	producer->index = index;
	producer->begin_ns = now_ns;
	producer->series = series;
}

static size_t common_attributes(struct load_producer *p, int64_t seq)
{
	p->attributes[0] = otlp_attr_int(OTLP_STR("otlpipe.load.producer"), p->index);
	p->attributes[1] = otlp_attr_int(OTLP_STR("otlpipe.load.seq"), seq);
	return 2;
}

static struct otlp_str text(const char *formatted)
{
	return (struct otlp_str){formatted, strlen(formatted)};
}

/* ---- spans ---- */

static void request_begin(struct load_producer *p)
{
	unsigned int dice = random_below(p, 100);

	random_id(p, p->trace_id, sizeof(p->trace_id));
	random_id(p, p->server_span_id, sizeof(p->server_span_id));
	p->route = random_below(p, COUNT_OF(routes));
	p->calls_left = random_below(p, 3);
	p->request_ns = MS + random_next(p) % (50 * MS);
	if (dice < 3)
		p->status = 500;
	else if (dice < 8)
		p->status = 404;
	else
		p->status = p->route >= 2 ? 201 : 200;
	snprintf(p->path, sizeof(p->path), "%.*s%u",
		 (int)(strcspn(routes[p->route].route.ptr, "{")), routes[p->route].route.ptr,
		 random_below(p, 100000));
	snprintf(p->address, sizeof(p->address), "10.%u.%u.%u", random_below(p, 256),
		 random_below(p, 256), 1 + random_below(p, 254));
}

static void exception(struct load_producer *p, uint64_t time_ns)
{
	p->event_attributes[0] = otlp_attr_str(OTLP_STR("exception.type"),
					       OTLP_STR("shop.InventoryUnavailableError"));
	p->event_attributes[1] = otlp_attr_str(OTLP_STR("exception.message"),
					       OTLP_STR("inventory did not answer within 50 ms"));
	p->event_attributes[2] = otlp_attr_str(
		OTLP_STR("exception.stacktrace"),
		OTLP_STR("shop.InventoryUnavailableError: inventory did not answer within 50 ms\n"
			 "\tat shop.Inventory.reserve(Inventory.java:118)\n"
			 "\tat shop.Checkout.place(Checkout.java:64)\n"
			 "\tat shop.http.Router.dispatch(Router.java:201)"));
	p->event = (struct otlp_span_event){
		.time_unix_ns = time_ns,
		.name = OTLP_STR("exception"),
		.attributes = {p->event_attributes, COUNT_OF(p->event_attributes), 0},
	};
	p->span.events = &p->event;
	p->span.event_count = 1;
}

/* The message that caused the request, as a queue's consumer would have it. */
static void link_to_cause(struct load_producer *p)
{
	p->link = (struct otlp_span_link){.trace_state = OTLP_STR("shop=00f067aa0ba902b7")};
	random_id(p, p->link.trace_id, sizeof(p->link.trace_id));
	random_id(p, p->link.span_id, sizeof(p->link.span_id));
	p->link.flags = 0x301;
	p->link_attributes[0] =
		otlp_attr_str(OTLP_STR("messaging.operation.name"), OTLP_STR("process"));
	p->link.attributes = (struct otlp_attributes){p->link_attributes, 1, 0};
	p->span.links = &p->link;
	p->span.link_count = 1;
}

static size_t server_attributes(struct load_producer *p, size_t n)
{
	struct otlp_attribute *a = p->attributes;

	a[n++] = otlp_attr_str(OTLP_STR("http.request.method"), routes[p->route].method);
	a[n++] = otlp_attr_str(OTLP_STR("http.route"), routes[p->route].route);
	a[n++] = otlp_attr_str(OTLP_STR("url.path"), text(p->path));
	a[n++] = otlp_attr_str(OTLP_STR("url.scheme"), OTLP_STR("https"));
	a[n++] = otlp_attr_int(OTLP_STR("http.response.status_code"), p->status);
	a[n++] = otlp_attr_str(OTLP_STR("server.address"), OTLP_STR("shop.example.com"));
	a[n++] = otlp_attr_int(OTLP_STR("server.port"), 443);
	a[n++] = otlp_attr_str(OTLP_STR("client.address"), text(p->address));
	a[n++] = otlp_attr_str(OTLP_STR("network.protocol.version"), OTLP_STR("1.1"));
	a[n++] = otlp_attr_str(OTLP_STR("user_agent.original"),
			       agents[random_below(p, COUNT_OF(agents))]);
	return n;
}

static void server_span(struct load_producer *p, uint64_t now_ns)
{
	struct otlp_span *span = &p->span;
	size_t n = server_attributes(p, common_attributes(p, p->span_seq));

	memcpy(span->span_id, p->server_span_id, sizeof(span->span_id));
	span->name = routes[p->route].name;
	span->kind = OTLP_SPAN_KIND_SERVER;
	span->start_time_unix_ns = now_ns - p->request_ns;
	if (p->status >= 500) {
		p->attributes[n++] = otlp_attr_str(OTLP_STR("error.type"),
						   OTLP_STR("shop.InventoryUnavailableError"));
		span->status = OTLP_STATUS_ERROR;
		span->status_message = OTLP_STR("inventory did not answer within 50 ms");
		exception(p, now_ns - MS / 2);
	}
	if (random_below(p, 20) == 0)
		link_to_cause(p);
	span->attributes = (struct otlp_attributes){p->attributes, n, 0};
}

static void database_attributes(struct load_producer *p, size_t n)
{
	struct otlp_attribute *a = p->attributes;

	a[n++] = otlp_attr_str(OTLP_STR("db.system.name"), OTLP_STR("postgresql"));
	a[n++] = otlp_attr_str(OTLP_STR("db.namespace"), OTLP_STR("shop"));
	a[n++] = otlp_attr_str(OTLP_STR("db.query.text"), routes[p->route].query);
	a[n++] = otlp_attr_str(OTLP_STR("server.address"), OTLP_STR("db.shop.internal"));
	a[n++] = otlp_attr_int(OTLP_STR("server.port"), 5432);
	p->span.name = OTLP_STR("postgresql shop");
	p->span.attributes = (struct otlp_attributes){a, n, 0};
}

static void http_call_attributes(struct load_producer *p, size_t n)
{
	struct otlp_attribute *a = p->attributes;

	a[n++] = otlp_attr_str(OTLP_STR("http.request.method"), OTLP_STR("GET"));
	a[n++] = otlp_attr_str(OTLP_STR("url.full"),
			       OTLP_STR("https://inventory.shop.internal/v2/stock?verbose=0"));
	a[n++] = otlp_attr_int(OTLP_STR("http.response.status_code"), p->status < 500 ? 200 : 503);
	a[n++] = otlp_attr_str(OTLP_STR("server.address"), OTLP_STR("inventory.shop.internal"));
	a[n++] = otlp_attr_int(OTLP_STR("server.port"), 443);
	p->span.name = OTLP_STR("GET");
	p->span.attributes = (struct otlp_attributes){a, n, 0};
	if (p->status >= 500)
		p->span.status = OTLP_STATUS_ERROR;
}

static void client_span(struct load_producer *p, uint64_t now_ns)
{
	struct otlp_span *span = &p->span;
	size_t n = common_attributes(p, p->span_seq);

	random_id(p, span->span_id, sizeof(span->span_id));
	memcpy(span->parent_span_id, p->server_span_id, sizeof(span->parent_span_id));
	span->kind = OTLP_SPAN_KIND_CLIENT;
	/* Within the request, which ends when its last call has. */
	span->start_time_unix_ns = now_ns - p->request_ns / 2;
	if (random_below(p, 4) == 0)
		http_call_attributes(p, n);
	else
		database_attributes(p, n);
}

const struct otlp_span *load_next_span(struct load_producer *producer, uint64_t now_ns)
{
	struct load_producer *p = producer;
	bool is_first = p->span_seq == 0 || p->span.kind == OTLP_SPAN_KIND_SERVER;

	if (is_first)
		request_begin(p);
	memset(&p->span, 0, sizeof(p->span));
	p->span.scope = &scope;
	memcpy(p->span.trace_id, p->trace_id, sizeof(p->span.trace_id));
	p->span.flags = 0x101; /* sampled; the parent is known not to be remote */
	p->span.end_time_unix_ns = now_ns;
	if (p->calls_left > 0) {
		client_span(p, now_ns);
		p->calls_left--;
	} else {
		server_span(p, now_ns);
	}
	p->span_seq++;
	return &p->span;
}

/* ---- points ---- */

static struct otlp_point *point_begin(struct load_producer *p, struct otlp_point *point,
				      uint64_t now_ns)
{
	size_t n = common_attributes(p, p->point_seq);
	unsigned int route = random_below(p, COUNT_OF(routes));

	p->attributes[n++] = otlp_attr_str(OTLP_STR("http.request.method"), routes[route].method);
	p->attributes[n++] = otlp_attr_str(OTLP_STR("http.route"), routes[route].route);
	point->attributes = (struct otlp_attributes){p->attributes, n, 0};
	point->start_time_unix_ns = p->begin_ns;
	point->time_unix_ns = now_ns;
	return point;
}

static void duration_histogram(struct load_producer *p, uint64_t now_ns)
{
	/* The bounds that the conventions advise, in seconds. */
	static const double bounds[LOAD_BUCKETS] = {0.005, 0.01, 0.025, 0.05, 0.075,
						    0.1,   0.25, 0.5,	0.75, 1};
	struct otlp_histogram_point *h = &p->point.histogram;
	struct otlp_point *point = point_begin(p, &h->point, now_ns);

	h->has_sum = h->has_min = h->has_max = true;
	h->min = 0.001;
	for (size_t i = 0; i <= LOAD_BUCKETS; i++) {
		p->buckets[i] = random_below(p, (1000u >> i) + 1);
		h->count += p->buckets[i];
		h->max = i < LOAD_BUCKETS ? bounds[i] : 1.5;
		h->sum += (double)p->buckets[i] * h->max * 0.75;
	}
	h->bucket_counts = p->buckets;
	h->bucket_count = LOAD_BUCKETS + 1;
	h->bounds = bounds;
	h->bound_count = LOAD_BUCKETS;
	p->exemplar = (struct otlp_exemplar){.time_unix_ns = now_ns,
					     .value = {OTLP_NUMBER_DOUBLE, {.real = 0.0421}}};
	random_id(p, p->exemplar.trace_id, sizeof(p->exemplar.trace_id));
	random_id(p, p->exemplar.span_id, sizeof(p->exemplar.span_id));
	point->exemplars = &p->exemplar;
	point->exemplar_count = 1;
	p->metric.name = OTLP_STR("http.server.request.duration");
	p->metric.description = OTLP_STR("Duration of HTTP server requests.");
	p->metric.unit = OTLP_STR("s");
	p->metric.type = OTLP_METRIC_HISTOGRAM;
	p->metric.temporality = OTLP_TEMPORALITY_DELTA;
	p->metric.points.histogram = h;
}

static void active_requests(struct load_producer *p, uint64_t now_ns)
{
	p->active += (int64_t)random_below(p, 9) - 4;
	if (p->active < 0)
		p->active = 0;
	point_begin(p, &p->point.number.point, now_ns);
	p->point.number.value.type = OTLP_NUMBER_INT;
	p->point.number.value.as.integer = p->active;
	p->metric.name = OTLP_STR("http.server.active_requests");
	p->metric.description = OTLP_STR("Number of active HTTP server requests.");
	p->metric.unit = OTLP_STR("{request}");
	p->metric.type = OTLP_METRIC_SUM;
	p->metric.temporality = OTLP_TEMPORALITY_CUMULATIVE;
	p->metric.points.number = &p->point.number;
}

static void cpu_time(struct load_producer *p, uint64_t now_ns)
{
	p->cpu_ns += (int64_t)(random_next(p) % (5 * MS));
	point_begin(p, &p->point.number.point, now_ns);
	p->attributes[2] = otlp_attr_str(OTLP_STR("cpu.mode"), OTLP_STR("user"));
	p->point.number.point.attributes.count = 3;
	p->point.number.value.type = OTLP_NUMBER_DOUBLE;
	p->point.number.value.as.real = (double)p->cpu_ns / 1e9;
	p->metric.name = OTLP_STR("process.cpu.time");
	p->metric.description = OTLP_STR("Total CPU seconds broken down by different states.");
	p->metric.unit = OTLP_STR("s");
	p->metric.type = OTLP_METRIC_SUM;
	p->metric.temporality = OTLP_TEMPORALITY_CUMULATIVE;
	p->metric.is_monotonic = true;
	p->metric.points.number = &p->point.number;
}

static void cpu_utilization(struct load_producer *p, uint64_t now_ns)
{
	point_begin(p, &p->point.number.point, now_ns);
	p->point.number.point.attributes.count = 2;
	p->point.number.value.type = OTLP_NUMBER_DOUBLE;
	p->point.number.value.as.real = (double)random_below(p, 10001) / 1e4;
	p->metric.name = OTLP_STR("process.cpu.utilization");
	p->metric.description = OTLP_STR("Difference in process.cpu.time since the last "
					 "measurement, divided by the elapsed time.");
	p->metric.unit = OTLP_STR("1");
	p->metric.type = OTLP_METRIC_GAUGE;
	p->metric.points.number = &p->point.number;
}

static void call_exp_histogram(struct load_producer *p, uint64_t now_ns)
{
	struct otlp_exp_histogram_point *h = &p->point.exp_histogram;

	point_begin(p, &h->point, now_ns);
	h->scale = 3;
	h->zero_count = random_below(p, 3);
	h->zero_threshold = 1e-9;
	h->count = h->zero_count;
	for (size_t i = 0; i < LOAD_BUCKETS; i++) {
		p->exp_buckets[i] = random_below(p, 500);
		h->count += p->exp_buckets[i];
		h->sum += (double)p->exp_buckets[i] * 0.02;
	}
	h->has_sum = true;
	h->positive = (struct otlp_exp_buckets){-48, p->exp_buckets, LOAD_BUCKETS};
	p->metric.name = OTLP_STR("http.client.request.duration");
	p->metric.description = OTLP_STR("Duration of HTTP client requests.");
	p->metric.unit = OTLP_STR("s");
	p->metric.type = OTLP_METRIC_EXP_HISTOGRAM;
	p->metric.temporality = OTLP_TEMPORALITY_DELTA;
	p->metric.points.exp_histogram = h;
}

static void response_summary(struct load_producer *p, uint64_t now_ns)
{
	struct otlp_summary_point *s = &p->point.summary;
	double median = 512 + random_below(p, 4096);

	point_begin(p, &s->point, now_ns);
	p->quantiles[0] = (struct otlp_quantile){0.5, median};
	p->quantiles[1] = (struct otlp_quantile){0.9, median * 4};
	p->quantiles[2] = (struct otlp_quantile){0.99, median * 20};
	s->count = 1 + random_below(p, 1000);
	s->sum = (double)s->count * median * 1.5;
	s->quantiles = p->quantiles;
	s->quantile_count = COUNT_OF(p->quantiles);
	p->metric.name = OTLP_STR("http.server.response.body.size");
	p->metric.description = OTLP_STR("Size of HTTP server response bodies.");
	p->metric.unit = OTLP_STR("By");
	p->metric.type = OTLP_METRIC_SUMMARY;
	p->metric.points.summary = s;
}

/*
 * A point of a steady series, one after the other in turn. A back end keeps a series by its
 * attributes, so what is different in each point is in the exemplar. The value grows by the same
 * step each time: there is nothing to remember.
 */
static void steady_counter(struct load_producer *p, uint64_t now_ns)
{
	const uint64_t series = (uint64_t)p->point_seq % p->series;
	const uint64_t turns = (uint64_t)p->point_seq / p->series + 1;
	const size_t route = series % COUNT_OF(routes);
	struct otlp_number_point *number = &p->point.number;

	p->attributes[0] = otlp_attr_int(OTLP_STR("otlpipe.load.producer"), p->index);
	p->attributes[1] = otlp_attr_int(OTLP_STR("otlpipe.load.series"), (int64_t)series);
	p->attributes[2] = otlp_attr_str(OTLP_STR("http.request.method"), routes[route].method);
	p->attributes[3] = otlp_attr_str(OTLP_STR("http.route"), routes[route].route);
	p->exemplar_attributes[0] = otlp_attr_int(OTLP_STR("otlpipe.load.seq"), p->point_seq);
	p->exemplar = (struct otlp_exemplar){
		.time_unix_ns = now_ns,
		.value = {OTLP_NUMBER_INT, {.integer = 1}},
		.filtered_attributes = {p->exemplar_attributes, 1, 0},
	};
	number->point.attributes = (struct otlp_attributes){p->attributes, 4, 0};
	number->point.start_time_unix_ns = p->begin_ns;
	number->point.time_unix_ns = now_ns;
	number->point.exemplars = &p->exemplar;
	number->point.exemplar_count = 1;
	number->value.type = OTLP_NUMBER_INT;
	number->value.as.integer = (int64_t)(turns * (1 + series % 10));
	p->metric.name = OTLP_STR("shop.requests");
	p->metric.description = OTLP_STR("Requests since the start, by route.");
	p->metric.unit = OTLP_STR("{request}");
	p->metric.type = OTLP_METRIC_SUM;
	p->metric.temporality = OTLP_TEMPORALITY_CUMULATIVE;
	p->metric.is_monotonic = true;
	p->metric.points.number = number;
}

const struct otlp_resource_metrics *load_next_point(struct load_producer *producer, uint64_t now_ns)
{
	static void (*const kinds[])(struct load_producer *, uint64_t) = {
		duration_histogram, active_requests,	cpu_time,
		cpu_utilization,    call_exp_histogram, response_summary,
	};
	struct load_producer *p = producer;

	memset(&p->point, 0, sizeof(p->point));
	memset(&p->metric, 0, sizeof(p->metric));
	if (p->series > 0)
		steady_counter(p, now_ns);
	else
		kinds[(uint64_t)p->point_seq % COUNT_OF(kinds)](p, now_ns);
	p->metric.point_count = 1;
	p->scope_metrics = (struct otlp_scope_metrics){scope, &p->metric, 1};
	p->resource_metrics = (struct otlp_resource_metrics){NULL, &p->scope_metrics, 1};
	p->point_seq++;
	return &p->resource_metrics;
}

/* ---- log records ---- */

/* How bad the next one is: most say that all is well. */
static enum otlp_severity_number log_severity(struct load_producer *p)
{
	static const enum otlp_severity_number usual[] = {
		OTLP_SEVERITY_DEBUG,
		OTLP_SEVERITY_INFO,
		OTLP_SEVERITY_INFO,
		OTLP_SEVERITY_INFO2,
	};
	const unsigned int dice = random_below(p, 100);

	if (dice == 0)
		return OTLP_SEVERITY_FATAL;
	if (dice < 5)
		return OTLP_SEVERITY_ERROR;
	if (dice < 15)
		return OTLP_SEVERITY_WARN;
	return dice < 20 ? OTLP_SEVERITY_TRACE : usual[dice % COUNT_OF(usual)];
}

static struct otlp_str severity_text(enum otlp_severity_number severity)
{
	static const struct otlp_str names[] = {
		OTLP_STR_INIT("TRACE"), OTLP_STR_INIT("DEBUG"), OTLP_STR_INIT("INFO"),
		OTLP_STR_INIT("WARN"),	OTLP_STR_INIT("ERROR"), OTLP_STR_INIT("FATAL"),
	};

	return names[(severity - OTLP_SEVERITY_TRACE) / 4];
}

/* An event: what happened is in its name and its body, a list, instead of in words. */
static void log_event(struct load_producer *p)
{
	snprintf(p->log_text, sizeof(p->log_text), "c-%u", random_below(p, 1000000));
	p->event_attributes[0] = otlp_attr_str(OTLP_STR("cart.id"), text(p->log_text));
	p->event_attributes[1] = otlp_attr_int(OTLP_STR("cart.items"), random_below(p, 20));
	p->event_attributes[2] = otlp_attr_bool(OTLP_STR("cart.is_gift"), random_below(p, 2) == 0);
	p->log.event_name = OTLP_STR("shop.cart.updated");
	p->log.body = otlp_value_kvlist(p->event_attributes, COUNT_OF(p->event_attributes));
}

const struct otlp_log_record *load_next_log(struct load_producer *producer, uint64_t now_ns)
{
	struct load_producer *p = producer;
	size_t n = common_attributes(p, p->log_seq);
	unsigned int route = random_below(p, COUNT_OF(routes));

	p->log = (struct otlp_log_record){
		.scope = &scope,
		.time_unix_ns = now_ns,
		.observed_time_unix_ns = now_ns,
		.severity_number = log_severity(p),
	};
	p->log.severity_text = severity_text(p->log.severity_number);
	if (p->span_seq > 0) {
		memcpy(p->log.trace_id, p->trace_id, sizeof(p->log.trace_id));
		memcpy(p->log.span_id, p->server_span_id, sizeof(p->log.span_id));
		p->log.flags = 1;
	}
	if (random_below(p, 10) == 0) {
		log_event(p);
	} else {
		snprintf(p->log_text, sizeof(p->log_text), "%.*s %.*s took %u.%03u ms",
			 (int)routes[route].method.len, routes[route].method.ptr,
			 (int)routes[route].route.len, routes[route].route.ptr, random_below(p, 50),
			 random_below(p, 1000));
		p->log.body = otlp_value_str(text(p->log_text));
	}
	p->attributes[n++] = otlp_attr_str(OTLP_STR("http.route"), routes[route].route);
	p->attributes[n++] = otlp_attr_str(OTLP_STR("code.function.name"),
					   OTLP_STR("shop.http.Router.dispatch"));
	p->log.attributes = (struct otlp_attributes){p->attributes, n, 0};
	p->log_seq++;
	return &p->log;
}
