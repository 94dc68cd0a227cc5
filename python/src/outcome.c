/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of an export call, in words: which records were refused and why.
 * Logging it, and how often, is the Python side's.
 */
#include "native.h"

#include <string.h>

/* Of each kind and call; the rest is in the count. */
#define TEXT_COUNT_MAX 8

static int list_add(PyObject **list, PyObject *text)
{
	int rc = 0;

	if (text == NULL)
		return -1;
	if (*list == NULL)
		*list = PyList_New(0);
	if (*list == NULL)
		rc = -1;
	else if (PyList_Size(*list) < TEXT_COUNT_MAX)
		rc = PyList_Append(*list, text);
	Py_DECREF(text);
	return rc;
}

/* A name is quoted, so that surrogates and line ends are seen and do no harm. */
static PyObject *subject(const char *what, PyObject *name)
{
	if (name != NULL && PyUnicode_Check(name))
		return PyUnicode_FromFormat("%s %R", what, name);
	return PyUnicode_FromString(what);
}

static PyObject *exception_text(PyObject *type, PyObject *value)
{
	PyObject *name = PyObject_GetAttrString(type, "__name__");
	PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
	PyObject *ret = NULL;

	if (text == NULL)
		PyErr_Clear(); /* an exception that cannot be printed still has its type */
	if (name != NULL)
		ret = PyUnicode_FromFormat("%S: %S", name, text != NULL ? text : Py_None);
	Py_XDECREF(name);
	Py_XDECREF(text);
	return ret;
}

int outcome_refuse(struct outcome *outcome, const char *what, PyObject *name, size_t count)
{
	PyObject *type, *value, *traceback, *head, *reason;

	if (!PyErr_ExceptionMatches(PyExc_Exception))
		return -1;
	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	head = subject(what, name);
	reason = head != NULL ? exception_text(type, value) : NULL;
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	outcome->refused_count += count;
	if (outcome->cause == OTLP_OK)
		outcome->cause = OTLP_ERR_INVALID;
	if (reason == NULL) {
		Py_XDECREF(head);
		return -1;
	}
	type = PyUnicode_FromFormat("%U: %U", head, reason);
	Py_DECREF(head);
	Py_DECREF(reason);
	return list_add(&outcome->failures, type);
}

int outcome_fail(struct outcome *outcome, const char *what, PyObject *name, int cause,
		 const char *text, size_t count)
{
	PyObject *head, *line;

	outcome->refused_count += count;
	if (outcome->cause == OTLP_OK)
		outcome->cause = cause;
	/* Which record it was matters only where the record is to blame. */
	if (cause != OTLP_ERR_INVALID && cause != OTLP_ERR_TOO_LARGE)
		return 0;
	head = subject(what, name);
	if (head == NULL)
		return -1;
	line = PyUnicode_FromFormat("%U: %s", head, text != NULL ? text : otlp_strerror(cause));
	Py_DECREF(head);
	return list_add(&outcome->failures, line);
}

int outcome_note(struct outcome *outcome, PyObject *text)
{
	return list_add(&outcome->notes, text);
}

static PyObject *list_or_empty(PyObject *list)
{
	return list != NULL ? PyList_AsTuple(list) : PyTuple_New(0);
}

PyObject *outcome_finish(struct outcome *outcome, int rc)
{
	PyObject *ret = NULL, *failures = NULL, *notes = NULL;

	if (rc == 0 && outcome->cause == OTLP_OK && outcome->notes == NULL) {
		Py_INCREF(Py_None);
		ret = Py_None;
	} else if (rc == 0) {
		failures = list_or_empty(outcome->failures);
		notes = list_or_empty(outcome->notes);
		if (failures != NULL && notes != NULL)
			ret = Py_BuildValue("(inOO)", outcome->cause,
					    (Py_ssize_t)outcome->refused_count, failures, notes);
	}
	Py_XDECREF(failures);
	Py_XDECREF(notes);
	Py_XDECREF(outcome->failures);
	Py_XDECREF(outcome->notes);
	memset(outcome, 0, sizeof(*outcome));
	return ret;
}
