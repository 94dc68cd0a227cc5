// SPDX-License-Identifier: Apache-2.0
/*
 * The tests of the exporters for opentelemetry-cpp. Each runs in a process of its own with a folder
 * of its own on tmpfs, which its parent removes whatever happened; a writer that it started ends
 * with it.
 */
#ifndef OTLPIPE_TESTS_CPP_SUPPORT_H
#define OTLPIPE_TESTS_CPP_SUPPORT_H

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <sys/types.h>
#include <vector>

#include <opentelemetry/nostd/shared_ptr.h>
#include <opentelemetry/sdk/common/global_log_handler.h>
#include <otlpipe/opentelemetry.h>

/** A test fails by it; the text says what was found and what was expected. */
struct Failure {
	std::string text;
};

[[noreturn]] void fail(const char *file, int line, const std::string &text);

#define CHECK(condition)                                      \
	do {                                                  \
		if (!(condition))                             \
			fail(__FILE__, __LINE__, #condition); \
	} while (false)

#define EQUAL(found, expected) equal(__FILE__, __LINE__, #found, (found), (expected))

template <class Found, class Expected>
void equal(const char *file, int line, const char *what, const Found &found,
	   const Expected &expected)
{
	std::ostringstream text;

	if (found == expected)
		return;
	text << what << " is " << found << ", expected " << expected;
	fail(file, line, text.str());
}

/** Of a test, for main(): the name is a sentence. */
struct Test {
	static std::vector<Test> &all();

	const char *name;
	void (*run)();

	struct Adder {
		Adder(const char *name, void (*run)())
		{
			all().push_back({name, run});
		}
	};
};

#define TEST(name)                                             \
	static void name();                                    \
	static const Test::Adder adder_of_##name(#name, name); \
	static void name()

/** Waits for a condition; that it takes too long is a failure, and no measurement. */
void wait_until(const char *what, const std::function<bool()> &condition);

/** The folder of this test. */
const std::string &test_folder();

/** A writer and its runtime directory. */
class Pipeline
{
      public:
	/** Without a writer. */
	Pipeline();
	~Pipeline();
	Pipeline(const Pipeline &) = delete;
	Pipeline &operator=(const Pipeline &) = delete;

	void start_writer(const std::vector<std::string> &options = {});
	/** Ask it to write what the rings hold, and to end. */
	void stop_writer();
	/** Let it stop as it stands (SIGSTOP), and go on. */
	void signal_writer(int number);

	const std::string &directory() const
	{
		return directory_;
	}

	otlpipe::LibraryOptions options() const;
	otlpipe::Library library() const;

	/** What is in the files of a signal, after a writer has drained all: "traces" and so on. */
	std::string written(const char *signal);
	/** The standard output of `otlpipe verify`, which must succeed. */
	std::string verify();

      private:
	std::string directory_, output_;
	pid_t writer_ = 0;
};

/** Run a program to its end. @return its exit status; output gets what it printed */
int run_program(const std::vector<std::string> &command, std::string *output = nullptr);

/** Where the programs of otlpipe are. */
extern std::string writer_program, tool_program, host_program;

/** What the SDK's internal log is told, while it lives. */
class LogLines
{
      public:
	LogLines();
	~LogLines();
	LogLines(const LogLines &) = delete;
	LogLines &operator=(const LogLines &) = delete;

	std::vector<std::string> lines() const;
	/** The one line there is. */
	std::string only() const;

      private:
	struct Handler;
	opentelemetry::nostd::shared_ptr<opentelemetry::sdk::common::internal_log::LogHandler>
		before_;
	std::shared_ptr<std::vector<std::string>> lines_;
};

#endif
