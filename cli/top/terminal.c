/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be written to a terminal so that it is as before is looked up at the start: in a
 * signal handler only write() and tcsetattr() are left.
 */
#include "cli/top/terminal.h"

#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
/* Last, since it has names as macros that are of use elsewhere. */
#include <term.h>

#include "base/array.h"

#define RESTORE_BYTES 256u

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};

static volatile sig_atomic_t told_to_end;
static volatile sig_atomic_t has_screen;
static struct termios before;
static char restore[RESTORE_BYTES];
static size_t restore_bytes;
/* base/guard.h has a handler of its own: what it does not know goes on as a crash. */
static struct sigaction guard_action;

enum terminal_kind terminal_look(void)
{
	int error;
	const char *move;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return TERMINAL_NONE;
	if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
		return TERMINAL_UNKNOWN;
	move = tigetstr("cup");
	return move != NULL && move != (const char *)-1 ? TERMINAL_SCREEN : TERMINAL_DUMB;
}

/* A capability, without the pauses ("$<5>") that terminals of paper needed. */
static void add_capability(const char *name)
{
	const char *text = tigetstr(name);

	if (text == NULL || text == (const char *)-1)
		return;
	while (*text != '\0' && restore_bytes < sizeof(restore)) {
		const char *end = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;

		if (end != NULL)
			text = end + 1;
		else
			restore[restore_bytes++] = *text++;
	}
}

/* Async-signal-safe. */
static void restore_now(void)
{
	if (!has_screen)
		return;
	has_screen = 0;
	if (write(STDOUT_FILENO, restore, restore_bytes) < 0)
		return; /* nobody is there to see it */
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

/* As if it had never been caught. */
static void die_of(int number)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t only;

	restore_now();
	sigaction(number, &action, NULL);
	sigemptyset(&only);
	sigaddset(&only, number);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(number);
}

static void on_end(int number)
{
	const int saved = errno;

	if (told_to_end)
		die_of(number);
	told_to_end = 1;
	errno = saved;
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	struct sigaction now;

	/* A region that was cut is no crash: base/guard.c puts zeros there, or gives up. */
	if (number == SIGBUS && guard_action.sa_sigaction != NULL &&
	    (guard_action.sa_flags & SA_SIGINFO) != 0) {
		guard_action.sa_sigaction(number, info, context);
		if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
			return;
	}
	die_of(number);
}

int terminal_guard(void)
{
	struct sigaction action = {.sa_handler = on_end};
	struct sigaction crash = {.sa_flags = SA_SIGINFO};

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return -errno;
	restore_bytes = 0;
	/* The keypad's mode, colours and the like, the cursor, and the screen that was there. */
	add_capability("rmkx");
	add_capability("sgr0");
	add_capability("op");
	add_capability("cnorm");
	add_capability("rmcup");
	has_screen = 1;
	for (size_t i = 0; i < COUNT_OF(ending); i++)
		if (sigaction(ending[i], &action, NULL) < 0)
			return -errno;
	crash.sa_sigaction = on_crash;
	for (size_t i = 0; i < COUNT_OF(crashes); i++)
		if (sigaction(crashes[i], &crash, crashes[i] == SIGBUS ? &guard_action : NULL) < 0)
			return -errno;
	return 0;
}

bool terminal_is_told_to_end(void)
{
	return told_to_end != 0;
}

void terminal_release(void)
{
	has_screen = 0;
}
