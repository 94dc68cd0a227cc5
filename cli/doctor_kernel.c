/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe doctor`: the kernel. What it allows is tried, not guessed by its version, in a child: a
 * seccomp filter may end who tries.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

#include "base/host_limits.h"
#include "cli/doctor_view.h"
#include "shm/layout.h"

#define TRY_SECONDS  5u
#define RING_ENTRIES 4u
#define SYSCTL_URING "/proc/sys/kernel/io_uring_disabled"

static int try_io_uring(void)
{
	struct io_uring_params params;

	memset(&params, 0, sizeof(params));
	return syscall(SYS_io_uring_setup, RING_ENTRIES, &params) < 0 ? errno : 0;
}

static int try_membarrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) < 0 ? errno
											   : 0;
}

/* @return 0, the errno that it met, or -1: it was ended for it */
static int try_in_child(int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (pid == 0) {
		alarm(TRY_SECONDS);
		_exit(attempt() & 0xff);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int read_sysctl(const char *path)
{
	FILE *file = fopen(path, "re");
	int value = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static const char *try_text(int error)
{
	return error < 0 ? "a seccomp filter ends who asks for it" : strerror(error);
}

static void check_io_uring(struct doctor *doctor)
{
	const int error = try_in_child(try_io_uring);
	const int disabled = read_sysctl(SYSCTL_URING);

	if (error == 0) {
		doctor_add(&doctor->report, DOCTOR_OK, "io_uring", "allowed");
		return;
	}
	doctor_add(&doctor->report, DOCTOR_WARNING, "io_uring",
		   "refused: %s%s; the writer writes by pwrite, which costs it more and loses "
		   "nothing",
		   try_text(error),
		   disabled > 0		   ? " (sysctl kernel.io_uring_disabled)"
		   : limits_have_seccomp() ? " (there is a seccomp filter)"
					   : "");
	if (disabled > 0)
		doctor_mend(&doctor->report, "sysctl -w kernel.io_uring_disabled=0   (as root), or "
					     "otlpipe-writer --io pwrite");
	else if (error == ENOSYS && !limits_have_seccomp())
		doctor_mend(&doctor->report, "otlpipe-writer --io pwrite   (this kernel has none)");
	else
		doctor_mend(&doctor->report,
			    "allow io_uring_setup, io_uring_enter and io_uring_register in the "
			    "seccomp profile, or otlpipe-writer --io pwrite");
}

static void check_membarrier(struct doctor *doctor)
{
	const int error = try_in_child(try_membarrier);

	if (error == 0) {
		doctor_add(&doctor->report, DOCTOR_OK, "membarrier", "allowed");
		return;
	}
	doctor_add(&doctor->report, DOCTOR_WARNING, "membarrier",
		   "refused: %s; the writer wakes up more often in its place", try_text(error));
	doctor_mend(&doctor->report, "allow membarrier in the seccomp profile");
}

static void check_proc(struct doctor *doctor)
{
	if (access("/proc/self/fd", F_OK) == 0)
		return;
	doctor_add(&doctor->report, DOCTOR_WARNING, "proc",
		   "/proc is not mounted: limits of a cgroup and seccomp filters cannot be seen, "
		   "and kernels before 6.10 give a new ring its name through it");
	doctor_mend(&doctor->report, "mount -t proc proc /proc");
}

void doctor_kernel(struct doctor *doctor)
{
	struct utsname name;

	if (uname(&name) == 0)
		doctor_add(&doctor->report, DOCTOR_OK, "kernel", "%s %s %s", name.sysname,
			   name.release, name.machine);
	check_proc(doctor);
	check_io_uring(doctor);
	check_membarrier(doctor);
	doctor_add(&doctor->report, DOCTOR_OK, "versions",
		   "otlpipe %s, layout of shared memory %d.%d, page of the writer %d.%d",
		   otlp_version(), LAYOUT_MAJOR, LAYOUT_MINOR, STATUS_MAJOR, STATUS_MINOR);
}
