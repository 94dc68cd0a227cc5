/* SPDX-License-Identifier: Apache-2.0 */
/* A registered shape: what many spans, or logs, have in common, written into a region's table once.
 */
#ifndef OTLPIPE_CORE_SHAPE_H
#define OTLPIPE_CORE_SHAPE_H

#include <otlpipe/otlpipe.h>

#include "core/record/record.h"
#include "core/table_entry.h"

struct otlp_shape {
	uint32_t references;
	struct table_entry entry;
	struct record_shape record; /* its arrays and the entry's bytes stand behind this struct */
};

/* A type of its own, so that a compiler refuses one for the other. */
struct otlp_log_shape {
	struct otlp_shape shape;
};

#endif
