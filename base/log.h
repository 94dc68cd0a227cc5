/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer says: one line each on standard error.
 *
 * How often something is said is often for somebody else to choose: a region that is broken is a
 * line, and regions are made in a loop. So lines of one kind, which is one format, are limited:
 * LOG_BURST_LINES at once, then one each LOG_LINE_NS. The others are counted, and summed up in one
 * line each LOG_SUMMARY_NS.
 */
#ifndef OTLPIPE_BASE_LOG_H
#define OTLPIPE_BASE_LOG_H

#include <stdbool.h>

#define LOG_BURST_LINES 16
#define LOG_LINE_NS	INT64_C(1000000000)
#define LOG_SUMMARY_NS	INT64_C(10000000000)

/** @param format  a literal: two calls with the same one are of one kind */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Without a limit: for what its caller limits. */
void log_always(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Sum up what was left out, if it is time for it. To be called now and then. */
void log_sum_up(void);

/** Has anything been left out that is not summed up yet? */
bool log_has_left_out(void);

/** Sum up what was left out, whatever the time, and forget all: the program ends. */
void log_end(void);

#endif
