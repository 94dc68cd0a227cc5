/* SPDX-License-Identifier: Apache-2.0 */
/* What each export call begins and ends with, and what becomes of the library's answers in it. */
#include "call.h"

#include <string.h>

void call_begin(struct call *call, PyObject *exporter)
{
	memset(call, 0, sizeof(*call));
	call->exporter = (struct exporter *)(void *)exporter;
	call->record.state = call->whole.state = call->exporter->state;
	call->record.outcome = call->whole.outcome = &call->outcome;
	call->record.memory = &call->record_memory;
	call->whole.memory = &call->call_memory;
}

PyObject *call_end(struct call *call, int rc)
{
	PyObject *type, *value, *traceback;

	/* A finaliser that runs in here must not meet an exception that is set. */
	PyErr_Fetch(&type, &value, &traceback);
	memory_free(&call->record_memory);
	memory_free(&call->call_memory);
	PyErr_Restore(type, value, traceback);
	return outcome_finish(&call->outcome, rc);
}

PyObject *call_export(PyObject *exporter, PyObject *batch,
		      int (*export_one)(struct call *call, PyObject *object))
{
	PyObject *items = PySequence_Tuple(batch);
	struct call call;
	Py_ssize_t count, i;
	int rc = 0;

	if (items == NULL)
		return NULL;
	call_begin(&call, exporter);
	count = PyTuple_Size(items);
	for (i = 0; i < count && rc == 0 && !call.is_over; i++) {
		rc = export_one(&call, PyTuple_GetItem(items, i));
		if (rc == 0)
			memory_reset(&call.record_memory);
	}
	call.outcome.refused_count += (size_t)(count - i);
	Py_DECREF(items);
	return call_end(&call, rc);
}

void call_see(struct call *call, struct otlp_sdk_result result)
{
	if (result.cause != OTLP_ERR_SHUTDOWN)
		return;
	call->is_over = true;
	call->outcome.cause = OTLP_ERR_SHUTDOWN;
}

static PyObject *name_of(struct call *call, PyObject *object)
{
	struct reader *reader = &call->record;
	PyObject *name = call->exporter->own.logs != NULL
				 ? read_log_name(reader, object)
				 : read_field_or_none(reader, object, reader->state->names.name);

	if (name == NULL)
		PyErr_Clear(); /* it has none to show */
	return name;
}

int call_judge(struct call *call, struct otlp_sdk_result result, const char *what, PyObject *object,
	       size_t count)
{
	char text[LAST_ERROR_BYTES];
	size_t len = 0;
	PyObject *name;

	if (result.status == OTLP_SDK_SUCCESS)
		return 0;
	call->is_over = result.cause == OTLP_ERR_SHUTDOWN;
	name = result.cause == OTLP_ERR_FULL ? NULL : name_of(call, object);
	if (result.cause == OTLP_ERR_TOO_LARGE)
		len = otlp_library_last_error(call->exporter->library, text, sizeof(text));
	return outcome_fail(&call->outcome, what, name, result.cause, len > 0 ? text : NULL, count);
}

int call_refuse(struct call *call, const char *what, PyObject *object, size_t count)
{
	PyObject *type, *value, *traceback, *name;

	PyErr_Fetch(&type, &value, &traceback);
	name = name_of(call, object);
	PyErr_Restore(type, value, traceback);
	return outcome_refuse(&call->outcome, what, name, count);
}
