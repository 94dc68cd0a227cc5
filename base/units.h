/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durations, sizes and counts as people write them on a command line.
 *
 * A number is decimal digits, with a fraction if a unit allows for it ("1.5s",
 * "0.25GiB"); what is finer than a nanosecond or a byte is cut off, but never
 * down to zero. No sign, no blank, no hexadecimal.
 *
 *   duration  ns us ms s m h d; without a unit: seconds
 *   size      B; K M G T and KiB MiB GiB TiB are powers of 1024, as GNU tools
 *             have it, KB MB GB TB are powers of 1000; the case does not matter;
 *             without a unit: bytes
 */
#ifndef OTLPIPE_BASE_UNITS_H
#define OTLPIPE_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Large enough for every text that units_format_duration() makes, with its NUL. */
#define UNITS_TEXT_BYTES 32

/** Each: 0; -EINVAL for what is not a number with a known unit; -ERANGE for too much. */
int units_parse_duration(const char *text, int64_t *ret_ns);
int units_parse_size(const char *text, uint64_t *ret_bytes);
/** Digits alone. -ERANGE also below min and above max. */
int units_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/**
 * For people: the largest unit that leaves a whole part, two decimals at most, cut off and not
 * rounded. Returns text.
 */
const char *units_format_duration(int64_t ns, char text[UNITS_TEXT_BYTES]);

#endif
