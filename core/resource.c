/* SPDX-License-Identifier: Apache-2.0 */
/* Deep copies of resources. core/resource_env.c reads the resource of the environment. */
#include "core/resource.h"

#include <stdlib.h>
#include <string.h>

#include "core/record/record.h"

/*
 * A bump allocator over one block; NULL base: only count what it takes. What is copied is borrowed
 * data, which nobody may change meanwhile: where it grew all the same, the block is too small, and
 * nothing is stored behind it.
 */
struct arena {
	uint8_t *base;
	size_t used;
	size_t bytes; /* of the block */
	bool is_over;
};

static void *arena_take(struct arena *arena, const void *from, size_t count, size_t item_bytes)
{
	const size_t at = (arena->used + 15) & ~(size_t)15;

	if (count > OTLP_RECORD_BYTES_MAX)
		arena->is_over = true;
	if (arena->is_over || at > arena->bytes || count * item_bytes > arena->bytes - at) {
		arena->is_over = true;
		return NULL;
	}
	arena->used = at + count * item_bytes;
	if (arena->base == NULL)
		return NULL;
	if (count > 0)
		memcpy(arena->base + at, from, count * item_bytes);
	return arena->base + at;
}

static void own_items(struct arena *arena, const struct otlp_attribute **items, size_t count,
		      unsigned int depth);

static void own_str(struct arena *arena, struct otlp_str *text)
{
	text->ptr = arena_take(arena, text->ptr, text->len, 1);
}

/* The value is ours already; make what it points to ours too. Copies are read, never the lent. */
static void own_value(struct arena *arena, struct otlp_value *value, unsigned int depth)
{
	const struct otlp_value *const from = value->as.array.items;
	struct otlp_value *items;
	size_t i;

	if (depth > OTLP_VALUE_DEPTH_MAX) {
		arena->is_over = true;
		return;
	}
	switch (value->type) {
	case OTLP_VALUE_STRING:
		own_str(arena, &value->as.string);
		break;
	case OTLP_VALUE_BYTES:
		value->as.bytes.ptr =
			arena_take(arena, value->as.bytes.ptr, value->as.bytes.len, 1);
		break;
	case OTLP_VALUE_ARRAY:
		items = arena_take(arena, from, value->as.array.count, sizeof(*items));
		for (i = 0; i < value->as.array.count && !arena->is_over; i++) {
			struct otlp_value counted;

			if (items == NULL)
				counted = from[i];
			own_value(arena, items != NULL ? &items[i] : &counted, depth + 1);
		}
		value->as.array.items = items;
		break;
	case OTLP_VALUE_KVLIST:
		own_items(arena, &value->as.kvlist.items, value->as.kvlist.count, depth + 1);
		break;
	case OTLP_VALUE_EMPTY:
	case OTLP_VALUE_BOOL:
	case OTLP_VALUE_INT:
	case OTLP_VALUE_DOUBLE:
		break;
	}
}

static void own_items(struct arena *arena, const struct otlp_attribute **items, size_t count,
		      unsigned int depth)
{
	const struct otlp_attribute *const from = *items;
	struct otlp_attribute *ret = arena_take(arena, from, count, sizeof(*ret));
	size_t i;

	for (i = 0; i < count && !arena->is_over; i++) {
		struct otlp_attribute counted, *to = ret != NULL ? &ret[i] : &counted;

		if (ret == NULL)
			counted = from[i];
		own_str(arena, &to->key);
		own_value(arena, &to->value, depth);
	}
	*items = ret;
}

static void own_resource(struct arena *arena, struct otlp_resource *resource)
{
	own_items(arena, &resource->attributes.items, resource->attributes.count, 1);
	own_str(arena, &resource->schema_url);
}

/* What the deep copy of a resource takes, and the resource's bytes in a record. */
static int resource_measure(const struct otlp_resource *from, size_t *ret_copy, size_t *ret_record)
{
	struct arena arena = {.bytes = SIZE_MAX};
	struct otlp_resource counted = *from;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(from->reserved) / sizeof(from->reserved[0]); i++)
		if (from->reserved[i] != NULL)
			return OTLP_ERR_INVALID;
	rc = record_measure_resource(from, ret_record);
	if (rc < 0)
		return rc;
	own_resource(&arena, &counted);
	*ret_copy = arena.used;
	return arena.is_over ? OTLP_ERR_INVALID : 0;
}

int resource_new(struct resource **ret, const struct otlp_resource *from)
{
	const struct otlp_resource lent = *from;
	size_t copy_bytes, bytes, found;
	struct resource *resource;
	struct arena arena;
	int rc;

	rc = resource_measure(&lent, &copy_bytes, &bytes);
	if (rc < 0)
		return rc;
	resource = calloc(1, sizeof(*resource) + copy_bytes + bytes);
	if (resource == NULL)
		return OTLP_ERR_NO_MEMORY;
	arena = (struct arena){.base = (uint8_t *)(resource + 1), .bytes = copy_bytes};
	resource->value = lent;
	own_resource(&arena, &resource->value);
	resource->entry.bytes = arena.base + copy_bytes;
	resource->entry.bytes_count = bytes;
	if (arena.is_over || record_measure_resource(&resource->value, &found) < 0 ||
	    found != bytes ||
	    !record_write_resource(arena.base + copy_bytes, &resource->value, bytes)) {
		free(resource);
		return OTLP_ERR_INVALID; /* it changed while it was copied */
	}
	*ret = resource;
	return 0;
}

void resource_free(struct resource *resource)
{
	while (resource != NULL) {
		struct resource *next = resource->next;

		free(resource);
		resource = next;
	}
}
