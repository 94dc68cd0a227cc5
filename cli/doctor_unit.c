/* SPDX-License-Identifier: Apache-2.0 */
/* By the names of cgroups, which systemd gives: the kernel tells them to everybody. */
#include "cli/doctor_unit.h"

#include <stdio.h>
#include <string.h>

#include "shm/runtime.h"

#define UNIT_WRITER "otlpipe-writer"

static const char service[] = ".service";

/* What a shell, and a reader, take for one word. A unit's name has no other characters, but for
 * "\". */
static bool is_name(const char *text, size_t length)
{
	static const char others[] = ":-_.@";

	if (length == 0 || length >= DOCTOR_UNIT_NAME_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= 'A' && text[i] <= 'Z') &&
		    !(text[i] >= '0' && text[i] <= '9') && strchr(others, text[i]) == NULL)
			return false;
	return true;
}

/*
 * The path in the tree that systemd makes: the one of cgroup 2, "0::/…", or the named one of cgroup
 * 1, "1:name=systemd:/…". Both may be there, and one of them "/", which says nothing.
 */
static bool find_path(const char *text, const char **ret, size_t *ret_length)
{
	static const char named[] = "name=systemd:";

	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		const char *at;

		line += *line == '\n';
		at = line + strspn(line, "0123456789");
		if (*at != ':')
			continue;
		at++;
		if (strncmp(at, named, sizeof(named) - 1) == 0)
			at += sizeof(named) - 1;
		else if (*at == ':')
			at++;
		else
			continue;
		*ret = at;
		*ret_length = strcspn(at, "\n");
		if (*ret_length > 1)
			return true;
	}
	return false;
}

/* "/user.slice/user-1000.slice/user@1000.service/app.slice/otlpipe-writer.service" */
void doctor_unit_of_cgroup(const char *text, struct doctor_unit *ret)
{
	static const char manager[] = "/user@";
	const size_t suffix = sizeof(service) - 1;
	size_t length, last;
	const char *path;

	memset(ret, 0, sizeof(*ret));
	if (!find_path(text, &path, &length))
		return;
	for (last = length; last > 0 && path[last - 1] != '/'; last--)
		;
	if (length - last <= suffix || strncmp(path + length - suffix, service, suffix) != 0 ||
	    !is_name(path + last, length - last - suffix))
		return;
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)(length - last - suffix), path + last);
	ret->owner = DOCTOR_UNIT_MACHINE;
	/* Its manager stands above it. */
	for (size_t i = 0; i + sizeof(manager) - 1 < last; i++)
		if (strncmp(path + i, manager, sizeof(manager) - 1) == 0)
			ret->owner = DOCTOR_UNIT_USER;
}

void doctor_unit_of_path(const char *path, bool is_booted, struct doctor_unit *ret)
{
	const size_t length = sizeof(DOCTOR_MACHINE_DIR) - 1;

	memset(ret, 0, sizeof(*ret));
	if (!is_booted)
		return;
	if (strncmp(path, DOCTOR_MACHINE_DIR, length) == 0 &&
	    path[length + strspn(path + length, "/")] == '\0')
		ret->owner = DOCTOR_UNIT_MACHINE;
	else if (runtime_is_default_path(path))
		ret->owner = DOCTOR_UNIT_USER;
	else
		return;
	strcpy(ret->name, UNIT_WRITER);
}

static const char *user_option(const struct doctor_unit *unit)
{
	return unit->owner == DOCTOR_UNIT_USER ? " --user" : "";
}

const char *doctor_unit_command(const struct doctor_unit *unit, const char *verb, char *to)
{
	to[0] = '\0';
	if (unit->owner != DOCTOR_UNIT_NONE)
		snprintf(to, DOCTOR_UNIT_COMMAND_BYTES, "systemctl%s %s %s", user_option(unit),
			 verb, unit->name);
	return to;
}

const char *doctor_unit_log(const struct doctor_unit *unit, char *to)
{
	to[0] = '\0';
	if (unit->owner != DOCTOR_UNIT_NONE)
		snprintf(to, DOCTOR_UNIT_COMMAND_BYTES, "journalctl%s -u %s", user_option(unit),
			 unit->name);
	return to;
}
