// SPDX-License-Identifier: Apache-2.0
/*
 * What an exporter tells of failures: a result for the SDK, and now and then a line with the cause
 * and a hint in the SDK's internal log.
 */
#ifndef OTLPIPE_CPP_REPORT_H
#define OTLPIPE_CPP_REPORT_H

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include <opentelemetry/sdk/common/exporter_utils.h>

#include <otlpipe/library.h>
#include <otlpipe/opentelemetry.h>

namespace otlpipe
{

/** The library of an exporter's options, opened if there is none. @throws Error */
Library library_of(const OtlpExporterOptions &options);

/** The options of an exporter of that library. @throws Error  the handle is empty */
OtlpExporterOptions options_of(const Library &library);

/** Throw where a call on the library says so. @throws Error */
void check(const Library &library, int code);

/** The SDK's word for a code. */
opentelemetry::sdk::common::ExportResult export_result(int code) noexcept;

/** Any thread. */
class Reporter
{
      public:
	/** @param what  "spans", "metrics" or "log records" */
	Reporter(const Library &library, const char *what) noexcept : library_(library), what_(what)
	{
	}

	/** One line in this time for each code; the others are counted in the next one. */
	static constexpr std::chrono::seconds interval{10};

	/** An export of so many records came back with that code; it says so if it is a failure. */
	void exported(int code) noexcept
	{
		if (code != OTLP_OK)
			failed(code, "an export failed");
	}

	/** The exporter was given records that it did not make. */
	void foreign() noexcept;

	/** MakeRecordable() has no memory. */
	void no_memory() noexcept
	{
		failed(OTLP_ERR_NO_MEMORY, "it cannot be recorded");
	}

	/** ForceFlush(): the SDK's timeout as ours. */
	bool flush(std::chrono::microseconds timeout, std::chrono::milliseconds limit) noexcept;

      private:
	struct Kind {
		std::atomic<int64_t> next_ns{0}; /* of the steady clock: when a line may be said */
		std::atomic<uint64_t> unsaid{0};
	};

	void failed(int code, const char *doing) noexcept;
	void say(Kind &kind, const char *doing, int code, const char *detail) noexcept;

	const Library library_;
	const char *const what_;
	std::array<Kind, 16> kinds_; /* by code */
};

} // namespace otlpipe

#endif
