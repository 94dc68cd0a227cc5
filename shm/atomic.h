/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atomics with their order in the name, over concurrencykit's ck_pr.
 *
 * Every use of an acquire, release or fence names its partner with a PAIR(name)
 * comment; tests/lint checks that each name has both its ends. A relaxed access
 * is atomic and orders nothing.
 *
 * ck_pr is inline assembly, which ThreadSanitizer cannot see: under it the same
 * names are the compiler's builtins, so that the orders written in the source
 * are the ones it checks.
 */
#ifndef OTLPIPE_SHM_ATOMIC_H
#define OTLPIPE_SHM_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define ATOMIC_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ATOMIC_TSAN 1
#endif
#endif

#ifdef ATOMIC_TSAN

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
	static inline uint##bits##_t atomic_sub_acq_rel_u##bits(uint##bits##_t *target,           \
								uint##bits##_t value)             \
	{                                                                                         \
		return __atomic_fetch_sub(target, value, __ATOMIC_ACQ_REL);                       \
	}

/* Orders what a killed process leaves behind, not threads: nothing for TSan to see. */
static inline void atomic_fence_store(void)
{
	__asm__ __volatile__("" ::: "memory");
}

/* Orders what a monitor of another process sees: the same. */
static inline void atomic_fence_load(void)
{
	__asm__ __volatile__("" ::: "memory");
}

#else

#include <ck_pr.h>

#define ATOMIC_DEFINE(bits)                                                                       \
	static inline uint##bits##_t atomic_load_relaxed_u##bits(const uint##bits##_t *from)      \
	{                                                                                         \
		return ck_pr_load_##bits(from);                                                   \
	}                                                                                         \
	static inline uint##bits##_t atomic_load_acquire_u##bits(const uint##bits##_t *from)      \
	{                                                                                         \
		uint##bits##_t value = ck_pr_load_##bits(from);                                   \
                                                                                                  \
		ck_pr_fence_acquire();                                                            \
		return value;                                                                     \
	}                                                                                         \
	static inline void atomic_store_relaxed_u##bits(uint##bits##_t *to, uint##bits##_t value) \
	{                                                                                         \
		ck_pr_store_##bits(to, value);                                                    \
	}                                                                                         \
	static inline void atomic_store_release_u##bits(uint##bits##_t *to, uint##bits##_t value) \
	{                                                                                         \
		ck_pr_fence_release();                                                            \
		ck_pr_store_##bits(to, value);                                                    \
	}                                                                                         \
	static inline bool atomic_cas_relaxed_u##bits(                                            \
		uint##bits##_t *target, uint##bits##_t expected, uint##bits##_t desired)          \
	{                                                                                         \
		return ck_pr_cas_##bits(target, expected, desired);                               \
	}                                                                                         \
	static inline uint##bits##_t atomic_add_relaxed_u##bits(uint##bits##_t *target,           \
								uint##bits##_t value)             \
	{                                                                                         \
		return ck_pr_faa_##bits(target, value);                                           \
	}                                                                                         \
	static inline uint##bits##_t atomic_sub_acq_rel_u##bits(uint##bits##_t *target,           \
								uint##bits##_t value)             \
	{                                                                                         \
		uint##bits##_t before;                                                            \
                                                                                                  \
		ck_pr_fence_release();                                                            \
		before = ck_pr_faa_##bits(target, (uint##bits##_t)0 - value);                     \
		ck_pr_fence_acquire();                                                            \
		return before;                                                                    \
	}

/* Stores before it are seen before stores after it. */
static inline void atomic_fence_store(void)
{
	ck_pr_fence_store();
}

/* Loads before it are done before loads after it. */
static inline void atomic_fence_load(void)
{
	ck_pr_fence_load();
}

#endif

ATOMIC_DEFINE(32)
ATOMIC_DEFINE(64)

#undef ATOMIC_DEFINE

/* Two words that stand side by side, aligned to 16 bytes. */
static inline bool atomic_cas_relaxed_pair(uint64_t target[2], uint64_t expected0,
					   uint64_t expected1, uint64_t desired0, uint64_t desired1)
{
#ifdef ATOMIC_TSAN
	__extension__ typedef unsigned __int128 pair;
	pair expected = (pair)expected1 << 64 | expected0;

	return __atomic_compare_exchange_n((pair *)(void *)target, &expected,
					   (pair)desired1 << 64 | desired0, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
#else
	uint64_t expected[2] = {expected0, expected1}, desired[2] = {desired0, desired1};

	return ck_pr_cas_64_2(target, expected, desired);
#endif
}

/* Pointers, which are 64 bits wide on every machine that this is for. */
_Static_assert(sizeof(void *) == 8, "64-bit only");

static inline void *atomic_load_acquire_ptr(void *const *from)
{
	return (void *)(uintptr_t)atomic_load_acquire_u64((const uint64_t *)(const void *)from);
}

static inline void atomic_store_release_ptr(void **to, void *value)
{
	atomic_store_release_u64((uint64_t *)(void *)to, (uint64_t)(uintptr_t)value);
}

static inline bool atomic_cas_release_ptr(void **target, void *expected, void *desired)
{
#ifdef ATOMIC_TSAN
	return __atomic_compare_exchange_n(target, &expected, desired, false, __ATOMIC_RELEASE,
					   __ATOMIC_RELAXED);
#else
	ck_pr_fence_release();
	return ck_pr_cas_ptr(target, expected, desired);
#endif
}

/* Both sides of the shared memory count on these being single instructions. */
_Static_assert(__atomic_always_lock_free(4, 0), "32-bit atomics must be lock-free");
_Static_assert(__atomic_always_lock_free(8, 0), "64-bit atomics must be lock-free");

#endif
