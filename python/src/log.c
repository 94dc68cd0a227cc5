/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SDK's log records. Since version 1.39 that is a ReadableLogRecord, which
 * has the API's LogRecord and its resource; before, a LogData, whose LogRecord
 * has the resource. Both are plain objects: there are no private fields to read.
 */
#include "native.h"

/* A record of no trace has None or zero. */
static int read_ids(struct reader *reader, struct otlp_log_record *ret, PyObject *record)
{
	const struct state *state = reader->state;
	PyObject *field;

	field = read_field_or_none(reader, record, state->names.trace_id);
	if (field == NULL || (field != Py_None && read_trace_id(state, ret->trace_id, field) < 0))
		return -1;
	field = read_field_or_none(reader, record, state->names.span_id);
	if (field == NULL || (field != Py_None && read_span_id(ret->span_id, field) < 0))
		return -1;
	field = read_field_or_none(reader, record, state->names.trace_flags);
	return field == NULL ? -1 : read_u32(&ret->flags, field, "trace flags");
}

static int read_severity(struct reader *reader, struct otlp_log_record *ret, PyObject *record)
{
	const struct state *state = reader->state;
	PyObject *field;
	long number = 0;

	field = read_field(reader, record, state->names.severity_number);
	if (field == NULL)
		return -1;
	if (field != Py_None &&
	    read_enum(reader, &number, field, state->sdk.severity_numbers, SEVERITY_COUNT) < 0)
		return -1;
	ret->severity_number = (enum otlp_severity_number)number;
	field = read_field(reader, record, state->names.severity_text);
	return field == NULL ? -1 : read_str(&ret->severity_text, field, "a severity text");
}

/* Attributes that do not bring their dropped count: the SDK's record has one. */
static int add_dropped(struct reader *reader, uint32_t *to, PyObject *object, PyObject *record)
{
	PyObject *name = reader->state->names.dropped_attributes;
	PyObject *dropped = read_field_or_none(reader, object, name);
	uint32_t count;

	if (dropped == Py_None)
		dropped = read_field_or_none(reader, record, name);
	if (dropped == NULL || read_u32(&count, dropped, "a dropped count") < 0)
		return -1;
	*to += count;
	return 0;
}

static int read_record_attributes(struct reader *reader, struct otlp_attributes *ret,
				  PyObject *object, PyObject *record)
{
	const struct state *state = reader->state;
	PyObject *attributes = read_field(reader, record, state->names.attributes);

	if (attributes == NULL || read_attributes(reader, ret, attributes) < 0)
		return -1;
	if ((PyObject *)Py_TYPE(attributes) == state->sdk.bounded_attributes)
		return 0;
	return add_dropped(reader, &ret->dropped, object, record);
}

static int read_times(struct reader *reader, struct otlp_log_record *ret, PyObject *record)
{
	const struct state *state = reader->state;
	PyObject *field;

	field = read_field(reader, record, state->names.timestamp);
	if (field == NULL || read_u64(&ret->time_unix_ns, field, "a log's time") < 0)
		return -1;
	field = read_field_or_none(reader, record, state->names.observed_timestamp);
	return field == NULL
		       ? -1
		       : read_u64(&ret->observed_time_unix_ns, field, "a log's observed time");
}

int read_log_record(struct reader *reader, struct otlp_log_record *ret, PyObject *object,
		    PyObject **ret_scope, PyObject **ret_resource)
{
	const struct state *state = reader->state;
	PyObject *record = read_field(reader, object, state->names.log_record), *field;

	if (record == NULL || read_times(reader, ret, record) < 0 ||
	    read_severity(reader, ret, record) < 0 || read_ids(reader, ret, record) < 0)
		return -1;
	field = read_field(reader, record, state->names.body);
	if (field == NULL || read_body(reader, &ret->body, field) < 0)
		return -1;
	/* Older versions of the SDK have none. */
	field = read_field_or_none(reader, record, state->names.event_name);
	if (field == NULL || read_str(&ret->event_name, field, "an event's name") < 0 ||
	    read_record_attributes(reader, &ret->attributes, object, record) < 0)
		return -1;
	*ret_scope = read_field_or_none(reader, object, state->names.instrumentation_scope);
	*ret_resource = read_field_or_none(reader, object, state->names.resource);
	if (*ret_resource == Py_None)
		*ret_resource = read_field_or_none(reader, record, state->names.resource);
	return *ret_scope != NULL && *ret_resource != NULL ? 0 : -1;
}

/* The text in a field of a field; NULL where there is none, and with no exception set. */
static PyObject *text_in(struct reader *reader, PyObject *object, PyObject *outer, PyObject *inner)
{
	PyObject *field = read_field_or_none(reader, object, outer);

	if (field != NULL)
		field = read_field_or_none(reader, field, inner);
	if (field != NULL && PyUnicode_Check(field) && PyUnicode_GetLength(field) > 0)
		return field;
	PyErr_Clear();
	return NULL;
}

PyObject *read_log_name(struct reader *reader, PyObject *object)
{
	const struct state *state = reader->state;
	PyObject *name = text_in(reader, object, state->names.log_record, state->names.event_name);

	if (name != NULL)
		return name;
	return text_in(reader, object, state->names.instrumentation_scope, state->names.name);
}
