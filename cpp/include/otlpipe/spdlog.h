// SPDX-License-Identifier: Apache-2.0
/**
 * @file
 * A sink for spdlog (1.8 and later): what a program logs through spdlog becomes log records.
 *
 *     auto sink = std::make_shared<otlpipe::spdlog_sink>(library);
 *     auto logger = std::make_shared<spdlog::logger>("orders", sink);
 *     logger->info("order {} taken", 17);
 *
 * A record has the message as its body, without a pattern; the time, the level and the thread of
 * the message; the logger's name as its scope; and where the statement stands, if spdlog knows it
 * (SPDLOG_INFO() and its like, SPDLOG_SOURCE_LOC). Its trace context is that of the thread which
 * calls the sink: set it by otlp_log_context_set(). With an asynchronous logger that is spdlog's
 * own thread, which has none; there is no need for one, as the sink makes no system call.
 *
 * The sink takes no lock and may be used by any number of loggers and threads. It never waits and
 * never throws: what could not be taken is counted by the library (otlp_library_get_stats()).
 */
#ifndef OTLPIPE_CPP_SPDLOG_H
#define OTLPIPE_CPP_SPDLOG_H

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include <otlpipe/logger.h>
#include <otlpipe/utf8.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/sinks/sink.h>

namespace otlpipe
{

/** The sink. */
class spdlog_sink final : public spdlog::sinks::sink
{
      public:
	/** @param library  one that is open; the sink holds a reference */
	explicit spdlog_sink(otlp_library *library) : library_(otlp_library_ref(library))
	{
	}

	~spdlog_sink() override
	{
		otlp_library_unref(library_);
	}

	spdlog_sink(const spdlog_sink &) = delete;
	spdlog_sink &operator=(const spdlog_sink &) = delete;

	void log(const spdlog::details::log_msg &message) override
	{
		otlp_attribute attributes[4];
		otlp_log_record record{};
		otlp_scope scope{};
		std::string body_room, name_room;

		record.time_unix_ns = nanoseconds(message.time);
		record.observed_time_unix_ns = record.time_unix_ns;
		record.severity_number = severity(message.level);
		record.severity_text = text(spdlog::level::to_string_view(message.level));
		record.attributes.items = attributes;
		record.attributes.count = describe(message, attributes);
		record.scope = &scope;
		take_context(record);
		try {
			record.body = otlp_value_str(detail::utf8_text(
				message.payload.data(), message.payload.size(), body_room));
			scope.name = detail::utf8_text(message.logger_name.data(),
						       message.logger_name.size(), name_room);
		} catch (const std::bad_alloc &) {
			/* No memory for a repaired copy: the library refuses it, and counts it. */
			record.body = otlp_value_str(text(message.payload));
		}
		(void)otlp_library_export_logs(library_, &record, 1);
	}

	/** Does nothing: what was logged is in shared memory, and the writer has it. */
	void flush() override
	{
	}

	/** Does nothing: the body is the message, and the fields stand beside it. */
	void set_pattern(const std::string &) override
	{
	}

	/** Does nothing, as set_pattern(). */
	void set_formatter(std::unique_ptr<spdlog::formatter>) override
	{
	}

      private:
	static uint64_t nanoseconds(spdlog::log_clock::time_point time)
	{
		return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
						     time.time_since_epoch())
						     .count());
	}

	static otlp_severity_number severity(spdlog::level::level_enum level)
	{
		switch (level) {
		case spdlog::level::trace:
			return OTLP_SEVERITY_TRACE;
		case spdlog::level::debug:
			return OTLP_SEVERITY_DEBUG;
		case spdlog::level::info:
			return OTLP_SEVERITY_INFO;
		case spdlog::level::warn:
			return OTLP_SEVERITY_WARN;
		case spdlog::level::err:
			return OTLP_SEVERITY_ERROR;
		case spdlog::level::critical:
			return OTLP_SEVERITY_FATAL;
		default:
			return OTLP_SEVERITY_UNSPECIFIED;
		}
	}

	static otlp_str text(spdlog::string_view_t view)
	{
		return {view.data(), view.size()};
	}

	static size_t describe(const spdlog::details::log_msg &message, otlp_attribute *attributes)
	{
		size_t count = 0;

		attributes[count++] = OTLP_KV("thread.id", message.thread_id);
		if (message.source.empty())
			return count;
		attributes[count++] = OTLP_KV("code.file.path", message.source.filename);
		attributes[count++] = OTLP_KV("code.line.number", message.source.line);
		if (message.source.funcname != nullptr)
			attributes[count++] =
				OTLP_KV("code.function.name", message.source.funcname);
		return count;
	}

	static void take_context(otlp_log_record &record)
	{
		const otlp_log_context *context = otlp_log_context_get();

		if (context == nullptr)
			return;
		std::memcpy(record.trace_id, context->trace_id, sizeof(record.trace_id));
		std::memcpy(record.span_id, context->span_id, sizeof(record.span_id));
		record.flags = context->flags;
	}

	otlp_library *library_;
};

} // namespace otlpipe

#endif
