// SPDX-License-Identifier: Apache-2.0
#include "generate.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <opentelemetry/logs/severity.h>
#include <opentelemetry/trace/trace_state.h>

static const char *const kinds[] = {"flag",    "int32", "int64",  "uint32", "real",    "cstring",
				    "string",  "flags", "int32s", "int64s", "uint32s", "reals",
				    "strings", "wide",	"wides",  "bytes"};
static_assert(sizeof(kinds) / sizeof(kinds[0]) ==
		      nostd::variant_size<common::AttributeValue>::value,
	      "the variant has another kind");

const std::string &Generator::text()
{
	static const std::string pieces[] = {
		"a", "Z", "7", "/", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	std::string made;

	for (uint64_t left = below(8) == 0 ? 0 : below(40); left != 0; left--)
		made += pieces[below(sizeof(pieces) / sizeof(pieces[0]))];
	return texts_.emplace_back(std::move(made));
}

template <class T> nostd::span<const T> Generator::array()
{
	const size_t count = below(5);
	std::shared_ptr<T[]> items(new T[count]);

	for (size_t i = 0; i < count; i++) {
		if constexpr (std::is_same<T, nostd::string_view>::value)
			items[i] = text();
		else if constexpr (std::is_same<T, bool>::value)
			items[i] = below(2) != 0;
		else if constexpr (std::is_same<T, double>::value)
			items[i] = static_cast<double>(below(1000)) / 8;
		else
			items[i] = static_cast<T>(random_());
	}
	arrays_.push_back(items);
	return {items.get(), count};
}

common::AttributeValue Generator::value(size_t index)
{
	static const double reals[] = {0.0, -1.5, 1e300, std::nan(""),
				       std::numeric_limits<double>::infinity()};

	switch (index) {
	case common::kTypeBool:
		return below(2) != 0;
	case common::kTypeInt:
		return static_cast<int32_t>(random_());
	case common::kTypeInt64:
		return static_cast<int64_t>(random_());
	case common::kTypeUInt:
		return static_cast<uint32_t>(random_());
	case common::kTypeDouble:
		return reals[below(5)];
	case common::kTypeCString:
		return text().c_str();
	case common::kTypeString:
		return nostd::string_view(text());
	case common::kTypeSpanBool:
		return array<bool>();
	case common::kTypeSpanInt:
		return array<int32_t>();
	case common::kTypeSpanInt64:
		return array<int64_t>();
	case common::kTypeSpanUInt:
		return array<uint32_t>();
	case common::kTypeSpanDouble:
		return array<double>();
	case common::kTypeSpanString:
		return array<nostd::string_view>();
	case common::kTypeUInt64:
		return random_();
	case common::kTypeSpanUInt64:
		return array<uint64_t>();
	default:
		return array<uint8_t>();
	}
}

std::pair<std::string, common::AttributeValue> Generator::pair()
{
	const size_t index = below(sizeof(kinds) / sizeof(kinds[0]));

	/* Of one key the values may be of different kinds, as long as theirs are what they say. */
	if (below(8) == 0)
		return {"mixed" + std::to_string(below(2)), value(below(5))};
	return {kinds[index] + std::to_string(below(3)), value(index)};
}

const Pairs &Generator::pairs(size_t count_max)
{
	Pairs made;

	for (size_t left = below(count_max + 1); left != 0; left--)
		made.push_back(pair());
	return pairs_.emplace_back(std::move(made));
}

trace_api::SpanContext Generator::context(bool is_valid)
{
	static const char *const states[] = {"", "a=1", "vendor=x,other=y z,third@p=0"};
	uint8_t ids[24] = {};

	for (size_t i = 0; is_valid && i < sizeof(ids); i++)
		ids[i] = static_cast<uint8_t>(1 + below(255));
	return trace_api::SpanContext(trace_api::TraceId(nostd::span<const uint8_t, 16>(ids, 16)),
				      trace_api::SpanId(nostd::span<const uint8_t, 8>(ids + 16, 8)),
				      trace_api::TraceFlags(static_cast<uint8_t>(below(4))),
				      below(2) != 0,
				      trace_api::TraceState::FromHeader(states[below(3)]));
}

const opentelemetry::sdk::resource::Resource &Generator::resource()
{
	opentelemetry::sdk::resource::ResourceAttributes attributes;

	for (const auto &pair : pairs(12))
		attributes.SetAttribute(pair.first, pair.second);
	return resources_.emplace_back(
		opentelemetry::sdk::resource::Resource::Create(attributes, text()));
}

const opentelemetry::sdk::instrumentationscope::InstrumentationScope &Generator::scope()
{
	using opentelemetry::sdk::instrumentationscope::InstrumentationScope;
	opentelemetry::sdk::common::AttributeMap attributes;

	for (const auto &pair : pairs(4))
		attributes.SetAttribute(pair.first, pair.second);
	return *scopes_.emplace_back(
		InstrumentationScope::Create(text(), text(), text(), attributes));
}

Calls<trace_sdk::Recordable> Generator::span(uint64_t of, LinkFlags &link_flags)
{
	Calls<trace_sdk::Recordable> calls;
	const auto add = [&calls](auto call) { calls.emplace_back(call); };
	const auto whole = context(true);
	uint8_t span_id[8], parent[8] = {};

	std::memcpy(span_id, &of, sizeof(span_id));
	for (size_t i = 0; below(4) != 0 && i < sizeof(parent); i++)
		parent[i] = static_cast<uint8_t>(below(256));
	const trace_api::SpanContext identity(whole.trace_id(), trace_api::SpanId(span_id),
					      whole.trace_flags(), false, whole.trace_state());
	add([identity, parent = trace_api::SpanId(parent)](auto &to) {
		to.SetIdentity(identity, parent);
		to.SetTraceFlags(identity.trace_flags());
	});
	for (const std::string *name : {&text(), &text()})
		add([name](auto &to) { to.SetName(*name); });
	add([kind = static_cast<trace_api::SpanKind>(below(5))](auto &to) {
		to.SetSpanKind(kind);
	});
	for (const auto &pair : pairs(40))
		add([&pair](auto &to) { to.SetAttribute(pair.first, pair.second); });
	for (uint64_t left = below(8); left != 0; left--)
		add([name = &text(), time = std::chrono::nanoseconds(below(1ull << 62)),
		     with = &pairs(6)](auto &to) {
			to.AddEvent(*name, common::SystemTimestamp(time),
				    common::KeyValueIterableView<Pairs>(*with));
		});
	for (uint64_t left = below(6); left != 0; left--) {
		const auto linked = context(below(8) != 0);

		if (linked.IsValid())
			link_flags[std::string(
				reinterpret_cast<const char *>(linked.span_id().Id().data()), 8)] =
				linked.trace_flags().flags() | 0x100 |
				(linked.IsRemote() ? 0x200 : 0);
		add([linked, with = &pairs(6)](auto &to) {
			to.AddLink(linked, common::KeyValueIterableView<Pairs>(*with));
		});
	}
	for (uint64_t left = below(3); left != 0; left--)
		add([code = static_cast<trace_api::StatusCode>(below(3)), why = &text()](auto &to) {
			to.SetStatus(code, code == trace_api::StatusCode::kUnset
						   ? nostd::string_view()
						   : nostd::string_view(*why));
		});
	add([start = std::chrono::nanoseconds(below(1ull << 62)),
	     took = std::chrono::nanoseconds(below(1ull << 40))](auto &to) {
		to.SetStartTime(common::SystemTimestamp(start));
		to.SetDuration(took);
	});
	return calls;
}

Calls<logs_sdk::Recordable> Generator::log(uint64_t of, std::string &event_name)
{
	Calls<logs_sdk::Recordable> calls;
	const auto add = [&calls](auto call) { calls.emplace_back(call); };
	const auto in = context(below(2) != 0);

	event_name = text();
	add([times = std::make_pair(std::chrono::nanoseconds(below(1ull << 62)),
				    std::chrono::nanoseconds(below(1ull << 62)))](auto &to) {
		to.SetTimestamp(common::SystemTimestamp(times.first));
		to.SetObservedTimestamp(common::SystemTimestamp(times.second));
	});
	add([severity = static_cast<logs_api::Severity>(of % 26)](auto &to) {
		to.SetSeverity(severity);
	});
	/* Its kind goes by the number, so that the comparison knows it. */
	add([body = value(of % 16)](auto &to) { to.SetBody(body); });
	for (const auto &pair : pairs(20))
		add([&pair](auto &to) { to.SetAttribute(pair.first, pair.second); });
	add([event_name](auto &to) { to.SetEventId(0, event_name); });
	add([in](auto &to) {
		to.SetTraceId(in.trace_id());
		to.SetSpanId(in.span_id());
		to.SetTraceFlags(in.trace_flags());
	});
	return calls;
}
