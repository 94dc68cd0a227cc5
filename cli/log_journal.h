/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of systemd's journal as log records. Built where libsystemd is. */
#ifndef OTLPIPE_CLI_LOG_JOURNAL_H
#define OTLPIPE_CLI_LOG_JOURNAL_H

#include <stdbool.h>

#include "cli/log_push.h"

struct log_journal_options {
	const char *dir; /* of journal files; NULL: this machine's */
	const char
		*cursor_path; /* where it is kept how far the journal was pushed; NULL: nowhere */
	bool follow;	      /* go on with what comes */
};

/**
 * Push entries until it is told to stop, or, without follow, until the last one there is. What is
 * not pushed then is not lost: it is in the journal, and the cursor stands before it.
 *
 * @return an enum tool_exit
 */
int log_journal(struct log_push *push, const struct log_journal_options *options);

#endif
