// SPDX-License-Identifier: Apache-2.0
/*
 * The SDK's attributes as the library's. What an application passes is copied into a buffer, as it
 * lives for its call alone; what the SDK owns is pointed to, where it has the same form.
 */
#ifndef OTLPIPE_CPP_VALUE_H
#define OTLPIPE_CPP_VALUE_H

#include <cstddef>
#include <cstdint>

#include <opentelemetry/common/attribute_value.h>
#include <opentelemetry/common/key_value_iterable.h>
#include <opentelemetry/common/timestamp.h>
#include <opentelemetry/nostd/string_view.h>
#include <opentelemetry/sdk/common/attribute_utils.h>
#include <opentelemetry/sdk/instrumentationscope/instrumentation_scope.h>
#include <opentelemetry/sdk/resource/resource.h>

#include <otlpipe/data.h>

#include "cpp/opentelemetry/buffer.h"

namespace otlpipe
{

/** No limit of a count, or of a length. */
constexpr uint32_t count_unlimited = UINT32_MAX;
constexpr size_t length_unlimited = SIZE_MAX;

/** Attributes that are set one by one. */
struct AttributeList {
	otlp_attribute *items;
	uint32_t count, room;
	uint32_t dropped; /* for a limit, or for want of memory */
	uint64_t seen;	  /* a bit for some keys each: where it is not set, none of them is there */

	otlp_attributes attributes() const noexcept
	{
		return {items, count, dropped};
	}
};

/**
 * Set an attribute: the last value of a key counts, at the place of its first. One that is one too
 * many, or for which there is no memory, is counted as dropped.
 *
 * @param count_max   the limit of the list
 * @param length_max  the limit of a string's or a byte array's length, in bytes; a string ends
 *                    before it with a whole character
 */
void attribute_set(AttributeList &list, Buffer &buffer, opentelemetry::nostd::string_view key,
		   const opentelemetry::common::AttributeValue &value, uint32_t count_max,
		   size_t length_max) noexcept;

/** All attributes of an event or a link; the limits as above. */
otlp_attributes attributes_copy(Buffer &buffer,
				const opentelemetry::common::KeyValueIterable &attributes,
				uint32_t count_max, size_t length_max) noexcept;

/** Copy a value. @return false: there is no memory, and ret is as it was */
bool value_copy(Buffer &buffer, const opentelemetry::common::AttributeValue &value,
		size_t length_max, otlp_value &ret) noexcept;

/** Point to a value that the SDK owns. @return false: there is no memory */
bool value_borrow(Buffer &buffer, const opentelemetry::sdk::common::OwnedAttributeValue &value,
		  otlp_value &ret) noexcept;

/** A map of the SDK's. What there is no memory for is counted as dropped. */
template <class Map> otlp_attributes attributes_borrow(Buffer &buffer, const Map &map) noexcept
{
	otlp_attribute *items = map.empty() ? nullptr : buffer.array<otlp_attribute>(map.size());
	otlp_attributes ret = {items, 0, 0};

	for (const auto &pair : map) {
		if (items != nullptr &&
		    buffer.borrow(pair.first.data(), pair.first.size(), items[ret.count].key) &&
		    value_borrow(buffer, pair.second, items[ret.count].value))
			ret.count++;
		else
			ret.dropped++;
	}
	return ret;
}

/** A string of the SDK's; empty where there is no memory for its repair. */
otlp_str text_borrow(Buffer &buffer, const std::string &text) noexcept;

otlp_resource resource_borrow(Buffer &buffer,
			      const opentelemetry::sdk::resource::Resource &resource) noexcept;

otlp_scope
scope_borrow(Buffer &buffer,
	     const opentelemetry::sdk::instrumentationscope::InstrumentationScope &scope) noexcept;

/**
 * Whether what was pointed to in a map that is alike is the same as what a map has, where that can
 * be seen at a glance: in the same order, of texts and numbers. False if not, or if it is not
 * known.
 */
bool attributes_look_equal(const otlp_attributes &known,
			   const opentelemetry::sdk::resource::ResourceAttributes &map) noexcept;

/** Whether two are the same; their keys differ each from the others. The order may be another. */
bool attributes_equal(const otlp_attributes &one, const otlp_attributes &other) noexcept;

inline bool text_equal(otlp_str one, otlp_str other) noexcept
{
	return one.len == other.len && bytes_equal(one.ptr, other.ptr, one.len);
}

inline bool text_equal(otlp_str one, const std::string &other) noexcept
{
	return one.len == other.size() && bytes_equal(one.ptr, other.data(), one.len);
}

/** Nanoseconds since the epoch; what is before it is 0. */
uint64_t time_ns(opentelemetry::common::SystemTimestamp time) noexcept;

} // namespace otlpipe

#endif
