// SPDX-License-Identifier: Apache-2.0
/*
 * Memory for one record and all that it points to: taken piece by piece, given back at once. It
 * starts in room that its owner has, and goes on in blocks from the heap; the largest of those is
 * kept for the next record, so that records of about one size allocate nothing. One thread at a
 * time.
 */
#ifndef OTLPIPE_CPP_BUFFER_H
#define OTLPIPE_CPP_BUFFER_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include <otlpipe/data.h>

namespace otlpipe
{

/** A block from the heap; its room stands behind it. */
struct alignas(std::max_align_t) Block {
	Block *next;
	size_t bytes; /* of the room */
};

void block_free(Block *block) noexcept;

/*
 * Keys and values are short, so that a call of memcpy() or memcmp() takes longer than what it does.
 * Words that overlap at the end take the place of a loop over the last bytes.
 */

/** Copy a text that is not empty. @return false: it is not all ASCII, and `to` may have any of it
 */
inline bool bytes_copy_ascii(char *to, const char *from, size_t bytes) noexcept
{
	uint64_t word, all = 0;

	if (bytes >= sizeof(word)) {
		for (size_t at = 0; at < bytes - sizeof(word); at += sizeof(word)) {
			std::memcpy(&word, from + at, sizeof(word));
			std::memcpy(to + at, &word, sizeof(word));
			all |= word;
		}
		std::memcpy(&word, from + bytes - sizeof(word), sizeof(word));
		std::memcpy(to + bytes - sizeof(word), &word, sizeof(word));
		all |= word;
	} else {
		for (size_t at = 0; at < bytes; at++) {
			to[at] = from[at];
			all |= static_cast<unsigned char>(from[at]);
		}
	}
	return (all & 0x8080808080808080u) == 0;
}

/** Whether as many bytes are the same. */
inline bool bytes_equal(const char *one, const char *other, size_t bytes) noexcept
{
	uint64_t word, its;

	if (bytes < sizeof(word)) {
		for (size_t at = 0; at < bytes; at++)
			if (one[at] != other[at])
				return false;
		return true;
	}
	for (size_t at = 0; at < bytes - sizeof(word); at += sizeof(word)) {
		std::memcpy(&word, one + at, sizeof(word));
		std::memcpy(&its, other + at, sizeof(its));
		if (word != its)
			return false;
	}
	std::memcpy(&word, one + bytes - sizeof(word), sizeof(word));
	std::memcpy(&its, other + bytes - sizeof(its), sizeof(its));
	return word == its;
}

class Buffer
{
      public:
	/** More is not taken for one record: none of that size goes into a ring. */
	static constexpr size_t bytes_max = 16u << 20;
	/** A block that is larger is not kept. */
	static constexpr size_t kept_bytes_max = 256u << 10;

	/**
	 * @param room   the first memory, of room_bytes, aligned for anything; stays its owner's
	 * @param spare  NULL, or a block that release() of another one returned
	 */
	Buffer(void *room, size_t room_bytes, Block *spare) noexcept
	    : at_(static_cast<char *>(room)), end_(at_ + room_bytes), spare_(spare)
	{
	}

	Buffer(const Buffer &) = delete;
	Buffer &operator=(const Buffer &) = delete;

	~Buffer()
	{
		block_free(release());
	}

	/** Give all of it back. @return NULL, or the block for the next one's `spare` */
	Block *release() noexcept;

	/** Memory that is not set; NULL: there is none, or the record is too large. */
	void *take(size_t bytes, size_t align) noexcept
	{
		const uintptr_t from =
			(reinterpret_cast<uintptr_t>(at_) + align - 1) & ~(align - 1);
		const uintptr_t end = reinterpret_cast<uintptr_t>(end_);

		if (from > end || bytes > end - from)
			return take_block(bytes);
		at_ = reinterpret_cast<char *>(from + bytes);
		return reinterpret_cast<void *>(from);
	}

	/** An array whose items are not set; NULL as take(). */
	template <class T> T *array(size_t count) noexcept
	{
		if (count > bytes_max / sizeof(T))
			return nullptr;
		return static_cast<T *>(take(count * sizeof(T), alignof(T)));
	}

	/**
	 * A copy of a text, with U+FFFD for each byte that is not UTF-8.
	 *
	 * @return false: there is no memory, and ret is as it was
	 */
	bool text(const char *from, size_t bytes, otlp_str &ret) noexcept
	{
		if (bytes != 0 && bytes <= static_cast<size_t>(end_ - at_) &&
		    bytes_copy_ascii(at_, from, bytes)) {
			ret = {at_, bytes};
			at_ += bytes;
			return true;
		}
		return text_checked(from, bytes, {nullptr, 0}, ret);
	}

	/**
	 * The same, in place of an older text of this buffer that is not needed any more: where the
	 * new one fits, it takes its place.
	 */
	bool text_over(const char *from, size_t bytes, otlp_str old, otlp_str &ret) noexcept
	{
		return old.len == 0 ? text(from, bytes, ret) : text_checked(from, bytes, old, ret);
	}

	/** The text itself where it is UTF-8, else a copy as above. */
	bool borrow(const char *from, size_t bytes, otlp_str &ret) noexcept;

      private:
	void *take_block(size_t bytes) noexcept;
	bool text_checked(const char *from, size_t bytes, otlp_str old, otlp_str &ret) noexcept;
	bool repair(const char *from, size_t bytes, otlp_str &ret) noexcept;

	char *at_, *end_;
	Block *blocks_ = nullptr; /* the newest first */
	Block *spare_;
	size_t total_ = 0; /* of the blocks */
};

} // namespace otlpipe

#endif
