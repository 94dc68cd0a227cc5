/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A resource that the library keeps: its own, and those of
 * otlp_span_exporter_set_resource(). Copied once, so that each push only names
 * it by a reference into the region's table.
 */
#ifndef OTLPIPE_CORE_RESOURCE_H
#define OTLPIPE_CORE_RESOURCE_H

#include <otlpipe/otlpipe.h>

#include "core/table_entry.h"

struct resource {
	struct resource *next;	    /* an older one of its exporter */
	struct otlp_resource value; /* a deep copy, behind this struct */
	struct table_entry entry;   /* its bytes as a record carries them */
};

/**
 * Check a resource and copy it.
 *
 * @return 0, OTLP_ERR_INVALID, _TOO_LARGE or _NO_MEMORY
 */
int resource_new(struct resource **ret, const struct otlp_resource *from);

/**
 * The resource of the environment by the rules of the specification
 * (resource/sdk.md): $OTEL_RESOURCE_ATTRIBUTES, $OTEL_SERVICE_NAME over it, else
 * unknown_service:<program>. A list that cannot be parsed is left aside whole, and
 * text that is not UTF-8 repaired; both are told to the diagnostic function.
 */
int resource_new_from_environment(struct resource **ret, const struct otlp_options *options);

void resource_free(struct resource *resource); /* with all older ones; NULL is fine */

#endif
