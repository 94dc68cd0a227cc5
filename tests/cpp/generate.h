// SPDX-License-Identifier: Apache-2.0
/* Spans and log records of every form, from a fixed seed. */
#ifndef OTLPIPE_TESTS_CPP_GENERATE_H
#define OTLPIPE_TESTS_CPP_GENERATE_H

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <opentelemetry/common/key_value_iterable_view.h>
#include <opentelemetry/sdk/instrumentationscope/instrumentation_scope.h>

#include "otlp.h"

/** What a link's flags are, by its span id; a link to no span is not in it. */
using LinkFlags = std::map<std::string, uint32_t>;

/** Attributes as an application passes them. */
using Pairs = std::vector<std::pair<std::string, common::AttributeValue>>;

/** Calls that fill in a recordable: the same for ours and for theirs. */
template <class Recordable> using Calls = std::vector<std::function<void(Recordable &)>>;

class Generator
{
      public:
	explicit Generator(uint64_t seed) : random_(seed)
	{
	}

	/** Below the limit. */
	uint64_t below(uint64_t limit)
	{
		return random_() % limit;
	}

	/** ASCII or not, up to 40 characters, sometimes none. */
	const std::string &text();

	/** A value by the variant's index. What it points to lives as long as this. */
	common::AttributeValue value(size_t index);

	/** A key that tells the kind of its value; few of each, so that some come twice. */
	std::pair<std::string, common::AttributeValue> pair();
	const Pairs &pairs(size_t count_max);

	trace_api::SpanContext context(bool is_valid);

	/** All that a span may be told; `of` is its number. */
	Calls<trace_sdk::Recordable> span(uint64_t of, LinkFlags &link_flags);
	Calls<logs_sdk::Recordable> log(uint64_t of, std::string &event_name);

	/** Places to be in. */
	const opentelemetry::sdk::resource::Resource &resource();
	const opentelemetry::sdk::instrumentationscope::InstrumentationScope &scope();

      private:
	template <class T> nostd::span<const T> array();

	std::mt19937_64 random_;
	std::deque<std::string> texts_;
	std::deque<std::shared_ptr<void>> arrays_;
	std::deque<Pairs> pairs_;
	std::deque<opentelemetry::sdk::resource::Resource> resources_;
	std::deque<
		nostd::unique_ptr<opentelemetry::sdk::instrumentationscope::InstrumentationScope>>
		scopes_;
};

#endif
