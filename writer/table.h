/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's private copies of what a region's table holds: resources and
 * shapes that records refer to. An entry is copied and checked once, and never
 * looked at in shared memory again, also one that turned out to be not valid.
 */
#ifndef OTLPIPE_WRITER_TABLE_H
#define OTLPIPE_WRITER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"
#include "shm/region_view.h"

struct table_copy {
	uint8_t *bytes;		   /* NULL: it was copied, and is not valid */
	struct record_view *shape; /* NULL: it is a resource */
	uint32_t bytes_count;
};

struct table {
	struct table_copy *copies;
	size_t count, capacity;
	uint16_t *slots; /* by the entry's place in the table: the number of its copy plus 1 */
	size_t slot_count;
	size_t bytes; /* of everything that was ever copied */
};

void table_close(struct table *table);

/**
 * Find an entry, and copy it on first use: an array is indexed, nothing is searched.
 *
 * @param ret  what it points to is valid until table_close()
 * @return 0, -EBADMSG: there is no such resource, or shape; -ENOMEM
 */
int table_find_resource(struct table *table, const struct region_view *view, uint32_t reference,
			struct table_copy *ret);
int table_find_shape(struct table *table, const struct region_view *view, uint32_t reference,
		     struct table_copy *ret);

#endif
