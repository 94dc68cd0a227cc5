/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of log records, pushed one by one. */
#include "call.h"

#include <string.h>

static int export_record(struct call *call, PyObject *object)
{
	const struct resource_slot *slot;
	struct otlp_log_record record = {0};
	PyObject *scope, *resource;

	if (read_log_record(&call->record, &record, object, &scope, &resource) == 0 &&
	    origin_scope(call, &record.scope, scope) == 0 &&
	    origin_resource(call, &slot, &record.resource, resource) == 0)
		return call_judge(call, otlp_log_exporter_export(slot->logs, &record, 1),
				  "log record", object, 1);
	if (call_refuse(call, "log record", object, 1) < 0)
		return -1;
	/* A severity that is none is invalid: so the library counts this record as such. */
	memset(&record, 0, sizeof(record));
	record.severity_number = (enum otlp_severity_number)SEVERITY_COUNT;
	call_see(call, otlp_log_exporter_export(call->exporter->own.logs, &record, 1));
	return 0;
}

PyObject *exporter_export_logs(PyObject *self, PyObject *records)
{
	return call_export(self, records, export_record);
}
