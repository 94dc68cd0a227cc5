/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer: spdlog's asynchronous logger with its stock queue and one thread, which writes to a file.
 * It blocks when its queue is full, so nothing is lost; a burst fits. The text of each line has 128
 * bytes, given as a string: no formatting of numbers, which would cost more. The line of L has the
 * text and the attributes of bench_log_l, which it formats in the thread that logs.
 *
 * spdlog_sink/L is the same line through a logger that does not hand it to a thread, into our sink
 * (cpp/include/otlpipe/spdlog.h): formatted by spdlog, then pushed.
 */
#include <cerrno>
#include <exception>
#include <memory>
#include <otlpipe/spdlog.h>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <string>
#include <unistd.h>

#include "bench/harness.h"
#include "bench/log_line.h"
#include "bench/own_ring.h"

#define PATH "bench-spdlog.log"

static const size_t queue_entries = 8192; /* spdlog's default */
static const uint64_t burst_operations = 4096;
static const size_t payload_bytes = 128;

static std::shared_ptr<spdlog::logger> logger;
static const std::string text(payload_bytes, 'x');

static int spdlog_setup(const struct bench *bench)
{
	(void)bench;
	try {
		spdlog::init_thread_pool(queue_entries, 1);
		logger = spdlog::basic_logger_mt<spdlog::async_factory>("bench", PATH, true);
		logger->set_pattern("%v");
	} catch (const std::exception &) {
		return -EIO;
	}
	/* It is not to stay, however this process ends. */
	return unlink(PATH) == 0 ? 0 : -errno;
}

static int64_t spdlog_burst(const struct bench *bench, uint64_t operations)
{
	const uint64_t started_ns = bench_now_ns();

	(void)bench;
	for (uint64_t i = 0; i < operations; i++)
		logger->info(text);

	const uint64_t elapsed_ns = bench_now_ns() - started_ns;

	while (spdlog::thread_pool()->queue_size() > 0)
		;
	return static_cast<int64_t>(elapsed_ns);
}

static int64_t spdlog_log_burst(const struct bench *bench, uint64_t operations)
{
	const uint64_t started_ns = bench_now_ns();

	(void)bench;
	for (uint64_t i = 0; i < operations; i++)
		logger->warn(LOG_LINE_BRACES, LOG_LINE_ARGUMENTS);

	const uint64_t elapsed_ns = bench_now_ns() - started_ns;

	while (spdlog::thread_pool()->queue_size() > 0)
		;
	return static_cast<int64_t>(elapsed_ns);
}

static void spdlog_teardown(const struct bench *bench)
{
	(void)bench;
	logger.reset();
	spdlog::shutdown();
}

static otlp_library *library;

static int sink_setup(const struct bench *bench)
{
	const int rc = own_ring_open(&library);

	(void)bench;
	if (rc < 0)
		return rc;
	try {
		logger = std::make_shared<spdlog::logger>(
			"bench", std::make_shared<otlpipe::spdlog_sink>(library));
	} catch (const std::exception &) {
		own_ring_close(library);
		return -ENOMEM;
	}
	return 0;
}

static int64_t sink_burst(const struct bench *bench, uint64_t operations)
{
	const uint64_t started_ns = bench_cpu_ns();
	int rc;

	(void)bench;
	for (uint64_t i = 0; i < operations; i++)
		logger->warn(LOG_LINE_BRACES, LOG_LINE_ARGUMENTS);

	const uint64_t elapsed_ns = bench_cpu_ns() - started_ns;

	rc = own_ring_drain(OTLP_SIGNAL_LOGS);
	return rc < 0 ? rc : static_cast<int64_t>(elapsed_ns);
}

static size_t sink_counters(const struct bench *bench, struct bench_counter *ret)
{
	(void)bench;
	ret[0] = {"dropped", own_ring_dropped(library, OTLP_SIGNAL_LOGS)};
	return 1;
}

static void sink_teardown(const struct bench *bench)
{
	(void)bench;
	logger.reset();
	own_ring_close(library);
}

/* Its thread goes where the scheduler puts it. */
static const struct bench table[] = {
	{"spdlog_async/128", spdlog_setup, spdlog_burst, nullptr, spdlog_teardown, nullptr,
	 burst_operations, payload_bytes, 1},
	{"spdlog_async/L", spdlog_setup, spdlog_log_burst, nullptr, spdlog_teardown, nullptr,
	 burst_operations, LOG_LINE_BYTES, 1},
	{"spdlog_sink/L", sink_setup, sink_burst, sink_counters, sink_teardown, nullptr,
	 burst_operations, LOG_LINE_BYTES, 0},
	{nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, 0, 0, 0},
};

int main(int argc, char **argv)
{
	bench_register(table);
	return bench_main(argc, argv);
}
