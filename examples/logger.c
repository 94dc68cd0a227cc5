/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log statements. docs/logs.md shows what becomes of them.
 *
 * usage: OTEL_SERVICE_NAME=shop logger     with $OTLPIPE_DIR, or the default runtime directory
 */
#include <otlpipe/logger.h>

static struct otlp_logger logger = {.severity_min = OTLP_SEVERITY_INFO};

int main(void)
{
	if (otlp_library_open(&logger.library, NULL) != OTLP_OK)
		return 1;
	OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "order taken", OTLP_KV("order.id", 17),
		 OTLP_KV("customer", "alice"));
	OTLP_LOGF(&logger, OTLP_SEVERITY_WARN, "%s: %u retries", "db1", 3u);
	OTLP_LOG(&logger, OTLP_SEVERITY_DEBUG, "not logged");
	otlp_library_unref(logger.library);
	return 0;
}
