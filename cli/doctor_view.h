/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe doctor`: what its groups of checks share. Each adds its lines to the report. */
#ifndef OTLPIPE_CLI_DOCTOR_VIEW_H
#define OTLPIPE_CLI_DOCTOR_VIEW_H

#include <stdbool.h>

#include "cli/doctor_report.h"
#include "cli/doctor_unit.h"
#include "cli/stat_view.h"
#include "shm/runtime.h"

struct doctor {
	struct doctor_report report;
	const char *given_dir;	  /* --runtime-dir, or NULL */
	const char *given_output; /* --output, or NULL */
	struct runtime_dir dir;
	bool has_dir;			      /* dir is open: what is in it can be looked at */
	struct stat_view view;		      /* its path, its writer and its regions */
	char shell_path[DOCTOR_QUOTED_BYTES]; /* the path for a command line */
	/* The output directory that is looked at: given, or the writer's; empty: none is known. */
	char output[STATUS_OUTPUT_BYTES];
	char shell_output[DOCTOR_QUOTED_BYTES];
};

/** This user, and the variables that the library reads. */
void doctor_environment(struct doctor *doctor);

/** The runtime directory: where it comes from, its rights, its file system, its space. */
void doctor_directory(struct doctor *doctor);

/** The limits of this process, as a program's that is started here. */
void doctor_limits(struct doctor *doctor);

/** The kernel, and what a seccomp filter leaves of it. */
void doctor_kernel(struct doctor *doctor);

/** Looks at all regions, which the checks of the writer need too. */
void doctor_look_regions(struct doctor *doctor);
void doctor_regions(struct doctor *doctor);

/** The writer and its output directory. */
void doctor_writer(struct doctor *doctor);
void doctor_output(struct doctor *doctor);

#endif
