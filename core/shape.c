/* SPDX-License-Identifier: Apache-2.0 */
/* Registers shapes and counts their references. core/push.c pushes with them. */
#include "core/shape.h"

#include <stdlib.h>
#include <string.h>

#include "shm/atomic.h"

/* Where record_measure_…shape() puts what it finds, before its size is known. */
struct measured {
	struct record_shape record;
	size_t bytes;
	uint16_t texts[OTLP_SHAPE_ATTRIBUTES_MAX];
	uint8_t types[OTLP_SHAPE_ATTRIBUTES_MAX];
};

/* Room for the shape; its entry's bytes are not written yet. NULL: no memory. */
static struct otlp_shape *shape_new(const struct measured *of)
{
	const struct record_shape *const record = &of->record;
	struct otlp_shape *const shape =
		calloc(1, sizeof(*shape) + record->text_count * sizeof(of->texts[0]) +
				  record->count + of->bytes);

	if (shape == NULL)
		return NULL;
	shape->references = 1;
	shape->record = *record;
	shape->record.texts = (uint16_t *)(shape + 1);
	memcpy(shape->record.texts, of->texts, record->text_count * sizeof(of->texts[0]));
	shape->record.types = (uint8_t *)(shape->record.texts + record->text_count);
	memcpy(shape->record.types, of->types, record->count);
	shape->entry.bytes = shape->record.types + record->count;
	shape->entry.bytes_count = of->bytes;
	return shape;
}

static uint8_t *shape_entry(struct otlp_shape *shape)
{
	return shape->record.types + shape->record.count;
}

static int span_shape_new(const struct otlp_span *example, struct otlp_shape **ret)
{
	struct measured of = {.record = {.types = of.types, .texts = of.texts}};
	struct otlp_shape *shape;
	int rc;

	if (example->attributes.count > OTLP_SHAPE_ATTRIBUTES_MAX)
		return OTLP_ERR_TOO_LARGE;
	rc = record_measure_shape(example, &of.record, &of.bytes);
	if (rc < 0)
		return rc;
	shape = shape_new(&of);
	if (shape == NULL)
		return OTLP_ERR_NO_MEMORY;
	if (!record_write_shape(shape_entry(shape), example, of.bytes)) {
		free(shape);
		return OTLP_ERR_INVALID; /* it changed while it was copied */
	}
	*ret = shape;
	return OTLP_OK;
}

static int log_shape_new(const struct otlp_log_record *example, struct otlp_log_shape **ret)
{
	struct measured of = {.record = {.types = of.types, .texts = of.texts}};
	struct otlp_shape *shape;
	int rc;

	if (example->attributes.count > OTLP_SHAPE_ATTRIBUTES_MAX)
		return OTLP_ERR_TOO_LARGE;
	rc = record_measure_log_shape(example, &of.record, &of.bytes);
	if (rc < 0)
		return rc;
	shape = shape_new(&of);
	if (shape == NULL)
		return OTLP_ERR_NO_MEMORY;
	if (!record_write_log_shape(shape_entry(shape), example, of.bytes)) {
		free(shape);
		return OTLP_ERR_INVALID;
	}
	*ret = (struct otlp_log_shape *)shape;
	return OTLP_OK;
}

static bool reserved_is_set(const void *const reserved[2])
{
	return reserved[0] != NULL || reserved[1] != NULL;
}

/* A copy of the scope that an example names, so that each count and pointer is read once. */
static int scope_copy(const struct otlp_scope **scope, struct otlp_scope *copy)
{
	if (*scope == NULL)
		return OTLP_OK;
	*copy = **scope;
	*scope = copy;
	return reserved_is_set(copy->reserved) ? OTLP_ERR_INVALID : OTLP_OK;
}

int otlp_shape_register(const struct otlp_span *example, struct otlp_shape **ret)
{
	struct otlp_scope scope;
	struct otlp_span span;

	if (example == NULL || ret == NULL)
		return OTLP_ERR_INVALID;
	span = *example;
	if (reserved_is_set(span.reserved) || scope_copy(&span.scope, &scope) < 0)
		return OTLP_ERR_INVALID;
	return span_shape_new(&span, ret);
}

int otlp_log_shape_register(const struct otlp_log_record *example, struct otlp_log_shape **ret)
{
	struct otlp_scope scope;
	struct otlp_log_record log;

	if (example == NULL || ret == NULL)
		return OTLP_ERR_INVALID;
	log = *example;
	if (reserved_is_set(log.reserved) || scope_copy(&log.scope, &scope) < 0)
		return OTLP_ERR_INVALID;
	return log_shape_new(&log, ret);
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

struct otlp_log_shape *otlp_log_shape_ref(struct otlp_log_shape *shape)
{
	return (struct otlp_log_shape *)otlp_shape_ref(shape != NULL ? &shape->shape : NULL);
}

void otlp_log_shape_unref(struct otlp_log_shape *shape)
{
	otlp_shape_unref(shape != NULL ? &shape->shape : NULL);
}
