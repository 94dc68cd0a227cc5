/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer says: one line each on standard error. */
#ifndef WRITER_LOG_H
#define WRITER_LOG_H

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
