/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atomics with their order in the name, by the compiler's builtins: what ThreadSanitizer checks is
 * what ships.
 *
 * Every use of an acquire, release or fence names its partner with a PAIR(name)
 * comment; tests/lint checks that each name has both its ends. A relaxed access
 * is atomic and orders nothing.
 *
 * concurrencykit has what the builtins do not: a compare-and-swap of 16 bytes that is one
 * instruction and no call of libatomic, and fences for stores or for loads alone. ThreadSanitizer
 * does not see these. That hides nothing from it: the compare-and-swap is relaxed, so no other
 * access may be ordered by it, and the fences order what a killed process leaves behind and what a
 * monitor of another process sees, not threads.
 */
#ifndef OTLPIPE_SHM_ATOMIC_H
#define OTLPIPE_SHM_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include <ck_pr.h>

#define ATOMIC_DEFINE(bits)                                                                       \
	static inline uint##bits##_t atomic_load_relaxed_u##bits(const uint##bits##_t *from)      \
	{                                                                                         \
		return __atomic_load_n(from, __ATOMIC_RELAXED);                                   \
	}                                                                                         \
	static inline uint##bits##_t atomic_load_acquire_u##bits(const uint##bits##_t *from)      \
	{                                                                                         \
		return __atomic_load_n(from, __ATOMIC_ACQUIRE);                                   \
	}                                                                                         \
	static inline void atomic_store_relaxed_u##bits(uint##bits##_t *to, uint##bits##_t value) \
	{                                                                                         \
		__atomic_store_n(to, value, __ATOMIC_RELAXED);                                    \
	}                                                                                         \
	static inline void atomic_store_release_u##bits(uint##bits##_t *to, uint##bits##_t value) \
	{                                                                                         \
		__atomic_store_n(to, value, __ATOMIC_RELEASE);                                    \
	}                                                                                         \
	static inline bool atomic_cas_relaxed_u##bits(                                            \
		uint##bits##_t *target, uint##bits##_t expected, uint##bits##_t desired)          \
	{                                                                                         \
		return __atomic_compare_exchange_n(target, &expected, desired, false,             \
						   __ATOMIC_RELAXED, __ATOMIC_RELAXED);           \
	}                                                                                         \
	static inline uint##bits##_t atomic_add_relaxed_u##bits(uint##bits##_t *target,           \
								uint##bits##_t value)             \
	{                                                                                         \
		return __atomic_fetch_add(target, value, __ATOMIC_RELAXED);                       \
	}                                                                                         \
	static inline uint##bits##_t atomic_or_relaxed_u##bits(uint##bits##_t *target,            \
							       uint##bits##_t value)              \
	{                                                                                         \
		return __atomic_fetch_or(target, value, __ATOMIC_RELAXED);                        \
	}                                                                                         \
	static inline uint##bits##_t atomic_sub_acq_rel_u##bits(uint##bits##_t *target,           \
								uint##bits##_t value)             \
	{                                                                                         \
		return __atomic_fetch_sub(target, value, __ATOMIC_ACQ_REL);                       \
	}

ATOMIC_DEFINE(32)
ATOMIC_DEFINE(64)

#undef ATOMIC_DEFINE

/** Stores before it are seen before stores after it. */
static inline void atomic_fence_store(void)
{
	ck_pr_fence_store();
}

/** All before it is seen before all after it. Costs tens of cycles. */
static inline void atomic_fence_full(void)
{
	ck_pr_fence_memory();
}

/**
 * Behind a compare-and-swap: that comes before loads after this, too, and stores before this are
 * seen before stores after it. Where a locked instruction orders all, as on x86, it is none.
 */
static inline void atomic_fence_claim(void)
{
#if defined(__x86_64__)
	ck_pr_fence_store();
#else
	ck_pr_fence_memory();
#endif
}

/** Loads before it are done before loads after it. */
static inline void atomic_fence_load(void)
{
	ck_pr_fence_load();
}

/** Two words that stand side by side, aligned to 16 bytes. */
static inline bool atomic_cas_relaxed_pair(uint64_t target[2], uint64_t expected0,
					   uint64_t expected1, uint64_t desired0, uint64_t desired1)
{
	uint64_t expected[2] = {expected0, expected1}, desired[2] = {desired0, desired1};

	return ck_pr_cas_64_2(target, expected, desired);
}

/* Pointers, which are 64 bits wide on every machine that this is for. */
_Static_assert(sizeof(void *) == 8, "64-bit only");

static inline void *atomic_load_acquire_ptr(void *const *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static inline void atomic_store_release_ptr(void **to, void *value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

static inline bool atomic_cas_release_ptr(void **target, void *expected, void *desired)
{
	return __atomic_compare_exchange_n(target, &expected, desired, false, __ATOMIC_RELEASE,
					   __ATOMIC_RELAXED);
}

/* Both sides of the shared memory count on these being single instructions. */
_Static_assert(__atomic_always_lock_free(4, 0), "32-bit atomics must be lock-free");
_Static_assert(__atomic_always_lock_free(8, 0), "64-bit atomics must be lock-free");

#endif
