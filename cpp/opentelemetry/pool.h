// SPDX-License-Identifier: Apache-2.0
/*
 * A pool of objects of one size, each with the block of its buffer: what a span is recorded in
 * comes from here and goes back, so that spans allocate nothing. Bounded: what is under way beyond
 * that comes from the heap. Any thread; no lock. A fork in the middle of it leaves at most the
 * object that another thread had just taken behind.
 */
#ifndef OTLPIPE_CPP_POOL_H
#define OTLPIPE_CPP_POOL_H

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cpp/opentelemetry/buffer.h"

namespace otlpipe
{

class Pool;

/** Stands before each object. */
struct alignas(std::max_align_t) Slot {
	Pool *pool;		    /* NULL: it belongs to none, and goes back to the heap */
	Block *spare;		    /* of the object's buffer, while it has none itself */
	uint32_t number;	    /* from 1; 0 where pool is NULL */
	std::atomic<uint32_t> next; /* the number of the next free one; 0: none */

	static Slot &of(void *object) noexcept
	{
		return *(static_cast<Slot *>(object) - 1);
	}
};

class Pool
{
      public:
	/** @return NULL: there is no memory. Ends with close() */
	static Pool *make(size_t object_bytes, size_t count_max) noexcept;

	/** Nobody takes any more. Objects that are under way may come back for as long as they
	 * like. */
	void close() noexcept;

	/** Memory for an object, not set; NULL: there is none. */
	void *take() noexcept;

	/** The other way round, when its buffer was released into the slot. */
	static void give(void *object) noexcept;

	Pool(const Pool &) = delete;
	Pool &operator=(const Pool &) = delete;

      private:
	Pool(size_t object_bytes, uint32_t count_max) noexcept;

	Slot *make_slot() noexcept;
	void put(Slot &slot) noexcept;
	void forget(int64_t count) noexcept;
	static void free_slot(Slot *slot) noexcept;

	static constexpr uint32_t closed = UINT32_MAX;

	/* The free slots: the number of the first in the low half; in the high half a count of the
	 * takings, so that a slot which went and came back in between is not taken for the same. */
	alignas(64) std::atomic<uint64_t> free_{0};
	std::atomic<uint32_t> made_{0};	  /* slots with a number */
	std::atomic<int64_t> missing_{0}; /* after close(): those that have not come back yet */
	const size_t object_bytes_;
	const uint32_t count_max_;
	std::atomic<Slot *> *slots_; /* by number - 1; they stand behind the pool */
};

} // namespace otlpipe

#endif
