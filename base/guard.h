/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that another process can truncate. Touching what is gone raises SIGBUS;
 * the guard puts zeros in the place of the whole mapping, so that the access
 * that met the hole goes on, and says so afterwards.
 */
#ifndef OTLPIPE_BASE_GUARD_H
#define OTLPIPE_BASE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct guard {
	struct guard *next, **at; /* the pointer to this one */
	void *start;
	size_t bytes;
	volatile bool has_failed; /* set by the signal handler: what was read since is zeros */
};

/** Install the handler, once. @return 0 or a negative errno */
int guard_install(void);

/** Watch a mapping, until guard_remove(): what the calling thread touches, and no other does. */
void guard_add(struct guard *guard, void *start, size_t bytes);
void guard_remove(struct guard *guard);

#endif
