/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of one record: structs in chunks, and references to the objects
 * that they borrow from. What is in it is the readers'.
 */
#include "native.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES_MIN ((size_t)16 << 10)
/* A record that takes this much would be far too large for any ring. */
#define MEMORY_BYTES_MAX ((size_t)1 << 30)
#define HELD_COUNT_MIN	 64

struct memory_chunk {
	struct memory_chunk *older;
	size_t bytes; /* behind this struct */
	alignas(16) uint8_t data[];
};

static int memory_grow(struct memory *memory, size_t bytes)
{
	size_t size = memory->chunk != NULL ? memory->chunk->bytes * 2 : CHUNK_BYTES_MIN;
	struct memory_chunk *chunk;

	while (size < bytes)
		size *= 2;
	chunk = malloc(sizeof(*chunk) + size);
	if (chunk == NULL) {
		PyErr_NoMemory();
		return -1;
	}
	chunk->older = memory->chunk;
	chunk->bytes = size;
	memory->chunk = chunk;
	memory->used_bytes = 0;
	return 0;
}

void *memory_take(struct memory *memory, size_t count, size_t item_bytes)
{
	size_t bytes;
	void *ret;

	if (count > MEMORY_BYTES_MAX / item_bytes) {
		PyErr_NoMemory();
		return NULL;
	}
	bytes = (count * item_bytes + 15) & ~(size_t)15;
	if ((memory->chunk == NULL || bytes > memory->chunk->bytes - memory->used_bytes) &&
	    memory_grow(memory, bytes) < 0)
		return NULL;
	ret = memory->chunk->data + memory->used_bytes;
	memory->used_bytes += bytes;
	return memset(ret, 0, bytes);
}

int memory_hold(struct memory *memory, PyObject *object)
{
	if (object == NULL)
		return -1;
	if (memory->held_count == memory->held_capacity) {
		size_t capacity =
			memory->held_capacity != 0 ? memory->held_capacity * 2 : HELD_COUNT_MIN;
		PyObject **held = realloc(memory->held, capacity * sizeof(*held));

		if (held == NULL) {
			Py_DECREF(object);
			PyErr_NoMemory();
			return -1;
		}
		memory->held = held;
		memory->held_capacity = capacity;
	}
	memory->held[memory->held_count++] = object;
	return 0;
}

int memory_hold_too(struct memory *memory, PyObject *object)
{
	Py_INCREF(object);
	return memory_hold(memory, object);
}

void memory_reset(struct memory *memory)
{
	struct memory_chunk *chunk = memory->chunk;

	/* A finaliser may run here; nothing borrowed is used any more. */
	while (memory->held_count > 0)
		Py_DECREF(memory->held[--memory->held_count]);
	memory->used_bytes = 0;
	if (chunk == NULL)
		return;
	while (chunk->older != NULL) {
		struct memory_chunk *older = chunk->older;

		chunk->older = older->older;
		free(older);
	}
}

void memory_free(struct memory *memory)
{
	memory_reset(memory);
	free(memory->chunk);
	free(memory->held);
	memset(memory, 0, sizeof(*memory));
}
