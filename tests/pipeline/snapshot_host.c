/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that pushes some spans, asks for a snapshot in a signal handler, and ends without
 * closing its library, as one that crashes does. Or its child asks, which has pushed nothing.
 *
 * usage: snapshot_host RUNTIME_DIR [child]; prints how many spans were accepted
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

#define SPANS 20u

static struct otlp_library *library;
static volatile sig_atomic_t answer = 1;

static void handle(int number)
{
	(void)number;
	answer = otlp_library_snapshot(library);
}

static bool ask(void)
{
	const struct sigaction action = {.sa_handler = handle};

	return sigaction(SIGUSR2, &action, NULL) == 0 && raise(SIGUSR2) == 0 && answer == OTLP_OK;
}

static bool ask_in_child(void)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(ask() ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
	struct otlp_span spans[SPANS];
	struct otlp_options options;
	unsigned i;

	if (argc < 2 || otlp_options_init(&options, sizeof(options)) != OTLP_OK)
		return 2;
	options.runtime_dir = argv[1];
	if (otlp_library_open(&library, &options) != OTLP_OK)
		return 3;
	memset(spans, 0, sizeof(spans));
	for (i = 0; i < SPANS; i++) {
		spans[i].name = OTLP_STR("asked for");
		spans[i].kind = OTLP_SPAN_KIND_INTERNAL;
		spans[i].trace_id[0] = spans[i].span_id[0] = (uint8_t)(i + 1);
		spans[i].start_time_unix_ns = 1;
		spans[i].end_time_unix_ns = 2;
	}
	if (otlp_library_export_traces(library, spans, SPANS) != OTLP_OK)
		return 4;
	if (!(argc > 2 ? ask_in_child() : ask()))
		return 5;
	printf("%u\n", SPANS);
	fflush(stdout);
	_exit(0);
}
