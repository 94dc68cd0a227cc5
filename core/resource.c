/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deep copies of resources. Where the environment's comes from is
 * core/resource_env.c.
 */
#include "core/resource.h"

#include <stdlib.h>
#include <string.h>

#include "core/record/record.h"

/* A bump allocator over one block; NULL base: only count what it takes. */
struct arena {
	uint8_t *base;
	size_t used;
};

static void *arena_take(struct arena *arena, const void *from, size_t bytes)
{
	size_t at = (arena->used + 15) & ~(size_t)15;

	arena->used = at + bytes;
	if (arena->base == NULL)
		return NULL;
	if (bytes > 0)
		memcpy(arena->base + at, from, bytes);
	return arena->base + at;
}

static struct otlp_str copy_str(struct arena *arena, struct otlp_str from)
{
	struct otlp_str ret = {arena_take(arena, from.ptr, from.len), from.len};

	return ret;
}

static const struct otlp_attribute *copy_items(struct arena *arena,
					       const struct otlp_attribute *items, size_t count);

static void copy_value(struct arena *arena, struct otlp_value *to, const struct otlp_value *from)
{
	struct otlp_value *items;
	size_t i;

	switch (from->type) {
	case OTLP_VALUE_STRING:
		to->as.string = copy_str(arena, from->as.string);
		break;
	case OTLP_VALUE_BYTES:
		to->as.bytes.ptr = arena_take(arena, from->as.bytes.ptr, from->as.bytes.len);
		break;
	case OTLP_VALUE_ARRAY:
		items = arena_take(arena, from->as.array.items,
				   from->as.array.count * sizeof(*items));
		for (i = 0; i < from->as.array.count; i++) {
			struct otlp_value unused;

			copy_value(arena, items != NULL ? &items[i] : &unused,
				   &from->as.array.items[i]);
		}
		to->as.array.items = items;
		break;
	case OTLP_VALUE_KVLIST:
		to->as.kvlist.items =
			copy_items(arena, from->as.kvlist.items, from->as.kvlist.count);
		break;
	case OTLP_VALUE_EMPTY:
	case OTLP_VALUE_BOOL:
	case OTLP_VALUE_INT:
	case OTLP_VALUE_DOUBLE:
		break;
	}
}

static const struct otlp_attribute *copy_items(struct arena *arena,
					       const struct otlp_attribute *items, size_t count)
{
	struct otlp_attribute *ret = arena_take(arena, items, count * sizeof(*ret));
	size_t i;

	for (i = 0; i < count; i++) {
		struct otlp_attribute unused, *to = ret != NULL ? &ret[i] : &unused;

		to->key = copy_str(arena, items[i].key);
		copy_value(arena, &to->value, &items[i].value);
	}
	return ret;
}

static void copy_resource(struct arena *arena, struct otlp_resource *to,
			  const struct otlp_resource *from)
{
	*to = *from;
	to->attributes.items = copy_items(arena, from->attributes.items, from->attributes.count);
	to->schema_url = copy_str(arena, from->schema_url);
}

int resource_new(struct resource **ret, const struct otlp_resource *from)
{
	struct otlp_resource unused;
	struct arena arena = {NULL, 0};
	struct resource *resource;
	size_t bytes, i;
	int rc;

	for (i = 0; i < sizeof(from->reserved) / sizeof(from->reserved[0]); i++)
		if (from->reserved[i] != NULL)
			return OTLP_ERR_INVALID;
	rc = record_measure_resource(from, &bytes);
	if (rc < 0)
		return rc;
	copy_resource(&arena, &unused, from);
	resource = calloc(1, sizeof(*resource) + bytes + arena.used + 32);
	if (resource == NULL)
		return OTLP_ERR_NO_MEMORY;
	arena.base = (uint8_t *)(resource + 1);
	arena.used = 0;
	copy_resource(&arena, &resource->value, from);
	resource->entry.bytes = arena.base + arena.used;
	resource->entry.bytes_count = bytes;
	if (!record_write_resource(arena.base + arena.used, from, bytes)) {
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
