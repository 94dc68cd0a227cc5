/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's private copies of what a region's table holds: resources, scopes
 * and shapes that records refer to. An entry is copied and checked once, and never
 * looked at in shared memory again, also one that turned out to be not valid.
 */
#ifndef OTLPIPE_WRITER_TABLE_H
#define OTLPIPE_WRITER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"
#include "shm/region_view.h"

/* A resource and a scope may have the same bytes, and are no less two things. */
enum table_kind { TABLE_RESOURCE, TABLE_SCOPE, TABLE_SHAPE };

struct table_copy {
	uint8_t *bytes; /* RECORD_SLACK_BYTES more can be read. NULL: it was copied, and is not
			   valid */
	enum table_kind kind;
	struct record_view *shape; /* of a shape */
	uint32_t bytes_count;
};

struct table {
	struct table_copy *copies;
	size_t count, capacity;
	uint16_t *slots; /* by the entry's place in the table: the number of its copy plus 1 */
	size_t slot_count;
	size_t bytes;	 /* of everything that was ever copied */
	uint64_t number; /* no other table has had it, in this process; 0: nothing was copied */
};

void table_close(struct table *table);

/**
 * Find an entry, and copy it on first use: an array is indexed, nothing is searched.
 *
 * @param ret  what it points to is valid until table_close()
 * @return 0, -EBADMSG: there is no such thing of this kind; -ENOMEM
 */
int table_find(struct table *table, const struct region_view *view, uint32_t reference,
	       enum table_kind kind, struct table_copy *ret);

#endif
