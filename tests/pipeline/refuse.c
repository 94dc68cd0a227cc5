/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program under a seccomp filter in which some system calls fail, as
 * they do in containers and on hardened hosts.
 *
 * usage: refuse ERRNO SYSCALL[,SYSCALL…] PROGRAM [ARGUMENT…]
 * ERRNO by name: EPERM, ENOSYS, EINVAL, EMFILE or EIO.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

static const struct {
	const char *name;
	int number;
} errors[] = {
	{"EPERM", EPERM}, {"ENOSYS", ENOSYS}, {"EINVAL", EINVAL}, {"EMFILE", EMFILE}, {"EIO", EIO}};

static int error_number(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	return 0;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = argc > 3 ? error_number(argv[1]) : 0;
	char *rest = argc > 3 ? argv[2] : NULL, *name;

	if (!filter || !error) {
		fprintf(stderr, "usage: refuse EPERM|ENOSYS|EINVAL|EMFILE|EIO SYSCALL[,SYSCALL…] "
				"PROGRAM [ARGUMENT…]\n");
		return 2;
	}
	while ((name = strsep(&rest, ",")) != NULL) {
		int number = seccomp_syscall_resolve_name(name);

		if (number == __NR_SCMP_ERROR ||
		    seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), number, 0) < 0) {
			fprintf(stderr, "refuse: %s: no such system call\n", name);
			return 2;
		}
	}
	if (seccomp_load(filter) < 0) {
		fprintf(stderr, "refuse: seccomp filters are not allowed here\n");
		return 77; /* meson: skip */
	}
	seccomp_release(filter);
	execv(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
