/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record's validating reader: which signal's it is. Everything that the write side would have
 * refused is refused here too. Turning an accepted record into OTLP is the encoder's.
 */
#include "core/record/record.h"

#include "core/record/record_read_log.h"
#include "core/record/record_read_metric.h"
#include "core/record/record_read_span.h"

int record_parse(const uint8_t *bytes, size_t len, size_t room, struct record_view *ret)
{
	struct cursor c = {bytes, bytes + len, bytes + room};
	struct record_view view;
	bool ok;

	if (len == 0 || len > OTLP_RECORD_BYTES_MAX)
		return -EBADMSG;
	/* Field by field: the head is large, and is written by the parse function. */
	view.bytes = bytes;
	view.len = len;
	view.read_end = bytes + room;
	view.kind = bytes[0];
	view.resource = NULL;
	view.resource_bytes = 0;
	view.scope_ref = 0;
	view.scope = NULL;
	view.scope_bytes = 0;
	memset(&view.extra, 0, sizeof(view.extra));
	switch (view.kind) {
	case RECORD_SPAN:
		view.signal = OTLP_SIGNAL_TRACES;
		ok = record_read_span(&c, &view);
		break;
	case RECORD_METRIC:
		view.signal = OTLP_SIGNAL_METRICS;
		ok = record_read_metric(&c, &view);
		break;
	case RECORD_LOG:
		view.signal = OTLP_SIGNAL_LOGS;
		ok = record_read_log(&c, &view);
		break;
	default: /* a shaped one too: record_expand() makes it a whole one first */
		return -EBADMSG;
	}
	if (!ok)
		return -EBADMSG;
	*ret = view;
	return 0;
}

int record_parse_resource(const uint8_t *bytes, size_t len)
{
	const struct cursor c = {bytes, bytes + len, bytes + len};

	return len <= OTLP_RECORD_BYTES_MAX && cursor_check_resource(c) ? 0 : -EBADMSG;
}

int record_parse_scope(const uint8_t *bytes, size_t len)
{
	const struct cursor c = {bytes, bytes + len, bytes + len};

	return len <= OTLP_RECORD_BYTES_MAX && cursor_check_scope(c) ? 0 : -EBADMSG;
}
