// SPDX-License-Identifier: Apache-2.0
#include "support.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace files = std::filesystem;
namespace internal_log = opentelemetry::sdk::common::internal_log;

std::string writer_program, tool_program, host_program;

static std::string folder;
static constexpr int limit_seconds = 120;

void fail(const char *file, int line, const std::string &text)
{
	throw Failure{std::string(file) + ":" + std::to_string(line) + ": " + text};
}

std::vector<Test> &Test::all()
{
	static std::vector<Test> tests;

	return tests;
}

const std::string &test_folder()
{
	return folder;
}

void wait_until(const char *what, const std::function<bool()> &condition)
{
	const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(limit_seconds);

	while (!condition()) {
		if (std::chrono::steady_clock::now() > end)
			throw Failure{std::string("it takes too long: ") + what};
		std::this_thread::sleep_for(std::chrono::milliseconds(5));
	}
}

static std::string contents(const std::string &name)
{
	std::ifstream file(name, std::ios::binary);

	return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/* Start a program whose output goes to a file; it ends with this process. */
static pid_t start(const std::vector<std::string> &command, const std::string &output)
{
	const pid_t parent = getpid(), pid = fork();
	std::vector<char *> words;

	if (pid != 0) {
		CHECK(pid > 0);
		return pid;
	}
	const int to = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0 || dup2(to, STDOUT_FILENO) < 0 || dup2(to, STDERR_FILENO) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(126);
	for (const auto &word : command)
		words.push_back(const_cast<char *>(word.c_str()));
	words.push_back(nullptr);
	execv(words[0], words.data());
	_exit(127);
}

static int wait_for_end(pid_t pid)
{
	int status = 0;

	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int run_program(const std::vector<std::string> &command, std::string *output)
{
	const std::string name = folder + "/program.out";
	const int status = wait_for_end(start(command, name));

	if (output != nullptr)
		*output = contents(name);
	return status;
}

Pipeline::Pipeline()
{
	static int number;

	directory_ = folder + "/shm" + std::to_string(number);
	output_ = folder + "/out" + std::to_string(number++);
	CHECK(mkdir(directory_.c_str(), 0700) == 0);
}

Pipeline::~Pipeline()
{
	if (writer_ != 0) {
		kill(writer_, SIGKILL);
		waitpid(writer_, nullptr, 0);
	}
}

void Pipeline::start_writer(const std::vector<std::string> &options)
{
	const std::string log = output_ + ".log";
	std::vector<std::string> command = {writer_program, "--dir",	  directory_, "--output",
					    output_,	    "--interval", "20ms"};

	command.insert(command.end(), options.begin(), options.end());
	CHECK(writer_ == 0);
	unlink(log.c_str()); /* what an earlier one said is not what this one says */
	writer_ = start(command, log);
	/* It says how it writes once it is up; a signal before that would just end it. */
	wait_until("the writer is up", [&] {
		if (waitpid(writer_, nullptr, WNOHANG) != 0)
			throw Failure{"the writer ended: " + contents(log)};
		return !contents(log).empty();
	});
}

void Pipeline::signal_writer(int number)
{
	CHECK(writer_ != 0 && kill(writer_, number) == 0);
}

void Pipeline::stop_writer()
{
	if (writer_ == 0)
		return;
	signal_writer(SIGTERM);
	EQUAL(wait_for_end(std::exchange(writer_, 0)), 0);
}

otlpipe::LibraryOptions Pipeline::options() const
{
	otlpipe::LibraryOptions options;

	options.runtime_dir = directory_;
	return options;
}

otlpipe::Library Pipeline::library() const
{
	return otlpipe::Library::open(options());
}

std::string Pipeline::written(const char *signal)
{
	std::vector<std::string> names;
	std::string all;

	if (writer_ == 0)
		start_writer();
	stop_writer();
	if (files::exists(output_ + "/" + signal))
		for (const auto &entry : files::directory_iterator(output_ + "/" + signal))
			names.push_back(entry.path());
	std::sort(names.begin(), names.end());
	for (const auto &name : names)
		all += contents(name);
	return all;
}

std::string Pipeline::verify()
{
	std::string output;

	if (run_program({tool_program, "verify", "--dir", directory_, output_}, &output) != 0)
		throw Failure{"verify says " + output};
	return output;
}

struct LogLines::Handler : internal_log::LogHandler {
	explicit Handler(std::shared_ptr<std::vector<std::string>> lines) : lines_(std::move(lines))
	{
	}

	void Handle(internal_log::LogLevel, const char *, int, const char *text,
		    const opentelemetry::sdk::common::AttributeMap &) noexcept override
	{
		const std::lock_guard<std::mutex> lock(mutex_);

		/* The SDK says much itself; ours have the name. */
		if (std::strstr(text, "otlpipe") != nullptr)
			lines_->push_back(text);
	}

	std::mutex mutex_;
	std::shared_ptr<std::vector<std::string>> lines_;
};

LogLines::LogLines()
    : before_(internal_log::GlobalLogHandler::GetLogHandler()),
      lines_(std::make_shared<std::vector<std::string>>())
{
	internal_log::GlobalLogHandler::SetLogHandler(
		opentelemetry::nostd::shared_ptr<internal_log::LogHandler>(new Handler(lines_)));
}

LogLines::~LogLines()
{
	internal_log::GlobalLogHandler::SetLogHandler(before_);
}

std::vector<std::string> LogLines::lines() const
{
	return *lines_;
}

std::string LogLines::only() const
{
	EQUAL(lines_->size(), 1u);
	return lines_->front();
}

/* In the child: 0, or 1 with a line about why. */
static int run_here(const Test &test)
{
	try {
		test.run();
		return 0;
	} catch (const Failure &failure) {
		std::printf("# %s\n", failure.text.c_str());
	} catch (const std::exception &thrown) {
		std::printf("# it threw: %s\n", thrown.what());
	}
	return 1;
}

static bool run_test(const Test &test)
{
	char name[] = "/dev/shm/otlpipe-cpp-XXXXXX";
	std::error_code ignored;
	int status = 0;

	if (mkdtemp(name) == nullptr)
		return false;
	folder = name;
	std::fflush(stdout);
	const pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		alarm(limit_seconds * 2);
		status = run_here(test);
		std::fflush(stdout);
		std::exit(status); /* with its static objects, as a program ends */
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	files::remove_all(folder, ignored);
	if (status != 0)
		std::printf("# it ended with status %#x\n", static_cast<unsigned>(status));
	return status == 0;
}

/* usage: cpp_tests WRITER TOOL HOST [words of test names…] */
int main(int argc, char **argv)
{
	size_t number = 0, failed = 0;
	std::vector<Test> chosen;

	if (argc < 4)
		return 2;
	writer_program = argv[1];
	tool_program = argv[2];
	host_program = argv[3];
	for (const auto &test : Test::all()) {
		bool has_all = true;

		for (int i = 4; i < argc; i++)
			has_all = has_all && std::strstr(test.name, argv[i]) != nullptr;
		if (has_all)
			chosen.push_back(test);
	}
	std::printf("1..%zu\n", chosen.size());
	for (const auto &test : chosen) {
		const bool passed = run_test(test);

		failed += !passed;
		std::printf("%s %zu - %s\n", passed ? "ok" : "not ok", ++number, test.name);
		std::fflush(stdout);
	}
	return failed == 0 && number != 0 ? 0 : 1;
}
