/* SPDX-License-Identifier: Apache-2.0 */
/* One call of an exporter, and the exporter's object: for call.c and exporter*.c alone. */
#ifndef OTLPIPE_PYTHON_SRC_CALL_H
#define OTLPIPE_PYTHON_SRC_CALL_H

#include "native.h"

/* A process has one resource, rarely a few. Beyond that each record carries its own. */
#define RESOURCE_SLOTS_MAX 16
/* Scopes that one call remembers; the usual batch has one to three. */
#define SCOPE_SLOTS_MAX 8

/*
 * A Resource object, kept alive that its address stays its own, and what exports for it: the one
 * or the other, as the exporter's signal is.
 */
struct resource_slot {
	PyObject *resource;
	struct otlp_span_exporter *spans;
	struct otlp_log_exporter *logs;
};

struct exporter {
	PyObject head;
	const struct state *state;
	struct otlp_library *library;
	struct otlp_metric_exporter *metrics; /* NULL: of another signal */
	struct resource_slot own;	      /* what names no resource; both NULL: of metrics */
	struct resource_slot slots[RESOURCE_SLOTS_MAX];
	size_t slot_count; /* only grows: a slot stays valid while Python code runs */
};

struct scope_slot {
	PyObject *object;
	struct otlp_scope scope;
};

struct call {
	struct exporter *exporter;
	struct outcome outcome;
	struct memory record_memory; /* until the record is pushed */
	struct memory call_memory;   /* scopes, and resources of metrics: until the call ends */
	struct reader record;
	struct reader whole;
	struct scope_slot scopes[SCOPE_SLOTS_MAX];
	size_t scope_count;
	bool is_over; /* nothing more can be pushed: the library was shut down */
};

void call_begin(struct call *call, PyObject *exporter);
PyObject *call_end(struct call *call, int rc);

/* A whole call for records that are pushed one by one, so that a bad one takes no other along. */
PyObject *call_export(PyObject *exporter, PyObject *batch,
		      int (*export_one)(struct call *call, PyObject *object));

/** The library's answer to a record whose failure is told already. */
void call_see(struct call *call, struct otlp_sdk_result result);
/** The library's answer to a record that was read. */
int call_judge(struct call *call, struct otlp_sdk_result result, const char *what, PyObject *object,
	       size_t count);
/** The exception that is set becomes the failure of this object. */
int call_refuse(struct call *call, const char *what, PyObject *object, size_t count);

/** origin.c: where a record comes from. */
int origin_scope(struct call *call, const struct otlp_scope **ret, PyObject *object);
/** Through which exporter of the library's a record goes; ret_inline: what it carries itself. */
int origin_resource(struct call *call, const struct resource_slot **ret,
		    const struct otlp_resource **ret_inline, PyObject *resource);
void origin_clear(struct resource_slot *slot);

#endif
