/* SPDX-License-Identifier: Apache-2.0 */
/* Spans. */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_SPAN_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_SPAN_H

#include "core/record/record.h"

/** The Span of a span record, as a whole field of ScopeSpans. @return the end */
uint8_t *encode_span(const struct record_view *view, uint8_t *to);

#endif
