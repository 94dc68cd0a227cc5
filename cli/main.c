/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe`: the table of its subcommands. Each is a file of its own, and all share tool.h. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <otlpipe/otlpipe.h>

#include "base/array.h"
#include "base/descriptor.h"
#include "cli/tool.h"

#define STDOUT_BYTES (1u << 16)

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{"cat", cat_main, "print stored telemetry as OTLP JSON lines"},
	{"doctor", doctor_main, "say what is wrong here, and the command that mends it"},
	{"flat", flat_main, "print one row a record, with flat columns"},
	{"load", load_main, "generate spans and metrics through the library"},
	{"log", log_main, "push lines of text as log records"},
	{"report", report_main, "write a page of HTML about what is in the files"},
	{"rotate", rotate_main, "tell the writer to seal its files and go on in new ones"},
	{"send", send_main, "send what is written to an OTLP receiver, each record once"},
	{"snapshot", snapshot_main, "have a flight recorder write what it holds"},
	{"stat", stat_main, "show the writer and the rings as they are now"},
	{"summary", summary_main, "show what is in the files in figures"},
	{"top", top_main, "show producers, rings, drops and the writer, live"},
	{"trace", trace_main, "show traces as trees, with bars of their times"},
	{"verify", verify_main, "check that everything committed is in the files, once"},
};

static int help(void)
{
	printf("Usage: otlpipe COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].what);
	printf("\notlpipe COMMAND --help tells more; otlpipe --version prints the version.\n"
	       "Exit status: 0; 1 on an error; 2 for a wrong command line.\n");
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
		return tool_usage("no command given");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--help-all") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
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
	return tool_usage("there is no command '%s'", argv[1]);
}
