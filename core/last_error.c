/* SPDX-License-Identifier: Apache-2.0 */
/* A text under a try-lock that a dead parent's thread cannot keep from a child. */
#include "core/last_error.h"

#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/explain.h"
#include "shm/atomic.h"

/* The other one copies a thousand bytes, and nothing takes it out of that. */
#define LAST_ERROR_TRIES_MAX 1000

/* How `too_large` is packed. */
#define TOO_LARGE_BITS	       28
#define TOO_LARGE_BYTES	       ((UINT64_C(1) << TOO_LARGE_BITS) - 1)
#define TOO_LARGE_MAX_SHIFT    TOO_LARGE_BITS
#define TOO_LARGE_SIGNAL_SHIFT (2 * TOO_LARGE_BITS)
#define TOO_LARGE_IS_SET       (UINT64_C(1) << 63)

static bool last_error_lock(struct last_error *error)
{
	const uint32_t own = (uint32_t)getpid();
	const uint32_t owner = atomic_load_relaxed_u32(&error->owner);

	/* Another process's: what a thread of our parent held when it forked. */
	if (owner == own || !atomic_cas_relaxed_u32(&error->owner, owner, own))
		return false;
	/* PAIR(last-error): with last_error_unlock() of the one before us. */
	atomic_load_acquire_u32(&error->owner);
	return true;
}

static void last_error_unlock(struct last_error *error)
{
	/* PAIR(last-error): with last_error_lock(): the text comes with it. */
	atomic_store_release_u32(&error->owner, 0);
}

struct text *last_error_begin(struct last_error_writer *ret, struct last_error *error)
{
	undisturbed_begin(&ret->undisturbed);
	if (!last_error_lock(error)) {
		undisturbed_end(&ret->undisturbed);
		return NULL;
	}
	ret->error = error;
	atomic_store_relaxed_u64(&error->too_large, 0);
	text_begin(&ret->text, error->text, sizeof(error->text));
	return &ret->text;
}

void last_error_end(struct last_error_writer *writer)
{
	writer->error->len = (uint32_t)writer->text.used;
	last_error_unlock(writer->error);
	undisturbed_end(&writer->undisturbed);
}

void last_error_too_large(struct last_error *error, enum otlp_signal signal, uint64_t bytes,
			  uint64_t bytes_max)
{
	atomic_store_relaxed_u64(&error->too_large,
				 TOO_LARGE_IS_SET | (bytes & TOO_LARGE_BYTES) |
					 (bytes_max & TOO_LARGE_BYTES) << TOO_LARGE_MAX_SHIFT |
					 (uint64_t)signal << TOO_LARGE_SIGNAL_SHIFT);
}

static size_t too_large_get(uint64_t too_large, char *ret, size_t ret_bytes)
{
	const enum otlp_signal signal = (too_large & ~TOO_LARGE_IS_SET) >> TOO_LARGE_SIGNAL_SHIFT;
	char words[LAST_ERROR_BYTES];
	struct text text;

	text_begin(&text, words, sizeof(words));
	explain_too_large(&text, signal, too_large & TOO_LARGE_BYTES,
			  too_large >> TOO_LARGE_MAX_SHIFT & TOO_LARGE_BYTES);
	if (ret_bytes > 0) {
		const size_t copied = text.used < ret_bytes ? text.used : ret_bytes - 1;

		memcpy(ret, words, copied);
		ret[copied] = '\0';
	}
	return text.used;
}

size_t last_error_get(struct last_error *error, char *ret, size_t ret_bytes)
{
	const uint64_t too_large = atomic_load_relaxed_u64(&error->too_large);
	struct undisturbed undisturbed;
	size_t len = 0, copied = 0;
	unsigned tries = 0;
	bool is_locked;

	if (too_large != 0)
		return too_large_get(too_large, ret, ret_bytes);
	undisturbed_begin(&undisturbed);
	while (!(is_locked = last_error_lock(error)) && ++tries < LAST_ERROR_TRIES_MAX)
		sched_yield();
	if (is_locked) {
		len = error->len;
		if (ret_bytes > 0) {
			copied = len < ret_bytes ? len : ret_bytes - 1;
			memcpy(ret, error->text, copied);
		}
		last_error_unlock(error);
	}
	undisturbed_end(&undisturbed);
	if (ret_bytes > 0)
		ret[copied] = '\0';
	return len;
}
