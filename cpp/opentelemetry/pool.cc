// SPDX-License-Identifier: Apache-2.0
#include "cpp/opentelemetry/pool.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace otlpipe
{

static uint32_t number_of(uint64_t free)
{
	return static_cast<uint32_t>(free);
}

/* The list with another first slot; a taking counts. */
static uint64_t with_number(uint64_t free, uint32_t number, uint64_t takings)
{
	return ((free >> 32) + takings) << 32 | number;
}

Pool::Pool(size_t object_bytes, uint32_t count_max) noexcept
    : object_bytes_(object_bytes), count_max_(count_max),
      slots_(reinterpret_cast<std::atomic<Slot *> *>(this + 1))
{
	for (uint32_t i = 0; i < count_max; i++)
		new (&slots_[i]) std::atomic<Slot *>(nullptr);
}

Pool *Pool::make(size_t object_bytes, size_t count_max) noexcept
{
	const size_t count = std::min<size_t>(count_max, 1u << 20);
	void *memory = nullptr;

	if (posix_memalign(&memory, alignof(Pool),
			   sizeof(Pool) + count * sizeof(std::atomic<Slot *>)) != 0)
		return nullptr;
	return new (memory) Pool(object_bytes, static_cast<uint32_t>(count));
}

void Pool::free_slot(Slot *slot) noexcept
{
	block_free(slot->spare);
	std::free(slot);
}

Slot *Pool::make_slot() noexcept
{
	void *memory = std::malloc(sizeof(Slot) + object_bytes_);
	uint32_t made = made_.load(std::memory_order_relaxed);

	if (memory == nullptr)
		return nullptr;
	Slot *slot = new (memory) Slot{nullptr, nullptr, 0, {}};
	while (made < count_max_)
		if (made_.compare_exchange_weak(made, made + 1, std::memory_order_relaxed)) {
			slot->pool = this;
			slot->number = made + 1;
			slots_[made].store(slot, std::memory_order_relaxed);
			break;
		}
	return slot;
}

void *Pool::take() noexcept
{
	/* PAIR(pool-free): with put(): a slot's content, and its place in slots_, come with its
	 * number. */
	uint64_t free = free_.load(std::memory_order_acquire);
	Slot *slot = nullptr;

	while (number_of(free) != 0) {
		slot = slots_[number_of(free) - 1].load(std::memory_order_relaxed);
		/* Another thread may have taken it already: then this is read for nothing, from
		 * memory that stays a slot for as long as the pool is open. */
		const uint32_t next = slot->next.load(std::memory_order_relaxed);

		/* PAIR(pool-free): as above, where it fails. */
		if (free_.compare_exchange_weak(free, with_number(free, next, 1),
						std::memory_order_acquire))
			return slot + 1;
	}
	slot = make_slot();
	return slot != nullptr ? slot + 1 : nullptr;
}

void Pool::give(void *object) noexcept
{
	Slot &slot = Slot::of(object);

	if (slot.pool != nullptr)
		slot.pool->put(slot);
	else
		free_slot(&slot);
}

void Pool::put(Slot &slot) noexcept
{
	/* PAIR(pool-closed): with close(): what it did comes before the slot is freed. */
	uint64_t free = free_.load(std::memory_order_acquire);

	do {
		if (number_of(free) == closed) {
			free_slot(&slot);
			forget(1);
			return;
		}
		slot.next.store(number_of(free), std::memory_order_relaxed);
		/* PAIR(pool-free): with take(): the slot's content goes with its number.
		 * PAIR(pool-closed): with close(), which frees it. */
	} while (!free_.compare_exchange_weak(free, with_number(free, slot.number, 0),
					      std::memory_order_acq_rel,
					      std::memory_order_acquire));
}

/* That many have come back after close(); the last one ends the pool. */
void Pool::forget(int64_t count) noexcept
{
	/* PAIR(pool-missing): with ourselves in another thread: all that any of them did with the
	 * pool comes before its end. */
	if (missing_.fetch_sub(count, std::memory_order_acq_rel) == count) {
		this->~Pool();
		std::free(this);
	}
}

void Pool::close() noexcept
{
	/* PAIR(pool-closed): with put(): the slots in the list come with it, and none goes into it
	 * any more. */
	uint32_t number = number_of(free_.exchange(closed, std::memory_order_acq_rel));
	int64_t missing = made_.load(std::memory_order_relaxed);

	while (number != 0) {
		Slot *slot = slots_[number - 1].load(std::memory_order_relaxed);

		number = slot->next.load(std::memory_order_relaxed);
		free_slot(slot);
		missing--;
	}
	/* Those that came back since the exchange have counted below zero already. */
	forget(-missing);
}

} // namespace otlpipe
