/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTLPIPE_CORE_RECORD_RECORD_READ_LOG_H
#define OTLPIPE_CORE_RECORD_RECORD_READ_LOG_H

#include "core/record/record_cursor.h"

/** Check a log record, up to the end of the record. @param view  gets what is in it */
bool record_read_log(struct cursor *c, struct record_view *view);

#endif
