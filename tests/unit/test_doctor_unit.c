/* SPDX-License-Identifier: Apache-2.0 */
/* Which unit a writer is, by what the kernel and systemd say of cgroups. */
#include "cli/doctor_unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"

static void expect(const char *cgroup, enum doctor_unit_owner owner, const char *name)
{
	struct doctor_unit unit;

	doctor_unit_of_cgroup(cgroup, &unit);
	assert_int_equal(unit.owner, owner);
	assert_string_equal(unit.name, name);
}

static void the_machines_unit_is_told_from_a_users(void **state)
{
	(void)state;
	expect("0::/system.slice/otlpipe-writer.service\n", DOCTOR_UNIT_MACHINE, "otlpipe-writer");
	expect("0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
	       "otlpipe-writer.service\n",
	       DOCTOR_UNIT_USER, "otlpipe-writer");
	/* In a root of systemd-nspawn, whose own group is the top. */
	expect("0::/machine.slice/x.service/payload/system.slice/my-writer@a.service\n",
	       DOCTOR_UNIT_MACHINE, "my-writer@a");
}

static void both_kinds_of_cgroups_are_read(void **state)
{
	(void)state;
	expect("12:memory:/system.slice/other.service\n"
	       "1:name=systemd:/system.slice/otlpipe-writer.service\n0::/\n",
	       DOCTOR_UNIT_MACHINE, "otlpipe-writer");
	expect("3:cpu:/\n0::/system.slice/otlpipe-writer.service", DOCTOR_UNIT_MACHINE,
	       "otlpipe-writer");
}

static void what_is_no_service_is_no_unit(void **state)
{
	static const char *const others[] = {
		"",
		"\n",
		"0::/\n",
		"0::/user.slice/user-1000.slice/session-3.scope\n",
		"0::/system.slice/docker-0123.scope\n",
		"0::/system.slice/containerd.service/kubepods/pod1\n",
		"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n",
		"0::/system.slice/.service\n",
		"0::/system.slice/a b.service\n",
		"0::/system.slice/$(id).service\n",
		"memory:/system.slice/otlpipe-writer.service\n",
		"4:memory:/system.slice/otlpipe-writer.service\n",
		"0:",
		"0",
	};
	char text[3 * DOCTOR_UNIT_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		expect(others[i], DOCTOR_UNIT_NONE, "");
	/* A name that there is no room for. */
	snprintf(text, sizeof(text), "0::/%0*d.service\n", DOCTOR_UNIT_NAME_BYTES, 7);
	expect(text, DOCTOR_UNIT_NONE, "");
	snprintf(text, sizeof(text), "0::/%0*d.service\n", DOCTOR_UNIT_NAME_BYTES - 1, 7);
	expect(text, DOCTOR_UNIT_MACHINE, strndupa(text + 4, DOCTOR_UNIT_NAME_BYTES - 1));
}

static void a_directory_without_a_writer_has_the_unit_whose_directory_it_is(void **state)
{
	struct doctor_unit unit;
	char own[64];

	(void)state;
	doctor_unit_of_path("/run/otlpipe", true, &unit);
	assert_int_equal(unit.owner, DOCTOR_UNIT_MACHINE);
	assert_string_equal(unit.name, "otlpipe-writer");
	doctor_unit_of_path("/run/otlpipe/", true, &unit);
	assert_int_equal(unit.owner, DOCTOR_UNIT_MACHINE);
	snprintf(own, sizeof(own), "/dev/shm/otlpipe-%u", (unsigned)geteuid());
	doctor_unit_of_path(own, true, &unit);
	assert_int_equal(unit.owner, DOCTOR_UNIT_USER);
	assert_string_equal(unit.name, "otlpipe-writer");
	doctor_unit_of_path("/run/otlpipe2", true, &unit);
	assert_int_equal(unit.owner, DOCTOR_UNIT_NONE);
	doctor_unit_of_path("/run/otlpipe/a", true, &unit);
	assert_int_equal(unit.owner, DOCTOR_UNIT_NONE);
	/* Without systemd there are no units. */
	doctor_unit_of_path("/run/otlpipe", false, &unit);
	assert_int_equal(unit.owner, DOCTOR_UNIT_NONE);
}

static void commands_are_those_of_the_units_owner(void **state)
{
	struct doctor_unit unit;
	char text[DOCTOR_UNIT_COMMAND_BYTES];

	(void)state;
	doctor_unit_of_path("/run/otlpipe", true, &unit);
	assert_string_equal(doctor_unit_command(&unit, "restart", text),
			    "systemctl restart otlpipe-writer");
	assert_string_equal(doctor_unit_log(&unit, text), "journalctl -u otlpipe-writer");
	unit.owner = DOCTOR_UNIT_USER;
	assert_string_equal(doctor_unit_command(&unit, "start", text),
			    "systemctl --user start otlpipe-writer");
	assert_string_equal(doctor_unit_log(&unit, text), "journalctl --user -u otlpipe-writer");
	unit.owner = DOCTOR_UNIT_NONE;
	assert_string_equal(doctor_unit_command(&unit, "start", text), "");
	assert_string_equal(doctor_unit_log(&unit, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_machines_unit_is_told_from_a_users),
		cmocka_unit_test(both_kinds_of_cgroups_are_read),
		cmocka_unit_test(what_is_no_service_is_no_unit),
		cmocka_unit_test(a_directory_without_a_writer_has_the_unit_whose_directory_it_is),
		cmocka_unit_test(commands_are_those_of_the_units_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
