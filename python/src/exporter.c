/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three exporters as types. What they push is in exporter_span.c, exporter_metric.c and
 * exporter_log.c, what a call of each begins and ends with in call.c.
 */
#include "call.h"

static struct exporter *exporter_new(const struct state *state, PyObject *type,
				     struct otlp_library *library)
{
	struct exporter *exporter =
		(struct exporter *)(void *)PyType_GenericAlloc((PyTypeObject *)(void *)type, 0);

	if (exporter == NULL)
		return NULL;
	exporter->state = state;
	exporter->library = otlp_library_ref(library);
	return exporter;
}

PyObject *exporter_new_span(const struct state *state, struct otlp_library *library)
{
	struct exporter *exporter = exporter_new(state, state->span_exporter_type, library);
	int r;

	if (exporter == NULL)
		return NULL;
	r = otlp_library_span_exporter(library, &exporter->own.spans);
	if (r == OTLP_OK)
		return &exporter->head;
	Py_DECREF(&exporter->head);
	return handle_error(state, r, "no span exporter can be made");
}

PyObject *exporter_new_metric(const struct state *state, struct otlp_library *library)
{
	struct exporter *exporter = exporter_new(state, state->metric_exporter_type, library);
	int r;

	if (exporter == NULL)
		return NULL;
	r = otlp_library_metric_exporter(library, &exporter->metrics);
	if (r == OTLP_OK)
		return &exporter->head;
	Py_DECREF(&exporter->head);
	return handle_error(state, r, "no metric exporter can be made");
}

PyObject *exporter_new_log(const struct state *state, struct otlp_library *library)
{
	struct exporter *exporter = exporter_new(state, state->log_exporter_type, library);
	int r;

	if (exporter == NULL)
		return NULL;
	r = otlp_library_log_exporter(library, &exporter->own.logs);
	if (r == OTLP_OK)
		return &exporter->head;
	Py_DECREF(&exporter->head);
	return handle_error(state, r, "no log exporter can be made");
}

static void exporter_dealloc(PyObject *self)
{
	struct exporter *exporter = (struct exporter *)(void *)self;
	PyTypeObject *type = Py_TYPE(self);
	size_t i;

	for (i = 0; i < exporter->slot_count; i++)
		origin_clear(&exporter->slots[i]);
	origin_clear(&exporter->own);
	otlp_metric_exporter_unref(exporter->metrics);
	otlp_library_unref(exporter->library);
	PyObject_Free(self);
	Py_DECREF(type);
}

static PyObject *exporter_force_flush(PyObject *self, PyObject *timeout_ns)
{
	long long timeout = PyLong_AsLongLong(timeout_ns);

	if (timeout == -1 && PyErr_Occurred())
		return NULL;
	return handle_wait(((struct exporter *)(void *)self)->library, timeout);
}

static PyObject *exporter_temporality(PyObject *self, PyObject *kind)
{
	const struct exporter *exporter = (struct exporter *)(void *)self;
	long value = PyLong_AsLong(kind);

	if (value == -1 && PyErr_Occurred())
		return NULL;
	return PyLong_FromLong(otlp_metric_exporter_temporality(exporter->metrics,
								(enum otlp_instrument_kind)value));
}

static PyObject *exporter_temporality_preference(PyObject *self, PyObject *unused)
{
	const struct exporter *exporter = (struct exporter *)(void *)self;

	(void)unused;
	return PyLong_FromLong(otlp_metric_exporter_temporality_preference(exporter->metrics));
}

static PyObject *exporter_last_error(PyObject *self, PyObject *unused)
{
	(void)unused;
	return handle_last_error(((struct exporter *)(void *)self)->library);
}

static PyMethodDef span_methods[] = {
	{"export", exporter_export_spans, METH_O,
	 "export(spans) -> None, or (cause, refused, failures, notes)"},
	{"force_flush", exporter_force_flush, METH_O, "force_flush(timeout_ns) -> error"},
	{"last_error", exporter_last_error, METH_NOARGS, "last_error() -> str"},
	{NULL, NULL, 0, NULL},
};

static PyMethodDef log_methods[] = {
	{"export", exporter_export_logs, METH_O,
	 "export(records) -> None, or (cause, refused, failures, notes)"},
	{"force_flush", exporter_force_flush, METH_O, "force_flush(timeout_ns) -> error"},
	{"last_error", exporter_last_error, METH_NOARGS, "last_error() -> str"},
	{NULL, NULL, 0, NULL},
};

static PyMethodDef metric_methods[] = {
	{"export", exporter_export_metrics, METH_O,
	 "export(metrics_data) -> None, or (cause, refused, failures, notes)"},
	{"force_flush", exporter_force_flush, METH_O, "force_flush(timeout_ns) -> error"},
	{"last_error", exporter_last_error, METH_NOARGS, "last_error() -> str"},
	{"temporality", exporter_temporality, METH_O, "temporality(instrument_kind) -> int"},
	{"temporality_preference", exporter_temporality_preference, METH_NOARGS,
	 "temporality_preference() -> int"},
	{NULL, NULL, 0, NULL},
};

/* ISO C has no cast from a function to void *; POSIX does. */
static PyType_Slot span_slots[] = {
	{Py_tp_dealloc, (void *)exporter_dealloc},
	{Py_tp_methods, span_methods},
	{0, NULL},
};

static PyType_Slot log_slots[] = {
	{Py_tp_dealloc, (void *)exporter_dealloc},
	{Py_tp_methods, log_methods},
	{0, NULL},
};

static PyType_Slot metric_slots[] = {
	{Py_tp_dealloc, (void *)exporter_dealloc},
	{Py_tp_methods, metric_methods},
	{0, NULL},
};

PyType_Spec exporter_span_spec = {
	.name = "otlpipe._native.SpanExporter",
	.basicsize = sizeof(struct exporter),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = span_slots,
};

PyType_Spec exporter_metric_spec = {
	.name = "otlpipe._native.MetricExporter",
	.basicsize = sizeof(struct exporter),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = metric_slots,
};

PyType_Spec exporter_log_spec = {
	.name = "otlpipe._native.LogExporter",
	.basicsize = sizeof(struct exporter),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = log_slots,
};
