/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTLPIPE_CORE_RECORD_RECORD_READ_SPAN_H
#define OTLPIPE_CORE_RECORD_RECORD_READ_SPAN_H

#include "core/record/record_cursor.h"

/** Check a span, up to the end of the record. @param view  gets what is in it */
bool record_read_span(struct cursor *c, struct record_view *view);

#endif
