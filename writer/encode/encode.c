/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one-pass encoder: which signal's records are encoded by whom, and the resource and the scope
 * around them. Bytes were judged by record_parse(); batches, files and their checksums come later.
 *
 * Why twice the record's bytes are enough (ENCODE_GROWTH_MAX). Split the record into the parts of
 * the table; for each, the most bytes that its encoding can have. w is the width of a padded
 * length: records end at 4 MiB, twice that is below 2^28, so w <= 4. v(n) is the length of n as a
 * varint, at most 4 for a length here, and v(n) <= 1 + n / 128.
 *
 *   part                     record          OTLP, at most
 *   attribute, key of k      4 + k           4 without a key, else 6 + k; and the value:
 *     empty                  0               0
 *     bool                   0               2: 9 of 5 bytes for k = 1 is the worst of all
 *     string of n bytes      n               2 + n
 *     int, double            8               11
 *     (a length takes more than a byte only when 128 bytes or more were copied; four lengths
 *     then take 12 bytes more at most)
 *   array, list              16 + k + values 3 * (1+w) + 1+v + k, and twice the values
 *   span head                72              1+w, 18, 10, 10, 1+v, 2, 9, 9, 6, status 4: 78
 *   span extra               24              1+v, 1+v, status' length 3 more, 3 * 6: 31
 *   event                    24              1+w, 9, 1+v, 6: 25
 *   link                     44              1+w, 18, 10, 1+v, 6, 5: 49
 *   log head                 68              1+w, 9, 9, 2, 1+v, 6, 5, 18, 10, 1+v: 68
 *   metric head              28              1+w, 3 * (1+v), 1+w, 2, 2: 29
 *   number point             44              1+w, 9, 9, 9, 6: 38
 *   histogram point          76              1+w, 6 * 9, 6, 2 * (1+v): 75
 *   exponential point        104             1+w, 8 * 9, 6, 6, 2 * (1+w + 6 + 1+w): 121
 *   summary point            56              1+w, 4 * 9, 6: 47
 *   quantile                 16              20
 *   bucket count, bound      8               8, or 10 as a varint
 *   exemplar                 52              1+w, 9, 9, 10, 18: 51
 *   resource                 12              1+w, 6, 1+v: 16
 *   scope                    20              1+w, 1+v, 1+v, 6, 1+v: 26
 *
 * Strings are copied as they are. So each line, and each sum of lines, is within twice the record;
 * the same holds for the inside of each message, whose width wire_open() derives from it.
 */
#include "writer/encode/encode.h"

#include "writer/encode/encode_attribute.h"
#include "writer/encode/encode_log.h"
#include "writer/encode/encode_metric.h"
#include "writer/encode/encode_span.h"

uint8_t *encode_resource(const uint8_t *resource, size_t bytes, uint8_t *to)
{
	const uint8_t *const end = resource + bytes;
	struct record_resource_head head;
	struct wire_message message;
	const uint8_t *from;

	memcpy(&head, resource, sizeof(head));
	from = resource + sizeof(head) + head.schema_url_bytes;
	to = wire_open(to, 0x0a, bytes, &message); /* ResourceSpans.resource */
	to = encode_attributes(to, 0x0a, &from, head.attribute_count, end);
	to = wire_uint(to, 0x10, head.dropped_attribute_count);
	wire_close(&message, to);
	return to;
}

uint8_t *encode_resource_schema_url(const uint8_t *resource, uint8_t *to)
{
	struct record_resource_head head;

	memcpy(&head, resource, sizeof(head));
	return wire_text(to, 0x1a, resource + sizeof(head), head.schema_url_bytes,
			 resource + sizeof(head) + head.schema_url_bytes);
}

uint8_t *encode_scope(const uint8_t *scope, size_t bytes, uint8_t *to)
{
	const uint8_t *const end = scope + bytes;
	struct record_scope_head head;
	struct wire_message message;
	const uint8_t *from = scope + sizeof(head);

	memcpy(&head, scope, sizeof(head));
	to = wire_open(to, 0x0a, bytes, &message);	      /* ScopeSpans.scope */
	to = wire_text(to, 0x0a, from, head.name_bytes, end); /* name */
	from += head.name_bytes;
	to = wire_text(to, 0x12, from, head.version_bytes, end); /* version */
	from += head.version_bytes + head.schema_url_bytes;
	to = encode_attributes(to, 0x1a, &from, head.attribute_count, end);
	to = wire_uint(to, 0x20, head.dropped_attribute_count);
	wire_close(&message, to);
	return to;
}

uint8_t *encode_scope_schema_url(const uint8_t *scope, uint8_t *to)
{
	struct record_scope_head head;

	memcpy(&head, scope, sizeof(head));
	scope += sizeof(head) + head.name_bytes + head.version_bytes;
	return wire_text(to, 0x1a, scope, head.schema_url_bytes, scope + head.schema_url_bytes);
}

static uint8_t *(*const encoders[SIGNAL_COUNT])(const struct record_view *view, uint8_t *to) = {
	[OTLP_SIGNAL_TRACES] = encode_span,
	[OTLP_SIGNAL_METRICS] = encode_metric,
	[OTLP_SIGNAL_LOGS] = encode_log,
};

uint8_t *encode_record(const struct record_view *view, uint8_t *to)
{
	uint8_t *const end = encoders[view->signal](view, to);

	assert((size_t)(end - to) <= encode_bound(view));
	return end;
}
