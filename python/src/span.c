/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SDK's finished spans, and the resource and scope that all signals have. Which fields are read
 * by their private name is said at SDK_TYPE_MAP.
 */
#include "native.h"

#include <string.h>

/* SpanFlags of OTLP: it is known whether the parent is remote; it is. */
#define FLAG_HAS_IS_REMOTE 0x100u
#define FLAG_IS_REMOTE	   0x200u
#define FLAG_W3C_MASK	   0xffu

static bool is_exactly(PyObject *object, const PyObject *type)
{
	return (const PyObject *)Py_TYPE(object) == type;
}

/* What a SpanContext holds; the objects are borrowed. */
struct context {
	PyObject *trace_id, *span_id, *flags, *trace_state;
	bool is_remote;
};

static int read_context(struct reader *reader, struct context *ret, PyObject *object)
{
	const struct state *state = reader->state;
	PyObject *remote;
	int is;

	if (is_exactly(object, state->sdk.span_context)) {
		ret->trace_id = PyTuple_GetItem(object, 0);
		ret->span_id = PyTuple_GetItem(object, 1);
		remote = PyTuple_GetItem(object, 2);
		ret->flags = PyTuple_GetItem(object, 3);
		ret->trace_state = PyTuple_GetItem(object, 4);
	} else {
		ret->trace_id = read_field(reader, object, state->names.trace_id);
		if (ret->trace_id == NULL)
			return -1;
		ret->span_id = read_field(reader, object, state->names.span_id);
		if (ret->span_id == NULL)
			return -1;
		remote = read_field_or_none(reader, object, state->names.is_remote);
		if (remote == NULL)
			return -1;
		ret->flags = read_field_or_none(reader, object, state->names.trace_flags);
		if (ret->flags == NULL)
			return -1;
		ret->trace_state = read_field_or_none(reader, object, state->names.trace_state);
	}
	if (ret->trace_state == NULL)
		return -1;
	is = PyObject_IsTrue(remote);
	ret->is_remote = is > 0;
	return is < 0 ? -1 : 0;
}

/* W3C's tracestate: "key=value" with commas. */
static int join_trace_state(struct reader *reader, struct otlp_str *ret,
			    const struct otlp_attributes *entries)
{
	size_t bytes = 0, i;
	char *to;

	for (i = 0; i < entries->count; i++) {
		if (entries->items[i].value.type != OTLP_VALUE_STRING) {
			PyErr_SetString(PyExc_TypeError, "a trace state's values must be str");
			return -1;
		}
		bytes += entries->items[i].key.len + entries->items[i].value.as.string.len + 2;
	}
	to = memory_take(reader->memory, bytes, 1);
	if (to == NULL)
		return -1;
	ret->ptr = to;
	ret->len = bytes - 1;
	for (i = 0; i < entries->count; i++) {
		struct otlp_str key = entries->items[i].key;
		struct otlp_str value = entries->items[i].value.as.string;

		memcpy(to, key.ptr, key.len);
		to += key.len;
		*to++ = '=';
		memcpy(to, value.ptr, value.len);
		to += value.len;
		*to++ = ','; /* the last one is not in ret->len */
	}
	return 0;
}

static int read_trace_state(struct reader *reader, struct otlp_str *ret, PyObject *object)
{
	struct otlp_attributes entries;

	if (is_exactly(object, reader->state->sdk.trace_state_type)) {
		object = read_field(reader, object, reader->state->names._dict);
		if (object == NULL)
			return -1;
	}
	if (read_attributes(reader, &entries, object) < 0)
		return -1;
	return entries.count != 0 ? join_trace_state(reader, ret, &entries) : 0;
}

static int read_flags(uint32_t *ret, PyObject *object, bool is_remote)
{
	if (read_u32(ret, object, "trace flags") < 0)
		return -1;
	*ret = (*ret & FLAG_W3C_MASK) | FLAG_HAS_IS_REMOTE | (is_remote ? FLAG_IS_REMOTE : 0);
	return 0;
}

static int read_ids(struct reader *reader, struct otlp_span *ret, PyObject *object,
		    PyObject *parent)
{
	struct context own, parents;
	bool is_remote = false;

	if (object == Py_None) {
		PyErr_SetString(PyExc_ValueError, "the span has no context");
		return -1;
	}
	if (read_context(reader, &own, object) < 0 ||
	    read_trace_id(reader->state, ret->trace_id, own.trace_id) < 0 ||
	    read_span_id(ret->span_id, own.span_id) < 0 ||
	    read_trace_state(reader, &ret->trace_state, own.trace_state) < 0)
		return -1;
	if (parent != Py_None) {
		if (read_context(reader, &parents, parent) < 0 ||
		    read_span_id(ret->parent_span_id, parents.span_id) < 0)
			return -1;
		is_remote = parents.is_remote;
	}
	return read_flags(&ret->flags, own.flags, is_remote);
}

/* A dropped count beside attributes that did not bring their own. */
static int add_dropped(struct reader *reader, uint32_t *to, PyObject *object, PyObject *name)
{
	PyObject *dropped = read_field_or_none(reader, object, name);
	uint32_t count;

	if (dropped == NULL || read_u32(&count, dropped, "a dropped count") < 0)
		return -1;
	*to += count;
	return 0;
}

static int read_own_attributes(struct reader *reader, struct otlp_attributes *ret, PyObject *object,
			       bool is_known)
{
	const struct state *state = reader->state;
	PyObject *attributes = read_field(
		reader, object, is_known ? state->names._attributes : state->names.attributes);

	if (attributes == NULL || read_attributes(reader, ret, attributes) < 0)
		return -1;
	if (is_known || is_exactly(attributes, state->sdk.bounded_attributes))
		return 0;
	return add_dropped(reader, &ret->dropped, object, state->names.dropped_attributes);
}

static int read_event(struct reader *reader, struct otlp_span_event *ret, PyObject *object)
{
	const struct state *state = reader->state;
	bool is_known = is_exactly(object, state->sdk.event);
	PyObject *field;

	field = read_field(reader, object, is_known ? state->names._name : state->names.name);
	if (field == NULL || read_str(&ret->name, field, "an event's name") < 0)
		return -1;
	field = read_field(reader, object,
			   is_known ? state->names._timestamp : state->names.timestamp);
	if (field == NULL || read_u64(&ret->time_unix_ns, field, "an event's time") < 0)
		return -1;
	return read_own_attributes(reader, &ret->attributes, object, is_known);
}

static int read_link(struct reader *reader, struct otlp_span_link *ret, PyObject *object)
{
	const struct state *state = reader->state;
	bool is_known = is_exactly(object, state->sdk.link);
	struct context context;
	PyObject *field;

	field = read_field(reader, object, is_known ? state->names._context : state->names.context);
	if (field == NULL || read_context(reader, &context, field) < 0 ||
	    read_trace_id(state, ret->trace_id, context.trace_id) < 0 ||
	    read_span_id(ret->span_id, context.span_id) < 0 ||
	    read_trace_state(reader, &ret->trace_state, context.trace_state) < 0 ||
	    read_flags(&ret->flags, context.flags, context.is_remote) < 0)
		return -1;
	return read_own_attributes(reader, &ret->attributes, object, is_known);
}

/*
 * The items of a span's events or links; NULL with a count of 0 for none of
 * them. A BoundedList brings its dropped count, else the span has one.
 */
static int read_list(struct reader *reader, PyObject *span, PyObject *list, PyObject *dropped_name,
		     PyObject **ret_items, size_t *ret_count, uint32_t *ret_dropped)
{
	const struct state *state = reader->state;

	*ret_items = NULL;
	*ret_count = 0;
	*ret_dropped = 0;
	if (is_exactly(list, state->sdk.bounded_list)) {
		if (add_dropped(reader, ret_dropped, list, state->names.dropped) < 0)
			return -1;
		list = read_field(reader, list, state->names._dq);
		if (list == NULL)
			return -1;
		if (PyObject_Size(list) == 0)
			return 0;
	} else if (add_dropped(reader, ret_dropped, span, dropped_name) < 0) {
		return -1;
	}
	if (list == Py_None)
		return 0;
	*ret_items = read_items(reader, list, ret_count);
	return *ret_items != NULL ? 0 : -1;
}

static int read_events(struct reader *reader, struct otlp_span *ret, PyObject *span, PyObject *list)
{
	struct otlp_span_event *events;
	PyObject *items;
	size_t i;

	if (read_list(reader, span, list, reader->state->names.dropped_events, &items,
		      &ret->event_count, &ret->dropped_event_count) < 0)
		return -1;
	if (ret->event_count == 0)
		return 0;
	events = memory_take(reader->memory, ret->event_count, sizeof(*events));
	if (events == NULL)
		return -1;
	ret->events = events;
	for (i = 0; i < ret->event_count; i++)
		if (read_event(reader, &events[i], PyTuple_GetItem(items, (Py_ssize_t)i)) < 0)
			return -1;
	return 0;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
	while (count > 0)
		if (bytes[--count] != 0)
			return false;
	return true;
}

/* The API allows a link to nothing if it has attributes; OTLP's readers want an id. */
static int drop_link(struct reader *reader, struct otlp_span *span)
{
	span->dropped_link_count++;
	return outcome_note(reader->outcome,
			    PyUnicode_FromString("a link was left out: its ids are all zero"));
}

static int read_links(struct reader *reader, struct otlp_span *ret, PyObject *span, PyObject *list)
{
	struct otlp_span_link *links;
	PyObject *items;
	size_t count, i;

	if (read_list(reader, span, list, reader->state->names.dropped_links, &items, &count,
		      &ret->dropped_link_count) < 0)
		return -1;
	if (count == 0)
		return 0;
	links = memory_take(reader->memory, count, sizeof(*links));
	if (links == NULL)
		return -1;
	ret->links = links;
	for (i = 0; i < count; i++) {
		struct otlp_span_link *link = &links[ret->link_count];

		memset(link, 0, sizeof(*link));
		if (read_link(reader, link, PyTuple_GetItem(items, (Py_ssize_t)i)) < 0)
			return -1;
		if (!is_zero(link->trace_id, sizeof(link->trace_id)) &&
		    !is_zero(link->span_id, sizeof(link->span_id)))
			ret->link_count++;
		else if (drop_link(reader, ret) < 0)
			return -1;
	}
	return 0;
}

int read_enum(struct reader *reader, long *ret, PyObject *object, PyObject *members, long count)
{
	PyObject *value = object;
	long i;

	for (i = 0; members != NULL && i < count; i++) {
		if (PyTuple_GetItem(members, i) == object) {
			*ret = i;
			return 0;
		}
	}
	if (!PyLong_Check(object)) {
		value = read_field(reader, object, reader->state->names.value);
		if (value == NULL)
			return -1;
	}
	*ret = PyLong_AsLong(value);
	if (*ret == -1 && PyErr_Occurred())
		return -1;
	if (*ret < 0 || *ret >= count) {
		PyErr_Format(PyExc_ValueError, "%R has no such member", object);
		return -1;
	}
	return 0;
}

static int read_status(struct reader *reader, struct otlp_span *ret, PyObject *object)
{
	const struct state *state = reader->state;
	bool is_known = is_exactly(object, state->sdk.status_type);
	PyObject *field;
	long code;

	if (object == Py_None)
		return 0;
	field = read_field(reader, object,
			   is_known ? state->names._status_code : state->names.status_code);
	if (field == NULL ||
	    read_enum(reader, &code, field, state->sdk.status_codes, STATUS_CODE_COUNT) < 0)
		return -1;
	ret->status = (enum otlp_status_code)code;
	field = read_field(reader, object,
			   is_known ? state->names._description : state->names.description);
	if (field == NULL)
		return -1;
	return read_str(&ret->status_message, field, "a status description");
}

int read_resource(struct reader *reader, struct otlp_resource *ret, PyObject *object)
{
	PyObject *field = read_field(reader, object, reader->state->names.attributes);
	int rc;

	if (field == NULL)
		return -1;
	reader->repairs_text = true;
	rc = read_attributes(reader, &ret->attributes, field);
	reader->repairs_text = false;
	if (rc < 0)
		return rc;
	field = read_field_or_none(reader, object, reader->state->names.schema_url);
	return field == NULL ? -1 : read_str(&ret->schema_url, field, "a schema URL");
}

int read_scope(struct reader *reader, struct otlp_scope *ret, PyObject *object)
{
	const struct state *state = reader->state;
	PyObject *field;

	field = read_field(reader, object, state->names.name);
	if (field == NULL || read_str(&ret->name, field, "a scope's name") < 0)
		return -1;
	field = read_field_or_none(reader, object, state->names.version);
	if (field == NULL || read_str(&ret->version, field, "a scope's version") < 0)
		return -1;
	field = read_field_or_none(reader, object, state->names.schema_url);
	if (field == NULL || read_str(&ret->schema_url, field, "a schema URL") < 0)
		return -1;
	field = read_field_or_none(reader, object, state->names.attributes);
	return field == NULL ? -1 : read_attributes(reader, &ret->attributes, field);
}

/* The fields of a span, in the order of the struct below. */
struct span_fields {
	PyObject *name, *context, *kind, *parent, *start_time, *end_time, *status, *events, *links,
		*scope, *resource;
};

static int read_span_fields(struct reader *reader, struct span_fields *ret, PyObject *span,
			    bool is_known)
{
#define FIELD(member, private, public)                                                             \
	ret->member =                                                                              \
		read_field(reader, span,                                                           \
			   is_known ? reader->state->names.private : reader->state->names.public); \
	if (ret->member == NULL)                                                                   \
	return -1
	FIELD(name, _name, name);
	FIELD(context, _context, context);
	FIELD(kind, _kind, kind);
	FIELD(parent, _parent, parent);
	FIELD(start_time, _start_time, start_time);
	FIELD(end_time, _end_time, end_time);
	FIELD(status, _status, status);
	FIELD(events, _events, events);
	FIELD(links, _links, links);
	FIELD(scope, _instrumentation_scope, instrumentation_scope);
	FIELD(resource, _resource, resource);
#undef FIELD
	return 0;
}

int read_span(struct reader *reader, struct otlp_span *ret, PyObject *object, PyObject **ret_scope,
	      PyObject **ret_resource)
{
	const struct state *state = reader->state;
	bool is_known = is_exactly(object, state->sdk.readable_span) ||
			is_exactly(object, state->sdk.recording_span);
	struct span_fields fields;
	long kind;

	if (read_span_fields(reader, &fields, object, is_known) < 0 ||
	    read_str(&ret->name, fields.name, "a span's name") < 0 ||
	    read_ids(reader, ret, fields.context, fields.parent) < 0 ||
	    read_enum(reader, &kind, fields.kind, state->sdk.span_kinds, SPAN_KIND_COUNT) < 0 ||
	    read_u64(&ret->start_time_unix_ns, fields.start_time, "a span's start time") < 0 ||
	    read_u64(&ret->end_time_unix_ns, fields.end_time, "a span's end time") < 0 ||
	    read_status(reader, ret, fields.status) < 0 ||
	    read_own_attributes(reader, &ret->attributes, object, is_known) < 0 ||
	    read_events(reader, ret, object, fields.events) < 0 ||
	    read_links(reader, ret, object, fields.links) < 0)
		return -1;
	/* The API starts at INTERNAL with 0, OTLP with 1. */
	ret->kind = (enum otlp_span_kind)(kind + OTLP_SPAN_KIND_INTERNAL);
	*ret_scope = fields.scope;
	*ret_resource = fields.resource;
	return 0;
}
