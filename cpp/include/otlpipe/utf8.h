// SPDX-License-Identifier: Apache-2.0
/**
 * @file
 * Text of any origin as the UTF-8 that the library takes: what is none becomes U+FFFD. The headers
 * for C++ use it; a program has no need to.
 */
#ifndef OTLPIPE_CPP_UTF8_H
#define OTLPIPE_CPP_UTF8_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include <otlpipe/data.h>

namespace otlpipe
{

namespace detail
{

/** The length of the UTF-8 sequence at text; 0: it is none. RFC 3629, section 4. */
inline size_t utf8_sequence(const char *text, size_t avail)
{
	const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
	const unsigned first = byte(0);
	const size_t bytes = first < 0x80		      ? 1
			     : first >= 0xc2 && first <= 0xdf ? 2
			     : first >= 0xe0 && first <= 0xef ? 3
			     : first >= 0xf0 && first <= 0xf4 ? 4
							      : 0;

	if (bytes == 0 || bytes > avail)
		return 0;
	for (size_t i = 1; i < bytes; i++)
		if ((byte(i) & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what is beyond U+10FFFF. */
	if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
	    (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
		return 0;
	return bytes;
}

/** How many bytes at the beginning of the text are ASCII: eight at a time, then one by one. */
inline size_t ascii_prefix(const char *text, size_t len)
{
	size_t at = 0;

	for (uint64_t word; at + sizeof(word) <= len; at += sizeof(word)) {
		std::memcpy(&word, text + at, sizeof(word));
		if ((word & 0x8080808080808080u) != 0)
			break;
	}
	while (at < len && static_cast<signed char>(text[at]) >= 0)
		at++;
	return at;
}

/** How many bytes at the beginning of the text are UTF-8. */
inline size_t utf8_prefix(const char *text, size_t len)
{
	size_t at = ascii_prefix(text, len), bytes = 1;

	while (at < len && (bytes = utf8_sequence(text + at, len - at)) != 0)
		at += bytes;
	return at;
}

/** What each byte that is not UTF-8 becomes. */
inline constexpr char utf8_replacement[] = "\xef\xbf\xbd";
inline constexpr size_t utf8_replacement_bytes = sizeof(utf8_replacement) - 1;

/** Give the text in pieces, each UTF-8, to a callable (const char *, size_t). */
template <class Put> void utf8_repair(const char *text, size_t len, Put &&put)
{
	while (len != 0) {
		const size_t good = utf8_prefix(text, len);

		if (good != 0)
			put(text, good);
		if (good == len)
			return;
		put(utf8_replacement, utf8_replacement_bytes);
		text += good + 1;
		len -= good + 1;
	}
}

/** The text, or a copy in `room` with U+FFFD for each byte that is not UTF-8. */
inline otlp_str utf8_text(const char *text, size_t len, std::string &room)
{
	if (utf8_prefix(text, len) == len)
		return {text, len};
	room.clear();
	utf8_repair(text, len,
		    [&room](const char *piece, size_t bytes) { room.append(piece, bytes); });
	return {room.data(), room.size()};
}

} // namespace detail

} // namespace otlpipe

#endif
