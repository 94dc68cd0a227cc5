/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same kind of span over and over: registered once as a shape, after which
 * each push carries its values alone. Everything else is as without a shape.
 *
 *   cc shape.c $(pkg-config --cflags --libs otlpipe) -o shape && ./shape 1000
 */
#include <otlpipe/otlpipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(void)
{
	struct timespec now;

	timespec_get(&now, TIME_UTC);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	static const struct otlp_scope scope = {.name = OTLP_STR_INIT("otlpipe.examples.shape")};
	/* Keys, and the types of their values: the shape. The values change from span to span. */
	struct otlp_attribute attributes[] = {
		otlp_attr_str(OTLP_STR("http.request.method"), OTLP_STR("GET")),
		otlp_attr_str(OTLP_STR("url.path"), OTLP_STR("/")),
		otlp_attr_int(OTLP_STR("http.response.status_code"), 200),
	};
	struct otlp_span span = {
		.scope = &scope,
		.trace_id = {1},
		.span_id = {1},
		.name = OTLP_STR("GET"),
		.kind = OTLP_SPAN_KIND_SERVER,
		.attributes = {attributes, sizeof(attributes) / sizeof(attributes[0]), 0},
	};
	long count = argc > 1 ? atol(argv[1]) : 10, i;
	struct otlp_library *library;
	struct otlp_shape *shape;
	int error;

	error = otlp_library_open(&library, NULL);
	if (error == 0)
		error = otlp_shape_register(&span, &shape);
	if (error != 0) {
		fprintf(stderr, "shape: %s\n", otlp_strerror(error));
		return 1;
	}
	for (i = 1; i <= count && error == 0; i++) {
		span.start_time_unix_ns = now_ns();
		memcpy(span.span_id, &i, sizeof(span.span_id));
		attributes[2].value.as.integer = i % 10 == 0 ? 404 : 200;
		span.end_time_unix_ns = now_ns();
		error = otlp_library_export_shaped(library, shape, &span, 1);
	}
	printf("%ld spans: %s\n", i - 1, otlp_strerror(error));
	error = otlp_library_shutdown(library, 5000000000);
	if (error != 0)
		fprintf(stderr, "shape: %s\n", otlp_strerror(error));
	otlp_shape_unref(shape);
	otlp_library_unref(library);
	return 0;
}
