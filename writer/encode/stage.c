/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grouping. A group is a list of runs in one arena; a run goes on as long as
 * records of the same group follow each other, which is the usual case, so that
 * the gathering is a few large copies.
 *
 * Where there is one group, there is nothing to gather: then its records can stay where they are,
 * if what comes before them in the batch fits exactly in front of them. How long that is depends on
 * how many rings the batch names, and on how long it gets, both known when it is closed. So the
 * first record leaves as much room as the batch before would have needed, which is right for all
 * batches of a program that has been busy for a while; where it is not, they are gathered.
 *
 * Grouping is for space, and what it costs is bounded: a resource that is not found in a few steps
 * is written once more, as a group of its own, which means the same to every reader.
 */
#include "writer/encode/stage.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "writer/encode/encode.h"
#include "writer/encode/lookup.h"

#define STAGE_NONE LOOKUP_NONE

/* Memory of its own begins with so much, and doubles. */
#define STAGE_MEMORY_BYTES_MIN ((size_t)1 << 16)

/* What names more rings than fit into this is gathered. */
#define STAGE_BEFORE_BYTES_MAX 2048u

static_assert(STAGE_NONE == STAGE_NO_GROUP, "one number");

/* Origins that are known at once; an older one is looked up by its bytes once more. */
#define STAGE_ORIGINS 64u

/* Tag and a length of up to 4 bytes, for each of the two levels. */
#define STAGE_ENVELOPE_BYTES_MAX 10u

struct stage_run {
	size_t offset;
	size_t bytes;
	uint32_t next;
};

/* Bytes that stand among the names, or in the arena. */
struct stage_slice {
	size_t offset;
	size_t bytes;
};

struct stage_resource {
	struct stage_slice key;
	struct stage_slice field;      /* encoded: the resource */
	struct stage_slice schema_url; /* encoded, may be empty */
	uint32_t first_group, last_group;
};

struct stage_group {
	uint32_t resource;
	bool has_scope;
	struct stage_slice key;
	struct stage_slice field;
	struct stage_slice schema_url;
	size_t items_bytes;
	uint32_t first_run, last_run;
	uint32_t next_in_resource;
};

struct stage_known {
	struct stage_origin origin;
	uint32_t group;
};

struct stage_memory {
	uint8_t *bytes;
	size_t used, capacity;
};

struct stage {
	struct stage_memory names; /* resources and scopes: keys, and what is written of them */
	struct stage_memory arena; /* encoded records */
	struct stage_memory lent;  /* what the arena begins as; without bytes: nothing is lent */
	size_t before_bytes; /* expected before the records of the one group, but for its names */
	struct stage_run *runs;
	uint32_t run_count, run_capacity;
	struct stage_resource *resources;
	uint32_t resource_capacity;
	struct lookup by_resource; /* its count is that of the resources */
	struct stage_group *groups;
	uint32_t group_capacity;
	struct lookup by_group; /* of the groups */
	uint32_t last_group;	/* of the record before: most often this one's too */
	struct stage_known known[STAGE_ORIGINS];
	size_t bytes_bound;
};

static bool arena_is_lent(const struct stage *stage)
{
	return stage->lent.bytes != NULL && stage->arena.bytes == stage->lent.bytes;
}

static void arena_free(struct stage *stage)
{
	if (!arena_is_lent(stage))
		free(stage->arena.bytes);
}

static void stage_reset(struct stage *stage)
{
	stage->names.used = 0;
	stage->arena.used = 0;
	if (stage->lent.bytes != NULL) {
		arena_free(stage);
		stage->arena = stage->lent;
	}
	stage->run_count = 0;
	lookup_clear(&stage->by_resource);
	lookup_clear(&stage->by_group);
	stage->last_group = STAGE_NONE;
	memset(stage->known, 0, sizeof(stage->known)); /* of table 0, which nothing is */
	stage->bytes_bound = 0;
}

int stage_open(struct stage **ret)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	int rc;

	if (stage == NULL)
		return -ENOMEM;
	rc = lookup_open(&stage->by_resource);
	if (rc == 0)
		rc = lookup_open(&stage->by_group);
	if (rc < 0) {
		free(stage);
		return rc;
	}
	stage_reset(stage);
	*ret = stage;
	return 0;
}

void stage_close(struct stage *stage)
{
	if (stage == NULL)
		return;
	arena_free(stage);
	free(stage->names.bytes);
	free(stage->runs);
	free(stage->resources);
	free(stage->groups);
	lookup_close(&stage->by_resource);
	lookup_close(&stage->by_group);
	free(stage);
}

bool stage_is_empty(const struct stage *stage)
{
	return stage->by_group.count == 0;
}

size_t stage_bytes_bound(const struct stage *stage)
{
	return stage->bytes_bound;
}

size_t stage_add_bound(const struct record_view *view, size_t resource_bytes)
{
	return encode_bound(view) + encode_section_bound(resource_bytes) +
	       encode_section_bound(view->scope_bytes) + 2 * STAGE_ENVELOPE_BYTES_MAX;
}

/* The array with room for one more element, perhaps moved; NULL: it is as it was. */
static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t element_bytes)
{
	uint32_t wanted = *capacity != 0 ? *capacity * 2 : 64;
	void *larger;

	if (count < *capacity)
		return array;
	if (wanted <= *capacity)
		return NULL;
	larger = realloc(array, (size_t)wanted * element_bytes);
	if (larger != NULL)
		*capacity = wanted;
	return larger;
}

static int stage_grow_runs(struct stage *stage)
{
	struct stage_run *runs =
		grow(stage->runs, stage->run_count, &stage->run_capacity, sizeof(*runs));

	if (runs == NULL)
		return -ENOMEM;
	stage->runs = runs;
	return 0;
}

/* Room in all arrays for whatever one record may need. */
static int stage_grow(struct stage *stage)
{
	struct stage_resource *resources;
	struct stage_group *groups;

	if (stage_grow_runs(stage) < 0)
		return -ENOMEM;
	resources = grow(stage->resources, stage->by_resource.count, &stage->resource_capacity,
			 sizeof(*resources));
	if (resources == NULL)
		return -ENOMEM;
	stage->resources = resources;
	groups =
		grow(stage->groups, stage->by_group.count, &stage->group_capacity, sizeof(*groups));
	if (groups == NULL)
		return -ENOMEM;
	stage->groups = groups;
	if (lookup_reserve(&stage->by_resource) < 0)
		return -ENOMEM;
	return lookup_reserve(&stage->by_group);
}

static int memory_reserve(struct stage_memory *memory, size_t bytes)
{
	size_t wanted = memory->capacity != 0 ? memory->capacity : STAGE_MEMORY_BYTES_MIN;
	uint8_t *larger;

	if (memory->capacity - memory->used >= bytes)
		return 0;
	while (wanted - memory->used < bytes)
		wanted *= 2;
	larger = realloc(memory->bytes, wanted);
	if (larger == NULL)
		return -ENOMEM;
	memory->bytes = larger;
	memory->capacity = wanted;
	return 0;
}

/* A batch that gets larger than what was lent goes on in memory of its own. */
static __attribute__((noinline, cold)) int arena_leave_lent(struct stage *stage, size_t bytes)
{
	struct stage_memory own = {0};

	if (memory_reserve(&own, stage->arena.used + bytes) < 0)
		return -ENOMEM;
	own.used = stage->arena.used;
	memcpy(own.bytes, stage->arena.bytes, own.used);
	stage->arena = own;
	return 0;
}

static int arena_reserve(struct stage *stage, size_t bytes)
{
	if (stage->arena.capacity - stage->arena.used >= bytes)
		return 0;
	return arena_is_lent(stage) ? arena_leave_lent(stage, bytes)
				    : memory_reserve(&stage->arena, bytes);
}

static uint8_t *memory_end(const struct stage_memory *memory)
{
	return memory->bytes + memory->used;
}

static struct stage_slice memory_slice(struct stage_memory *memory, const uint8_t *end)
{
	struct stage_slice slice = {memory->used, (size_t)(end - memory_end(memory))};

	memory->used += slice.bytes;
	return slice;
}

static struct stage_slice memory_copy(struct stage_memory *memory, const uint8_t *from,
				      size_t bytes)
{
	uint8_t *to = memory_end(memory);

	if (bytes > 0)
		memcpy(to, from, bytes);
	return memory_slice(memory, to + bytes);
}

static bool name_is(const struct stage *stage, struct stage_slice slice, const uint8_t *bytes,
		    size_t count)
{
	return slice.bytes == count &&
	       (count == 0 || memcmp(stage->names.bytes + slice.offset, bytes, count) == 0);
}

/* The caller has reserved room among the names and in the array. */
static uint32_t stage_find_resource(struct stage *stage, const uint8_t *bytes, size_t count)
{
	const uint64_t hash = lookup_hash(&stage->by_resource, bytes, count, 0);
	struct stage_memory *const names = &stage->names;
	struct stage_resource *resource;
	struct lookup_search search;
	uint32_t i;

	for (i = lookup_first(&stage->by_resource, hash, &search); i != STAGE_NONE;
	     i = lookup_next(&stage->by_resource, &search))
		if (name_is(stage, stage->resources[i].key, bytes, count))
			return i;
	i = lookup_add(&stage->by_resource, hash);
	resource = &stage->resources[i];
	resource->key = memory_copy(names, bytes, count);
	resource->field = memory_slice(names, encode_resource(bytes, count, memory_end(names)));
	resource->schema_url =
		memory_slice(names, encode_resource_schema_url(bytes, memory_end(names)));
	resource->first_group = resource->last_group = STAGE_NONE;
	stage->bytes_bound +=
		resource->field.bytes + resource->schema_url.bytes + STAGE_ENVELOPE_BYTES_MAX;
	return i;
}

static uint32_t stage_find_group(struct stage *stage, uint32_t resource, const uint8_t *scope,
				 size_t count)
{
	const uint64_t hash = lookup_hash(&stage->by_group, scope, count, resource);
	struct stage_memory *const names = &stage->names;
	struct stage_group *group;
	struct lookup_search search;
	uint32_t i;

	for (i = lookup_first(&stage->by_group, hash, &search); i != STAGE_NONE;
	     i = lookup_next(&stage->by_group, &search)) {
		group = &stage->groups[i];
		if (group->resource == resource && group->has_scope == (scope != NULL) &&
		    name_is(stage, group->key, scope, count))
			return i;
	}
	i = lookup_add(&stage->by_group, hash);
	group = &stage->groups[i];
	memset(group, 0, sizeof(*group));
	group->resource = resource;
	group->has_scope = scope != NULL;
	if (scope != NULL) {
		group->key = memory_copy(names, scope, count);
		group->field = memory_slice(names, encode_scope(scope, count, memory_end(names)));
		group->schema_url =
			memory_slice(names, encode_scope_schema_url(scope, memory_end(names)));
	}
	group->first_run = group->last_run = STAGE_NONE;
	group->next_in_resource = STAGE_NONE;
	if (stage->resources[resource].first_group == STAGE_NONE)
		stage->resources[resource].first_group = i;
	else
		stage->groups[stage->resources[resource].last_group].next_in_resource = i;
	stage->resources[resource].last_group = i;
	stage->bytes_bound +=
		group->field.bytes + group->schema_url.bytes + STAGE_ENVELOPE_BYTES_MAX;
	return i;
}

/* Is the record of the same group as the one before? Then nothing needs to be looked up. */
static bool stage_is_last_group(const struct stage *stage, const struct record_view *view,
				const uint8_t *resource, size_t resource_bytes)
{
	const struct stage_group *group;

	if (stage->last_group == STAGE_NONE)
		return false;
	group = &stage->groups[stage->last_group];
	return group->has_scope == (view->scope != NULL) &&
	       name_is(stage, group->key, view->scope, view->scope_bytes) &&
	       name_is(stage, stage->resources[group->resource].key, resource, resource_bytes);
}

static void group_append(struct stage *stage, uint32_t index, struct stage_slice item)
{
	struct stage_group *group = &stage->groups[index];
	struct stage_run *run;

	group->items_bytes += item.bytes;
	stage->bytes_bound += item.bytes;
	if (group->last_run != STAGE_NONE) {
		run = &stage->runs[group->last_run];
		if (run->offset + run->bytes == item.offset) {
			run->bytes += item.bytes;
			return;
		}
		run->next = stage->run_count;
	} else {
		group->first_run = stage->run_count;
	}
	group->last_run = stage->run_count;
	run = &stage->runs[stage->run_count++];
	run->offset = item.offset;
	run->bytes = item.bytes;
	run->next = STAGE_NONE;
}

uint64_t stage_steps(const struct stage *stage)
{
	return stage->by_resource.steps + stage->by_group.steps;
}

/* Neighbours in a table differ in the low bits of either half, tables in their number. */
static uint32_t origin_slot(const struct stage_origin *origin)
{
	const uint64_t mixed = (origin->table ^ origin->refs) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(mixed >> 32) % STAGE_ORIGINS;
}

uint32_t stage_find(const struct stage *stage, const struct stage_origin *origin)
{
	const struct stage_known *known = &stage->known[origin_slot(origin)];

	if (origin->table == 0 || known->origin.table != origin->table ||
	    known->origin.refs != origin->refs)
		return STAGE_NO_GROUP;
	return known->group;
}

uint8_t *stage_room(struct stage *stage, size_t bytes)
{
	if (arena_reserve(stage, bytes) < 0 || stage_grow_runs(stage) < 0)
		return NULL;
	return memory_end(&stage->arena);
}

void stage_take(struct stage *stage, uint32_t group, const uint8_t *end)
{
	stage->last_group = group;
	group_append(stage, group, memory_slice(&stage->arena, end));
}

/* Of the first record of a batch: leave room for what will stand before it, if it stays there. */
static size_t stage_room_before(const struct stage *stage)
{
	const struct stage_group *const group = &stage->groups[stage->last_group];

	if (stage->lent.bytes == NULL || stage->run_count != 0)
		return 0;
	return stage->before_bytes + stage->resources[group->resource].field.bytes +
	       group->field.bytes;
}

int stage_add(struct stage *stage, const struct record_view *view, const uint8_t *resource,
	      size_t resource_bytes, const struct stage_origin *origin)
{
	const size_t bound = stage_add_bound(view, resource_bytes);
	const size_t keys = resource_bytes + view->scope_bytes;

	if (memory_reserve(&stage->names, bound - encode_bound(view) + keys) < 0 ||
	    arena_reserve(stage, bound + stage->before_bytes) < 0 || stage_grow(stage) < 0)
		return -ENOMEM;
	if (!stage_is_last_group(stage, view, resource, resource_bytes)) {
		uint32_t index = stage_find_resource(stage, resource, resource_bytes);

		stage->last_group = stage_find_group(stage, index, view->scope, view->scope_bytes);
	}
	if (origin->table != 0)
		stage->known[origin_slot(origin)] =
			(struct stage_known){*origin, stage->last_group};
	stage->arena.used += stage_room_before(stage);
	group_append(stage, stage->last_group,
		     memory_slice(&stage->arena, encode_record(view, memory_end(&stage->arena))));
	return 0;
}

static size_t varint_bytes(size_t value)
{
	size_t bytes = 1;

	for (; value >= 0x80; value >>= 7)
		bytes++;
	return bytes;
}

/* Tag and length of a length-delimited field with a number below 16. */
static uint8_t *put_envelope(uint8_t *to, unsigned field, size_t length)
{
	*to++ = (uint8_t)(field << 3 | 2);
	for (; length >= 0x80; length >>= 7)
		*to++ = (uint8_t)(length | 0x80);
	*to++ = (uint8_t)length;
	return to;
}

static uint8_t *put_slice(const struct stage *stage, uint8_t *to, struct stage_slice slice)
{
	memcpy(to, stage->names.bytes + slice.offset, slice.bytes);
	return to + slice.bytes;
}

/* ScopeSpans and ScopeMetrics: scope 1, items 2, schema_url 3. */
static size_t group_body_bytes(const struct stage_group *group)
{
	return group->field.bytes + group->items_bytes + group->schema_url.bytes;
}

static uint8_t *put_group(const struct stage *stage, uint8_t *to, const struct stage_group *group)
{
	uint32_t i;

	to = put_envelope(to, 2, group_body_bytes(group));
	to = put_slice(stage, to, group->field);
	for (i = group->first_run; i != STAGE_NONE; i = stage->runs[i].next) {
		memcpy(to, stage->arena.bytes + stage->runs[i].offset, stage->runs[i].bytes);
		to += stage->runs[i].bytes;
	}
	return put_slice(stage, to, group->schema_url);
}

/* ResourceSpans and ResourceMetrics: resource 1, scopes 2, schema_url 3. */
static size_t resource_body_bytes(const struct stage *stage, const struct stage_resource *resource)
{
	size_t bytes = resource->field.bytes + resource->schema_url.bytes;
	uint32_t g;

	for (g = resource->first_group; g != STAGE_NONE; g = stage->groups[g].next_in_resource) {
		size_t body = group_body_bytes(&stage->groups[g]);

		bytes += 1 + varint_bytes(body) + body;
	}
	return bytes;
}

uint8_t *stage_write(struct stage *stage, uint8_t *to)
{
	uint32_t r, g;

	for (r = 0; r < stage->by_resource.count; r++) {
		const struct stage_resource *resource = &stage->resources[r];

		to = put_envelope(to, 1, resource_body_bytes(stage, resource));
		to = put_slice(stage, to, resource->field);
		for (g = resource->first_group; g != STAGE_NONE;
		     g = stage->groups[g].next_in_resource)
			to = put_group(stage, to, &stage->groups[g]);
		to = put_slice(stage, to, resource->schema_url);
	}
	stage_reset(stage);
	return to;
}

void stage_lend(struct stage *stage, uint8_t *memory, size_t bytes)
{
	assert(stage_is_empty(stage));
	arena_free(stage);
	stage->lent = stage->arena = (struct stage_memory){memory, 0, bytes};
}

uint8_t *stage_write_in_place(struct stage *stage, size_t head_bytes)
{
	const struct stage_resource *const resource = stage->resources;
	const struct stage_group *const group = stage->groups;
	size_t group_bytes, resource_bytes, before_bytes, names_bytes;
	uint8_t *to, *end;

	if (stage->by_group.count != 1)
		return NULL;
	group_bytes = group_body_bytes(group);
	resource_bytes = resource_body_bytes(stage, resource);
	names_bytes = resource->field.bytes + group->field.bytes;
	before_bytes =
		head_bytes + 1 + varint_bytes(resource_bytes) + 1 + varint_bytes(group_bytes);
	if (before_bytes <= STAGE_BEFORE_BYTES_MAX)
		stage->before_bytes = before_bytes;
	/* One group has one run: nothing came between its records. */
	if (!arena_is_lent(stage) || stage->runs[0].offset != before_bytes + names_bytes ||
	    stage->arena.capacity - stage->arena.used <
		    group->schema_url.bytes + resource->schema_url.bytes)
		return NULL;
	to = put_envelope(stage->lent.bytes + head_bytes, 1, resource_bytes);
	to = put_slice(stage, to, resource->field);
	to = put_envelope(to, 2, group_bytes);
	(void)put_slice(stage, to, group->field);
	end = put_slice(stage, memory_end(&stage->arena), group->schema_url);
	end = put_slice(stage, end, resource->schema_url);
	stage->lent = stage->arena = (struct stage_memory){0};
	stage_reset(stage);
	return end;
}
