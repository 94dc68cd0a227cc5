/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of spans, pushed one by one. */
#include "call.h"

#include <string.h>

static int export_span(struct call *call, PyObject *object)
{
	const struct resource_slot *slot;
	struct otlp_span span = {0};
	PyObject *scope, *resource;

	if (read_span(&call->record, &span, object, &scope, &resource) == 0 &&
	    origin_scope(call, &span.scope, scope) == 0 &&
	    origin_resource(call, &slot, &span.resource, resource) == 0)
		return call_judge(call, otlp_span_exporter_export(slot->spans, &span, 1), "span",
				  object, 1);
	if (call_refuse(call, "span", object, 1) < 0)
		return -1;
	/* A span without ids is invalid: so the library counts this one as such. */
	memset(&span, 0, sizeof(span));
	call_see(call, otlp_span_exporter_export(call->exporter->own.spans, &span, 1));
	return 0;
}

PyObject *exporter_export_spans(PyObject *self, PyObject *spans)
{
	return call_export(self, spans, export_span);
}
