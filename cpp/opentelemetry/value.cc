// SPDX-License-Identifier: Apache-2.0
#include "cpp/opentelemetry/value.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <vector>

#include <opentelemetry/nostd/span.h>
#include <opentelemetry/nostd/variant.h>

#include <otlpipe/utf8.h>

namespace otlpipe
{

namespace nostd = opentelemetry::nostd;

using opentelemetry::common::AttributeValue;
using opentelemetry::sdk::common::OwnedAttributeValue;

namespace
{

/* The length of a string that is cut off: it ends with a whole character. */
size_t cut(const char *text, size_t bytes, size_t length_max)
{
	if (bytes <= length_max)
		return bytes;
	size_t at = length_max;

	/* Back over the bytes that go on with a character, which has four at most. */
	for (size_t back = 0; back < 3 && at > 0 && (text[at] & 0xc0) == 0x80; back++)
		at--;
	return (text[at] & 0xc0) == 0x80 ? length_max : at;
}

/* Source: common/attribute-type-mapping.md, "Integer Values": a string beyond 64 bits with a sign.
 */
bool wide_integer(Buffer &buffer, uint64_t value, otlp_value &ret)
{
	char digits[20];

	if (value <= INT64_MAX) {
		ret = otlp_value_int(static_cast<int64_t>(value));
		return true;
	}
	const auto done = std::to_chars(digits, digits + sizeof(digits), value);
	otlp_str text;

	if (!buffer.text(digits, static_cast<size_t>(done.ptr - digits), text))
		return false;
	ret = otlp_value_str(text);
	return true;
}

/* Scalars, and how an array is made of them: what both kinds of values have. */
struct Packer {
	Buffer &buffer;
	otlp_value &ret;

	bool operator()(bool value) const
	{
		ret = otlp_value_bool(value);
		return true;
	}

	bool operator()(int32_t value) const
	{
		ret = otlp_value_int(value);
		return true;
	}

	bool operator()(int64_t value) const
	{
		ret = otlp_value_int(value);
		return true;
	}

	bool operator()(uint32_t value) const
	{
		ret = otlp_value_int(value);
		return true;
	}

	bool operator()(uint64_t value) const
	{
		return wide_integer(buffer, value, ret);
	}

	bool operator()(double value) const
	{
		ret = otlp_value_double(value);
		return true;
	}

	template <class Item, class Items> bool array(const Items &items) const
	{
		otlp_value *made = nullptr;
		size_t count = 0;

		if (items.size() != 0 && (made = buffer.array<otlp_value>(items.size())) == nullptr)
			return false;
		for (const auto &item : items)
			if (!Item{{buffer, made[count++]}}(item))
				return false;
		ret = otlp_value_array(made, count);
		return true;
	}
};

/* What an application passes. */
struct Copier : Packer {
	size_t length_max = length_unlimited;
	otlp_str old = {nullptr, 0};

	using Packer::operator();

	bool operator()(nostd::string_view value) const
	{
		const size_t bytes = cut(value.data(), value.size(), length_max);
		otlp_str text;

		if (!buffer.text_over(value.data(), bytes, old, text))
			return false;
		ret = otlp_value_str(text);
		return true;
	}

	bool operator()(const char *value) const
	{
		return (*this)(value != nullptr ? nostd::string_view(value) : nostd::string_view());
	}

	bool operator()(nostd::span<const uint8_t> value) const
	{
		const size_t bytes = std::min(value.size(), length_max);
		auto *copy = static_cast<uint8_t *>(bytes == 0 ? nullptr : buffer.take(bytes, 1));

		if (bytes != 0 && copy == nullptr)
			return false;
		if (bytes != 0)
			std::memcpy(copy, value.data(), bytes);
		ret = otlp_value_bytes({copy, bytes});
		return true;
	}

	/* The strings of an array have the same limit. */
	bool operator()(nostd::span<const nostd::string_view> value) const
	{
		otlp_value *made = nullptr;
		size_t count = 0;

		if (value.size() != 0 && (made = buffer.array<otlp_value>(value.size())) == nullptr)
			return false;
		for (const auto &item : value)
			if (!Copier{{buffer, made[count++]}, length_max}(item))
				return false;
		ret = otlp_value_array(made, count);
		return true;
	}

	template <class T> bool operator()(nostd::span<const T> value) const
	{
		return array<Copier>(value);
	}
};

/* What the SDK owns. */
struct Borrower : Packer {
	using Packer::operator();

	bool operator()(const std::string &value) const
	{
		otlp_str text;

		if (!buffer.borrow(value.data(), value.size(), text))
			return false;
		ret = otlp_value_str(text);
		return true;
	}

	bool operator()(const std::vector<uint8_t> &value) const
	{
		ret = otlp_value_bytes({value.data(), value.size()});
		return true;
	}

	template <class T> bool operator()(const std::vector<T> &value) const
	{
		return array<Borrower>(value);
	}
};

bool value_equal(const otlp_value &one, const otlp_value &other)
{
	if (one.type != other.type)
		return false;
	switch (one.type) {
	case OTLP_VALUE_EMPTY:
		return true;
	case OTLP_VALUE_STRING:
		return text_equal(one.as.string, other.as.string);
	case OTLP_VALUE_BOOL:
		return one.as.boolean == other.as.boolean;
	case OTLP_VALUE_INT:
		return one.as.integer == other.as.integer;
	case OTLP_VALUE_DOUBLE:
		/* By its bits: NaN is itself. */
		return std::memcmp(&one.as.real, &other.as.real, sizeof(one.as.real)) == 0;
	case OTLP_VALUE_BYTES:
		return one.as.bytes.len == other.as.bytes.len &&
		       (one.as.bytes.len == 0 ||
			std::memcmp(one.as.bytes.ptr, other.as.bytes.ptr, one.as.bytes.len) == 0);
	case OTLP_VALUE_ARRAY:
		if (one.as.array.count != other.as.array.count)
			return false;
		for (size_t i = 0; i < one.as.array.count; i++)
			if (!value_equal(one.as.array.items[i], other.as.array.items[i]))
				return false;
		return true;
	case OTLP_VALUE_KVLIST:
		break; /* the SDK has none */
	}
	return false;
}

/* Twice the room. */
bool grow(AttributeList &list, Buffer &buffer)
{
	const uint32_t room = list.room == 0 ? 8 : 2 * list.room;
	auto *items = buffer.array<otlp_attribute>(room);

	if (items == nullptr)
		return false;
	if (list.count != 0)
		std::memcpy(items, list.items, list.count * sizeof(*items));
	list.items = items;
	list.room = room;
	return true;
}

/* The bit of AttributeList.seen for a key: by its length, its middle and its end. */
uint64_t bit_of(nostd::string_view key)
{
	const size_t bytes = key.size();

	if (bytes == 0)
		return 1;
	return uint64_t{1} << ((5 * bytes + 3 * static_cast<unsigned char>(key[bytes / 2]) +
				static_cast<unsigned char>(key[bytes - 1])) %
			       64);
}

otlp_attribute *find(const AttributeList &list, nostd::string_view key)
{
	for (uint32_t i = 0; i < list.count; i++)
		if (text_equal(list.items[i].key, otlp_str{key.data(), key.size()}))
			return &list.items[i];
	return nullptr;
}

} // namespace

namespace
{

/* The usual kinds by a switch, the others by a visit: that takes calls through a table. */
inline bool copy_into(const Copier &copier, const AttributeValue &value)
{
	if (const auto *text = nostd::get_if<const char *>(&value))
		return copier(*text);
	if (const auto *view = nostd::get_if<nostd::string_view>(&value))
		return copier(*view);
	if (const auto *small = nostd::get_if<int32_t>(&value))
		return copier(*small);
	if (const auto *integer = nostd::get_if<int64_t>(&value))
		return copier(*integer);
	if (const auto *boolean = nostd::get_if<bool>(&value))
		return copier(*boolean);
	if (const auto *real = nostd::get_if<double>(&value))
		return copier(*real);
	return nostd::visit(copier, value);
}

/* The last value of a key counts, at the place of its first. */
bool replace(otlp_attribute &there, Buffer &buffer, const AttributeValue &value, size_t length_max)
{
	const otlp_str old = there.value.type == OTLP_VALUE_STRING ? there.value.as.string
								   : otlp_str{nullptr, 0};

	return copy_into(Copier{{buffer, there.value}, length_max, old}, value);
}

} // namespace

bool value_copy(Buffer &buffer, const AttributeValue &value, size_t length_max,
		otlp_value &ret) noexcept
{
	return copy_into(Copier{{buffer, ret}, length_max}, value);
}

bool value_borrow(Buffer &buffer, const OwnedAttributeValue &value, otlp_value &ret) noexcept
{
	return nostd::visit(Borrower{{buffer, ret}}, value);
}

void attribute_set(AttributeList &list, Buffer &buffer, nostd::string_view key,
		   const AttributeValue &value, uint32_t count_max, size_t length_max) noexcept
{
	const uint64_t bit = bit_of(key);
	otlp_attribute *there = (list.seen & bit) != 0 ? find(list, key) : nullptr;

	if (there != nullptr) {
		if (!replace(*there, buffer, value, length_max))
			list.dropped++;
		return;
	}
	if (list.count >= count_max || (list.count == list.room && !grow(list, buffer))) {
		list.dropped++;
		return;
	}
	otlp_attribute &added = list.items[list.count];

	if (buffer.text(key.data(), key.size(), added.key) &&
	    copy_into(Copier{{buffer, added.value}, length_max}, value)) {
		list.count++;
		list.seen |= bit;
	} else {
		list.dropped++;
	}
}

otlp_attributes attributes_copy(Buffer &buffer,
				const opentelemetry::common::KeyValueIterable &attributes,
				uint32_t count_max, size_t length_max) noexcept
{
	const size_t size = std::min<size_t>(attributes.size(), count_max);
	AttributeList list = {};

	if (size == 0 && attributes.size() == 0)
		return {nullptr, 0, 0};
	list.items = buffer.array<otlp_attribute>(size);
	list.room = list.items != nullptr ? static_cast<uint32_t>(size) : 0;
	attributes.ForEachKeyValue([&](nostd::string_view key, AttributeValue value) noexcept {
		attribute_set(list, buffer, key, value, count_max, length_max);
		return true;
	});
	return list.attributes();
}

otlp_str text_borrow(Buffer &buffer, const std::string &text) noexcept
{
	otlp_str ret = {nullptr, 0};

	(void)buffer.borrow(text.data(), text.size(), ret);
	return ret;
}

otlp_resource resource_borrow(Buffer &buffer,
			      const opentelemetry::sdk::resource::Resource &resource) noexcept
{
	otlp_resource ret = {};

	ret.attributes = attributes_borrow(buffer, resource.GetAttributes());
	ret.schema_url = text_borrow(buffer, resource.GetSchemaURL());
	return ret;
}

otlp_scope
scope_borrow(Buffer &buffer,
	     const opentelemetry::sdk::instrumentationscope::InstrumentationScope &scope) noexcept
{
	otlp_scope ret = {};

	ret.name = text_borrow(buffer, scope.GetName());
	ret.version = text_borrow(buffer, scope.GetVersion());
	ret.schema_url = text_borrow(buffer, scope.GetSchemaURL());
	ret.attributes = attributes_borrow(buffer, scope.GetAttributes());
	return ret;
}

static bool value_looks_equal(const otlp_value &known, const OwnedAttributeValue &value)
{
	if (const auto *text = nostd::get_if<std::string>(&value))
		return known.type == OTLP_VALUE_STRING && text_equal(known.as.string, *text);
	if (const auto *small = nostd::get_if<int32_t>(&value))
		return known.type == OTLP_VALUE_INT && known.as.integer == *small;
	if (const auto *integer = nostd::get_if<int64_t>(&value))
		return known.type == OTLP_VALUE_INT && known.as.integer == *integer;
	if (const auto *boolean = nostd::get_if<bool>(&value))
		return known.type == OTLP_VALUE_BOOL && known.as.boolean == *boolean;
	return false;
}

bool attributes_look_equal(const otlp_attributes &known,
			   const opentelemetry::sdk::resource::ResourceAttributes &map) noexcept
{
	const otlp_attribute *item = known.items;

	if (known.count != map.size() || known.dropped != 0)
		return false;
	for (const auto &pair : map) {
		if (!text_equal(item->key, pair.first) ||
		    !value_looks_equal(item->value, pair.second))
			return false;
		item++;
	}
	return true;
}

bool attributes_equal(const otlp_attributes &one, const otlp_attributes &other) noexcept
{
	const auto same = [](const otlp_attribute &a, const otlp_attribute &b) {
		return text_equal(a.key, b.key) && value_equal(a.value, b.value);
	};

	if (one.count != other.count || one.dropped != other.dropped)
		return false;
	for (size_t i = 0; i < one.count; i++) {
		/* At the same place as a rule; a copy of a map may have another order. */
		bool found = same(one.items[i], other.items[i]);

		for (size_t j = 0; j < other.count && !found; j++)
			found = same(one.items[i], other.items[j]);
		if (!found)
			return false;
	}
	return true;
}

uint64_t time_ns(opentelemetry::common::SystemTimestamp time) noexcept
{
	const auto ns = time.time_since_epoch().count();

	return ns > 0 ? static_cast<uint64_t>(ns) : 0;
}

} // namespace otlpipe
