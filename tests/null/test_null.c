/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No exported function crashes on NULL, wherever it stands, and what can fail says that it is
 * invalid. The calls are generated (gen_null.py) from the list of exported symbols.
 */
#include "tests/null/null_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct null_given given;
struct null_got got;

static const char *current;
static unsigned calls, failures;

void null_begin(const char *call)
{
	current = call;
	calls++;
	memset(&got, 0, sizeof(got));
	printf("%s\n", call);
	fflush(stdout);
}

static void fail(const char *what, int is, int expected)
{
	printf("FAILED: %s: %s is %d, not %d\n", current, what, is, expected);
	failures++;
}

void null_end(void)
{
	otlp_shape_unref(got.shape);
	otlp_log_shape_unref(got.log_shape);
	otlp_span_exporter_unref(got.spans);
	otlp_log_exporter_unref(got.logs);
	otlp_metric_exporter_unref(got.metrics);
	otlp_library_unref(got.library);
}

void null_end_code(int code, int expected)
{
	if (code != expected)
		fail("the answer", code, expected);
	null_end();
}

void null_end_result(struct otlp_sdk_result result, int expected)
{
	if (result.cause != expected)
		fail("the cause", result.cause, expected);
	if ((result.status == OTLP_SDK_SUCCESS) != (expected == OTLP_OK))
		fail("the status", (int)result.status, expected);
	null_end();
}

void null_end_pointer(const void *pointer)
{
	if (pointer != NULL)
		fail("the pointer", 1, 0);
	null_end();
}

static int set_up(const char *dir)
{
	struct otlp_stats stats;
	int rc;

	given.attribute = otlp_attr_int(OTLP_STR("key"), 1);
	given.span = (struct otlp_span){.trace_id = {1}, .span_id = {1}, .name = OTLP_STR("span")};
	rc = otlp_options_init(&given.options, sizeof(given.options));
	given.options.runtime_dir = dir;
	if (rc == OTLP_OK)
		rc = otlp_library_open(&given.library, &given.options);
	if (rc == OTLP_OK)
		rc = otlp_library_metric_exporter(given.library, &given.metrics);
	if (rc == OTLP_OK)
		rc = otlp_library_span_exporter(given.library, &given.spans);
	if (rc == OTLP_OK)
		rc = otlp_library_log_exporter(given.library, &given.logs);
	given.logger.library = given.library;
	if (rc == OTLP_OK)
		rc = otlp_shape_register(&given.span, &given.shape);
	if (rc == OTLP_OK)
		rc = otlp_log_shape_register(&given.log, &given.log_shape);
	if (rc == OTLP_OK)
		rc = otlp_library_get_stats(given.library, &stats, sizeof(stats));
	return rc;
}

/* Variadic, so that there is a list of arguments for those that take one. */
static void run_calls(int ignored, ...)
{
	va_list arguments;

	va_start(arguments, ignored);
	given.arguments = &arguments;
	null_calls();
	va_end(arguments);
}

static void tear_down(const char *dir)
{
	struct dirent *entry;
	DIR *stream;

	otlp_shape_unref(given.shape);
	otlp_log_shape_unref(given.log_shape);
	otlp_span_exporter_unref(given.spans);
	otlp_log_exporter_unref(given.logs);
	otlp_metric_exporter_unref(given.metrics);
	otlp_library_unref(given.library);
	stream = opendir(dir);
	while (stream != NULL && (entry = readdir(stream)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream != NULL)
		closedir(stream);
	rmdir(dir);
}

int main(void)
{
	char dir[] = "/dev/shm/otlpipe-test-XXXXXX";
	struct otlp_span span;
	int rc;

	if (mkdtemp(dir) == NULL) {
		perror("test_null");
		return 1;
	}
	/* Whoever opens a library without options has it here too. */
	setenv("OTLPIPE_DIR", dir, 1);
	rc = set_up(dir);
	if (rc == OTLP_OK) {
		run_calls(0);
		/* It is as good as before. */
		span = given.span;
		rc = otlp_library_export_traces(given.library, &span, 1);
	}
	tear_down(dir);
	printf("%u calls, %u failures, at the end: %s\n", calls, failures, otlp_strerror(rc));
	return calls > 0 && failures == 0 && rc == OTLP_OK ? 0 : 1;
}
