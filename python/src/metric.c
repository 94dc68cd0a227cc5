/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SDK's metrics: gauges, sums, both histograms, their points and exemplars.
 * They are dataclasses, so their public names are their fields.
 */
#include "native.h"

static int read_double(double *ret, PyObject *object)
{
	*ret = PyFloat_AsDouble(object);
	return *ret == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* A value that may be None. */
static int read_optional_double(struct reader *reader, bool *ret_has, double *ret, PyObject *object,
				PyObject *name)
{
	PyObject *field = read_field_or_none(reader, object, name);

	if (field == NULL)
		return -1;
	*ret_has = field != Py_None;
	return *ret_has ? read_double(ret, field) : 0;
}

static int read_u64_field(struct reader *reader, uint64_t *ret, PyObject *object, PyObject *name,
			  const char *what)
{
	PyObject *field = read_field(reader, object, name);

	return field == NULL ? -1 : read_u64(ret, field, what);
}

static int read_i32_field(struct reader *reader, int32_t *ret, PyObject *object, PyObject *name)
{
	PyObject *field = read_field(reader, object, name);
	long value;

	if (field == NULL)
		return -1;
	value = PyLong_AsLong(field);
	if (value == -1 && PyErr_Occurred())
		return -1;
	if (value < INT32_MIN || value > INT32_MAX) {
		PyErr_Format(PyExc_OverflowError, "%S beyond 32 bits", name);
		return -1;
	}
	*ret = (int32_t)value;
	return 0;
}

static int read_exemplar(struct reader *reader, struct otlp_exemplar *ret, PyObject *object)
{
	const struct state *state = reader->state;
	PyObject *field, *trace_id;

	field = read_field(reader, object, state->names.filtered_attributes);
	if (field == NULL || read_attributes(reader, &ret->filtered_attributes, field) < 0)
		return -1;
	field = read_field(reader, object, state->names.value);
	if (field == NULL || read_number(&ret->value, field) < 0 ||
	    read_u64_field(reader, &ret->time_unix_ns, object, state->names.time_unix_nano,
			   "an exemplar's time") < 0)
		return -1;
	trace_id = read_field(reader, object, state->names.trace_id);
	if (trace_id == NULL)
		return -1;
	field = read_field(reader, object, state->names.span_id);
	if (field == NULL)
		return -1;
	if (trace_id == Py_None || field == Py_None)
		return 0;
	if (read_trace_id(state, ret->trace_id, trace_id) < 0)
		return -1;
	return read_span_id(ret->span_id, field);
}

static int read_exemplars(struct reader *reader, struct otlp_point *ret, PyObject *list)
{
	struct otlp_exemplar *exemplars;
	PyObject *items;
	size_t count, i;

	if (list == Py_None)
		return 0;
	items = read_items(reader, list, &count);
	if (items == NULL)
		return -1;
	if (count == 0)
		return 0;
	exemplars = memory_take(reader->memory, count, sizeof(*exemplars));
	if (exemplars == NULL)
		return -1;
	for (i = 0; i < count; i++)
		if (read_exemplar(reader, &exemplars[i], PyTuple_GetItem(items, (Py_ssize_t)i)) < 0)
			return -1;
	ret->exemplars = exemplars;
	ret->exemplar_count = count;
	return 0;
}

static int read_point(struct reader *reader, struct otlp_point *ret, PyObject *object)
{
	const struct state *state = reader->state;
	PyObject *field;

	field = read_field(reader, object, state->names.attributes);
	if (field == NULL || read_attributes(reader, &ret->attributes, field) < 0 ||
	    read_u64_field(reader, &ret->start_time_unix_ns, object,
			   state->names.start_time_unix_nano, "a point's start time") < 0 ||
	    read_u64_field(reader, &ret->time_unix_ns, object, state->names.time_unix_nano,
			   "a point's time") < 0)
		return -1;
	field = read_field_or_none(reader, object, state->names.exemplars);
	return field == NULL ? -1 : read_exemplars(reader, ret, field);
}

static int read_u64_array(struct reader *reader, const uint64_t **ret, size_t *ret_count,
			  PyObject *list)
{
	uint64_t *array;
	PyObject *items;
	size_t i;

	items = read_items(reader, list, ret_count);
	if (items == NULL)
		return -1;
	array = memory_take(reader->memory, *ret_count, sizeof(*array));
	if (array == NULL)
		return -1;
	for (i = 0; i < *ret_count; i++)
		if (read_u64(&array[i], PyTuple_GetItem(items, (Py_ssize_t)i), "a bucket's count") <
		    0)
			return -1;
	*ret = array;
	return 0;
}

static int read_double_array(struct reader *reader, const double **ret, size_t *ret_count,
			     PyObject *list)
{
	double *array;
	PyObject *items;
	size_t i;

	items = read_items(reader, list, ret_count);
	if (items == NULL)
		return -1;
	array = memory_take(reader->memory, *ret_count, sizeof(*array));
	if (array == NULL)
		return -1;
	for (i = 0; i < *ret_count; i++)
		if (read_double(&array[i], PyTuple_GetItem(items, (Py_ssize_t)i)) < 0)
			return -1;
	*ret = array;
	return 0;
}

static int read_number_points(struct reader *reader, struct otlp_metric *ret, PyObject *items)
{
	struct otlp_number_point *points;
	size_t i;

	points = memory_take(reader->memory, ret->point_count, sizeof(*points));
	if (points == NULL)
		return -1;
	for (i = 0; i < ret->point_count; i++) {
		PyObject *item = PyTuple_GetItem(items, (Py_ssize_t)i);
		PyObject *value = read_field(reader, item, reader->state->names.value);

		if (value == NULL || read_number(&points[i].value, value) < 0 ||
		    read_point(reader, &points[i].point, item) < 0)
			return -1;
	}
	ret->points.number = points;
	return 0;
}

static int read_histogram_point(struct reader *reader, struct otlp_histogram_point *ret,
				PyObject *item)
{
	const struct state *state = reader->state;
	PyObject *field;

	if (read_point(reader, &ret->point, item) < 0 ||
	    read_u64_field(reader, &ret->count, item, state->names.count, "a count") < 0 ||
	    read_optional_double(reader, &ret->has_sum, &ret->sum, item, state->names.sum) < 0 ||
	    read_optional_double(reader, &ret->has_min, &ret->min, item, state->names.min) < 0 ||
	    read_optional_double(reader, &ret->has_max, &ret->max, item, state->names.max) < 0)
		return -1;
	field = read_field(reader, item, state->names.bucket_counts);
	if (field == NULL ||
	    read_u64_array(reader, &ret->bucket_counts, &ret->bucket_count, field) < 0)
		return -1;
	field = read_field(reader, item, state->names.explicit_bounds);
	return field == NULL ? -1
			     : read_double_array(reader, &ret->bounds, &ret->bound_count, field);
}

static int read_histogram_points(struct reader *reader, struct otlp_metric *ret, PyObject *items)
{
	struct otlp_histogram_point *points;
	size_t i;

	points = memory_take(reader->memory, ret->point_count, sizeof(*points));
	if (points == NULL)
		return -1;
	for (i = 0; i < ret->point_count; i++)
		if (read_histogram_point(reader, &points[i],
					 PyTuple_GetItem(items, (Py_ssize_t)i)) < 0)
			return -1;
	ret->points.histogram = points;
	return 0;
}

static int read_buckets(struct reader *reader, struct otlp_exp_buckets *ret, PyObject *object)
{
	const struct state *state = reader->state;
	PyObject *field;

	if (object == Py_None)
		return 0;
	field = read_field(reader, object, state->names.bucket_counts);
	if (field == NULL || read_u64_array(reader, &ret->counts, &ret->count, field) < 0)
		return -1;
	return read_i32_field(reader, &ret->offset, object, state->names.offset);
}

static int read_exp_point(struct reader *reader, struct otlp_exp_histogram_point *ret,
			  PyObject *item)
{
	const struct state *state = reader->state;
	bool has_threshold;
	PyObject *field;

	if (read_point(reader, &ret->point, item) < 0 ||
	    read_u64_field(reader, &ret->count, item, state->names.count, "a count") < 0 ||
	    read_optional_double(reader, &ret->has_sum, &ret->sum, item, state->names.sum) < 0 ||
	    read_optional_double(reader, &ret->has_min, &ret->min, item, state->names.min) < 0 ||
	    read_optional_double(reader, &ret->has_max, &ret->max, item, state->names.max) < 0 ||
	    read_optional_double(reader, &has_threshold, &ret->zero_threshold, item,
				 state->names.zero_threshold) < 0 ||
	    read_i32_field(reader, &ret->scale, item, state->names.scale) < 0 ||
	    read_u64_field(reader, &ret->zero_count, item, state->names.zero_count, "a count") < 0)
		return -1;
	field = read_field_or_none(reader, item, state->names.flags);
	if (field == NULL || read_u32(&ret->point.flags, field, "a point's flags") < 0)
		return -1;
	field = read_field(reader, item, state->names.positive);
	if (field == NULL || read_buckets(reader, &ret->positive, field) < 0)
		return -1;
	field = read_field(reader, item, state->names.negative);
	return field == NULL ? -1 : read_buckets(reader, &ret->negative, field);
}

static int read_exp_points(struct reader *reader, struct otlp_metric *ret, PyObject *items)
{
	struct otlp_exp_histogram_point *points;
	size_t i;

	points = memory_take(reader->memory, ret->point_count, sizeof(*points));
	if (points == NULL)
		return -1;
	for (i = 0; i < ret->point_count; i++)
		if (read_exp_point(reader, &points[i], PyTuple_GetItem(items, (Py_ssize_t)i)) < 0)
			return -1;
	ret->points.exp_histogram = points;
	return 0;
}

/* By the SDK's class; 0 with *ret untouched if it is none of them. */
static int read_type(struct reader *reader, enum otlp_metric_type *ret, PyObject *data)
{
	const struct state *state = reader->state;
	const struct {
		PyObject *type;
		enum otlp_metric_type is;
	} kinds[] = {
		{state->sdk.gauge, OTLP_METRIC_GAUGE},
		{state->sdk.sum_type, OTLP_METRIC_SUM},
		{state->sdk.histogram, OTLP_METRIC_HISTOGRAM},
		{state->sdk.exponential_histogram, OTLP_METRIC_EXP_HISTOGRAM},
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int is = kinds[i].type != NULL ? PyObject_IsInstance(data, kinds[i].type) : 0;

		if (is < 0)
			return -1;
		if (is > 0) {
			*ret = kinds[i].is;
			return 0;
		}
	}
	PyErr_Format(PyExc_TypeError, "%R is no kind of metric", (PyObject *)Py_TYPE(data));
	return -1;
}

static int read_temporality(struct reader *reader, struct otlp_metric *ret, PyObject *data)
{
	PyObject *field = read_field(reader, data, reader->state->names.aggregation_temporality);
	long value = field != NULL ? PyLong_AsLong(field) : -1;

	if (field == NULL || (value == -1 && PyErr_Occurred()))
		return -1;
	if (value != OTLP_TEMPORALITY_DELTA && value != OTLP_TEMPORALITY_CUMULATIVE) {
		PyErr_SetString(PyExc_ValueError,
				"the temporality is neither delta nor cumulative");
		return -1;
	}
	ret->temporality = (enum otlp_temporality)value;
	if (ret->type != OTLP_METRIC_SUM)
		return 0;
	field = read_field(reader, data, reader->state->names.is_monotonic);
	value = field != NULL ? PyObject_IsTrue(field) : -1;
	ret->is_monotonic = value > 0;
	return value < 0 ? -1 : 0;
}

static int read_data(struct reader *reader, struct otlp_metric *ret, PyObject *data)
{
	PyObject *field, *items;

	if (read_type(reader, &ret->type, data) < 0 ||
	    (ret->type != OTLP_METRIC_GAUGE && read_temporality(reader, ret, data) < 0))
		return -1;
	field = read_field(reader, data, reader->state->names.data_points);
	items = field != NULL ? read_items(reader, field, &ret->point_count) : NULL;
	if (items == NULL)
		return -1;
	if (ret->type == OTLP_METRIC_HISTOGRAM)
		return read_histogram_points(reader, ret, items);
	if (ret->type == OTLP_METRIC_EXP_HISTOGRAM)
		return read_exp_points(reader, ret, items);
	return read_number_points(reader, ret, items);
}

int read_metric(struct reader *reader, struct otlp_metric *ret, PyObject *object)
{
	const struct state *state = reader->state;
	PyObject *field;

	field = read_field(reader, object, state->names.name);
	if (field == NULL || read_str(&ret->name, field, "a metric's name") < 0)
		return -1;
	field = read_field(reader, object, state->names.description);
	if (field == NULL || read_str(&ret->description, field, "a description") < 0)
		return -1;
	field = read_field(reader, object, state->names.unit);
	if (field == NULL || read_str(&ret->unit, field, "a unit") < 0)
		return -1;
	field = read_field(reader, object, state->names.data);
	return field == NULL ? -1 : read_data(reader, ret, field);
}
