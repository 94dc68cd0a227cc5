/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a span or a log record comes from: its scope, read once a call, and its
 * resource.
 *
 * The library writes a resource once per region if it was set on an exporter,
 * else into each record. So there is one exporter of the library's for each of
 * the first few Resource objects that come by.
 */
#include "call.h"

int origin_scope(struct call *call, const struct otlp_scope **ret, PyObject *object)
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

static const struct resource_slot *find_slot(const struct exporter *exporter,
					     const PyObject *resource)
{
	size_t i;

	for (i = 0; i < exporter->slot_count; i++)
		if (exporter->slots[i].resource == resource)
			return &exporter->slots[i];
	return NULL;
}

void origin_clear(struct resource_slot *slot)
{
	otlp_span_exporter_unref(slot->spans);
	otlp_log_exporter_unref(slot->logs);
	slot->spans = NULL;
	slot->logs = NULL;
	Py_CLEAR(slot->resource);
}

static int make_exporter(struct resource_slot *ret, const struct exporter *exporter,
			 const struct otlp_resource *value)
{
	int r;

	if (exporter->own.logs != NULL) {
		r = otlp_library_log_exporter(exporter->library, &ret->logs);
		return r < 0 ? r : otlp_log_exporter_set_resource(ret->logs, value).cause;
	}
	r = otlp_library_span_exporter(exporter->library, &ret->spans);
	return r < 0 ? r : otlp_span_exporter_set_resource(ret->spans, value).cause;
}

/* NULL: the library refuses it, and will say why when the resource comes with a record. */
static const struct resource_slot *add_slot(struct exporter *exporter, PyObject *resource,
					    const struct otlp_resource *value)
{
	struct resource_slot added = {0};

	if (make_exporter(&added, exporter, value) < 0) {
		origin_clear(&added);
		return NULL;
	}
	Py_INCREF(resource);
	added.resource = resource;
	exporter->slots[exporter->slot_count] = added;
	return &exporter->slots[exporter->slot_count++];
}

int origin_resource(struct call *call, const struct resource_slot **ret,
		    const struct otlp_resource **ret_inline, PyObject *resource)
{
	struct exporter *exporter = call->exporter;
	const struct resource_slot *found;
	struct otlp_resource *value;

	*ret = &exporter->own;
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
			*ret_inline = value;
	}
	if (found != NULL)
		*ret = found;
	return 0;
}
