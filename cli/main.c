/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe`: the table of its subcommands, and what they share: messages,
 * checked output, the flag that signals set. Each subcommand is a file of its own.
 */
#include "base/array.h"
#include "cli/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <otlpipe/otlpipe.h>

#include "base/descriptor.h"

#define STDOUT_BYTES (1u << 16)

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{"cat", cat_main, "print stored telemetry as OTLP JSON lines"},
	{"load", load_main, "generate spans and metrics through the library"},
	{"stat", stat_main, "show the writer and the rings as they are now"},
	{"verify", verify_main, "check that everything committed is in the files, once"},
};

static volatile sig_atomic_t interrupted;
static int output_error;

static void say(const char *format, va_list arguments)
{
	fputs("otlpipe: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

void tool_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

int tool_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	return TOOL_USAGE;
}

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

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

void tool_catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool tool_interrupted(void)
{
	return interrupted != 0;
}

static int help(void)
{
	printf("usage: otlpipe COMMAND [OPTION…]\n\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].what);
	printf("\notlpipe COMMAND --help tells more. Exit status: 0, 1 on an error, 2 for a wrong\n"
	       "command line.\n");
	return tool_finish(TOOL_OK);
}

int main(int argc, char **argv)
{
	static char buffer[STDOUT_BYTES];
	char name[32];

	/* Nothing of ours may get the number of a standard stream that is closed. */
	if (descriptor_fill_standard() < 0)
		return TOOL_FAILED;
	/* A reader that leaves is seen as EPIPE, and ends the command quietly. */
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (argc < 2)
		return tool_usage("no command given (see otlpipe --help)");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0) {
		printf("otlpipe %s\n", otlp_version());
		return tool_finish(TOOL_OK);
	}
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "otlpipe %s", argv[1]);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	return tool_usage("unknown command '%s' (see otlpipe --help)", argv[1]);
}
