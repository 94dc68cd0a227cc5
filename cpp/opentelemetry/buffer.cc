// SPDX-License-Identifier: Apache-2.0
#include "cpp/opentelemetry/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <otlpipe/utf8.h>

namespace otlpipe
{

static constexpr size_t block_bytes_min = 4096 - sizeof(Block);

void block_free(Block *block) noexcept
{
	std::free(block);
}

Block *Buffer::release() noexcept
{
	Block *kept = spare_;

	while (blocks_ != nullptr) {
		Block *block = blocks_;

		blocks_ = block->next;
		if (block->bytes <= kept_bytes_max &&
		    (kept == nullptr || kept->bytes < block->bytes))
			std::swap(block, kept);
		block_free(block);
	}
	spare_ = nullptr;
	at_ = end_ = nullptr;
	total_ = 0;
	return kept;
}

void *Buffer::take_block(size_t bytes) noexcept
{
	Block *block = spare_;

	if (block != nullptr && block->bytes >= bytes) {
		spare_ = nullptr;
	} else {
		if (bytes > bytes_max - total_)
			return nullptr;
		/* Twice what there is, so that a record of any size needs few. */
		const size_t size = std::max({bytes, 2 * total_, block_bytes_min});

		block = static_cast<Block *>(std::malloc(sizeof(*block) + size));
		if (block == nullptr)
			return nullptr;
		block->bytes = size;
	}
	block->next = blocks_;
	blocks_ = block;
	total_ += std::min(block->bytes, bytes_max - total_);
	/* A block's room is aligned for anything, which is as much as is ever asked for. */
	at_ = reinterpret_cast<char *>(block + 1) + bytes;
	end_ = reinterpret_cast<char *>(block + 1) + block->bytes;
	return block + 1;
}

bool Buffer::repair(const char *from, size_t bytes, otlp_str &ret) noexcept
{
	size_t needed = 0, at = 0;
	char *to;

	detail::utf8_repair(from, bytes, [&](const char *, size_t piece) { needed += piece; });
	to = static_cast<char *>(take(needed, 1));
	if (to == nullptr)
		return false;
	detail::utf8_repair(from, bytes, [&](const char *text, size_t piece) {
		std::memcpy(to + at, text, piece);
		at += piece;
	});
	ret = {to, needed};
	return true;
}

bool Buffer::text_checked(const char *from, size_t bytes, otlp_str old, otlp_str &ret) noexcept
{
	char *to = const_cast<char *>(old.ptr); /* memory of this buffer, which is writable */

	if (bytes == 0) {
		ret = {nullptr, 0};
		return true;
	}
	if (detail::utf8_prefix(from, bytes) != bytes)
		return repair(from, bytes, ret);
	if (bytes > old.len)
		to = static_cast<char *>(take(bytes, 1));
	if (to == nullptr)
		return false;
	std::memcpy(to, from, bytes);
	ret = {to, bytes};
	return true;
}

bool Buffer::borrow(const char *from, size_t bytes, otlp_str &ret) noexcept
{
	if (detail::utf8_prefix(from, bytes) != bytes)
		return repair(from, bytes, ret);
	ret = {from, bytes};
	return true;
}

} // namespace otlpipe
