/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http-server: a small shop that tells about each request, by the names of OpenTelemetry's semantic
 * conventions for HTTP and databases.
 *
 *   http-server [--port N] [--threads N] [--db-us N] [--no-telemetry]
 *
 *   GET /                the front page
 *   GET /products/{id}   a product: a server span, below it a call of the database and a template
 *   GET /fail            the database does not answer: status 500, an error in the spans and in the
 * log
 *
 * A request continues the trace of its traceparent header. Spans and log records are pushed before
 * the answer is sent: whoever has an answer will find its spans in the files, even if this process
 * is killed right then. Once a second, and at the end: http.server.request.duration and
 * http.server.active_requests.
 *
 * Built as any other program: cc server.c $(pkg-config --cflags --libs otlpipe libmicrohttpd)
 *
 * The database and the template are pretended: the example is about the telemetry. It listens on
 * 127.0.0.1 alone.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <otlpipe/otlpipe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS	 UINT64_C(1000000000)
#define COUNT_OF(array)	 (sizeof(array) / sizeof((array)[0]))
#define ATTRIBUTES_MAX	 16
#define TRACE_STATE_MAX	 512
#define FLAG_SAMPLED	 0x001u
#define FLAG_HAS_REMOTE	 0x100u /* OTLP: whether the parent is in another process is known … */
#define FLAG_IS_REMOTE	 0x200u /* … and it is */
#define SPANS_OF_REQUEST 3

static const struct otlp_scope scope = {
	.name = OTLP_STR_INIT("otlpipe.examples.http-server"),
	.version = OTLP_STR_INIT("1.0.0"),
};

/* What the conventions advise for http.server.request.duration, in seconds. */
static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
				0.5,   0.75, 1,	    2.5,  5,	 7.5, 10};

/* All that has a name of its own; whatever else a client sends is _OTHER. */
static const char *const methods[] = {"GET",	 "HEAD",    "POST",  "PUT",   "DELETE",
				      "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"};

enum outcome { FRONT_PAGE, PRODUCT, FAILURE, NOT_FOUND, NOT_ALLOWED, OUTCOMES };

static const struct {
	const char *route; /* NULL: none */
	unsigned status;
	const char *error_type; /* NULL: none. By the conventions a 4xx is the client's error */
} outcomes[OUTCOMES] = {
	[FRONT_PAGE] = {"/", MHD_HTTP_OK, NULL},
	[PRODUCT] = {"/products/{id}", MHD_HTTP_OK, NULL},
	[FAILURE] = {"/fail", MHD_HTTP_INTERNAL_SERVER_ERROR, "shop.database_unavailable"},
	[NOT_FOUND] = {NULL, MHD_HTTP_NOT_FOUND, NULL},
	[NOT_ALLOWED] = {NULL, MHD_HTTP_METHOD_NOT_ALLOWED, NULL},
};

/* One series of http.server.request.duration. Threads add to it. */
struct series {
	uint64_t buckets[COUNT_OF(bounds) + 1];
	uint64_t sum_ns;
};

struct shop {
	struct otlp_library *library; /* NULL: without telemetry */
	uint64_t start_ns;
	unsigned port;
	unsigned long db_us;
	struct series durations[COUNT_OF(methods)][OUTCOMES];
	int64_t active[COUNT_OF(methods)];
};

struct request {
	const char *method; /* as the client has sent it */
	const char *path;
	const char *version; /* "HTTP/1.1" */
	unsigned method_number;
	enum outcome outcome;
	unsigned long product;
	uint64_t start_ns, monotonic_ns;
	char name[32]; /* of the span */
	char client[INET_ADDRSTRLEN];
	const char *user_agent; /* NULL: none */
	/* W3C trace context. */
	uint8_t trace_id[16], parent_id[8], span_id[8];
	uint32_t flags;
	const char *trace_state; /* NULL: none */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static struct otlp_str str(const char *text)
{
	return (struct otlp_str){text, strlen(text)};
}

/* ---- trace context ---- */

/* Random, and never all zero, which stands for "absent". A generator for each thread costs no
 * system call. */
static void new_id(uint8_t *id, size_t bytes)
{
	static _Thread_local uint64_t state;

	while (state == 0)
		if (getrandom(&state, sizeof(state), 0) != (ssize_t)sizeof(state))
			abort();
	for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
		uint64_t mixed = state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

		mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
		mixed ^= mixed >> 31;
		memcpy(id + at, &mixed, sizeof(mixed));
	}
	id[bytes - 1] |= 1;
}

/* Small digits alone: the header must not have others. */
static bool parse_hex(const char *text, uint8_t *ret, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 2 * bytes; i++) {
		const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;

		if (digit == NULL)
			return false;
		ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | (digit - digits));
	}
	return true;
}

static bool is_zero(const uint8_t *id, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (id[i] != 0)
			return false;
	return true;
}

/* "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; a later version may have more behind
 * it. */
static bool parse_trace_parent(struct request *request, const char *text)
{
	uint8_t version = 0, flags = 0;

	if (text == NULL || strlen(text) < 55 || text[2] != '-' || text[35] != '-' ||
	    text[52] != '-' || !parse_hex(text, &version, 1) || version == 0xff ||
	    !parse_hex(text + 3, request->trace_id, 16) ||
	    !parse_hex(text + 36, request->parent_id, 8) || !parse_hex(text + 53, &flags, 1) ||
	    (version == 0 ? text[55] != '\0' : text[55] != '\0' && text[55] != '-') ||
	    is_zero(request->trace_id, 16) || is_zero(request->parent_id, 8))
		return false;
	request->flags = flags | FLAG_HAS_REMOTE | FLAG_IS_REMOTE;
	return true;
}

static void begin_trace(struct request *request, struct MHD_Connection *connection)
{
	const char *state = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "tracestate");
	const char *parent =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "traceparent");

	if (parse_trace_parent(request, parent)) {
		request->trace_state =
			state != NULL && strlen(state) <= TRACE_STATE_MAX ? state : NULL;
	} else {
		new_id(request->trace_id, sizeof(request->trace_id));
		memset(request->parent_id, 0, sizeof(request->parent_id));
		request->flags = FLAG_SAMPLED | FLAG_HAS_REMOTE;
	}
	new_id(request->span_id, sizeof(request->span_id));
}

/* ---- spans and logs ---- */

struct attribute_list {
	struct otlp_attribute items[ATTRIBUTES_MAX];
	size_t count;
};

static void add_text(struct attribute_list *list, struct otlp_str key, const char *text)
{
	if (text != NULL && list->count < ATTRIBUTES_MAX)
		list->items[list->count++] = otlp_attr_str(key, str(text));
}

static void add_int(struct attribute_list *list, struct otlp_str key, int64_t number)
{
	if (list->count < ATTRIBUTES_MAX)
		list->items[list->count++] = otlp_attr_int(key, number);
}

static struct otlp_attributes attributes_of(const struct attribute_list *list)
{
	return (struct otlp_attributes){list->items, list->count, 0};
}

static void fill_server_attributes(const struct shop *shop, const struct request *request,
				   struct attribute_list *list)
{
	const char *method = methods[request->method_number];

	add_text(list, OTLP_STR("http.request.method"), method);
	if (strcmp(method, "_OTHER") == 0)
		add_text(list, OTLP_STR("http.request.method_original"), request->method);
	add_text(list, OTLP_STR("url.path"), request->path);
	add_text(list, OTLP_STR("url.scheme"), "http");
	add_text(list, OTLP_STR("http.route"), outcomes[request->outcome].route);
	add_int(list, OTLP_STR("http.response.status_code"), outcomes[request->outcome].status);
	add_text(list, OTLP_STR("error.type"), outcomes[request->outcome].error_type);
	add_text(list, OTLP_STR("server.address"), "127.0.0.1");
	add_int(list, OTLP_STR("server.port"), shop->port);
	add_text(list, OTLP_STR("client.address"), request->client);
	add_text(list, OTLP_STR("user_agent.original"), request->user_agent);
	add_text(list, OTLP_STR("network.protocol.name"), "http");
	if (strncmp(request->version, "HTTP/", 5) == 0)
		add_text(list, OTLP_STR("network.protocol.version"), request->version + 5);
}

static void begin_span(struct otlp_span *span, const struct request *request, const char *name,
		       enum otlp_span_kind kind)
{
	*span = (struct otlp_span){.scope = &scope,
				   .name = str(name),
				   .kind = kind,
				   .flags = (request->flags & FLAG_SAMPLED) | FLAG_HAS_REMOTE,
				   .start_time_unix_ns = clock_ns(CLOCK_REALTIME)};
	memcpy(span->trace_id, request->trace_id, sizeof(span->trace_id));
	memcpy(span->parent_span_id, request->span_id, sizeof(span->parent_span_id));
	new_id(span->span_id, sizeof(span->span_id));
	if (request->trace_state != NULL)
		span->trace_state = str(request->trace_state);
}

/* The database, which is none. */
static void call_database(const struct shop *shop)
{
	if (shop->db_us > 0)
		usleep((useconds_t)shop->db_us);
}

static void push_log(const struct shop *shop, const struct request *request,
		     enum otlp_severity_number severity, const char *level, const char *text,
		     const struct attribute_list *list)
{
	struct otlp_log_record log = {.scope = &scope,
				      .time_unix_ns = clock_ns(CLOCK_REALTIME),
				      .severity_number = severity,
				      .severity_text = str(level),
				      .flags = request->flags & FLAG_SAMPLED,
				      .attributes = attributes_of(list)};

	log.observed_time_unix_ns = log.time_unix_ns;
	log.body.type = OTLP_VALUE_STRING;
	log.body.as.string = str(text);
	memcpy(log.trace_id, request->trace_id, sizeof(log.trace_id));
	memcpy(log.span_id, request->span_id, sizeof(log.span_id));
	otlp_library_export_logs(shop->library, &log, 1);
}

/* What a request does, each step as a span, and all of it pushed. What does not fit into a ring is
 * dropped and counted there: no result needs to be checked here. */
static void handle_with_telemetry(const struct shop *shop, struct request *request)
{
	const bool is_failure = request->outcome == FAILURE;
	const bool calls_database = is_failure || request->outcome == PRODUCT;
	const char *const error = outcomes[request->outcome].error_type;
	struct otlp_span spans[SPANS_OF_REQUEST], *server = &spans[SPANS_OF_REQUEST - 1];
	struct attribute_list of_server = {.count = 0}, of_database = {.count = 0};
	struct attribute_list of_template = {.count = 0}, of_exception = {.count = 0};
	struct attribute_list of_log = {.count = 0};
	struct otlp_span_event exception;
	size_t first = SPANS_OF_REQUEST - 1;

	begin_span(server, request, request->name, OTLP_SPAN_KIND_SERVER);
	server->start_time_unix_ns = request->start_ns;
	server->flags = request->flags & (FLAG_SAMPLED | FLAG_HAS_REMOTE | FLAG_IS_REMOTE);
	memcpy(server->span_id, request->span_id, sizeof(server->span_id));
	memcpy(server->parent_span_id, request->parent_id, sizeof(server->parent_span_id));
	if (request->outcome == PRODUCT) {
		struct otlp_span *template = &spans[--first];

		begin_span(template, request, "render product.html", OTLP_SPAN_KIND_INTERNAL);
		add_text(&of_template, OTLP_STR("shop.template.name"), "product.html");
		template->attributes = attributes_of(&of_template);
	}
	if (calls_database) {
		struct otlp_span *database = &spans[--first];

		begin_span(database, request, "SELECT products", OTLP_SPAN_KIND_CLIENT);
		call_database(shop);
		add_text(&of_database, OTLP_STR("db.system.name"), "postgresql");
		add_text(&of_database, OTLP_STR("db.namespace"), "shop");
		add_text(&of_database, OTLP_STR("db.collection.name"), "products");
		add_text(&of_database, OTLP_STR("db.operation.name"), "SELECT");
		add_text(&of_database, OTLP_STR("db.query.text"),
			 "SELECT name, price FROM products WHERE id = $1");
		add_text(&of_database, OTLP_STR("error.type"), error);
		database->attributes = attributes_of(&of_database);
		database->end_time_unix_ns = clock_ns(CLOCK_REALTIME);
		database->status = is_failure ? OTLP_STATUS_ERROR : OTLP_STATUS_UNSET;
	}
	server->end_time_unix_ns = clock_ns(CLOCK_REALTIME);
	/* The template came after the database, and took the rest of the time. */
	if (request->outcome == PRODUCT) {
		spans[1].start_time_unix_ns = spans[0].end_time_unix_ns;
		spans[1].end_time_unix_ns = server->end_time_unix_ns;
	}
	if (is_failure) {
		add_text(&of_exception, OTLP_STR("exception.type"), error);
		add_text(&of_exception, OTLP_STR("exception.message"),
			 "the database did not answer");
		exception = (struct otlp_span_event){.time_unix_ns = server->end_time_unix_ns,
						     .name = OTLP_STR("exception"),
						     .attributes = attributes_of(&of_exception)};
		server->status = OTLP_STATUS_ERROR;
		server->status_message = OTLP_STR("the database did not answer");
		server->events = &exception;
		server->event_count = 1;
		add_text(&of_log, OTLP_STR("exception.type"), error);
		push_log(shop, request, OTLP_SEVERITY_ERROR, "ERROR", "the database did not answer",
			 &of_log);
	} else if (request->outcome == PRODUCT) {
		add_int(&of_log, OTLP_STR("shop.product.id"), (int64_t)request->product);
		push_log(shop, request, OTLP_SEVERITY_INFO, "INFO", "a product was shown", &of_log);
	}
	fill_server_attributes(shop, request, &of_server);
	server->attributes = attributes_of(&of_server);
	/* A trace that its first service did not sample stays so. */
	if ((request->flags & FLAG_SAMPLED) != 0)
		otlp_library_export_traces(shop->library, &spans[first], SPANS_OF_REQUEST - first);
}

/* ---- metrics ---- */

static void count_duration(struct shop *shop, const struct request *request)
{
	struct series *series = &shop->durations[request->method_number][request->outcome];
	const uint64_t took_ns = clock_ns(CLOCK_MONOTONIC) - request->monotonic_ns;
	size_t bucket = 0;

	while (bucket < COUNT_OF(bounds) && (double)took_ns / 1e9 > bounds[bucket])
		bucket++;
	__atomic_fetch_add(&series->buckets[bucket], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&series->sum_ns, took_ns, __ATOMIC_RELAXED);
}

/* The attributes of a series, which the points borrow. */
struct series_attributes {
	struct otlp_attribute items[5];
	uint64_t buckets[COUNT_OF(bounds) + 1];
};

static bool fill_duration(const struct shop *shop, unsigned method, unsigned outcome,
			  const struct otlp_point *at, struct series_attributes *own,
			  struct otlp_histogram_point *ret)
{
	const struct series *series = &shop->durations[method][outcome];
	struct otlp_attribute *item = own->items;
	uint64_t count = 0;

	for (size_t i = 0; i < COUNT_OF(own->buckets); i++)
		count += own->buckets[i] = __atomic_load_n(&series->buckets[i], __ATOMIC_RELAXED);
	if (count == 0)
		return false;
	*item++ = otlp_attr_str(OTLP_STR("http.request.method"), str(methods[method]));
	*item++ = otlp_attr_str(OTLP_STR("url.scheme"), OTLP_STR("http"));
	*item++ = otlp_attr_int(OTLP_STR("http.response.status_code"), outcomes[outcome].status);
	if (outcomes[outcome].route != NULL)
		*item++ = otlp_attr_str(OTLP_STR("http.route"), str(outcomes[outcome].route));
	if (outcomes[outcome].error_type != NULL)
		*item++ = otlp_attr_str(OTLP_STR("error.type"), str(outcomes[outcome].error_type));
	*ret = (struct otlp_histogram_point){
		.point = *at,
		.count = count,
		.has_sum = true,
		.sum = (double)__atomic_load_n(&series->sum_ns, __ATOMIC_RELAXED) / 1e9,
		.bucket_counts = own->buckets,
		.bucket_count = COUNT_OF(own->buckets),
		.bounds = bounds,
		.bound_count = COUNT_OF(bounds),
	};
	ret->point.attributes =
		(struct otlp_attributes){own->items, (size_t)(item - own->items), 0};
	return true;
}

static void export_metrics(const struct shop *shop)
{
	static struct series_attributes own[COUNT_OF(methods) * OUTCOMES];
	static struct otlp_histogram_point durations[COUNT_OF(methods) * OUTCOMES];
	struct otlp_attribute of_active[COUNT_OF(methods)][2];
	struct otlp_number_point active[COUNT_OF(methods)];
	const struct otlp_point at = {.start_time_unix_ns = shop->start_ns,
				      .time_unix_ns = clock_ns(CLOCK_REALTIME)};
	size_t duration_count = 0;

	for (unsigned m = 0; m < COUNT_OF(methods); m++) {
		for (unsigned o = 0; o < OUTCOMES; o++)
			duration_count += fill_duration(shop, m, o, &at, &own[duration_count],
							&durations[duration_count]);
		of_active[m][0] = otlp_attr_str(OTLP_STR("http.request.method"), str(methods[m]));
		of_active[m][1] = otlp_attr_str(OTLP_STR("url.scheme"), OTLP_STR("http"));
		active[m] = (struct otlp_number_point){.point = at};
		active[m].point.attributes = (struct otlp_attributes){of_active[m], 2, 0};
		active[m].value.type = OTLP_NUMBER_INT;
		active[m].value.as.integer = __atomic_load_n(&shop->active[m], __ATOMIC_RELAXED);
	}
	const struct otlp_metric metrics[] = {
		{.name = OTLP_STR("http.server.request.duration"),
		 .description = OTLP_STR("Duration of HTTP server requests."),
		 .unit = OTLP_STR("s"),
		 .type = OTLP_METRIC_HISTOGRAM,
		 .temporality = OTLP_TEMPORALITY_CUMULATIVE,
		 .points.histogram = durations,
		 .point_count = duration_count},
		{.name = OTLP_STR("http.server.active_requests"),
		 .description = OTLP_STR("Number of active HTTP server requests."),
		 .unit = OTLP_STR("{request}"),
		 .type = OTLP_METRIC_SUM, /* not monotonic: an up-down counter */
		 .temporality = OTLP_TEMPORALITY_CUMULATIVE,
		 .points.number = active,
		 .point_count = COUNT_OF(active)},
	};
	const struct otlp_scope_metrics in_scope = {
		.scope = scope, .metrics = metrics, .metric_count = 2};
	const struct otlp_resource_metrics all = {.scope_metrics = &in_scope,
						  .scope_metrics_count = 1};

	if (shop->library != NULL)
		otlp_library_export_metrics_ref(shop->library, &all);
}

/* ---- HTTP ---- */

static void route(struct request *request)
{
	static const char products[] = "/products/";
	const size_t prefix = sizeof(products) - 1, len = strlen(request->path);
	const char *method = methods[request->method_number];

	request->outcome = NOT_FOUND;
	if (strcmp(request->path, "/") == 0)
		request->outcome = FRONT_PAGE;
	else if (strcmp(request->path, "/fail") == 0)
		request->outcome = FAILURE;
	else if (strncmp(request->path, products, prefix) == 0 && len > prefix &&
		 len <= prefix + 9 && strspn(request->path + prefix, "0123456789") == len - prefix)
		request->outcome = PRODUCT;
	if (request->outcome == PRODUCT)
		request->product = strtoul(request->path + prefix, NULL, 10);
	if (request->outcome != NOT_FOUND && strcmp(method, "GET") != 0 &&
	    strcmp(method, "HEAD") != 0)
		request->outcome = NOT_ALLOWED;
	/* Few names, whatever clients send. */
	snprintf(request->name, sizeof(request->name), "%s%s%s",
		 strcmp(method, "_OTHER") == 0 ? "HTTP" : method,
		 outcomes[request->outcome].route != NULL ? " " : "",
		 outcomes[request->outcome].route != NULL ? outcomes[request->outcome].route : "");
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct request *request)
{
	char text[128];
	struct MHD_Response *response;
	enum MHD_Result rc;
	int len;

	if (request->outcome == PRODUCT)
		len = snprintf(text, sizeof(text), "{\"id\":%lu,\"name\":\"product %lu\"}\n",
			       request->product, request->product);
	else
		len = snprintf(text, sizeof(text), "{\"status\":%u}\n",
			       outcomes[request->outcome].status);
	response = MHD_create_response_from_buffer((size_t)len, text, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	rc = MHD_add_response_header(response, "Content-Type", "application/json");
	if (rc == MHD_YES)
		rc = MHD_queue_response(connection, outcomes[request->outcome].status, response);
	MHD_destroy_response(response);
	return rc;
}

static struct request *begin_request(struct shop *shop, struct MHD_Connection *connection,
				     const char *path, const char *method, const char *version)
{
	struct request *request = calloc(1, sizeof(*request));
	const union MHD_ConnectionInfo *info;

	if (request == NULL)
		return NULL;
	request->start_ns = clock_ns(CLOCK_REALTIME);
	request->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	request->path = path;
	request->method = method;
	request->version = version;
	while (request->method_number < COUNT_OF(methods) - 1 &&
	       strcmp(methods[request->method_number], method) != 0)
		request->method_number++;
	__atomic_fetch_add(&shop->active[request->method_number], 1, __ATOMIC_RELAXED);
	route(request);
	if (shop->library == NULL)
		return request;
	request->user_agent =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "User-Agent");
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info != NULL && info->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET,
			  &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr,
			  request->client, sizeof(request->client));
	begin_trace(request, connection);
	return request;
}

/* Called once with the head, for each piece of a body, and once more when all is there. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *body, size_t *body_bytes, void **state)
{
	struct shop *shop = context;
	struct request *request = *state;

	(void)body;
	if (request == NULL) {
		*state = begin_request(shop, connection, path, method, version);
		return *state != NULL ? MHD_YES : MHD_NO;
	}
	if (*body_bytes > 0) {
		*body_bytes = 0; /* nobody wants it */
		return MHD_YES;
	}
	if (shop->library != NULL) {
		handle_with_telemetry(shop, request);
		count_duration(shop, request);
	} else if (request->outcome == PRODUCT || request->outcome == FAILURE) {
		call_database(shop);
	}
	return answer(connection, request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct shop *shop = context;
	struct request *request = *state;

	(void)connection;
	(void)code;
	if (request == NULL)
		return;
	__atomic_fetch_sub(&shop->active[request->method_number], 1, __ATOMIC_RELAXED);
	free(request);
	*state = NULL;
}

static struct MHD_Daemon *listen_on(struct shop *shop, unsigned port, unsigned threads)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL,
				  on_request, shop, MHD_OPTION_SOCK_ADDR, &address,
				  MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_NOTIFY_COMPLETED,
				  on_completed, shop, MHD_OPTION_END);
	if (daemon == NULL)
		return NULL;
	info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	shop->port = info != NULL ? info->port : port;
	return daemon;
}

/* ---- the program ---- */

struct options {
	unsigned long port, threads, db_us;
	bool has_telemetry;
};

static bool parse_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;

	*ret = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *ret <= max;
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option known[] = {{"port", required_argument, NULL, 'p'},
					      {"threads", required_argument, NULL, 't'},
					      {"db-us", required_argument, NULL, 'd'},
					      {"no-telemetry", no_argument, NULL, 'n'},
					      {0}};
	bool is_good = true;
	int key;

	while (is_good && (key = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (key == 'p')
			is_good = parse_number(optarg, 65535, &ret->port);
		else if (key == 't')
			is_good = parse_number(optarg, 64, &ret->threads) && ret->threads >= 2;
		else if (key == 'd')
			is_good = parse_number(optarg, 999999, &ret->db_us);
		else if (key == 'n')
			ret->has_telemetry = false;
		else
			is_good = false;
	}
	return is_good && optind == argc;
}

/* @param signals  blocked in all threads @return when one of them has come */
static void serve(const struct shop *shop, const sigset_t *signals)
{
	const struct timespec second = {.tv_sec = 1};

	while (sigtimedwait(signals, NULL, &second) < 0)
		export_metrics(shop);
}

int main(int argc, char **argv)
{
	static struct shop shop;
	struct options options = {.port = 8080, .threads = 2, .has_telemetry = true};
	struct MHD_Daemon *daemon;
	sigset_t signals;
	int error = 0;

	if (!parse_options(argc, argv, &options)) {
		fprintf(stderr, "usage: http-server [--port 0..65535] [--threads 2..64] "
				"[--db-us 0..999999] [--no-telemetry]\n");
		return 2;
	}
	/* The defaults, and the environment: OTEL_SERVICE_NAME, OTLPIPE_DIR. */
	if (options.has_telemetry)
		error = otlp_library_open(&shop.library, NULL);
	if (error != 0) {
		fprintf(stderr, "http-server: %s\n", otlp_strerror(error));
		return 1;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	shop.start_ns = clock_ns(CLOCK_REALTIME);
	shop.db_us = options.db_us;
	daemon = listen_on(&shop, (unsigned)options.port, (unsigned)options.threads);
	if (daemon == NULL) {
		fprintf(stderr, "http-server: cannot listen on 127.0.0.1:%lu\n", options.port);
		otlp_library_unref(shop.library);
		return 1;
	}
	printf("listening on http://127.0.0.1:%u\n", shop.port);
	fflush(stdout);
	serve(&shop, &signals);
	MHD_stop_daemon(daemon);
	export_metrics(&shop);
	/* Where no writer runs, what was accepted waits in the rings until one comes. */
	if (shop.library != NULL)
		error = otlp_library_shutdown(shop.library, 5 * (int64_t)SECOND_NS);
	otlp_library_unref(shop.library);
	return error == 0 || error == OTLP_ERR_NO_WRITER ? 0 : 1;
}
