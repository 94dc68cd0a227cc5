// SPDX-License-Identifier: Apache-2.0
/**
 * @file
 * The library for C++: a handle that counts its references itself, over <otlpipe/otlpipe.h>.
 *
 *     otlpipe::LibraryOptions options;
 *     options.runtime_dir = "/dev/shm/shop";
 *     auto library = otlpipe::Library::open(options);
 *     ...
 *     if (auto result = library.flush(std::chrono::seconds(5)); !result.ok())
 *             std::cerr << result.text() << '\n';
 *
 * open() and the factories of exporters throw otlpipe::Error; nothing else here throws. A handle
 * may be copied, used and given back by any number of threads; it goes on in a forked child.
 */
#ifndef OTLPIPE_CPP_LIBRARY_H
#define OTLPIPE_CPP_LIBRARY_H

#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <otlpipe/otlpipe.h>

namespace otlpipe
{

/** Why a call failed: a code, what it was about, and what to do. */
class Result
{
      public:
	/** Success. */
	Result() noexcept = default;

	/**
	 * @param code    an enum otlp_error
	 * @param detail  what it was about, such as the directory and its mode; may be empty
	 */
	explicit Result(int code, std::string detail = {}) noexcept
	    : code_(code), detail_(std::move(detail))
	{
	}

	bool ok() const noexcept
	{
		return code_ == OTLP_OK;
	}

	/** An enum otlp_error. */
	int code() const noexcept
	{
		return code_;
	}

	/** What it was about; empty where the code says it all. */
	const std::string &detail() const noexcept
	{
		return detail_;
	}

	/** What to do about it; empty for success. */
	const char *hint() const noexcept
	{
		switch (code_) {
		case OTLP_OK:
			return "";
		case OTLP_ERR_INVALID:
			return "mend it: of an export, the records that are right were taken";
		case OTLP_ERR_NO_MEMORY:
			return "the process is out of memory";
		case OTLP_ERR_ACCESS:
			return "name another directory by LibraryOptions::runtime_dir or "
			       "$OTLPIPE_DIR";
		case OTLP_ERR_NO_SPACE:
			return "smaller rings (LibraryOptions::span_ring_bytes and its like), or "
			       "more room there";
		case OTLP_ERR_TIMEOUT:
			return "the writer is behind or stopped; `otlpipe stat` shows it";
		case OTLP_ERR_TOO_LARGE:
			return "a larger ring takes larger records: "
			       "LibraryOptions::span_ring_bytes and its like";
		case OTLP_ERR_FULL:
			return "a larger ring, or a writer that runs; do not retry";
		case OTLP_ERR_NO_WRITER:
			return "start otlpipe-writer with the same runtime directory; nothing is "
			       "lost";
		case OTLP_ERR_SHUTDOWN:
			return "export before Library::shutdown(), or open another library";
		case OTLP_ERR_LIMIT:
			return "raise that limit";
		case OTLP_ERR_ABI:
			return "use the same version of otlpipe everywhere";
		default:
			return "see the documentation of the library that was loaded";
		}
	}

	/** All of it in one line. */
	std::string text() const
	{
		std::string line = "otlpipe: ";

		line += code_ == OTLP_OK ? "success" : otlp_strerror(code_);
		if (!detail_.empty())
			line.append(": ").append(detail_);
		if (code_ != OTLP_OK)
			line.append(" (").append(hint()).append(")");
		return line;
	}

      private:
	int code_ = OTLP_OK;
	std::string detail_;
};

/** What open() and the factories throw: what() is the result's text. */
class Error : public std::runtime_error
{
      public:
	explicit Error(Result result)
	    : std::runtime_error(result.text()), result_(std::move(result))
	{
	}

	const Result &result() const noexcept
	{
		return result_;
	}

      private:
	Result result_;
};

/** How a library is opened. What is left as it is comes from the environment, as in C. */
struct LibraryOptions {
	/** The runtime directory; empty: $OTLPIPE_DIR, else /dev/shm/otlpipe-UID. */
	std::string runtime_dir;
	/** The size of the ring for spans; 0: $OTLPIPE_SPAN_RING_BYTES, else 4 MiB. */
	uint32_t span_ring_bytes = 0;
	/** The size of the ring for points; 0: $OTLPIPE_METRIC_RING_BYTES, else 1 MiB. */
	uint32_t metric_ring_bytes = 0;
	/** The size of the ring for log records; 0: $OTLPIPE_LOG_RING_BYTES, else 1 MiB. */
	uint32_t log_ring_bytes = 0;
	/** Into how many lanes each ring is divided, for threads that push at the same time: 1, 2,
	 * 4 or 8; 0: $OTLPIPE_LANES, else by the processors. With 1 all records are in one order.
	 */
	uint32_t lanes = 0;
	/** What metric exporters answer their readers; without it the environment's, else
	 * cumulative. */
	std::optional<otlp_temporality_preference> temporality;
	/** The resource of what names none, borrowed for the call; NULL: the environment's. The SDK
	 * gives each exporter its provider's, which comes first. */
	const otlp_resource *resource = nullptr;
	/**
	 * Is told, a line each, of what open() left aside and went on without, such as a variable
	 * that cannot be parsed. What it throws goes on in the caller of open().
	 */
	std::function<void(const std::string &)> on_diagnostic;
};

namespace detail
{

/** A time to wait for, as the C interface has it; what is beyond its clock has no deadline. */
template <class Rep, class Period>
int64_t timeout_ns(std::chrono::duration<Rep, Period> timeout) noexcept
{
	using std::chrono::duration_cast;
	using std::chrono::nanoseconds;

	if (timeout < timeout.zero())
		return OTLP_FOREVER - 1; /* refused as invalid */
	if (std::chrono::duration<long double>(timeout) >=
	    std::chrono::duration<long double>((nanoseconds::max)()))
		return OTLP_FOREVER;
	return duration_cast<nanoseconds>(timeout).count();
}

/** While the major version is 0, another minor version may be laid out otherwise. */
inline Result check_version(const char *loaded)
{
	int major = -1, minor = -1;

	if (std::sscanf(loaded, "%d.%d", &major, &minor) == 2 && major == OTLP_VERSION_MAJOR &&
	    (major != 0 || minor == OTLP_VERSION_MINOR))
		return Result();
	return Result(OTLP_ERR_ABI,
		      "the program was compiled for otlpipe " + std::to_string(OTLP_VERSION_MAJOR) +
			      "." + std::to_string(OTLP_VERSION_MINOR) + ", loaded is " + loaded);
}

/** What open() was told, and what the function that is told it threw. */
struct Told {
	const LibraryOptions &options;
	std::string last;
	std::exception_ptr thrown;

	/** Called by otlp_library_open(): nothing may be thrown through it. */
	static void tell(void *context, int, const char *text) noexcept
	{
		Told &told = *static_cast<Told *>(context);

		try {
			told.last = text;
			if (told.options.on_diagnostic && told.thrown == nullptr)
				told.options.on_diagnostic(told.last);
		} catch (...) {
			told.thrown = std::current_exception();
		}
	}
};

} // namespace detail

/**
 * This process's rings in shared memory. They live until the last handle is gone, exporters'
 * included; what is in them stays for the writer. Only shutdown() ends the library.
 */
class Library
{
      public:
	/** None: an empty handle. Calls on it are #OTLP_ERR_INVALID. */
	Library() noexcept = default;

	/**
	 * Make this process's rings.
	 *
	 * @throws Error  the runtime directory cannot be used or has no room, an option is wrong,
	 *                or the library that was loaded is of another version
	 */
	static Library open(const LibraryOptions &options = {})
	{
		const Result version = detail::check_version(otlp_version());
		detail::Told told{options, {}, nullptr};
		otlp_options c_options;
		otlp_library *made = nullptr;

		if (!version.ok())
			throw Error(version);
		int rc = otlp_options_init(&c_options, sizeof(c_options));
		if (rc < 0)
			throw Error(Result(rc));
		c_options.runtime_dir = options.runtime_dir.c_str();
		c_options.ring_bytes[OTLP_SIGNAL_TRACES] = options.span_ring_bytes;
		c_options.ring_bytes[OTLP_SIGNAL_METRICS] = options.metric_ring_bytes;
		c_options.ring_bytes[OTLP_SIGNAL_LOGS] = options.log_ring_bytes;
		c_options.lanes = options.lanes;
		c_options.resource = options.resource;
		c_options.diagnostic = detail::Told::tell;
		c_options.diagnostic_context = &told;
		if (options.temporality.has_value())
			c_options.temporality = *options.temporality;
		rc = otlp_library_open(&made, &c_options);

		const Library library(made, Adopt());
		if (told.thrown != nullptr)
			std::rethrow_exception(told.thrown);
		if (rc < 0)
			throw Error(
				Result(rc, told.last.empty() ? last_error_of(nullptr) : told.last));
		return library;
	}

	/** A handle for a library that was opened in C: it takes a reference of its own. */
	explicit Library(otlp_library *library) noexcept : library_(otlp_library_ref(library))
	{
	}

	Library(const Library &other) noexcept : library_(otlp_library_ref(other.library_))
	{
	}

	Library(Library &&other) noexcept : library_(std::exchange(other.library_, nullptr))
	{
	}

	Library &operator=(Library other) noexcept
	{
		std::swap(library_, other.library_);
		return *this;
	}

	~Library()
	{
		otlp_library_unref(library_);
	}

	/** Whether there is one. */
	explicit operator bool() const noexcept
	{
		return library_ != nullptr;
	}

	/** For calls in C; borrowed. */
	otlp_library *get() const noexcept
	{
		return library_;
	}

	/**
	 * Wait until the writer has written all that was taken before the call. Zero: only look; a
	 * duration's max(): no deadline.
	 */
	template <class Rep, class Period>
	Result flush(std::chrono::duration<Rep, Period> timeout) const noexcept
	{
		return result(otlp_library_flush(library_, detail::timeout_ns(timeout)));
	}

	/**
	 * Ask a writer that is a flight recorder to write what it holds, with everything that this
	 * thread pushed before. It never blocks, and may be called in a signal handler.
	 */
	Result snapshot() const noexcept
	{
		return result(otlp_library_snapshot(library_));
	}

	/**
	 * Take no more, then flush(). Exporters stay valid, and fail from now on. A second call
	 * succeeds and does nothing.
	 */
	template <class Rep, class Period>
	Result shutdown(std::chrono::duration<Rep, Period> timeout) const noexcept
	{
		return result(otlp_library_shutdown(library_, detail::timeout_ns(timeout)));
	}

	/** The counters of this process, by enum otlp_signal; zeros for an empty handle. */
	otlp_stats stats() const noexcept
	{
		otlp_stats found = {};

		if (otlp_library_get_stats(library_, &found, sizeof(found)) < 0)
			return otlp_stats{};
		return found;
	}

	/** What went wrong last, in words; empty: nothing did. */
	std::string last_error() const
	{
		return library_ != nullptr ? last_error_of(library_) : std::string();
	}

	/** A code of a call on this library, with what is known about its cause. */
	Result result(int code) const noexcept
	{
		switch (code) {
		case OTLP_ERR_ACCESS:
		case OTLP_ERR_NO_SPACE:
		case OTLP_ERR_LIMIT:
		case OTLP_ERR_NO_MEMORY:
		case OTLP_ERR_TOO_LARGE:
		case OTLP_ERR_ABI:
			try {
				return Result(code, last_error());
			} catch (...) {
				/* No memory for the words: the code says the most. */
			}
			break;
		default:
			break;
		}
		return Result(code);
	}

      private:
	struct Adopt {
	};

	Library(otlp_library *library, Adopt) noexcept : library_(library)
	{
	}

	static std::string last_error_of(otlp_library *library)
	{
		char text[1024];

		if (otlp_library_last_error(library, text, sizeof(text)) == 0)
			return {};
		return text;
	}

	otlp_library *library_ = nullptr;
};

} // namespace otlpipe

#endif
