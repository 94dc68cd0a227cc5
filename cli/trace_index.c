/* SPDX-License-Identifier: Apache-2.0 */
/* One entry a trace, and no span: what a first pass over all files needs. */
#include "cli/trace_index.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

struct trace_entry {
	struct trace_sum sum;
	UT_hash_handle hh;
};

size_t trace_index_count(const struct trace_index *index)
{
	return HASH_COUNT(index->entries);
}

static int find_or_make(struct trace_index *index, const uint8_t *id, struct trace_entry **ret)
{
	struct trace_entry *entry = NULL;
	const size_t count = trace_index_count(index);

	HASH_FIND(hh, index->entries, id, TRACE_ID_BYTES, entry);
	*ret = entry;
	if (entry != NULL)
		return 1;
	if (count == TRACE_INDEX_MAX) {
		index->left_out_spans++;
		return 0;
	}
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	memcpy(entry->sum.id, id, TRACE_ID_BYTES);
	HASH_ADD(hh, index->entries, sum.id, TRACE_ID_BYTES, entry);
	if (trace_index_count(index) == count) {
		free(entry);
		return -ENOMEM;
	}
	*ret = entry;
	return 1;
}

int trace_index_add(struct trace_index *index, const struct view_span *span)
{
	struct trace_entry *entry;
	struct trace_sum *sum;
	int rc;

	if (span->trace_id.len != TRACE_ID_BYTES) {
		index->odd_spans++;
		return 0;
	}
	rc = find_or_make(index, span->trace_id.data, &entry);
	if (rc <= 0)
		return rc;
	sum = &entry->sum;
	sum->spans++;
	sum->errors += span->status == VIEW_STATUS_ERROR;
	if (span->start_ns == 0 || span->end_ns < span->start_ns)
		return 0;
	if (sum->begin_ns == 0 || span->start_ns < sum->begin_ns)
		sum->begin_ns = span->start_ns;
	if (span->end_ns > sum->end_ns)
		sum->end_ns = span->end_ns;
	return 0;
}

/* The slowest first; of those that took as long the earlier one, so that the order is always one.
 */
static int compare_sums(const void *a, const void *b)
{
	const struct trace_sum *x = a, *y = b;
	const uint64_t x_ns = x->end_ns - x->begin_ns, y_ns = y->end_ns - y->begin_ns;

	if (x_ns != y_ns)
		return x_ns > y_ns ? -1 : 1;
	if (x->begin_ns != y->begin_ns)
		return x->begin_ns < y->begin_ns ? -1 : 1;
	return memcmp(x->id, y->id, sizeof(x->id));
}

int64_t trace_index_slowest(const struct trace_index *index, size_t count_max, bool with_errors,
			    struct trace_sum **ret)
{
	const size_t all = trace_index_count(index);
	struct trace_sum *sums = malloc((all + 1) * sizeof(*sums));
	size_t count = 0;

	if (sums == NULL)
		return -ENOMEM;
	for (const struct trace_entry *entry = index->entries; entry != NULL;
	     entry = entry->hh.next)
		if (!with_errors || entry->sum.errors > 0)
			sums[count++] = entry->sum;
	qsort(sums, count, sizeof(*sums), compare_sums);
	*ret = sums;
	return (int64_t)(count < count_max ? count : count_max);
}

void trace_index_free(struct trace_index *index)
{
	struct trace_entry *entry = index->entries, *next;

	HASH_CLEAR(hh, index->entries);
	for (; entry != NULL; entry = next) {
		next = entry->hh.next;
		free(entry);
	}
}
