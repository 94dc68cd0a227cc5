/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer: quill with its stock queue, which is one for each thread and grows, and its thread, which
 * formats and writes to a file. The thread that logs copies the arguments of the line of L.
 */
#include <cerrno>
#include <exception>
#include <quill/Backend.h>
#include <quill/Frontend.h>
#include <quill/Logger.h>
#include <quill/LogMacros.h>
#include <quill/sinks/FileSink.h>
#include <unistd.h>
#include <utility>

#include "bench/harness.h"
#include "bench/log_line.h"

#define PATH "bench-quill.log"

static const uint64_t burst_operations = 4096;
static quill::Logger *logger;

static int quill_setup(const struct bench *bench)
{
	(void)bench;
	try {
		quill::Backend::start();
		logger = quill::Frontend::create_or_get_logger(
			"bench", quill::Frontend::create_or_get_sink<quill::FileSink>(PATH),
			quill::PatternFormatterOptions{"%(log_level) %(message)"});
	} catch (const std::exception &) {
		return -EIO;
	}
	return 0;
}

static int64_t quill_burst(const struct bench *bench, uint64_t operations)
{
	const uint64_t started_ns = bench_cpu_ns();

	(void)bench;
	for (uint64_t i = 0; i < operations; i++)
		LOG_WARNING(logger, LOG_LINE_BRACES, LOG_LINE_ARGUMENTS);

	const uint64_t elapsed_ns = bench_cpu_ns() - started_ns;

	logger->flush_log();
	return static_cast<int64_t>(elapsed_ns);
}

static void quill_teardown(const struct bench *bench)
{
	(void)bench;
	quill::Frontend::remove_logger(logger);
	quill::Backend::stop();
	/* Not before: it makes a file again whose name is gone. */
	unlink(PATH);
}

/* Its thread goes where the scheduler puts it. */
static const struct bench table[] = {
	{"quill/L", quill_setup, quill_burst, nullptr, quill_teardown, nullptr, burst_operations,
	 LOG_LINE_BYTES, 1},
	{nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, 0, 0, 0},
};

int main(int argc, char **argv)
{
	bench_register(table);
	return bench_main(argc, argv);
}
