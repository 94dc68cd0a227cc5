/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of spans, pushed one by one, so that a bad one never takes its
 * neighbours along.
 *
 * The library writes a resource once per region if it was set on an exporter,
 * else into each span. So there is one exporter of the library's for each of
 * the first few Resource objects that come by.
 */
#include "call.h"

#include <string.h>

static int find_scope(struct call *call, const struct otlp_scope **ret, PyObject *object)
{
	struct reader *reader = &call->whole;
	struct otlp_scope *scope;
	size_t i;

	*ret = NULL;
	if (object == Py_None)
		return 0;
	for (i = 0; i < call->scope_count; i++) {
		if (call->scopes[i].object == object) {
			*ret = &call->scopes[i].scope;
			return 0;
		}
	}
	if (call->scope_count == SCOPE_SLOTS_MAX)
		reader = &call->record;
	scope = memory_take(reader->memory, 1, sizeof(*scope));
	if (scope == NULL || memory_hold_too(reader->memory, object) < 0 ||
	    read_scope(reader, scope, object) < 0)
		return -1;
	*ret = scope;
	if (reader == &call->whole) {
		call->scopes[call->scope_count].object = object;
		call->scopes[call->scope_count].scope = *scope;
		call->scope_count++;
	}
	return 0;
}

static struct otlp_span_exporter *find_slot(const struct exporter *exporter,
					    const PyObject *resource)
{
	size_t i;

	for (i = 0; i < exporter->slot_count; i++)
		if (exporter->slots[i].resource == resource)
			return exporter->slots[i].exporter;
	return NULL;
}

/* NULL: the library refuses it, and will say why when the resource comes with a span. */
static struct otlp_span_exporter *add_slot(struct exporter *exporter, PyObject *resource,
					   const struct otlp_resource *value)
{
	struct resource_slot *slot = &exporter->slots[exporter->slot_count];
	struct otlp_span_exporter *added;

	if (otlp_library_span_exporter(exporter->library, &added) < 0)
		return NULL;
	if (otlp_span_exporter_set_resource(added, value).cause != OTLP_OK) {
		otlp_span_exporter_unref(added);
		return NULL;
	}
	Py_INCREF(resource);
	slot->resource = resource;
	slot->exporter = added;
	exporter->slot_count++;
	return added;
}

/* Through which exporter of the library's a span goes; its resource inline, if through any. */
static int find_exporter(struct call *call, struct otlp_span_exporter **ret, struct otlp_span *span,
			 PyObject *resource)
{
	struct exporter *exporter = call->exporter;
	struct otlp_span_exporter *found;
	struct otlp_resource *value;

	*ret = exporter->spans;
	if (resource == Py_None)
		return 0;
	found = find_slot(exporter, resource);
	if (found == NULL) {
		value = memory_take(call->record.memory, 1, sizeof(*value));
		if (value == NULL || read_resource(&call->record, value, resource) < 0)
			return -1;
		/* Python code may have run: another thread can have added it. */
		found = find_slot(exporter, resource);
		if (found == NULL && exporter->slot_count < RESOURCE_SLOTS_MAX)
			found = add_slot(exporter, resource, value);
		if (found == NULL)
			span->resource = value;
	}
	if (found != NULL)
		*ret = found;
	return 0;
}

static int export_span(struct call *call, PyObject *object)
{
	struct otlp_span_exporter *exporter;
	struct otlp_span span = {0};
	PyObject *scope, *resource;

	if (read_span(&call->record, &span, object, &scope, &resource) == 0 &&
	    find_scope(call, &span.scope, scope) == 0 &&
	    find_exporter(call, &exporter, &span, resource) == 0)
		return call_judge(call, otlp_span_exporter_export(exporter, &span, 1), "span",
				  object, 1);
	if (call_refuse(call, "span", object, 1) < 0)
		return -1;
	/* A span without ids is invalid: so the library counts this one as such. */
	memset(&span, 0, sizeof(span));
	call_see(call, otlp_span_exporter_export(call->exporter->spans, &span, 1));
	return 0;
}

PyObject *exporter_export_spans(PyObject *self, PyObject *spans)
{
	PyObject *items = PySequence_Tuple(spans);
	struct call call;
	Py_ssize_t count, i;
	int rc = 0;

	if (items == NULL)
		return NULL;
	call_begin(&call, self);
	count = PyTuple_Size(items);
	for (i = 0; i < count && rc == 0 && !call.is_over; i++) {
		rc = export_span(&call, PyTuple_GetItem(items, i));
		if (rc == 0)
			memory_reset(&call.record_memory);
	}
	call.outcome.refused_count += (size_t)(count - i);
	Py_DECREF(items);
	return call_end(&call, rc);
}
