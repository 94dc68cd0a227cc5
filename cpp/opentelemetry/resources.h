// SPDX-License-Identifier: Apache-2.0
/*
 * The resources that an exporter has met, each with an exporter of the library that has it set: so
 * a record refers to its resource and does not carry it. One as a rule: a provider has one. A
 * resource is known by its content, as another one may come to stand at the same address. Any
 * thread; what was added stays until the end.
 */
#ifndef OTLPIPE_CPP_RESOURCES_H
#define OTLPIPE_CPP_RESOURCES_H

#include <atomic>
#include <new>

#include "cpp/opentelemetry/value.h"

namespace otlpipe
{

/**
 * Traits: `handle`, an exporter of the C interface, and static functions make(library, handle **),
 * set(handle *, const otlp_resource *) and unref(handle *).
 */
template <class Traits> class Resources
{
      public:
	using handle = typename Traits::handle;

	/** More carry their resource in each record. */
	static constexpr unsigned count_max = 64;

	explicit Resources(otlp_library *library) noexcept : library_(library)
	{
	}

	Resources(const Resources &) = delete;
	Resources &operator=(const Resources &) = delete;

	~Resources()
	{
		Entry *entry = first_.load(std::memory_order_relaxed);

		while (entry != nullptr) {
			Entry *next = entry->next;

			Traits::unref(entry->exporter);
			delete entry;
			entry = next;
		}
	}

	/**
	 * @param resource  borrowed
	 * @param buffer    for looking at it
	 * @param content   where NULL is returned: the resource, in the buffer
	 * @return an exporter that has it set; NULL: there are too many, or no memory
	 */
	handle *find(const opentelemetry::sdk::resource::Resource &resource, Buffer &buffer,
		     otlp_resource &content) noexcept
	{
		/* PAIR(resources-first): with add(): the entries are whole. */
		Entry *first = first_.load(std::memory_order_acquire);
		unsigned count = 0;

		/* A provider's own, again and again: its attributes come in the order of the
		 * copy's. */
		for (Entry *entry = first; entry != nullptr; entry = entry->next)
			if (text_equal(entry->content.schema_url, resource.GetSchemaURL()) &&
			    attributes_look_equal(entry->content.attributes,
						  resource.GetAttributes()))
				return entry->exporter;
		content = resource_borrow(buffer, resource);
		for (Entry *entry = first; entry != nullptr; entry = entry->next, count++)
			if (text_equal(entry->content.schema_url, content.schema_url) &&
			    attributes_equal(entry->content.attributes, content.attributes))
				return entry->exporter;
		return count < count_max ? add(resource, first) : nullptr;
	}

      private:
	struct Entry {
		opentelemetry::sdk::resource::Resource copy;
		Buffer buffer{nullptr, 0, nullptr};
		otlp_resource content;
		handle *exporter = nullptr;
		Entry *next = nullptr;

		explicit Entry(const opentelemetry::sdk::resource::Resource &from)
		    : copy(from), content(resource_borrow(buffer, copy))
		{
		}
	};

	handle *add(const opentelemetry::sdk::resource::Resource &resource, Entry *first) noexcept
	try {
		Entry *entry = new Entry(resource);

		if (Traits::make(library_, &entry->exporter) != OTLP_OK ||
		    Traits::set(entry->exporter, &entry->content) != OTLP_OK) {
			Traits::unref(entry->exporter);
			delete entry;
			return nullptr;
		}
		do {
			entry->next = first;
			/* PAIR(resources-first): with find(). Two threads that add the same one
			 * leave two entries, of which the newer is found. */
		} while (!first_.compare_exchange_weak(first, entry, std::memory_order_release,
						       std::memory_order_relaxed));
		return entry->exporter;
	} catch (...) {
		return nullptr; /* no memory */
	}

	otlp_library *const library_;
	std::atomic<Entry *> first_{nullptr};
};

/**
 * Room for one export: what a batch needs beside its records. A block that it took from the heap is
 * kept for the next. Of two exports at once the second has one of its own.
 */
class Scratch
{
      public:
	~Scratch()
	{
		block_free(spare_.load(std::memory_order_relaxed));
	}

	/** The block for a Buffer. */
	Block *take() noexcept
	{
		/* As a rule there is none, as an export needs none. */
		if (spare_.load(std::memory_order_relaxed) == nullptr)
			return nullptr;
		/* PAIR(scratch): with give(): the block's head comes with it. */
		return spare_.exchange(nullptr, std::memory_order_acquire);
	}

	void give(Block *block) noexcept
	{
		if (block == nullptr)
			return;
		/* PAIR(scratch): with take(). */
		block_free(spare_.exchange(block, std::memory_order_acq_rel));
	}

      private:
	std::atomic<Block *> spare_{nullptr};
};

} // namespace otlpipe

#endif
