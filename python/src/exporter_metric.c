/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collection of metrics, pushed metric by metric: one that cannot be read is
 * refused with all of its points, and counted, and the others are taken.
 */
#include "call.h"

#include <string.h>

/* Where a metric stands, and why nothing that stands there can be pushed. */
struct place {
	const struct otlp_resource *resource; /* NULL: the library's */
	struct otlp_scope scope;
	PyObject *error_type; /* NULL: it can */
	PyObject *error_value;
};

static void place_fail(struct place *place)
{
	PyObject *traceback;

	PyErr_Fetch(&place->error_type, &place->error_value, &traceback);
	Py_XDECREF(traceback);
}

static void place_clear(struct place *place)
{
	Py_CLEAR(place->error_type);
	Py_CLEAR(place->error_value);
}

static struct otlp_sdk_result push(const struct call *call, const struct otlp_metric *metric,
				   const struct place *place)
{
	const struct otlp_scope_metrics scope_metrics = {
		.scope = place->scope, .metrics = metric, .metric_count = 1};
	const struct otlp_resource_metrics metrics = {.resource = place->resource,
						      .scope_metrics = &scope_metrics,
						      .scope_metrics_count = 1};

	return otlp_metric_exporter_export(call->exporter->metrics, &metrics);
}

/* How many points a metric has that cannot be read: one at least. */
static size_t count_points(struct call *call, PyObject *object)
{
	const struct state *state = call->exporter->state;
	PyObject *points = read_field_or_none(&call->record, object, state->names.data);
	Py_ssize_t count = -1;

	if (points != NULL)
		points = read_field_or_none(&call->record, points, state->names.data_points);
	if (points != NULL && points != Py_None)
		count = PyObject_Size(points);
	PyErr_Clear();
	return count > 0 ? (size_t)count : 1;
}

/* The exception that is set is why these points are refused. */
static int refuse(struct call *call, const char *what, PyObject *object, size_t point_count)
{
	static const struct place nowhere;
	const struct otlp_metric metric = {.point_count = point_count};

	if (call_refuse(call, what, object, point_count) < 0)
		return -1;
	/* A metric of no kind is invalid: so the library counts these points as such. */
	call_see(call, push(call, &metric, &nowhere));
	return 0;
}

static int export_metric(struct call *call, PyObject *object, const struct place *place)
{
	struct otlp_metric metric = {0};
	PyObject *type, *value, *traceback;
	size_t count;

	if (place->error_type != NULL) {
		Py_INCREF(place->error_type);
		Py_XINCREF(place->error_value);
		PyErr_Restore(place->error_type, place->error_value, NULL);
	} else if (read_metric(&call->record, &metric, object) == 0) {
		return metric.point_count == 0 ? 0
					       : call_judge(call, push(call, &metric, place),
							    "metric", object, metric.point_count);
	}
	PyErr_Fetch(&type, &value, &traceback);
	count = count_points(call, object);
	PyErr_Restore(type, value, traceback);
	return refuse(call, "metric", object, count);
}

static int export_metrics_of(struct call *call, PyObject *list, const struct place *place)
{
	PyObject *items;
	size_t count, i;
	int rc = 0;

	items = read_items(&call->whole, list, &count);
	if (items == NULL)
		return -1;
	for (i = 0; i < count && rc == 0 && !call->is_over; i++) {
		rc = export_metric(call, PyTuple_GetItem(items, (Py_ssize_t)i), place);
		if (rc == 0)
			memory_reset(&call->record_memory);
	}
	return rc;
}

static int export_scope(struct call *call, PyObject *object, const struct place *of)
{
	const struct state *state = call->exporter->state;
	struct place place = *of;
	PyObject *scope, *metrics;
	int rc;

	scope = read_field(&call->whole, object, state->names.scope);
	metrics = scope != NULL ? read_field(&call->whole, object, state->names.metrics) : NULL;
	if (metrics == NULL)
		return -1;
	if (place.error_type != NULL || scope == Py_None ||
	    read_scope(&call->whole, &place.scope, scope) == 0)
		return export_metrics_of(call, metrics, &place);
	place_fail(&place);
	rc = export_metrics_of(call, metrics, &place);
	place_clear(&place);
	return rc;
}

static int export_resource(struct call *call, PyObject *object)
{
	const struct state *state = call->exporter->state;
	struct otlp_resource *value = memory_take(call->whole.memory, 1, sizeof(*value));
	PyObject *resource, *scopes, *items;
	struct place place = {0};
	size_t count, i;
	int rc = 0;

	resource = value != NULL ? read_field(&call->whole, object, state->names.resource) : NULL;
	scopes = resource ? read_field(&call->whole, object, state->names.scope_metrics) : NULL;
	items = scopes != NULL ? read_items(&call->whole, scopes, &count) : NULL;
	if (items == NULL)
		return -1;
	if (resource != Py_None) {
		place.resource = value;
		if (read_resource(&call->whole, value, resource) < 0)
			place_fail(&place);
	}
	for (i = 0; i < count && rc == 0 && !call->is_over; i++)
		rc = export_scope(call, PyTuple_GetItem(items, (Py_ssize_t)i), &place);
	place_clear(&place);
	return rc;
}

PyObject *exporter_export_metrics(PyObject *self, PyObject *metrics_data)
{
	struct call call;
	PyObject *list, *items;
	size_t count, i;
	int rc = 0;

	call_begin(&call, self);
	list = read_field(&call.whole, metrics_data, call.exporter->state->names.resource_metrics);
	items = list != NULL ? read_items(&call.whole, list, &count) : NULL;
	if (items == NULL)
		rc = -1;
	for (i = 0; rc == 0 && i < count && !call.is_over; i++)
		rc = export_resource(&call, PyTuple_GetItem(items, (Py_ssize_t)i));
	return call_end(&call, rc);
}
