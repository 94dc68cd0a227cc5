// SPDX-License-Identifier: Apache-2.0
/*
 * A program that logs through spdlog's sink, for test_spdlog.py: each level, a bad text, a
 * statement with its place, a trace context, several threads, an asynchronous logger.
 *
 * usage: spdlog_host     with $OTLPIPE_DIR
 */
#define SPDLOG_ACTIVE_LEVEL SPDLOG_LEVEL_TRACE
#include <otlpipe/spdlog.h>
#include <spdlog/async.h>
#include <spdlog/spdlog.h>

#include <thread>
#include <vector>

int main()
{
	static const otlp_log_context context = {{1}, {2}, 1, {nullptr, nullptr}};
	otlp_library *library;
	otlp_stats stats;

	if (otlp_library_open(&library, nullptr) != OTLP_OK)
		return 1;
	{
		auto sink = std::make_shared<otlpipe::spdlog_sink>(library);
		spdlog::logger logger("the logger", sink);
		std::vector<std::thread> threads;

		otlp_library_unref(library); /* the sink has its own */
		logger.set_level(spdlog::level::trace);
		logger.set_pattern("a pattern changes nothing: %v");
		for (int level = spdlog::level::trace; level < spdlog::level::off; level++)
			logger.log(static_cast<spdlog::level::level_enum>(level), "level {}",
				   level);
		logger.info("t\xc3\xa9xt \xff\xc3(\xed\xa0\x80");
		logger.info("");
		SPDLOG_LOGGER_WARN(&logger, "with its place"); /* line 37 */
		otlp_log_context_set(&context);
		logger.info("in a span");
		otlp_log_context_set(nullptr);
		for (int i = 0; i < 4; i++)
			threads.emplace_back([&logger, i] {
				for (int n = 0; n < 100; n++)
					logger.info("thread {} {}", i, n);
			});
		for (auto &thread : threads)
			thread.join();
		spdlog::init_thread_pool(128, 1);
		auto later = std::make_shared<spdlog::async_logger>("later", sink,
								    spdlog::thread_pool());
		for (int n = 0; n < 100; n++)
			later->info("asynchronous {}", n);
		later->flush();
		later.reset();
		spdlog::shutdown(); /* waits until its thread has logged all */
		if (otlp_library_get_stats(library, &stats, sizeof(stats)) != OTLP_OK)
			return 2;
	}
	return stats.signals[OTLP_SIGNAL_LOGS].dropped_invalid == 0 ? 0 : 3;
}
