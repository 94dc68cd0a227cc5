// SPDX-License-Identifier: Apache-2.0
/*
 * What the recordables of spans and of log records have in common: they live in a slot of a pool,
 * and all that they are given goes into a buffer that begins in the slot.
 */
#ifndef OTLPIPE_CPP_RECORDABLE_H
#define OTLPIPE_CPP_RECORDABLE_H

#include <cstddef>
#include <memory>
#include <typeinfo>

#include "cpp/opentelemetry/pool.h"
#include "cpp/opentelemetry/value.h"

namespace otlpipe
{

/** A record goes to the library with these beside it. */
constexpr size_t chunk_records = 16;

/** Memory for objects of the class Made: from its pool by new, and back to it by delete. */
template <class Made> class Pooled
{
      public:
	static void *operator new(size_t, void *object) noexcept
	{
		return object;
	}

	static void operator delete(void *object) noexcept
	{
		Pool::give(object);
	}

	/* The other half of the placement new: a constructor here throws nothing. */
	static void operator delete(void *, void *) noexcept
	{
	}

	/** NULL: there is no memory. */
	static Made *make(Pool &pool) noexcept
	{
		void *object = pool.take();

		return object != nullptr ? new (object) Made() : nullptr;
	}

      protected:
	Pooled() = default;
	~Pooled() = default;
};

/** The first memory of a record's buffer, in its slot. */
template <size_t bytes> class RoomyBuffer
{
      public:
	/** @param object  the one in a slot that this is a part of */
	explicit RoomyBuffer(void *object) noexcept
	    : slot_(Slot::of(object)), buffer_(room_, bytes, slot_.spare)
	{
		slot_.spare = nullptr;
	}

	~RoomyBuffer()
	{
		slot_.spare = buffer_.release();
	}

	Buffer &get() noexcept
	{
		return buffer_;
	}

      private:
	Slot &slot_;
	alignas(std::max_align_t) char room_[bytes];
	Buffer buffer_;
};

/** The recordable itself, if it is one of that class; NULL: it is of another origin. */
template <class Made, class Recordable>
Made *own(const std::unique_ptr<Recordable> &recordable) noexcept
{
	const Recordable *found = recordable.get();

	if (found == nullptr || typeid(*found) != typeid(Made))
		return nullptr;
	return static_cast<Made *>(recordable.get());
}

} // namespace otlpipe

#endif
