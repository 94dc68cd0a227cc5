/* SPDX-License-Identifier: Apache-2.0 */
/* Short texts for a narrow screen: numbers in five columns, and levels as one character. */
#ifndef OTLPIPE_CLI_TOP_TEXT_H
#define OTLPIPE_CLI_TOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define TOP_TEXT_BYTES 32

/** "0", "999", "1.2k", "12k", "999k", "1.2M" … */
const char *top_count(uint64_t count, char ret[TOP_TEXT_BYTES]);

/** The same of a rate; below ten a second with one decimal: "0.5". */
const char *top_rate(double rate, char ret[TOP_TEXT_BYTES]);

/** In powers of 1024: "512", "1.2K", "12M" … */
const char *top_size(uint64_t bytes, char ret[TOP_TEXT_BYTES]);

/** "12s", "3m20", "1h02", "3d04", "412d". */
const char *top_age(uint64_t seconds, char ret[TOP_TEXT_BYTES]);

/** In five columns: "850ns", "12us", "1.2ms", "45ms", "1.2s". */
const char *top_took(uint64_t ns, char ret[TOP_TEXT_BYTES]);

/** A share from 0 to 1 as a block that is so high, or as a character of ASCII. */
wchar_t top_level(double share, bool is_unicode);

/**
 * The text's next character.
 *
 * @param text  moved behind it; what is no UTF-8 is one byte each
 * @return U+FFFD for what is no UTF-8, 0 at the end
 */
wchar_t top_character(const char **text);

/** Does a text have this one in it? The case of ASCII letters does not matter. */
bool top_contains(const char *text, const char *part);

#endif
