/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attack/host.h"

int host_push(struct otlp_library *library)
{
	static const struct otlp_span span = {
		.trace_id = {1},
		.span_id = {1},
		.name = OTLP_STR_INIT("span"),
		.start_time_unix_ns = 1,
		.end_time_unix_ns = 2,
	};

	return otlp_library_export_traces(library, &span, 1);
}
