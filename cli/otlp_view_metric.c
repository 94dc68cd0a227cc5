/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics field by field. The points of each kind have numbers of their own for the same things. */
#include "cli/otlp_view_metric.h"

#include <errno.h>

#define FIELD(number, type) ((number) << 3 | (type))

const char *const view_metric_kind_names[VIEW_METRIC_KINDS] = {"gauge", "sum", "histogram",
							       "exp_histogram", "summary"};
const uint32_t view_point_attributes[VIEW_METRIC_KINDS] = {7, 7, 9, 1, 7};
const uint32_t view_point_exemplars[VIEW_METRIC_KINDS] = {5, 5, 8, 11, 0};

double view_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static int view_data(struct view_bytes message, struct view_metric *ret)
{
	struct view_field f;
	int rc;

	ret->temporality = 0;
	ret->is_monotonic = false;
	while ((rc = view_next(&message, &f)) == 1) {
		if (FIELD(f.number, f.type) == FIELD(2u, WIRE_VARINT))
			ret->temporality = (int32_t)f.value;
		else if (FIELD(f.number, f.type) == FIELD(3u, WIRE_VARINT))
			ret->is_monotonic = f.value != 0;
	}
	return rc;
}

int view_metric(struct view_bytes message, struct view_metric *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_metric){0};
	while ((rc = view_next(&message, &f)) == 1) {
		if (f.type != WIRE_BYTES)
			continue;
		switch (f.number) {
		case 1:
			ret->name = f.bytes;
			break;
		case 2:
			ret->description = f.bytes;
			break;
		case 3:
			ret->unit = f.bytes;
			break;
		case 5:
		case 7:
		case 9:
		case 10:
		case 11:
			ret->kind = f.number == 5    ? VIEW_GAUGE
				    : f.number == 7  ? VIEW_SUM
				    : f.number == 9  ? VIEW_HISTOGRAM
				    : f.number == 10 ? VIEW_EXP_HISTOGRAM
						     : VIEW_SUMMARY;
			ret->data = f.bytes;
			ret->has_data = true;
			break;
		}
	}
	return rc < 0 ? rc : view_data(ret->data, ret);
}

/* ---- points ---- */

static void take_number(const struct view_field *f, struct view_point *ret)
{
	switch (FIELD(f->number, f->type)) {
	case FIELD(4u, WIRE_FIXED64):
		ret->as_double = view_double(f->value);
		ret->has_double = true;
		ret->has_int = false;
		break;
	case FIELD(6u, WIRE_FIXED64):
		ret->as_int = (int64_t)f->value;
		ret->has_int = true;
		ret->has_double = false;
		break;
	case FIELD(8u, WIRE_VARINT):
		ret->flags = (uint32_t)f->value;
		break;
	}
}

/* A double that may be absent. */
static void take_double(const struct view_field *f, double *ret, bool *ret_has)
{
	*ret = view_double(f->value);
	*ret_has = true;
}

static void take_histogram(const struct view_field *f, struct view_point *ret)
{
	switch (FIELD(f->number, f->type)) {
	case FIELD(4u, WIRE_FIXED64):
		ret->count = f->value;
		break;
	case FIELD(5u, WIRE_FIXED64):
		take_double(f, &ret->sum, &ret->has_sum);
		break;
	case FIELD(10u, WIRE_VARINT):
		ret->flags = (uint32_t)f->value;
		break;
	case FIELD(11u, WIRE_FIXED64):
		take_double(f, &ret->min, &ret->has_min);
		break;
	case FIELD(12u, WIRE_FIXED64):
		take_double(f, &ret->max, &ret->has_max);
		break;
	}
}

static int32_t unzigzag(uint64_t value)
{
	const uint32_t word = (uint32_t)value;

	return (int32_t)(word >> 1 ^ (0 - (word & 1)));
}

static int take_buckets(struct view_bytes message, struct view_buckets *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_buckets){.message = message};
	while ((rc = view_next(&message, &f)) == 1)
		if (FIELD(f.number, f.type) == FIELD(1u, WIRE_VARINT))
			ret->offset = unzigzag(f.value);
	return rc;
}

static int take_exp_histogram(const struct view_field *f, struct view_point *ret)
{
	switch (FIELD(f->number, f->type)) {
	case FIELD(4u, WIRE_FIXED64):
		ret->count = f->value;
		break;
	case FIELD(5u, WIRE_FIXED64):
		take_double(f, &ret->sum, &ret->has_sum);
		break;
	case FIELD(6u, WIRE_VARINT):
		ret->scale = unzigzag(f->value);
		break;
	case FIELD(7u, WIRE_FIXED64):
		ret->zero_count = f->value;
		break;
	case FIELD(8u, WIRE_BYTES):
		return take_buckets(f->bytes, &ret->positive);
	case FIELD(9u, WIRE_BYTES):
		return take_buckets(f->bytes, &ret->negative);
	case FIELD(10u, WIRE_VARINT):
		ret->flags = (uint32_t)f->value;
		break;
	case FIELD(12u, WIRE_FIXED64):
		take_double(f, &ret->min, &ret->has_min);
		break;
	case FIELD(13u, WIRE_FIXED64):
		take_double(f, &ret->max, &ret->has_max);
		break;
	case FIELD(14u, WIRE_FIXED64):
		ret->zero_threshold = view_double(f->value);
		break;
	}
	return 0;
}

static void take_summary(const struct view_field *f, struct view_point *ret)
{
	switch (FIELD(f->number, f->type)) {
	case FIELD(4u, WIRE_FIXED64):
		ret->count = f->value;
		break;
	case FIELD(5u, WIRE_FIXED64):
		take_double(f, &ret->sum, &ret->has_sum);
		break;
	case FIELD(8u, WIRE_VARINT):
		ret->flags = (uint32_t)f->value;
		break;
	}
}

int view_point(enum view_metric_kind kind, struct view_bytes message, struct view_point *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_point){.message = message};
	while ((rc = view_next(&message, &f)) == 1) {
		if (FIELD(f.number, f.type) == FIELD(2u, WIRE_FIXED64)) {
			ret->start_ns = f.value;
			continue;
		}
		if (FIELD(f.number, f.type) == FIELD(3u, WIRE_FIXED64)) {
			ret->time_ns = f.value;
			continue;
		}
		rc = 0;
		if (kind == VIEW_HISTOGRAM)
			take_histogram(&f, ret);
		else if (kind == VIEW_EXP_HISTOGRAM)
			rc = take_exp_histogram(&f, ret);
		else if (kind == VIEW_SUMMARY)
			take_summary(&f, ret);
		else
			take_number(&f, ret);
		if (rc < 0)
			break;
	}
	return rc;
}

int view_exemplar(struct view_bytes message, struct view_exemplar *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_exemplar){0};
	while ((rc = view_next(&message, &f)) == 1) {
		switch (FIELD(f.number, f.type)) {
		case FIELD(2u, WIRE_FIXED64):
			ret->time_ns = f.value;
			break;
		case FIELD(3u, WIRE_FIXED64):
			take_double(&f, &ret->value, &ret->has_value);
			break;
		case FIELD(4u, WIRE_BYTES):
			ret->span_id = f.bytes;
			break;
		case FIELD(5u, WIRE_BYTES):
			ret->trace_id = f.bytes;
			break;
		case FIELD(6u, WIRE_FIXED64):
			ret->value = (double)(int64_t)f.value;
			ret->has_value = true;
			break;
		}
	}
	return rc;
}

/* ---- packed numbers ---- */

static int unpack_one(struct view_bytes *rest, bool is_varint, uint64_t *ret)
{
	uint64_t value = 0;

	if (!is_varint) {
		if (rest->len < sizeof(value))
			return -EBADMSG;
		*ret = bytes_load64(rest->data);
		rest->data += sizeof(value);
		rest->len -= sizeof(value);
		return 0;
	}
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte;

		if (rest->len == 0)
			return -EBADMSG;
		byte = *rest->data;
		rest->data++;
		rest->len--;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*ret = value;
			return 0;
		}
	}
	return -EBADMSG;
}

int view_numbers(struct view_bytes message, uint32_t number, bool is_varint,
		 int (*call)(void *context, uint64_t bits), void *context)
{
	struct view_field f;
	int rc;

	while ((rc = view_next(&message, &f)) == 1) {
		uint64_t bits;

		if (f.number != number)
			continue;
		if (f.type == (is_varint ? WIRE_VARINT : WIRE_FIXED64))
			rc = call(context, f.value);
		while (f.type == WIRE_BYTES && f.bytes.len > 0 && rc >= 0) {
			rc = unpack_one(&f.bytes, is_varint, &bits);
			if (rc == 0)
				rc = call(context, bits);
		}
		if (rc < 0)
			return rc;
	}
	return rc;
}
