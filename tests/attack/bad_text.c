/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer most of whose spans have a name that is not UTF-8: the library finds that out when it
 * has taken the space, and gives it up. From several threads, without a pause, until SIGTERM. The
 * names are long, so that the space is taken for long.
 *
 * usage: bad_text RUNTIME_DIR THREADS
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

#define THREADS_MAX   16
#define NAME_BYTES    8192
#define BAD_EACH_GOOD 63

static struct otlp_library *library;
static volatile sig_atomic_t is_over;

static void end(int number)
{
	(void)number;
	is_over = 1;
}

static void *push(void *unused)
{
	struct otlp_span good = {.trace_id = {1}, .span_id = {2}, .name = OTLP_STR("good")};
	struct otlp_span bad = good;
	char name[NAME_BYTES];
	unsigned i;

	/* "é" in UTF-8, and at the end as Latin-1 has it. */
	for (i = 0; i + 2 <= sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[sizeof(name) - 1] = 'e';
	bad.name = (struct otlp_str){.ptr = name, .len = sizeof(name)};
	for (i = 0; is_over == 0; i++)
		(void)otlp_library_export_traces(library,
						 i % (BAD_EACH_GOOD + 1) == 0 ? &good : &bad, 1);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	struct otlp_options options;
	int count, i;

	count = argc == 3 ? atoi(argv[2]) : 0;
	if (count < 1 || count > THREADS_MAX)
		return 2;
	signal(SIGTERM, end);
	otlp_options_init(&options, sizeof(options));
	options.runtime_dir = argv[1];
	options.ring_bytes[OTLP_SIGNAL_TRACES] = 16 << 20;
	if (otlp_library_open(&library, &options) < 0)
		return 1;
	for (i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, push, NULL) != 0)
			return 1;
	printf("ready\n");
	fflush(stdout);
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	otlp_library_shutdown(library, 0);
	otlp_library_unref(library);
	return 0;
}
