/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of somebody else's: built outside the tree from what was installed
 * and nothing more, as C99 and as C++17. It needs no writer: what it pushes
 * waits in its ring.
 */
#include <otlpipe/otlpipe.h>
#include <stdio.h>
#include <string.h>

/* Ends the program with the number of the step that failed. */
#define CHECK(step, condition)                                              \
	do {                                                                \
		if (!(condition)) {                                         \
			fprintf(stderr, "step %d: %s\n", step, #condition); \
			return step;                                        \
		}                                                           \
	} while (0)

int main(void)
{
	struct otlp_library *library = NULL;
	struct otlp_options options;
	struct otlp_stats stats;
	struct otlp_span span;
	struct otlp_attribute attributes[2];
	char version[32];
	int error;

	snprintf(version, sizeof(version), "%d.%d.%d", OTLP_VERSION_MAJOR, OTLP_VERSION_MINOR,
		 OTLP_VERSION_PATCH);
	CHECK(1, strcmp(version, otlp_version()) == 0);

	otlp_options_init(&options, sizeof(options));
	error = otlp_library_open(&library, &options);
	if (error != 0)
		fprintf(stderr, "open: %s\n", otlp_strerror(error));
	CHECK(2, error == 0);

	attributes[0] = otlp_attr_str(OTLP_STR("who"), OTLP_STR("a stranger"));
	attributes[1] = otlp_attr_int(OTLP_STR("answer"), 42);
	memset(&span, 0, sizeof(span));
	memset(span.trace_id, 1, sizeof(span.trace_id));
	memset(span.span_id, 2, sizeof(span.span_id));
	span.name = OTLP_STR("hello");
	span.kind = OTLP_SPAN_KIND_INTERNAL;
	span.start_time_unix_ns = 1;
	span.end_time_unix_ns = 2;
	span.attributes.items = attributes;
	span.attributes.count = 2;
	CHECK(3, otlp_library_export_traces(library, &span, 1) == 0);

	/* An all-zero trace id is refused and counted. */
	memset(span.trace_id, 0, sizeof(span.trace_id));
	CHECK(4, otlp_library_export_traces(library, &span, 1) == OTLP_ERR_INVALID);

	otlp_library_get_stats(library, &stats, sizeof(stats));
	CHECK(5, stats.signals[OTLP_SIGNAL_TRACES].accepted == 1);
	CHECK(6, stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid == 1);
	CHECK(7, stats.signals[OTLP_SIGNAL_METRICS].accepted == 0);

	CHECK(8, otlp_library_flush(library, 0) == OTLP_ERR_NO_WRITER);
	otlp_library_shutdown(library, 0);
	CHECK(9, otlp_library_export_traces(library, &span, 1) == OTLP_ERR_SHUTDOWN);
	otlp_library_unref(library);
	puts("accepted 1");
	return 0;
}
