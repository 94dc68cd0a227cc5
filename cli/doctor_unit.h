/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe doctor`: which unit of systemd the writer is, so that the command that mends something
 * is the right one: the user's (`systemctl --user`), the machine's, or none.
 */
#ifndef OTLPIPE_CLI_DOCTOR_UNIT_H
#define OTLPIPE_CLI_DOCTOR_UNIT_H

#include <stdbool.h>

/* Where the machine's unit has its rings: system/run-otlpipe.mount. */
#define DOCTOR_MACHINE_DIR	  "/run/otlpipe"
#define DOCTOR_UNIT_NAME_BYTES	  128
#define DOCTOR_UNIT_COMMAND_BYTES (DOCTOR_UNIT_NAME_BYTES + 64)

enum doctor_unit_owner {
	DOCTOR_UNIT_NONE, /* started by hand, by a container, or there is no systemd */
	DOCTOR_UNIT_USER,
	DOCTOR_UNIT_MACHINE,
};

struct doctor_unit {
	enum doctor_unit_owner owner;
	char name[DOCTOR_UNIT_NAME_BYTES]; /* without ".service"; empty: none */
};

/** What /proc/PID/cgroup says. */
void doctor_unit_of_cgroup(const char *text, struct doctor_unit *ret);

/**
 * Of a runtime directory without a writer: the unit whose directory it is.
 *
 * @param is_booted  systemd runs this machine
 */
void doctor_unit_of_path(const char *path, bool is_booted, struct doctor_unit *ret);

/**
 * The command line that does this with the unit, "systemctl --user restart otlpipe-writer"; and
 * where its log is. Both return to; empty where there is no unit.
 *
 * @param to  room for DOCTOR_UNIT_COMMAND_BYTES
 */
const char *doctor_unit_command(const struct doctor_unit *unit, const char *verb, char *to);
const char *doctor_unit_log(const struct doctor_unit *unit, char *to);

#endif
