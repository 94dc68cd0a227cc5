/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that was started without descriptors 0 to 2. One thread prints to them all the time; the
 * other opens the library, pushes a span, and shuts it down, again and again.
 *
 * usage: descriptor_host ROUNDS
 */
#include <otlpipe/otlpipe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_bool is_over;

static void *print(void *unused)
{
	static const char text[] = "host: a line that nobody is meant to read\n";
	int fd;

	(void)unused;
	while (!atomic_load(&is_over))
		for (fd = 0; fd <= 2; fd++)
			if (write(fd, text, sizeof(text) - 1) > 0)
				usleep(1);
	return NULL;
}

static int push_one(long number)
{
	struct otlp_span span = {
		.trace_id = {1},
		.name = OTLP_STR("round"),
		.start_time_unix_ns = 1,
		.end_time_unix_ns = 2,
	};
	struct otlp_library *library;
	int error = otlp_library_open(&library, NULL);

	if (error != OTLP_OK)
		return error;
	memcpy(span.span_id, &number, sizeof(number));
	error = otlp_library_export_traces(library, &span, 1);
	otlp_library_unref(library);
	return error;
}

int main(int argc, char **argv)
{
	long rounds = argc == 2 ? atol(argv[1]) : 0, number;
	pthread_t thread;
	int fd, error = OTLP_OK;

	if (rounds <= 0)
		return 2;
	for (fd = 0; fd <= 2; fd++)
		close(fd);
	if (pthread_create(&thread, NULL, print, NULL) != 0)
		return 3;
	for (number = 1; number <= rounds && error == OTLP_OK; number++)
		error = push_one(number);
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	return error == OTLP_OK ? 0 : 1;
}
