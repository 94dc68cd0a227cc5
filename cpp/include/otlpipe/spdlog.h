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
#include <spdlog/details/log_msg.h>
#include <spdlog/sinks/sink.h>

namespace otlpipe
{

namespace detail
{

/** The length of the UTF-8 sequence at text; 0: it is none. RFC 3629, section 4. */
inline size_t utf8_sequence(const char *text, size_t avail)
{
	const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
	const unsigned first = byte(0);
	const size_t bytes = first < 0x80		      ? 1
			     : first >= 0xc2 && first <= 0xdf ? 2
			     : first >= 0xe0 && first <= 0xef ? 3
			     : first >= 0xf0 && first <= 0xf4 ? 4
							      : 0;

	if (bytes == 0 || bytes > avail)
		return 0;
	for (size_t i = 1; i < bytes; i++)
		if ((byte(i) & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what is beyond U+10FFFF. */
	if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
	    (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
		return 0;
	return bytes;
}

/** The text, or a copy in `room` with U+FFFD for each byte that is not UTF-8. */
inline otlp_str utf8_text(const char *text, size_t len, std::string &room)
{
	size_t at = 0, bytes = 1;

	while (at < len && (bytes = utf8_sequence(text + at, len - at)) != 0)
		at += bytes;
	if (at >= len)
		return {text, len};
	room.assign(text, at);
	while (at < len) {
		bytes = utf8_sequence(text + at, len - at);
		if (bytes != 0)
			room.append(text + at, bytes);
		else
			room.append("\xef\xbf\xbd");
		at += bytes != 0 ? bytes : 1;
	}
	return {room.data(), room.size()};
}

} // namespace detail

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
