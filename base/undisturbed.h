/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stretch of code that nothing takes its thread out of: no signal handler that
 * could jump away (siglongjmp), no cancellation (pthread_cancel). What begins in
 * it ends in it, so that a lock is given back and a descriptor is closed.
 *
 * Signals wait until the end; those that the code itself would cause (SIGSEGV,
 * SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS) are not held back, since a blocked one
 * ends the program instead of calling its handler. Async-signal-safe, keeps errno.
 */
#ifndef OTLPIPE_BASE_UNDISTURBED_H
#define OTLPIPE_BASE_UNDISTURBED_H

#include <signal.h>

struct undisturbed {
	sigset_t mask; /* as it was */
	int cancel_state;
};

void undisturbed_begin(struct undisturbed *ret);
void undisturbed_end(const struct undisturbed *undisturbed);

#endif
