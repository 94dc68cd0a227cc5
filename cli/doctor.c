/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe doctor`: looks at everything that has to be right here, and says what is not, in plain
 * words, with the command that mends it. It changes nothing, starts nothing and takes no lock; what
 * it measures a file system with has no name and is gone with it.
 */
#include "cli/doctor_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arguments.h"
#include "cli/tool.h"

struct doctor_options {
	const char *dir;
	const char *output;
	bool json;
};

static int look(const struct doctor_options *options)
{
	struct doctor *doctor = calloc(1, sizeof(*doctor));
	int status;

	if (doctor == NULL) {
		tool_error("there is no memory for what it looks at");
		return TOOL_FAILED;
	}
	doctor->given_dir = options->dir;
	doctor->given_output = options->output;
	doctor_environment(doctor);
	doctor_directory(doctor);
	doctor_limits(doctor);
	doctor_kernel(doctor);
	doctor_look_regions(doctor);
	doctor_writer(doctor);
	doctor_output(doctor);
	doctor_regions(doctor);
	if (doctor->report.has_no_memory)
		tool_error("there is no memory for all of what it found");
	if (options->json)
		doctor_print_json(&doctor->report, doctor->view.path, doctor->output);
	else
		doctor_print(&doctor->report);
	status = doctor->report.states[DOCTOR_WRONG] > 0 || doctor->report.has_no_memory
			 ? TOOL_FAILED
			 : TOOL_OK;
	if (doctor->has_dir)
		runtime_close(&doctor->dir);
	free(doctor->view.regions);
	doctor_free(&doctor->report);
	free(doctor);
	return status;
}

/* ---- the command ---- */

static const struct argp_option options_table[] = {
	{"dir", 'd', "DIR", 0, "runtime directory ($OTLPIPE_DIR, else /dev/shm/otlpipe-UID)", 0},
	{"runtime-dir", 'r', "DIR", 0, "the same", 0},
	{"output", 'o', "DIR", 0, "output directory (the one of the writer that is there)", 0},
	{"json", 'j', NULL, 0, "one JSON object, on one line", 0},
	{0},
};

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct doctor_options *options = state->input;

	switch (key) {
	case 'd':
	case 'r':
		options->dir = text;
		return 0;
	case 'o':
		options->output = text;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_refuse(state, "it takes no argument, and not '%s'", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int doctor_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.doc = "Look at the runtime directory, rights, limits, the kernel, the disk, the "
		       "writer and the producers, and say what is wrong.\v"
		       "Run it as the user, and in the environment, of the program in question. It "
		       "changes nothing. Exit status: 0 if all is well, 1 if something is wrong.",
	};
	struct doctor_options options = {.dir = NULL};
	int rc = tool_parse(&argp, argc, argv, &options);

	if (rc != 0)
		return rc - 1;
	if (tool_guard() != TOOL_OK)
		return tool_finish(TOOL_FAILED);
	return tool_finish(look(&options));
}
