/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unaligned loads, stores and short copies. Telemetry is made of strings of 4 to 40 bytes, for
 * which a call of memcpy() costs more than the copy: here a short copy is a few overlapping words,
 * inlined, with one branch for all lengths from 8 to 24. Nothing is read or written outside
 * [from, from + len) and [to, to + len).
 */
#ifndef OTLPIPE_BASE_BYTES_H
#define OTLPIPE_BASE_BYTES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records and OTLP are little-endian");

static inline uint32_t bytes_load32(const void *from)
{
	uint32_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

static inline uint64_t bytes_load64(const void *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

static inline uint8_t *bytes_store16(uint8_t *to, uint16_t word)
{
	memcpy(to, &word, sizeof(word));
	return to + sizeof(word);
}

static inline uint8_t *bytes_store32(uint8_t *to, uint32_t word)
{
	memcpy(to, &word, sizeof(word));
	return to + sizeof(word);
}

static inline uint8_t *bytes_store64(uint8_t *to, uint64_t word)
{
	memcpy(to, &word, sizeof(word));
	return to + sizeof(word);
}

/* Of a word: set where a byte is no ASCII. */
#define BYTES_HIGH_BITS UINT64_C(0x8080808080808080)

/* Two words at once, which each processor that we run on has registers for. */
typedef uint64_t bytes_pair __attribute__((vector_size(16)));

static inline bytes_pair bytes_load_pair(const uint8_t *from)
{
	bytes_pair pair;

	memcpy(&pair, from, sizeof(pair));
	return pair;
}

static inline bytes_pair bytes_copy_pair(uint8_t *to, const uint8_t *from)
{
	const bytes_pair pair = bytes_load_pair(from);

	memcpy(to, &pair, sizeof(pair));
	return pair;
}

static inline bytes_pair bytes_copy_line(uint8_t *to, const uint8_t *from)
{
	return bytes_copy_pair(to, from) | bytes_copy_pair(to + 16, from + 16) |
	       bytes_copy_pair(to + 32, from + 32) | bytes_copy_pair(to + 48, from + 48);
}

/**
 * bytes_copy_text() of 16 bytes or more, whose bits it returns: one pass, so that what was looked
 * at is what was copied. Both ends may overlap what lies between them. Not inlined: it would be in
 * the way of the short copies.
 */
static __attribute__((noinline, unused)) uint64_t bytes_copy_long(uint8_t *to, const uint8_t *from,
								  size_t len)
{
	uint8_t *const last = to + len - 16;
	bytes_pair bits = bytes_copy_pair(last, from + len - 16);

	for (; len > 64; len -= 64, to += 64, from += 64)
		bits |= bytes_copy_line(to, from);
	for (; to < last; to += 16, from += 16)
		bits |= bytes_copy_pair(to, from);
	return bits[0] | bits[1];
}

/**
 * Copy len bytes that do not overlap, and gather their bits in *high, where the caller looks for
 * BYTES_HIGH_BITS after many copies; from may be NULL when len is 0. Returns to + len. Into its
 * caller in any case: for the few places where a call would cost as much as the copy.
 */
static inline __attribute__((always_inline)) uint8_t *
bytes_copy_text_here(uint8_t *to, const void *source, size_t len, uint64_t *high)
{
	const uint8_t *from = source;

	if (len - 8 <= 16) { /* 8 to 24: the middle word adjoins or overlaps both others */
		const size_t middle = (len - 8) / 2;
		const uint64_t a = bytes_load64(from);
		const uint64_t b = bytes_load64(from + middle);
		const uint64_t c = bytes_load64(from + len - 8);

		memcpy(to, &a, 8);
		memcpy(to + middle, &b, 8);
		memcpy(to + len - 8, &c, 8);
		*high |= a | b | c;
	} else if (len < 8) {
		if (len >= 4) {
			const uint32_t a = bytes_load32(from);
			const uint32_t b = bytes_load32(from + len - 4);

			memcpy(to, &a, 4);
			memcpy(to + len - 4, &b, 4);
			*high |= a | b;
		} else if (len != 0) {
			const uint8_t a = from[0];
			const uint8_t b = from[len / 2];
			const uint8_t c = from[len - 1];

			to[0] = a;
			to[len / 2] = b;
			to[len - 1] = c;
			*high |= (uint64_t)(a | b | c);
		}
	} else {
		*high |= bytes_copy_long(to, from, len);
	}
	return to + len;
}

/** The same, where the compiler may choose. */
static inline uint8_t *bytes_copy_text(uint8_t *to, const void *source, size_t len, uint64_t *high)
{
	return bytes_copy_text_here(to, source, len, high);
}

/** The same for bytes that are no text. */
static inline uint8_t *bytes_copy(uint8_t *to, const void *source, size_t len)
{
	uint64_t unused = 0;

	if (len > 24) {
		memcpy(to, source, len);
		return to + len;
	}
	return bytes_copy_text(to, source, len, &unused);
}

/** Are they the same? The other one may be NULL, which is equal to no bytes alone. */
static inline bool bytes_are_equal(const uint8_t *a, const void *other, size_t len)
{
	const uint8_t *b = other;

	if (b == NULL)
		return len == 0;
	if (len >= 16) { /* the last pair may overlap the one before it */
		const uint8_t *const last = a + len - 16;
		bytes_pair differs = bytes_load_pair(last) ^ bytes_load_pair(b + len - 16);

		for (; a < last; a += 16, b += 16)
			differs |= bytes_load_pair(a) ^ bytes_load_pair(b);
		return (differs[0] | differs[1]) == 0;
	}
	if (len >= 8)
		return ((bytes_load64(a) ^ bytes_load64(b)) |
			(bytes_load64(a + len - 8) ^ bytes_load64(b + len - 8))) == 0;
	if (len >= 4)
		return ((bytes_load32(a) ^ bytes_load32(b)) |
			(bytes_load32(a + len - 4) ^ bytes_load32(b + len - 4))) == 0;
	return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

#endif
