// SPDX-License-Identifier: Apache-2.0
#include "cpp/opentelemetry/report.h"

#include <string>
#include <vector>

#include <opentelemetry/sdk/common/global_log_handler.h>

namespace otlpipe
{

using opentelemetry::sdk::common::ExportResult;

Library library_of(const OtlpExporterOptions &options)
{
	if (options.library)
		return options.library;
	if (options.open.on_diagnostic)
		return Library::open(options.open);

	LibraryOptions open = options.open;
	std::vector<std::string> told;

	open.on_diagnostic = [&told](const std::string &text) { told.push_back(text); };
	const Library library = Library::open(open); /* why it could not is what is thrown */
	for (const auto &text : told)
		OTEL_INTERNAL_LOG_WARN("[otlpipe] " << text);
	return library;
}

OtlpExporterOptions options_of(const Library &library)
{
	OtlpExporterOptions options;

	if (!library)
		throw Error(Result(OTLP_ERR_INVALID, "an empty handle is no library"));
	options.library = library;
	return options;
}

void check(const Library &library, int code)
{
	if (code != OTLP_OK)
		throw Error(library.result(code));
}

ExportResult export_result(int code) noexcept
{
	switch (code) {
	case OTLP_OK:
		return ExportResult::kSuccess;
	case OTLP_ERR_FULL:
		return ExportResult::kFailureFull;
	case OTLP_ERR_INVALID:
		return ExportResult::kFailureInvalidArgument;
	default:
		return ExportResult::kFailure;
	}
}

static size_t index_of(int code)
{
	static constexpr int codes[] = {
		OTLP_ERR_INVALID,  OTLP_ERR_NO_MEMORY, OTLP_ERR_ACCESS, OTLP_ERR_NO_SPACE,
		OTLP_ERR_TIMEOUT,  OTLP_ERR_TOO_LARGE, OTLP_ERR_FULL,	OTLP_ERR_NO_WRITER,
		OTLP_ERR_SHUTDOWN, OTLP_ERR_LIMIT,     OTLP_ERR_ABI,
	};
	size_t at = 0;

	while (at < sizeof(codes) / sizeof(codes[0]) && codes[at] != code)
		at++;
	return at; /* beyond them: what a later library says */
}

void Reporter::say(Kind &kind, const char *doing, int code, const char *detail) noexcept
{
	using std::chrono::duration_cast;
	using std::chrono::nanoseconds;

	const int64_t now_ns =
		duration_cast<nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
			.count();
	int64_t next_ns = kind.next_ns.load(std::memory_order_relaxed);

	/* Of two threads at once one says it. */
	if (now_ns < next_ns ||
	    !kind.next_ns.compare_exchange_strong(next_ns, now_ns + nanoseconds(interval).count(),
						  std::memory_order_relaxed)) {
		kind.unsaid.fetch_add(1, std::memory_order_relaxed);
		return;
	}
	try {
		const uint64_t unsaid = kind.unsaid.exchange(0, std::memory_order_relaxed);
		const Result result =
			detail != nullptr ? Result(code, detail) : library_.result(code);
		std::string line = "[";

		line.append(what_).append(" to otlpipe] ").append(doing).append(": ");
		line.append(result.text());
		if (unsaid != 0)
			line.append("; and ").append(std::to_string(unsaid)).append(" times more");
		OTEL_INTERNAL_LOG_ERROR(line);
	} catch (...) {
		/* No memory for a line: the result and the counters say the most. */
	}
}

void Reporter::failed(int code, const char *doing) noexcept
{
	say(kinds_[index_of(code)], doing, code, nullptr);
}

void Reporter::foreign() noexcept
{
	say(kinds_.back(), "an export failed", OTLP_ERR_INVALID,
	    "a record that this exporter's MakeRecordable() did not make");
}

bool Reporter::flush(std::chrono::microseconds timeout, std::chrono::milliseconds limit) noexcept
{
	const bool has_deadline = timeout > timeout.zero() && timeout != (timeout.max)();
	const int64_t timeout_ns =
		has_deadline ? detail::timeout_ns(timeout) : detail::timeout_ns(limit);
	const int rc = otlp_library_flush(library_.get(), timeout_ns);

	if (rc != OTLP_OK)
		failed(rc, "a flush failed");
	return rc == OTLP_OK;
}

} // namespace otlpipe
