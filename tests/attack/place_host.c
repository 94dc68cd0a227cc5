/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that pushes and flushes when it is told to, a word a line on its standard input: "push"
 * or "flush". Each answer is a line: 0, "no writer", or the number of another error.
 */
#include <otlpipe/otlpipe.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct otlp_span span = {
		.trace_id = {1},
		.span_id = {1},
		.name = OTLP_STR("place"),
		.start_time_unix_ns = 1,
		.end_time_unix_ns = 2,
	};
	struct otlp_library *library;
	char line[64], why[1024];
	int error = otlp_library_open(&library, NULL);

	if (error != OTLP_OK) {
		otlp_library_last_error(NULL, why, sizeof(why));
		fprintf(stderr, "place_host: %s: %s\n", otlp_strerror(error), why);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "push\n") == 0)
			error = otlp_library_export_traces(library, &span, 1);
		else if (strcmp(line, "flush\n") == 0)
			error = otlp_library_flush(library, OTLP_FOREVER);
		else
			return 2;
		if (error == OTLP_ERR_NO_WRITER)
			puts("no writer");
		else
			printf("%d\n", error);
		fflush(stdout);
	}
	otlp_library_unref(library);
	return 0;
}
