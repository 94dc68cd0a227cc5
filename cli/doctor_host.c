/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe doctor`: this user, the environment and the limits, as a program that starts here has
 * them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/host_limits.h"
#include "cli/doctor_view.h"
#include "core/check.h"

/* A program without threads and with nothing else open needs fewer. */
#define FILES_FEW 16

/* ---- the environment ---- */

/* What is told of the variables: which one a line is about stands at its beginning. */
struct told {
	struct doctor *doctor;
	unsigned long wrong; /* a bit for each variable */
};

static bool begins_with(const char *line, const char *name)
{
	const size_t len = strlen(name);

	return strncmp(line, name, len) == 0 && (line[len] == ' ' || line[len] == ':');
}

static void mend_variable(struct doctor *doctor, const char *name)
{
	if (strcmp(name, "OTEL_RESOURCE_ATTRIBUTES") == 0)
		doctor_mend(&doctor->report,
			    "export %s='key=value,key2=value2'   (UTF-8; in a value %%2C for a "
			    "comma, %%3D for =, %%25 for %%)",
			    name);
	else if (strcmp(name, "OTEL_SERVICE_NAME") == 0)
		doctor_mend(&doctor->report, "export %s=NAME   (in UTF-8)", name);
	else if (strcmp(name, "OTLPIPE_BUDGET") == 0)
		doctor_mend(&doctor->report, "export %s=2GiB   (or 25%%), or unset %s", name, name);
	else if (strstr(name, "_RING_BYTES") != NULL)
		doctor_mend(&doctor->report, "export %s=8MiB, or unset %s", name, name);
	else
		doctor_mend(&doctor->report,
			    "export %s=cumulative   (or delta, lowmemory), or unset "
			    "%s",
			    name, name);
}

static void tell(void *context, int error, const char *line)
{
	struct told *told = context;
	const char *name;
	unsigned number;

	(void)error;
	doctor_add(&told->doctor->report, DOCTOR_WRONG, "environment", "%s", line);
	for (number = 0; (name = check_variable(number)) != NULL; number++) {
		if (!begins_with(line, name))
			continue;
		told->wrong |= 1ul << number;
		mend_variable(told->doctor, name);
	}
}

/* A value may be secret: of a variable that is right, its name. */
static void check_environment(struct doctor *doctor)
{
	struct told told = {.doctor = doctor};
	char set[512] = "";
	const char *name, *value;
	size_t len, used;
	unsigned number;

	check_variables(tell, &told);
	for (number = 0; (name = check_variable(number)) != NULL; number++) {
		used = strlen(set);
		if ((told.wrong & 1ul << number) == 0 && environment_get(name, &value, &len))
			snprintf(set + used, sizeof(set) - used, "%s%s", used > 0 ? ", " : "",
				 name);
	}
	if (set[0] != '\0')
		doctor_add(&doctor->report, DOCTOR_OK, "environment", "set, and read: %s", set);
	else if (told.wrong == 0)
		doctor_add(&doctor->report, DOCTOR_OK, "environment",
			   "no variable of the library is set");
}

void doctor_environment(struct doctor *doctor)
{
	char user[64];

	doctor_user(geteuid(), user);
	if (getauxval(AT_SECURE) != 0) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "user",
			   "this runs as user %s with more rights than its caller (setuid, setgid, "
			   "file capabilities), and so does not read the environment",
			   user);
		doctor_mend(&doctor->report, "getcap $(command -v otlpipe); name directories with "
					     "--dir and --output");
	} else {
		doctor_add(&doctor->report, DOCTOR_OK, "user",
			   "%s; programs with setuid or file capabilities do not read the "
			   "environment",
			   user);
	}
	check_environment(doctor);
}

/* ---- limits ---- */

static const char *limit_text(int resource, char ret[DOCTOR_SIZE_BYTES])
{
	const uint64_t limit = limits_of(resource);

	if (limit == LIMITS_NONE)
		snprintf(ret, DOCTOR_SIZE_BYTES, "no limit");
	else if (resource == RLIMIT_NOFILE || resource == RLIMIT_NPROC)
		snprintf(ret, DOCTOR_SIZE_BYTES, "%" PRIu64, limit);
	else
		doctor_size(limit, ret);
	return ret;
}

static void check_memory(struct doctor *doctor)
{
	char limit[DOCTOR_SIZE_BYTES], left[DOCTOR_SIZE_BYTES];
	struct limits_memory memory;

	limits_get_memory(&memory);
	if (memory.limit_bytes == LIMITS_NONE)
		doctor_add(&doctor->report, DOCTOR_OK, "memory", "its cgroup has no limit");
	else
		doctor_add(&doctor->report, DOCTOR_OK, "memory",
			   "its cgroup may have %s, of which %s are left",
			   doctor_size(memory.limit_bytes, limit),
			   doctor_size(memory.left_bytes, left));
}

void doctor_limits(struct doctor *doctor)
{
	char files[DOCTOR_SIZE_BYTES], size[DOCTOR_SIZE_BYTES], space[DOCTOR_SIZE_BYTES];
	char locked[DOCTOR_SIZE_BYTES], processes[DOCTOR_SIZE_BYTES];
	const unsigned wrong = doctor->report.states[DOCTOR_WRONG];
	struct check_region region;

	check_limits(&region, doctor->view.path);
	if (region.error == -EFBIG) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "limits", "%s", region.text);
		doctor_mend(&doctor->report,
			    "ulimit -f unlimited   (LimitFSIZE=infinity in a unit)");
	} else if (region.error == -ENOMEM) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "memory", "%s", region.text);
		doctor_mend(&doctor->report,
			    "systemctl set-property UNIT MemoryMax=SIZE   (memory.max "
			    "of the cgroup; in a container its memory limit)");
	} else {
		check_memory(doctor);
	}
	check_address_space(&region, doctor->view.path);
	if (region.error != 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "limits", "%s", region.text);
		doctor_mend(&doctor->report, "ulimit -v unlimited   (LimitAS=infinity in a unit)");
	}
	if (limits_of(RLIMIT_NOFILE) < FILES_FEW) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "limits",
			   "RLIMIT_NOFILE (ulimit -n) is %s: a program cannot open what it needs",
			   limit_text(RLIMIT_NOFILE, files));
		doctor_mend(&doctor->report, "ulimit -n 1024   (LimitNOFILE=1024 in a unit)");
	}
	if (doctor->report.states[DOCTOR_WRONG] > wrong)
		return;
	doctor_add(&doctor->report, DOCTOR_OK, "limits",
		   "file size %s, address space %s, open files %s, locked memory %s (of use to "
		   "programs that call mlockall), processes %s",
		   limit_text(RLIMIT_FSIZE, size), limit_text(RLIMIT_AS, space),
		   limit_text(RLIMIT_NOFILE, files), limit_text(RLIMIT_MEMLOCK, locked),
		   limit_text(RLIMIT_NPROC, processes));
}
