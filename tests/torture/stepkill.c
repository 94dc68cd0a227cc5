/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program under ptrace and kills it with SIGKILL at an exact place:
 *
 *   stepkill calls N before|after PROGRAM [ARGUMENT…]
 *       at its Nth system call that leaves something behind (files, rings' wake-ups)
 *   stepkill sends N before|after PROGRAM [ARGUMENT…]
 *       the same, and what goes out to a socket or comes from it counts too, and each write
 *   stepkill call NAME N before|after PROGRAM [ARGUMENT…]
 *       at its Nth call of that name, of those that leave something behind
 *   stepkill steps OFFSET HIT STEP PROGRAM [ARGUMENT…]
 *       STEP instructions after the HITth entry of the function at this offset in
 *       the executable; STEP 0: before its first one. x86-64 alone.
 *   stepkill length OFFSET HIT PROGRAM [ARGUMENT…]
 *       kills it when that call returns, and prints how many instructions it was
 *
 * N and HIT count from 1. Exit 0: killed there, and where stands in the output; 3: the
 * program ended before it came there, 77: not possible on this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"

#define EXIT_KILLED 0
#define EXIT_ENDED  3
#define EXIT_SKIP   77

static const struct {
	long number;
	const char *name;
} visible_calls[] = {
	{SYS_io_uring_enter, "io_uring_enter"},
	{SYS_pwrite64, "pwrite64"},
	{SYS_ftruncate, "ftruncate"},
	{SYS_fallocate, "fallocate"},
	{SYS_fsync, "fsync"},
	{SYS_fdatasync, "fdatasync"},
	{SYS_renameat, "renameat"},
	{SYS_renameat2, "renameat2"},
	{SYS_linkat, "linkat"},
	{SYS_unlinkat, "unlinkat"},
	{SYS_mkdirat, "mkdirat"},
	{SYS_futex, "futex"},
};

/* Seen by the other end of a connection, or by a reader of a file. */
static const struct {
	long number;
	const char *name;
} sent_calls[] = {
	{SYS_connect, "connect"}, {SYS_sendto, "sendto"}, {SYS_recvfrom, "recvfrom"},
	{SYS_sendmsg, "sendmsg"}, {SYS_write, "write"},	  {SYS_writev, "writev"},
};

static bool counts_sends; /* sent_calls are visible too */

static const char *visible_name(const struct __ptrace_syscall_info *info)
{
	size_t i;

	for (i = 0; counts_sends && i < COUNT_OF(sent_calls); i++)
		if ((uint64_t)sent_calls[i].number == info->entry.nr)
			return sent_calls[i].name;

	for (i = 0; i < COUNT_OF(visible_calls); i++)
		if ((uint64_t)visible_calls[i].number == info->entry.nr)
			return visible_calls[i].name;
	if (info->entry.nr == SYS_openat && (info->entry.args[2] & O_CREAT) != 0)
		return "openat, to make a file";
	return NULL;
}

/* @return the program's pid, stopped behind its exec; options are set */
static pid_t start(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   (void *)(long)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD |
				  PTRACE_O_TRACECLONE)) < 0) {
		fprintf(stderr, "%s cannot be traced\n", argv[0]);
		exit(EXIT_SKIP);
	}
	return pid;
}

static int kill_all(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (waitpid(-1, &status, __WALL) > 0)
		;
	return EXIT_KILLED;
}

/* What to deliver when a stop was a signal's and none of ours. */
static long signal_of(int status)
{
	int number = WSTOPSIG(status);

	if (number == (SIGTRAP | 0x80) || number == SIGTRAP || number == SIGSTOP)
		return 0;
	return number;
}

/* @param only  a name, or NULL: any */
static int run_calls(const char *only, unsigned long nth, bool before, char **argv)
{
	struct __ptrace_syscall_info info;
	unsigned long count = 0;
	const char *name = NULL;
	pid_t pid = start(argv), stopped, killer = 0;
	int status;

	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		return EXIT_SKIP;
	while ((stopped = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (stopped == pid) /* it ended */
				return EXIT_ENDED;
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, stopped, (void *)sizeof(info), &info) > 0) {
			const char *now = info.op == PTRACE_SYSCALL_INFO_ENTRY && killer == 0
						  ? visible_name(&info)
						  : NULL;

			if (now != NULL && (only == NULL || strcmp(now, only) == 0) &&
			    ++count == nth) {
				name = now;
				killer = stopped;
			}
			if (killer == stopped && (before || info.op == PTRACE_SYSCALL_INFO_EXIT)) {
				printf("%s %s\n", before ? "before" : "after", name);
				return kill_all(pid);
			}
		}
		ptrace(PTRACE_SYSCALL, stopped, NULL, (void *)signal_of(status));
	}
	return EXIT_ENDED;
}

#ifdef __x86_64__

static unsigned long load_address(pid_t pid)
{
	unsigned long address = 0;
	char path[64];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (maps == NULL || fscanf(maps, "%lx", &address) != 1)
		address = 0;
	if (maps != NULL)
		fclose(maps);
	return address;
}

/* Run to the function's next entry. @return false: the program ended */
static bool run_to(pid_t pid, unsigned long address)
{
	long word = ptrace(PTRACE_PEEKTEXT, pid, (void *)address, NULL);
	struct user_regs_struct regs;
	pid_t stopped;
	int status;

	ptrace(PTRACE_POKETEXT, pid, (void *)address, (void *)((word & ~0xffL) | 0xcc));
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	while ((stopped = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (stopped == pid)
				return false;
			continue;
		}
		if (stopped == pid && WSTOPSIG(status) == SIGTRAP && status >> 16 == 0) {
			ptrace(PTRACE_GETREGS, pid, NULL, &regs);
			if (regs.rip == address + 1)
				break;
		}
		ptrace(PTRACE_CONT, stopped, NULL, (void *)signal_of(status));
	}
	ptrace(PTRACE_POKETEXT, pid, (void *)address, (void *)word);
	regs.rip = address;
	ptrace(PTRACE_SETREGS, pid, NULL, &regs);
	return stopped > 0;
}

/* One instruction. @return false: the program ended */
static bool step(pid_t pid, struct user_regs_struct *regs)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return false;
	return ptrace(PTRACE_GETREGS, pid, NULL, regs) == 0;
}

static int run_steps(unsigned long offset, unsigned long hit, long steps, char **argv)
{
	struct user_regs_struct regs;
	unsigned long address, stack, n;
	pid_t pid = start(argv);

	address = load_address(pid) + offset;
	for (n = 0; n < hit; n++) {
		/* Off the breakpoint of the last hit. */
		if (n > 0 && !step(pid, &regs))
			return EXIT_ENDED;
		if (!run_to(pid, address))
			return EXIT_ENDED;
	}
	ptrace(PTRACE_GETREGS, pid, NULL, &regs);
	stack = regs.rsp;
	for (n = 0; steps < 0 || n < (unsigned long)steps; n++) {
		if (!step(pid, &regs))
			return EXIT_ENDED;
		if (steps < 0 && regs.rsp > stack)
			break;
	}
	if (steps < 0)
		printf("%lu\n", n + 1);
	else
		printf("%ld instructions into call %lu\n", steps, hit);
	return kill_all(pid);
}

#else

static int run_steps(unsigned long offset, unsigned long hit, long steps, char **argv)
{
	(void)offset;
	(void)hit;
	(void)steps;
	(void)argv;
	return EXIT_SKIP;
}

#endif

int main(int argc, char **argv)
{
	if (argc > 4 && strcmp(argv[1], "calls") == 0)
		return run_calls(NULL, strtoul(argv[2], NULL, 10), strcmp(argv[3], "before") == 0,
				 argv + 4);
	if (argc > 4 && strcmp(argv[1], "sends") == 0) {
		counts_sends = true;
		return run_calls(NULL, strtoul(argv[2], NULL, 10), strcmp(argv[3], "before") == 0,
				 argv + 4);
	}
	if (argc > 5 && strcmp(argv[1], "call") == 0)
		return run_calls(argv[2], strtoul(argv[3], NULL, 10),
				 strcmp(argv[4], "before") == 0, argv + 5);
	if (argc > 5 && strcmp(argv[1], "steps") == 0)
		return run_steps(strtoul(argv[2], NULL, 16), strtoul(argv[3], NULL, 10),
				 strtol(argv[4], NULL, 10), argv + 5);
	if (argc > 4 && strcmp(argv[1], "length") == 0)
		return run_steps(strtoul(argv[2], NULL, 16), strtoul(argv[3], NULL, 10), -1,
				 argv + 4);
	fprintf(stderr, "usage: stepkill calls|sends|call|steps|length …\n");
	return 2;
}
