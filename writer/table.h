/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's private copies of what a region's table holds: resources and
 * shapes that records refer to. An entry is copied and checked once, and never
 * looked at in shared memory again.
 */
#ifndef OTLPIPE_WRITER_TABLE_H
#define OTLPIPE_WRITER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"
#include "shm/region.h"

struct table_copy {
	uint32_t reference;
	bool is_shape;
	uint8_t *bytes;
	uint32_t bytes_count;
	struct record_view shape;
};

struct table {
	struct table_copy *copies;
	size_t count;
	size_t bytes; /* of all copies */
};

void table_close(struct table *table);

/**
 * Find an entry, and copy it on first use.
 *
 * @param ret  valid until the next call
 * @return 0, -EBADMSG: there is no such resource, or shape; -ENOMEM
 */
int table_find_resource(struct table *table, const struct region_view *view, uint32_t reference,
			const struct table_copy **ret);
int table_find_shape(struct table *table, const struct region_view *view, uint32_t reference,
		     const struct table_copy **ret);

#endif
