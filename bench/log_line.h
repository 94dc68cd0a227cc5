/* SPDX-License-Identifier: Apache-2.0 */
/* bench_log_l as the line that a logger of text makes of it: the same text, the same attributes. */
#ifndef OTLPIPE_BENCH_LOG_LINE_H
#define OTLPIPE_BENCH_LOG_LINE_H

#include "bench/bench_data.h"

#define LOG_LINE_BYTES	236 /* its newline included */
#define LOG_LINE_FORMAT "WARN %s http.route=%s user.name=%s http.status_code=%lld retry.count=%lld"
/* The same for std::format() and its like, whose pattern has the level. */
#define LOG_LINE_BRACES	      "{} http.route={} user.name={} http.status_code={} retry.count={}"
#define LOG_LINE_TEXT_OF(i)   (bench_log_l.attributes.items[i].value.as.string.ptr)
#define LOG_LINE_NUMBER_OF(i) ((long long)bench_log_l.attributes.items[i].value.as.integer)
#define LOG_LINE_ARGUMENTS                                                        \
	bench_log_l.body.as.string.ptr, LOG_LINE_TEXT_OF(0), LOG_LINE_TEXT_OF(1), \
		LOG_LINE_NUMBER_OF(2), LOG_LINE_NUMBER_OF(3)

#endif
