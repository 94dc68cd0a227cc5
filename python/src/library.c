/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library handle as a type: open, flush, shut down, count. Everything that
 * waits does so without the interpreter's lock; times are nanoseconds here, and
 * what a user passes is checked in otlpipe/_library.py.
 */
#include "native.h"

#include <string.h>

struct library {
	PyObject head;
	const struct state *state;
	struct otlp_library *library;
	PyObject *exporter;    /* for export_traces() */
	PyObject *diagnostics; /* list of str: what open() went on without */
};

static struct library *to_library(PyObject *self)
{
	return (struct library *)(void *)self;
}

/* Appends to the list of a library that is being opened; the interpreter's lock is held. */
static void library_diagnose(void *context, int error, const char *text)
{
	PyObject *line = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");

	(void)error;
	if (line == NULL || PyList_Append(context, line) < 0)
		PyErr_Clear();
	Py_XDECREF(line);
}

/*
 * A Resource, or a mapping of attributes; what cannot be carried is an error here, and text that
 * had to be repaired is told as what the library goes on without.
 */
static int read_own_resource(struct reader *reader, struct otlp_resource *ret, PyObject *object,
			     PyObject *diagnostics)
{
	int has = PyObject_HasAttr(object, reader->state->names.attributes);
	int rc = has ? read_resource(reader, ret, object)
		     : read_attributes(reader, &ret->attributes, object);
	PyObject *notes = reader->outcome->notes;
	Py_ssize_t i, count = notes != NULL ? PyList_Size(notes) : 0;

	if (rc == 0 && count > (Py_ssize_t)reader->repaired_count) {
		PyErr_SetObject(PyExc_TypeError, PyList_GetItem(notes, count - 1));
		rc = -1;
	}
	for (i = 0; rc == 0 && i < count; i++)
		rc = PyList_Append(diagnostics, PyList_GetItem(notes, i));
	return rc;
}

static int library_open_native(struct library *library, struct otlp_options *options,
			       PyObject *resource)
{
	struct otlp_resource own = {0};
	struct memory memory = {0};
	struct outcome outcome = {0};
	struct reader reader = {.state = library->state, .memory = &memory, .outcome = &outcome};
	int r = OTLP_OK;

	if (resource != Py_None) {
		r = read_own_resource(&reader, &own, resource, library->diagnostics);
		options->resource = &own;
	}
	if (r == OTLP_OK) {
		r = otlp_library_open(&library->library, options);
		if (r < 0) {
			/* What it went on without comes first, what it could not go on without
			 * last. */
			const Py_ssize_t count = PyList_Size(library->diagnostics);
			PyObject *why =
				count > 0 ? PyList_GetItem(library->diagnostics, count - 1) : NULL;
			const char *text = why != NULL ? PyUnicode_AsUTF8AndSize(why, NULL) : NULL;

			handle_error(library->state, r,
				     text != NULL ? text : "the library cannot be opened");
			r = -1;
		}
	}
	memory_free(&memory);
	Py_XDECREF(outcome.notes);
	Py_XDECREF(outcome.failures);
	return r;
}

static PyObject *library_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *keywords[] = {(char *)"runtime_dir",     (char *)"resource",
				   (char *)"span_ring_bytes", (char *)"metric_ring_bytes",
				   (char *)"log_ring_bytes",  (char *)"lanes",
				   (char *)"temporality",     NULL};
	PyObject *resource = Py_None, *directory = NULL;
	unsigned int span_ring = 0, metric_ring = 0, log_ring = 0, lanes = 0;
	struct otlp_options options;
	struct library *library;
	int temporality = -1;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O&OIIIIi:Library", keywords,
					 PyUnicode_FSConverter, &directory, &resource, &span_ring,
					 &metric_ring, &log_ring, &lanes, &temporality))
		return NULL;
	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = span_ring;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = metric_ring;
	options.ring_bytes[OTLP_SIGNAL_LOGS] = log_ring;
	options.lanes = lanes;
	if (temporality >= 0)
		options.temporality = (enum otlp_temporality_preference)temporality;
	options.runtime_dir = directory != NULL ? PyBytes_AsString(directory) : NULL;
	library = (struct library *)(void *)PyType_GenericAlloc(type, 0);
	if (library != NULL) {
		library->state = PyType_GetModuleState(type);
		library->diagnostics = PyList_New(0);
		options.diagnostic = library_diagnose;
		options.diagnostic_context = library->diagnostics;
		if (library->diagnostics != NULL &&
		    library_open_native(library, &options, resource) == 0)
			library->exporter = exporter_new_span(library->state, library->library);
	}
	Py_XDECREF(directory);
	if (library != NULL && library->exporter == NULL)
		Py_CLEAR(library);
	return (PyObject *)(void *)library;
}

static void library_dealloc(PyObject *self)
{
	struct library *library = to_library(self);
	PyTypeObject *type = Py_TYPE(self);

	Py_XDECREF(library->exporter);
	Py_XDECREF(library->diagnostics);
	otlp_library_unref(library->library);
	PyObject_Free(self);
	Py_DECREF(type);
}

static PyObject *library_span_exporter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return exporter_new_span(to_library(self)->state, to_library(self)->library);
}

static PyObject *library_metric_exporter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return exporter_new_metric(to_library(self)->state, to_library(self)->library);
}

static PyObject *library_log_exporter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return exporter_new_log(to_library(self)->state, to_library(self)->library);
}

static PyObject *library_export_traces(PyObject *self, PyObject *spans)
{
	return exporter_export_spans(to_library(self)->exporter, spans);
}

static PyObject *library_flush(PyObject *self, PyObject *timeout_ns)
{
	long long timeout = PyLong_AsLongLong(timeout_ns);

	if (timeout == -1 && PyErr_Occurred())
		return NULL;
	return handle_wait(to_library(self)->library, timeout);
}

static PyObject *library_snapshot(PyObject *self, PyObject *unused)
{
	(void)unused;
	return PyLong_FromLong(otlp_library_snapshot(to_library(self)->library));
}

static PyObject *library_shutdown(PyObject *self, PyObject *timeout_ns)
{
	long long timeout = PyLong_AsLongLong(timeout_ns);
	int r;

	if (timeout == -1 && PyErr_Occurred())
		return NULL;
	if (timeout < OTLP_FOREVER)
		return PyLong_FromLong(OTLP_ERR_INVALID);
	/* Does not wait: the one call that ends the library, then the wait. */
	r = otlp_library_shutdown(to_library(self)->library, 0);
	if (r != OTLP_ERR_TIMEOUT)
		return PyLong_FromLong(r);
	return handle_wait(to_library(self)->library, timeout);
}

static PyObject *signal_stats(const struct otlp_signal_stats *stats)
{
	return Py_BuildValue("(KKKKK)", (unsigned long long)stats->accepted,
			     (unsigned long long)stats->accepted_bytes,
			     (unsigned long long)stats->dropped_full,
			     (unsigned long long)stats->dropped_too_large,
			     (unsigned long long)stats->dropped_invalid);
}

static PyObject *library_stats(PyObject *self, PyObject *unused)
{
	struct otlp_stats stats;

	(void)unused;
	otlp_library_get_stats(to_library(self)->library, &stats, sizeof(stats));
	return Py_BuildValue("(NNNKiI)", signal_stats(&stats.signals[OTLP_SIGNAL_TRACES]),
			     signal_stats(&stats.signals[OTLP_SIGNAL_METRICS]),
			     signal_stats(&stats.signals[OTLP_SIGNAL_LOGS]),
			     (unsigned long long)stats.rejected_after_shutdown,
			     (int)stats.ring_error, (unsigned)stats.ring_failures);
}

static PyObject *library_last_error(PyObject *self, PyObject *unused)
{
	(void)unused;
	return handle_last_error(to_library(self)->library);
}

static PyObject *library_diagnostics(PyObject *self, PyObject *unused)
{
	(void)unused;
	return PyList_AsTuple(to_library(self)->diagnostics);
}

static PyMethodDef library_methods[] = {
	{"span_exporter", library_span_exporter, METH_NOARGS, "span_exporter() -> SpanExporter"},
	{"metric_exporter", library_metric_exporter, METH_NOARGS,
	 "metric_exporter() -> MetricExporter"},
	{"log_exporter", library_log_exporter, METH_NOARGS, "log_exporter() -> LogExporter"},
	{"export_traces", library_export_traces, METH_O, "as SpanExporter.export()"},
	{"flush", library_flush, METH_O, "flush(timeout_ns) -> error; -1: no deadline"},
	{"snapshot", library_snapshot, METH_NOARGS, "snapshot() -> error"},
	{"shutdown", library_shutdown, METH_O, "shutdown(timeout_ns) -> error; -1: no deadline"},
	{"stats", library_stats, METH_NOARGS,
	 "stats() -> (spans, metrics, logs, rejected, ring_error, ring_failures)"},
	{"last_error", library_last_error, METH_NOARGS, "last_error() -> str"},
	{"diagnostics", library_diagnostics, METH_NOARGS, "diagnostics() -> tuple of str"},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot library_slots[] = {
	{Py_tp_new, (void *)library_new},
	{Py_tp_dealloc, (void *)library_dealloc},
	{Py_tp_methods, library_methods},
	{0, NULL},
};

PyType_Spec library_spec = {
	.name = "otlpipe._native.Library",
	.basicsize = sizeof(struct library),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = library_slots,
};
