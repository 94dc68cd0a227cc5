/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SIGBUS handler. It runs in the thread that touched the memory, at that
 * instruction, so a plain list of this thread's is safe as long as it is not changed
 * while a guarded mapping is touched.
 */
#include "base/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* Each thread has its own: the handler runs in the thread that met the hole. */
static _Thread_local struct guard *guards;

static void guard_handle(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	int saved = errno;
	struct guard *guard;

	(void)context;
	for (guard = guards; guard != NULL; guard = guard->next) {
		uintptr_t start = (uintptr_t)guard->start;

		if (at < start || at - start >= guard->bytes)
			continue;
		if (mmap(guard->start, guard->bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			break;
		guard->has_failed = true;
		errno = saved;
		return;
	}
	/* Not ours, or no memory for zeros: die of it in the usual way. */
	signal(number, SIG_DFL);
	errno = saved;
}

int guard_install(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = guard_handle;
	action.sa_flags = SA_SIGINFO;
	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

void guard_add(struct guard *guard, void *start, size_t bytes)
{
	guard->start = start;
	guard->bytes = bytes;
	guard->has_failed = false;
	guard->next = guards;
	if (guards != NULL)
		guards->at = &guard->next;
	guard->at = &guards;
	guards = guard;
}

void guard_remove(struct guard *guard)
{
	if (guard->at == NULL)
		return;
	*guard->at = guard->next;
	if (guard->next != NULL)
		guard->next->at = guard->at;
	guard->at = NULL;
}
