/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one-pass encoder for metrics: the head and the five kinds of points. Attributes are encoded
 * by encode_attribute.c; the proof of the bound is encode.c's.
 */
#include "writer/encode/encode_metric.h"

#include "writer/encode/encode_attribute.h"

/* The tags that differ from kind to kind. */
struct point_tags {
	uint8_t exemplars;
	uint8_t attributes;
	uint8_t flags;
};

static uint8_t *put_exemplar(uint8_t *to, uint8_t tag, const uint8_t **from, const uint8_t *end)
{
	const uint32_t bytes = bytes_load32(*from);
	const uint8_t *at = *from + sizeof(bytes);
	struct record_exemplar_head head;
	struct wire_message message;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	to = wire_open(to, tag, bytes, &message);
	to = wire_fixed64(to, 0x11, head.time_unix_ns); /* time_unix_nano */
	if (head.number_type == OTLP_NUMBER_DOUBLE)
		to = wire_present64(to, 0x19, head.value); /* as_double */
	if (bytes_load64(head.span_id) != 0)
		to = wire_span_id(to, 0x22, head.span_id);
	if ((bytes_load64(head.trace_id) | bytes_load64(head.trace_id + 8)) != 0)
		to = wire_trace_id(to, 0x2a, head.trace_id);
	if (head.number_type == OTLP_NUMBER_INT)
		to = wire_present64(to, 0x31, head.value); /* as_int, sfixed64 */
	/* filtered_attributes */
	to = encode_attributes(to, 0x3a, &at, head.attribute_count, end);
	wire_close(&message, to);
	*from = at;
	return to;
}

static uint8_t *put_exemplars(uint8_t *to, uint8_t tag, const uint8_t **from, uint32_t count,
			      const uint8_t *end)
{
	for (uint32_t i = 0; i < count; i++)
		to = put_exemplar(to, tag, from, end);
	return to;
}

/* start_time_unix_nano and time_unix_nano have the same tags in all kinds. */
static inline uint8_t *put_times(uint8_t *to, const struct record_point_head *point)
{
	to = wire_fixed64(to, 0x11, point->start_time_unix_ns);
	return wire_fixed64(to, 0x19, point->time_unix_ns);
}

/* What follows a point's arrays, in the record's order. */
static uint8_t *put_point_tail(uint8_t *to, const struct record_point_head *point,
			       struct point_tags tags, const uint8_t **from, const uint8_t *end)
{
	to = put_exemplars(to, tags.exemplars, from, point->exemplar_count, end);
	to = encode_attributes(to, tags.attributes, from, point->attribute_count, end);
	return wire_uint(to, tags.flags, point->flags);
}

static uint8_t *put_number(uint8_t *to, const uint8_t **from, const uint8_t *end)
{
	struct record_number_head head;

	memcpy(&head, *from, sizeof(head));
	*from += sizeof(head);
	to = put_times(to, &head.point);
	if (head.point.what == OTLP_NUMBER_DOUBLE)
		to = wire_present64(to, 0x21, head.value); /* as_double */
	else if (head.point.what == OTLP_NUMBER_INT)
		to = wire_present64(to, 0x31, head.value); /* as_int, sfixed64 */
	return put_point_tail(to, &head.point, (struct point_tags){0x2a, 0x3a, 0x40}, from, end);
}

/* Packed fixed64 or double: the record's words as they are. */
static uint8_t *put_words(uint8_t *to, uint8_t tag, const uint8_t **from, uint32_t count,
			  const uint8_t *end)
{
	const size_t bytes = (size_t)count * sizeof(uint64_t);

	to = wire_text(to, tag, *from, bytes, end);
	*from += bytes;
	return to;
}

static uint8_t *put_histogram(uint8_t *to, const uint8_t **from, const uint8_t *end)
{
	struct record_histogram_head head;

	memcpy(&head, *from, sizeof(head));
	*from += sizeof(head);
	to = put_times(to, &head.point);
	to = wire_fixed64(to, 0x21, head.count); /* count */
	if (head.point.what & RECORD_HAS_SUM)
		to = wire_present64(to, 0x29, wire_double_bits(head.sum));
	to = put_words(to, 0x32, from, head.bucket_count, end); /* bucket_counts, fixed64 */
	to = put_words(to, 0x3a, from, head.bound_count, end);	/* explicit_bounds */
	to = put_point_tail(to, &head.point, (struct point_tags){0x42, 0x4a, 0x50}, from, end);
	if (head.point.what & RECORD_HAS_MIN)
		to = wire_present64(to, 0x59, wire_double_bits(head.min));
	if (head.point.what & RECORD_HAS_MAX)
		to = wire_present64(to, 0x61, wire_double_bits(head.max));
	return to;
}

/* ExponentialHistogramDataPoint.Buckets. 12 bytes of record: the offset, the count, their share. */
static uint8_t *put_buckets(uint8_t *to, uint8_t tag, int32_t offset, uint32_t count,
			    const uint8_t **from)
{
	const size_t counts_bytes = (size_t)count * sizeof(uint64_t);
	struct wire_message buckets, counts;

	if (offset == 0 && count == 0)
		return to;
	to = wire_open(to, tag, 12 + counts_bytes, &buckets);
	to = wire_uint(to, 0x08, wire_zigzag32(offset)); /* offset, sint32 */
	if (count != 0) {
		to = wire_open(to, 0x12, counts_bytes, &counts); /* bucket_counts, varints */
		for (uint32_t i = 0; i < count; i++)
			to = wire_varint(to, bytes_load64(*from + i * sizeof(uint64_t)));
		wire_close(&counts, to);
	}
	wire_close(&buckets, to);
	*from += counts_bytes;
	return to;
}

static uint8_t *put_exp_histogram(uint8_t *to, const uint8_t **from, const uint8_t *end)
{
	struct record_exp_histogram_head head;

	memcpy(&head, *from, sizeof(head));
	*from += sizeof(head);
	to = put_times(to, &head.point);
	to = wire_fixed64(to, 0x21, head.count); /* count */
	if (head.point.what & RECORD_HAS_SUM)
		to = wire_present64(to, 0x29, wire_double_bits(head.sum));
	to = wire_uint(to, 0x30, wire_zigzag32(head.scale)); /* scale, sint32 */
	to = wire_fixed64(to, 0x39, head.zero_count);	     /* zero_count, fixed64 */
	to = put_buckets(to, 0x42, head.positive_offset, head.positive_count, from);
	to = put_buckets(to, 0x4a, head.negative_offset, head.negative_count, from);
	to = put_point_tail(to, &head.point, (struct point_tags){0x5a, 0x0a, 0x50}, from, end);
	if (head.point.what & RECORD_HAS_MIN)
		to = wire_present64(to, 0x61, wire_double_bits(head.min));
	if (head.point.what & RECORD_HAS_MAX)
		to = wire_present64(to, 0x69, wire_double_bits(head.max));
	return wire_fixed64(to, 0x71, wire_double_bits(head.zero_threshold));
}

static uint8_t *put_summary(uint8_t *to, const uint8_t **from, const uint8_t *end)
{
	struct record_summary_head head;

	memcpy(&head, *from, sizeof(head));
	*from += sizeof(head);
	to = put_times(to, &head.point);
	to = wire_fixed64(to, 0x21, head.count); /* count */
	to = wire_fixed64(to, 0x29, wire_double_bits(head.sum));
	for (uint32_t i = 0; i < head.quantile_count; i++) {
		const uint64_t quantile = bytes_load64(*from);
		const uint64_t value = bytes_load64(*from + 8);

		*to++ = 0x32; /* quantile_values */
		*to++ = (uint8_t)((quantile ? 9 : 0) + (value ? 9 : 0));
		to = wire_fixed64(to, 0x09, quantile);
		to = wire_fixed64(to, 0x11, value);
		*from += 16;
	}
	return put_point_tail(to, &head.point, (struct point_tags){0, 0x3a, 0x40}, from, end);
}

static uint8_t *put_point(uint8_t *to, uint8_t metric_type, const uint8_t **from,
			  const uint8_t *end)
{
	const uint32_t bytes = bytes_load32(*from);
	struct wire_message message;

	*from += sizeof(bytes);
	to = wire_open(to, 0x0a, bytes, &message); /* data_points */
	switch (metric_type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		to = put_number(to, from, end);
		break;
	case OTLP_METRIC_HISTOGRAM:
		to = put_histogram(to, from, end);
		break;
	case OTLP_METRIC_EXP_HISTOGRAM:
		to = put_exp_histogram(to, from, end);
		break;
	default:
		to = put_summary(to, from, end);
		break;
	}
	wire_close(&message, to);
	return to;
}

/* The tag of Metric.data's member. */
static uint8_t data_tag(uint8_t metric_type)
{
	switch (metric_type) {
	case OTLP_METRIC_GAUGE:
		return 0x2a;
	case OTLP_METRIC_SUM:
		return 0x3a;
	case OTLP_METRIC_HISTOGRAM:
		return 0x4a;
	case OTLP_METRIC_EXP_HISTOGRAM:
		return 0x52;
	default:
		return 0x5a;
	}
}

uint8_t *encode_metric(const struct record_view *view, uint8_t *to)
{
	const struct record_metric_head *const head = &view->head.metric;
	const uint8_t *const end = view->read_end;
	const uint8_t *from = view->body;
	struct wire_message message, data;

	to = wire_open(to, 0x12, view->len, &message);	       /* ScopeMetrics.metrics */
	to = wire_text(to, 0x0a, from, head->name_bytes, end); /* name */
	from += head->name_bytes;
	to = wire_text(to, 0x12, from, head->description_bytes, end); /* description */
	from += head->description_bytes;
	to = wire_text(to, 0x1a, from, head->unit_bytes, end); /* unit */
	from += head->unit_bytes;
	to = encode_attributes(to, 0x62, &from, head->metadata_count, end); /* metadata */
	to = wire_open(to, data_tag(head->metric_type), view->len, &data);
	for (uint32_t i = 0; i < head->point_count; i++)
		to = put_point(to, head->metric_type, &from, end);
	to = wire_uint(to, 0x10, head->temporality); /* aggregation_temporality */
	to = wire_uint(to, 0x18, head->has & RECORD_IS_MONOTONIC ? 1 : 0); /* is_monotonic */
	assert(from == view->bytes + view->len);
	wire_close(&data, to);
	wire_close(&message, to);
	return to;
}
