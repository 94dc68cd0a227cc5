/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides which files retention removes, and in which order. It touches no file and reads no clock.
 */
#include "writer/file/retain_policy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Times of files are whole seconds, rounded up. */
#define FUTURE_NS INT64_C(2000000000)

static int compare_in_signal(const void *a, const void *b)
{
	const struct retain_file *left = a, *right = b;

	if (left->signal != right->signal)
		return left->signal < right->signal ? -1 : 1;
	if (left->sequence != right->sequence)
		return left->sequence < right->sequence ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int compare_by_age(const void *a, const void *b)
{
	const struct retain_file *left = a, *right = b;

	if (left->is_unsent != right->is_unsent)
		return left->is_unsent ? 1 : -1;
	if (left->ended_ns != right->ended_ns)
		return left->ended_ns < right->ended_ns ? -1 : 1;
	if (left->part != right->part)
		return left->part < right->part ? -1 : 1;
	return compare_in_signal(a, b);
}

static bool is_of_one_signal(const struct retain_file *a, const struct retain_file *b)
{
	return a->signal == b->signal;
}

/* Files of one time: those of all signals go by turns. */
static void set_parts(struct retain_file *files, size_t count)
{
	size_t from, to, i;

	for (from = 0; from < count; from = to) {
		for (to = from + 1; to < count && is_of_one_signal(&files[from], &files[to]) &&
				    files[from].ended_ns == files[to].ended_ns;
		     to++)
			;
		for (i = from; i < to; i++)
			files[i].part = (uint32_t)((i - from) * UINT64_C(1000000) / (to - from));
	}
}

void retain_sort(struct retain_file *files, size_t count, int64_t now_ns)
{
	size_t i;

	if (count == 0)
		return;
	qsort(files, count, sizeof(*files), compare_in_signal);
	for (i = count - 1; i > 0; i--)
		if (is_of_one_signal(&files[i - 1], &files[i]) && files[i - 1].ended_ns > now_ns &&
		    files[i - 1].ended_ns - FUTURE_NS > now_ns)
			files[i - 1].ended_ns = files[i].ended_ns;
	for (i = 1; i < count; i++)
		if (is_of_one_signal(&files[i - 1], &files[i]) &&
		    files[i].ended_ns < files[i - 1].ended_ns)
			files[i].ended_ns = files[i - 1].ended_ns;
	set_parts(files, count);
	/* Times now rise with the sequence, so sorting by them keeps each signal's order. */
	qsort(files, count, sizeof(*files), compare_by_age);
}

static bool is_too_old(const struct retain_file *file, const struct retain_limits *limits,
		       int64_t now_ns)
{
	return limits->age_ns > 0 && file->ended_ns < now_ns &&
	       (uint64_t)now_ns - (uint64_t)file->ended_ns > (uint64_t)limits->age_ns;
}

size_t retain_plan(struct retain_file *files, size_t count, const struct retain_limits *limits,
		   int64_t now_ns, uint64_t free_bytes)
{
	uint64_t total_bytes = 0;
	size_t n;

	for (n = 0; n < count; n++)
		total_bytes += files[n].bytes;
	for (n = 0; n < count; n++) {
		struct retain_file *file = &files[n];

		if (!file->is_unsent && limits->total_bytes > 0 &&
		    total_bytes > limits->total_bytes)
			file->reason = RETAIN_TOO_MUCH;
		else if (!file->is_unsent && is_too_old(file, limits, now_ns))
			file->reason = RETAIN_TOO_OLD;
		else if (limits->free_bytes > 0 && free_bytes < limits->free_bytes)
			file->reason = file->is_unsent ? RETAIN_UNSENT : RETAIN_TOO_FULL;
		else
			break;
		total_bytes -= file->bytes;
		free_bytes += file->bytes;
	}
	return n;
}

bool retain_is_held(const struct retain_file *files, size_t count, size_t planned,
		    const struct retain_limits *limits, int64_t now_ns)
{
	uint64_t total_bytes = 0;
	bool is_held = false;

	for (size_t n = planned; n < count; n++) {
		total_bytes += files[n].bytes;
		is_held = is_held || (files[n].is_unsent && is_too_old(&files[n], limits, now_ns));
	}
	/* Where more bytes are left than there may be, all of them are held. */
	return is_held || (limits->total_bytes > 0 && total_bytes > limits->total_bytes);
}
