/* SPDX-License-Identifier: Apache-2.0 */
/* Registers shapes and counts their references. core/push.c pushes spans with a shape. */
#include "core/shape.h"

#include <stdlib.h>
#include <string.h>

#include "shm/atomic.h"

static int shape_new(const struct otlp_span *example, struct otlp_shape **ret)
{
	uint16_t texts[OTLP_SHAPE_ATTRIBUTES_MAX];
	uint8_t types[OTLP_SHAPE_ATTRIBUTES_MAX];
	struct record_shape record = {.types = types, .texts = texts};
	struct otlp_shape *shape;
	size_t bytes;
	uint8_t *at;
	int rc;

	if (example->attributes.count > OTLP_SHAPE_ATTRIBUTES_MAX)
		return OTLP_ERR_TOO_LARGE;
	rc = record_measure_shape(example, &record, &bytes);
	if (rc < 0)
		return rc;
	shape = calloc(1, sizeof(*shape) + record.text_count * sizeof(texts[0]) + record.count +
				  bytes);
	if (shape == NULL)
		return OTLP_ERR_NO_MEMORY;
	shape->references = 1;
	shape->record = record;
	shape->record.texts = (uint16_t *)(shape + 1);
	memcpy(shape->record.texts, texts, record.text_count * sizeof(texts[0]));
	shape->record.types = (uint8_t *)(shape->record.texts + record.text_count);
	memcpy(shape->record.types, types, record.count);
	at = shape->record.types + record.count;
	if (!record_write_shape(at, example, bytes)) {
		free(shape);
		return OTLP_ERR_INVALID; /* it changed while it was copied */
	}
	shape->entry.bytes = at;
	shape->entry.bytes_count = bytes;
	*ret = shape;
	return OTLP_OK;
}

int otlp_shape_register(const struct otlp_span *example, struct otlp_shape **ret)
{
	struct otlp_scope scope;
	struct otlp_span span;

	if (example == NULL || ret == NULL)
		return OTLP_ERR_INVALID;
	/* Copies, so that each count and pointer is read once. */
	span = *example;
	if (span.reserved[0] != NULL || span.reserved[1] != NULL)
		return OTLP_ERR_INVALID;
	if (span.scope != NULL) {
		scope = *span.scope;
		span.scope = &scope;
		if (scope.reserved[0] != NULL || scope.reserved[1] != NULL)
			return OTLP_ERR_INVALID;
	}
	return shape_new(&span, ret);
}

struct otlp_shape *otlp_shape_ref(struct otlp_shape *shape)
{
	if (shape != NULL)
		atomic_add_relaxed_u32(&shape->references, 1);
	return shape;
}

void otlp_shape_unref(struct otlp_shape *shape)
{
	/* PAIR(shape-references) PAIR(shape-references): as in otlp_library_unref(). */
	if (shape != NULL && atomic_sub_acq_rel_u32(&shape->references, 1) == 1)
		free(shape);
}
