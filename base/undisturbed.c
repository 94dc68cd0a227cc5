/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals are held back first and let in last: a handler that jumps away as soon
 * as it may must not leave the thread's cancellation switched off.
 */
#include "base/undisturbed.h"

#include <errno.h>
#include <pthread.h>

void undisturbed_begin(struct undisturbed *ret)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	int saved = errno;
	sigset_t mask;
	unsigned i;

	sigfillset(&mask);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&mask, own[i]);
	(void)pthread_sigmask(SIG_BLOCK, &mask, &ret->mask);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ret->cancel_state);
	errno = saved;
}

void undisturbed_end(const struct undisturbed *undisturbed)
{
	int saved = errno;

	(void)pthread_setcancelstate(undisturbed->cancel_state, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &undisturbed->mask, NULL);
	errno = saved;
}
