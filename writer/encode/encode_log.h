/* SPDX-License-Identifier: Apache-2.0 */
/* Log records. */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_LOG_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_LOG_H

#include "core/record/record.h"

/** The LogRecord of a log's record, as a whole field of ScopeLogs. @return the end */
uint8_t *encode_log(const struct record_view *view, uint8_t *to);

#endif
