/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal is given back as it was: when the command ends, when a signal ends it, and when it
 * crashes. Only SIGKILL cannot be caught; `reset` mends what that leaves.
 */
#ifndef OTLPIPE_CLI_TOP_TERMINAL_H
#define OTLPIPE_CLI_TOP_TERMINAL_H

#include <stdbool.h>

enum terminal_kind {
	TERMINAL_NONE,	  /* standard input or output is none */
	TERMINAL_UNKNOWN, /* by $TERM */
	TERMINAL_DUMB,	  /* its cursor cannot be moved */
	TERMINAL_SCREEN,
};

/** What stands at standard input and output. */
enum terminal_kind terminal_look(void);

/**
 * Remember how it is, and catch what would end the process: before the screen is begun. SIGINT,
 * SIGTERM, SIGHUP and SIGQUIT are for terminal_is_told_to_end() then; a second one of them, and a
 * crash, restore the terminal and end the process.
 *
 * @return 0 or a negative errno
 */
int terminal_guard(void);

bool terminal_is_told_to_end(void);

/** The screen has ended in the usual way: there is nothing to restore any more. */
void terminal_release(void);

#endif
