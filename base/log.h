/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer says: one line each on standard error. */
#ifndef OTLPIPE_BASE_LOG_H
#define OTLPIPE_BASE_LOG_H

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
