/* SPDX-License-Identifier: Apache-2.0 */
/* What the types of library and exporters do alike with the library's handle: wait, and tell why.
 */
#include "native.h"

#include <string.h>

/* How long Ctrl-C may have to wait. */
#define WAIT_SLICE_NS INT64_C(100000000)

PyObject *handle_error(const struct state *state, int error, const char *detail)
{
	PyObject *text = PyUnicode_FromFormat("%s: %s", detail, otlp_strerror(error));
	PyObject *code = PyLong_FromLong(error);
	PyObject *exception = NULL;

	if (text != NULL && code != NULL)
		exception = PyObject_CallFunctionObjArgs(state->error, text, NULL);
	if (exception != NULL && PyObject_SetAttr(exception, state->names.code, code) == 0)
		PyErr_SetObject(state->error, exception);
	Py_XDECREF(text);
	Py_XDECREF(code);
	Py_XDECREF(exception);
	return NULL;
}

PyObject *handle_wait(struct otlp_library *library, int64_t timeout_ns)
{
	int64_t left = timeout_ns;
	PyThreadState *thread;
	int r;

	if (timeout_ns < OTLP_FOREVER)
		return PyLong_FromLong(OTLP_ERR_INVALID);
	/* It outlives the wait, whatever other threads give back meanwhile. */
	otlp_library_ref(library);
	for (;;) {
		int64_t slice = left < 0 || left > WAIT_SLICE_NS ? WAIT_SLICE_NS : left;

		thread = PyEval_SaveThread();
		r = otlp_library_flush(library, slice);
		PyEval_RestoreThread(thread);
		if (r != OTLP_ERR_TIMEOUT)
			break;
		if (PyErr_CheckSignals() < 0) {
			otlp_library_unref(library);
			return NULL;
		}
		if (left >= 0)
			left -= slice;
		if (left == 0)
			break;
	}
	otlp_library_unref(library);
	return PyLong_FromLong(r);
}

PyObject *handle_last_error(struct otlp_library *library)
{
	char text[LAST_ERROR_BYTES];

	otlp_library_last_error(library, text, sizeof(text));
	return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}
