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
	bool ok;

	if (len == 0 || len > OTLP_RECORD_BYTES_MAX)
		return -EBADMSG;
	/* In place, field by field: the head is large, and is written by the parse function. */
	ret->bytes = bytes;
	ret->len = len;
	ret->read_end = bytes + room;
	ret->kind = bytes[0];
	ret->resource = NULL;
	ret->resource_bytes = 0;
	ret->scope_ref = 0;
	ret->scope = NULL;
	ret->scope_bytes = 0;
	memset(&ret->extra, 0, sizeof(ret->extra));
	switch (ret->kind) {
	case RECORD_SPAN:
		ret->signal = OTLP_SIGNAL_TRACES;
		ok = record_read_span(&c, ret);
		break;
	case RECORD_METRIC:
		ret->signal = OTLP_SIGNAL_METRICS;
		ok = record_read_metric(&c, ret);
		break;
	case RECORD_LOG:
		ret->signal = OTLP_SIGNAL_LOGS;
		ok = record_read_log(&c, ret);
		break;
	default: /* a shaped one too: record_expand() makes it a whole one first */
		return -EBADMSG;
	}
	return ok ? 0 : -EBADMSG;
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
