/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output: whether all of it could be written, and whether somebody still reads it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/tool.h"

/* A signal that comes just before the wait does not end it: no single wait is longer. */
#define REST_SLICE_NS INT64_C(200000000)

static int output_error;
/* Known before the first error: one that hung up is none any more. */
static enum { OUTPUT_UNKNOWN, OUTPUT_FILE, OUTPUT_TERMINAL } output_kind;

/* What a failed write or flush left in errno. A terminal that hung up is a reader that has left. */
static int output_errno(void)
{
	return errno == EIO && output_kind == OUTPUT_TERMINAL ? -EPIPE : -errno;
}

int tool_write(const void *bytes, size_t count)
{
	if (output_kind == OUTPUT_UNKNOWN)
		output_kind = isatty(STDOUT_FILENO) ? OUTPUT_TERMINAL : OUTPUT_FILE;
	/* Nothing may be written from nowhere: an empty buffer has no address. */
	if (output_error == 0 && count > 0 && fwrite(bytes, 1, count, stdout) != count)
		output_error = output_errno();
	return output_error;
}

int tool_flush(void)
{
	if (output_error == 0 && fflush(stdout) != 0)
		output_error = output_errno();
	return output_error;
}

bool tool_output_is_coloured(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
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
		rc = output_errno();
	if (rc == 0 || rc == -EPIPE)
		return status;
	tool_error("stdout: %s", strerror(-rc));
	return TOOL_FAILED;
}

/*
 * Wait for input on fd, or for nothing with -1, and for the other end of stdout to go.
 *
 * @return 1: there is input, 0: the time is over, -1: nobody reads stdout any more
 */
static int rest_slice(int fd, int64_t ns)
{
	/* Of stdout nothing is asked for: what is reported is that the other end is gone. */
	struct pollfd ends[2] = {{.fd = STDOUT_FILENO}, {.fd = fd, .events = POLLIN}};
	const struct timespec slice = {.tv_nsec = ns < REST_SLICE_NS ? ns : REST_SLICE_NS};

	if (ppoll(ends, 2, &slice, NULL) <= 0)
		return 0;
	return ends[0].revents != 0 ? -1 : 1;
}

bool tool_rest(int64_t ns)
{
	const int64_t until_ns = clock_monotonic_ns() + ns;

	while (!tool_interrupted()) {
		const int64_t left_ns = until_ns - clock_monotonic_ns();

		if (left_ns <= 0)
			return true;
		if (rest_slice(-1, left_ns) < 0)
			return false;
	}
	return false;
}

bool tool_wait_input(int fd)
{
	while (!tool_interrupted()) {
		const int rc = rest_slice(fd, REST_SLICE_NS);

		if (rc != 0)
			return rc > 0;
	}
	return false;
}
