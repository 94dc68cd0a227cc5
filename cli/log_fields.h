/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in logs by convention: severities, times and ids, as log records have them. */
#ifndef OTLPIPE_CLI_LOG_FIELDS_H
#define OTLPIPE_CLI_LOG_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <otlpipe/otlpipe.h>

/**
 * A syslog priority, 0 to 7. Source: OpenTelemetry specification, logs/data-model-appendix.md,
 * appendix B.
 */
enum otlp_severity_number log_severity_of_priority(unsigned priority, struct otlp_str *ret_text);

/** "warn", "ERROR", "Information" …: in any case. UNSPECIFIED: it is none of them. */
enum otlp_severity_number log_severity_of_word(const char *word);

/**
 * A level as a number: 10, 20 … 60 as of bunyan and pino, else a syslog priority.
 *
 * @return false: it is neither
 */
bool log_severity_of_level(int64_t level, enum otlp_severity_number *ret);

/**
 * RFC 3339: 2026-11-28T09:15:44.123456789Z, also with a blank, a comma and an offset. Without a
 * zone it is no time, as nobody knows which one is meant.
 *
 * @return false: it is none, or it is before 1970
 */
bool log_time_of_text(const char *text, uint64_t *ret_ns);

/**
 * Seconds, milliseconds, microseconds or nanoseconds since 1970: by how large it is, all of them
 * mean a time between 1973 and 5138.
 *
 * @return false: it is negative
 */
bool log_time_of_number(double number, int64_t integer, bool is_integer, uint64_t *ret_ns);

/** Of 2 × bytes hexadecimal digits, not all zero. */
bool log_id_of_text(const char *text, size_t len, uint8_t *ret, size_t bytes);

#endif
