/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of table entries, a few for each region, so a plain array is searched. */
#include "writer/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One region refers to few entries; a liar must not make us hold many, or large ones. */
#define TABLE_COPIES_MAX     4096
#define TABLE_COPY_BYTES_MAX ((size_t)1 << 20) /* of all; the table has TABLE_BYTES */

void table_close(struct table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		free(table->copies[i].bytes);
	free(table->copies);
	memset(table, 0, sizeof(*table));
}

static int table_copy_entry(struct table *table, const struct region_view *view, uint32_t reference,
			    bool is_shape, const struct table_copy **ret)
{
	struct table_copy *copies, *added;
	const uint8_t *bytes;
	uint32_t count;
	int rc;

	if (table->count == TABLE_COPIES_MAX ||
	    region_table_get(view, reference, &bytes, &count) < 0 ||
	    count > TABLE_COPY_BYTES_MAX - table->bytes)
		return -EBADMSG;
	copies = realloc(table->copies, (table->count + 1) * sizeof(*copies));
	if (copies == NULL)
		return -ENOMEM;
	table->copies = copies;
	added = &copies[table->count];
	added->reference = reference;
	added->is_shape = is_shape;
	added->bytes_count = count;
	added->bytes = malloc(count != 0 ? count : 1);
	if (added->bytes == NULL)
		return -ENOMEM;
	memcpy(added->bytes, bytes, count);
	rc = is_shape ? record_parse_shape(added->bytes, count, &added->shape)
		      : record_parse_resource(added->bytes, count);
	if (rc < 0) {
		free(added->bytes);
		return -EBADMSG;
	}
	table->count++;
	table->bytes += count;
	*ret = added;
	return 0;
}

static int table_find(struct table *table, const struct region_view *view, uint32_t reference,
		      bool is_shape, const struct table_copy **ret)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		if (table->copies[i].reference == reference &&
		    table->copies[i].is_shape == is_shape) {
			*ret = &table->copies[i];
			return 0;
		}
	}
	return table_copy_entry(table, view, reference, is_shape, ret);
}

int table_find_resource(struct table *table, const struct region_view *view, uint32_t reference,
			const struct table_copy **ret)
{
	return table_find(table, view, reference, false, ret);
}

int table_find_shape(struct table *table, const struct region_view *view, uint32_t reference,
		     const struct table_copy **ret)
{
	return table_find(table, view, reference, true, ret);
}
