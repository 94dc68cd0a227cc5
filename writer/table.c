/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of table entries, found by their position in the table. The entries of an honest table do
 * not overlap, so together they are not larger than the table: this bounds what the writer copies,
 * also from a table that lies.
 */
#include "writer/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_SLOTS_MAX (TABLE_BYTES / ENTRY_ALIGN_BYTES)

static_assert(TABLE_SLOTS_MAX < UINT16_MAX, "the number of a copy, plus 1, fits into a slot");

/* The writer has one thread that looks into tables. */
static uint64_t newest_number;

void table_close(struct table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		free(table->copies[i].bytes);
		free(table->copies[i].shape);
	}
	free(table->copies);
	free(table->slots);
	memset(table, 0, sizeof(*table));
}

/* Room for one copy more, and for a slot with this number. */
static int table_reserve(struct table *table, size_t slot)
{
	size_t wanted;

	if (table->count == table->capacity) {
		struct table_copy *copies;

		wanted = table->capacity != 0 ? table->capacity * 2 : 4;
		copies = realloc(table->copies, wanted * sizeof(*copies));
		if (copies == NULL)
			return -ENOMEM;
		table->copies = copies;
		table->capacity = wanted;
	}
	if (slot >= table->slot_count) {
		uint16_t *slots;

		for (wanted = table->slot_count != 0 ? table->slot_count : 64; wanted <= slot;)
			wanted *= 2;
		slots = realloc(table->slots, wanted * sizeof(*slots));
		if (slots == NULL)
			return -ENOMEM;
		memset(slots + table->slot_count, 0, (wanted - table->slot_count) * sizeof(*slots));
		table->slots = slots;
		table->slot_count = wanted;
	}
	return 0;
}

/* Is the copy what it should be? -EBADMSG: no; -ENOMEM. */
static int copy_check(struct table_copy *copy)
{
	int rc;

	if (copy->kind == TABLE_RESOURCE)
		return record_parse_resource(copy->bytes, copy->bytes_count);
	if (copy->kind == TABLE_SCOPE)
		return record_parse_scope(copy->bytes, copy->bytes_count);
	copy->shape = malloc(sizeof(*copy->shape));
	if (copy->shape == NULL)
		return -ENOMEM;
	rc = record_parse_shape(copy->bytes, copy->bytes_count, copy->shape);
	if (rc < 0) {
		free(copy->shape);
		copy->shape = NULL;
	}
	return rc;
}

static int table_copy_entry(struct table *table, const struct region_view *view, uint32_t reference,
			    enum table_kind kind)
{
	const size_t slot = (reference - 1) / ENTRY_ALIGN_BYTES;
	struct table_copy copy = {.kind = kind};
	const uint8_t *bytes;
	int rc;

	if (region_table_get(view, reference, &bytes, &copy.bytes_count) < 0 ||
	    slot >= TABLE_SLOTS_MAX || copy.bytes_count > TABLE_BYTES - table->bytes)
		return -EBADMSG;
	if (table_reserve(table, slot) < 0)
		return -ENOMEM;
	/* With zeros behind it, which may be read with short text. */
	copy.bytes = malloc(copy.bytes_count + RECORD_SLACK_BYTES);
	if (copy.bytes == NULL)
		return -ENOMEM;
	memcpy(copy.bytes, bytes, copy.bytes_count);
	memset(copy.bytes + copy.bytes_count, 0, RECORD_SLACK_BYTES);
	rc = copy_check(&copy);
	if (rc < 0) {
		free(copy.bytes);
		copy.bytes = NULL;
	}
	if (rc == -ENOMEM)
		return rc;
	if (table->number == 0)
		table->number = ++newest_number;
	table->bytes += copy.bytes_count;
	table->copies[table->count++] = copy;
	table->slots[slot] = (uint16_t)table->count;
	return 0;
}

int table_find(struct table *table, const struct region_view *view, uint32_t reference,
	       enum table_kind kind, struct table_copy *ret)
{
	const uint32_t slot = (reference - 1) / ENTRY_ALIGN_BYTES;
	int rc;

	if (reference == 0 || (reference - 1) % ENTRY_ALIGN_BYTES != 0)
		return -EBADMSG;
	if (slot >= table->slot_count || table->slots[slot] == 0) {
		rc = table_copy_entry(table, view, reference, kind);
		if (rc < 0)
			return rc;
	}
	*ret = table->copies[table->slots[slot] - 1];
	/* What is one thing for one record is no other thing for the next. */
	return ret->bytes != NULL && ret->kind == kind ? 0 : -EBADMSG;
}
