// SPDX-License-Identifier: Apache-2.0
/*
 * A program that logs through spdlog, into otlpipe. docs/logs.md shows what becomes of it.
 *
 * usage: OTEL_SERVICE_NAME=shop spdlog     with $OTLPIPE_DIR, or the default runtime directory
 */
#include <otlpipe/spdlog.h>
#include <spdlog/spdlog.h>

int main()
{
	otlp_library *library;

	if (otlp_library_open(&library, nullptr) != OTLP_OK)
		return 1;
	spdlog::set_default_logger(std::make_shared<spdlog::logger>(
		"orders", std::make_shared<otlpipe::spdlog_sink>(library)));
	spdlog::info("order {} taken", 17);
	SPDLOG_WARN("{}: {} retries", "db1", 3);
	spdlog::shutdown();
	otlp_library_unref(library);
	return 0;
}
