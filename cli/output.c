/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output, checked: whether it took what was printed, and whether anybody reads it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/tool.h"

/* A signal that comes just before the wait does not end it: no single wait is longer. */
#define REST_SLICE_NS INT64_C(200000000)

static int output_error;

int tool_write(const void *bytes, size_t count)
{
	if (output_error == 0 && fwrite(bytes, 1, count, stdout) != count)
		output_error = -errno;
	return output_error;
}

int tool_flush(void)
{
	if (output_error == 0 && fflush(stdout) != 0)
		output_error = -errno;
	return output_error;
}

void tool_write_json(json_object *document)
{
	const char *text = json_object_to_json_string_ext(
		document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text == NULL && output_error == 0)
		output_error = -ENOMEM;
	if (text != NULL && tool_write(text, strlen(text)) == 0)
		tool_write("\n", 1);
	json_object_put(document);
}

int tool_finish(int status)
{
	int rc = tool_flush();

	/* Some file systems report a full disk only when the file is closed. */
	if (fclose(stdout) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 || rc == -EPIPE)
		return status;
	tool_error("stdout: %s", strerror(-rc));
	return TOOL_FAILED;
}

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool tool_rest(int64_t ns)
{
	const int64_t until_ns = monotonic_ns() + ns;

	while (!tool_interrupted()) {
		/* Nothing is asked for: what is reported is that the other end is gone. */
		struct pollfd output = {.fd = STDOUT_FILENO};
		int64_t left_ns = until_ns - monotonic_ns();
		struct timespec slice;

		if (left_ns > REST_SLICE_NS)
			left_ns = REST_SLICE_NS;
		if (left_ns <= 0)
			return true;
		slice = (struct timespec){.tv_nsec = left_ns};
		if (ppoll(&output, 1, &slice, NULL) > 0)
			return false;
	}
	return false;
}
