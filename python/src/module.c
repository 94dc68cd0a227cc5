/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module otlpipe._native: its state, and the SDK's types that are bound to
 * it. The state is one per interpreter and lives until the last object of the
 * module is gone: it is never cleared under threads that still run.
 */
#include "native.h"

#include <string.h>

static int intern_names(struct state *state)
{
#define INTERN(name)                                           \
	state->names.name = PyUnicode_InternFromString(#name); \
	if (state->names.name == NULL)                         \
		return -1;
	NAME_MAP(INTERN)
#undef INTERN
	return 0;
}

static int import_abstract_types(struct state *state)
{
	PyObject *module = PyImport_ImportModule("collections.abc");

	if (module == NULL)
		return -1;
	state->sequence = PyObject_GetAttrString(module, "Sequence");
	state->mapping = PyObject_GetAttrString(module, "Mapping");
	Py_DECREF(module);
	state->sixty_four = PyLong_FromLong(64);
	return state->sequence && state->mapping && state->sixty_four ? 0 : -1;
}

static int add_error(struct state *state, PyObject *module)
{
	state->error = PyErr_NewExceptionWithDoc(
		"otlpipe.OtlpError", "The library said no; `code` is its enum otlp_error.",
		PyExc_RuntimeError, NULL);
	return state->error == NULL ? -1 : PyModule_AddObjectRef(module, "OtlpError", state->error);
}

static int add_types(struct state *state, PyObject *module)
{
	state->library_type = PyType_FromModuleAndSpec(module, &library_spec, NULL);
	state->span_exporter_type = PyType_FromModuleAndSpec(module, &exporter_span_spec, NULL);
	state->metric_exporter_type = PyType_FromModuleAndSpec(module, &exporter_metric_spec, NULL);
	state->log_exporter_type = PyType_FromModuleAndSpec(module, &exporter_log_spec, NULL);
	if (!state->library_type || !state->span_exporter_type || !state->metric_exporter_type ||
	    !state->log_exporter_type)
		return -1;
	if (PyModule_AddObjectRef(module, "Library", state->library_type) < 0 ||
	    PyModule_AddObjectRef(module, "SpanExporter", state->span_exporter_type) < 0 ||
	    PyModule_AddObjectRef(module, "LogExporter", state->log_exporter_type) < 0)
		return -1;
	return PyModule_AddObjectRef(module, "MetricExporter", state->metric_exporter_type);
}

static int add_constants(PyObject *module)
{
	static const struct {
		const char *name;
		enum otlp_error error;
	} errors[] = {
		{"INVALID", OTLP_ERR_INVALID},	 {"NO_MEMORY", OTLP_ERR_NO_MEMORY},
		{"ACCESS", OTLP_ERR_ACCESS},	 {"NO_SPACE", OTLP_ERR_NO_SPACE},
		{"TIMEOUT", OTLP_ERR_TIMEOUT},	 {"TOO_LARGE", OTLP_ERR_TOO_LARGE},
		{"FULL", OTLP_ERR_FULL},	 {"NO_WRITER", OTLP_ERR_NO_WRITER},
		{"SHUTDOWN", OTLP_ERR_SHUTDOWN}, {"ABI", OTLP_ERR_ABI},
		{"LIMIT", OTLP_ERR_LIMIT},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (PyModule_AddIntConstant(module, errors[i].name, errors[i].error) < 0)
			return -1;
	return PyModule_AddStringConstant(module, "version", otlp_version());
}

static int module_exec(PyObject *module)
{
	struct state *state = PyModule_GetState(module);

	if (intern_names(state) < 0 || import_abstract_types(state) < 0 ||
	    add_error(state, module) < 0 || add_types(state, module) < 0)
		return -1;
	return add_constants(module);
}

static void module_free(void *module)
{
	struct state *state = PyModule_GetState(module);

	if (state == NULL)
		return;
#define FORGET(name) Py_CLEAR(state->names.name);
	NAME_MAP(FORGET)
#undef FORGET
#define FORGET(name) Py_CLEAR(state->sdk.name);
	SDK_TYPE_MAP(FORGET)
	SDK_OTHER_MAP(FORGET)
#undef FORGET
	Py_CLEAR(state->sequence);
	Py_CLEAR(state->mapping);
	Py_CLEAR(state->sixty_four);
	Py_CLEAR(state->error);
	Py_CLEAR(state->library_type);
	Py_CLEAR(state->span_exporter_type);
	Py_CLEAR(state->metric_exporter_type);
	Py_CLEAR(state->log_exporter_type);
}

static void bind_one(PyObject **to, PyObject *known, const char *name)
{
	PyObject *object = PyDict_GetItemString(known, name); /* borrowed */
	PyObject *old = *to;

	Py_XINCREF(object);
	*to = object;
	Py_XDECREF(old);
}

static bool is_tuple_of(PyObject *object, Py_ssize_t count)
{
	return object == NULL || (PyTuple_Check(object) && PyTuple_Size(object) == count);
}

static PyObject *bind_sdk(PyObject *module, PyObject *known)
{
	struct state *state = PyModule_GetState(module);

	if (!PyDict_Check(known) ||
	    !is_tuple_of(PyDict_GetItemString(known, "span_kinds"), SPAN_KIND_COUNT) ||
	    !is_tuple_of(PyDict_GetItemString(known, "severity_numbers"), SEVERITY_COUNT) ||
	    !is_tuple_of(PyDict_GetItemString(known, "status_codes"), STATUS_CODE_COUNT)) {
		PyErr_SetString(PyExc_TypeError, "bind_sdk() takes a dict of types");
		return NULL;
	}
#define BIND(name) bind_one(&state->sdk.name, known, #name);
	SDK_TYPE_MAP(BIND)
	SDK_OTHER_MAP(BIND)
#undef BIND
	Py_INCREF(Py_None);
	return Py_None;
}

static PyObject *error_text(PyObject *module, PyObject *error)
{
	long value = PyLong_AsLong(error);

	(void)module;
	if (value == -1 && PyErr_Occurred())
		return NULL;
	return PyUnicode_FromString(otlp_strerror((int)value));
}

static PyMethodDef module_methods[] = {
	{"bind_sdk", bind_sdk, METH_O, "bind_sdk(types by name): what objects are read by field"},
	{"error_text", error_text, METH_O, "error_text(enum otlp_error) -> str"},
	{NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
	{Py_mod_exec, (void *)module_exec},
	{0, NULL},
};

static struct PyModuleDef module_definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "otlpipe._native",
	.m_doc = "The otlpipe library; the public face is the package otlpipe.",
	.m_size = sizeof(struct state),
	.m_methods = module_methods,
	.m_slots = module_slots,
	.m_free = module_free,
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC PyInit__native(void)
{
	return PyModuleDef_Init(&module_definition);
}
