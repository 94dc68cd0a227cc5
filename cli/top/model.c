/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of two looks. */
#include "cli/top/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/stat_look.h"

/* ---- histories ---- */

void top_history_add(struct top_history *history, double value)
{
	history->values[history->count++ % TOP_HISTORY_COUNT] = (float)value;
}

bool top_history_get(const struct top_history *history, uint64_t ago, double *ret)
{
	if (ago >= history->count || ago >= TOP_HISTORY_COUNT)
		return false;
	*ret = (double)history->values[(history->count - 1 - ago) % TOP_HISTORY_COUNT];
	return true;
}

/* ---- rates ---- */

/* Counts only grow; what shrank was begun anew, or was read in the middle of a change. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
	return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

/* ---- producers ---- */

static double ring_fill(const struct stat_ring *ring)
{
	double fill;

	if (!ring->is_present || !ring->is_sound || ring->size_bytes == 0)
		return 0;
	fill = (double)ring->used_bytes / (double)ring->size_bytes;
	return fill < 1 ? fill : 1;
}

static struct top_counts ring_counts(const struct stat_ring *ring)
{
	return (struct top_counts){
		.accepted = ring->accepted_items,
		.dropped = {[TOP_DROP_FULL] = ring->dropped_full_items,
			    [TOP_DROP_INVALID] = ring->dropped_invalid_items,
			    [TOP_DROP_TOO_LARGE] = ring->dropped_too_large_items},
	};
}

static void take_signal(struct top_model *model, struct top_producer *producer,
			enum otlp_signal signal, bool is_new)
{
	const struct stat_ring *ring = &producer->region->rings[signal];
	const struct top_counts counts = ring_counts(ring);
	/* One that could not be read before is no new one: when it counted what is not known. */
	const bool is_old = is_new && (double)producer->age_seconds > model->seconds + 1;
	const struct top_counts zero = {0};
	const struct top_counts before = is_old	  ? counts
					 : is_new ? zero
						  : producer->signals[signal].counts;

	producer->signals[signal].counts = counts;
	producer->signals[signal].accepted_rate =
		rate(counts.accepted, before.accepted, model->seconds);
	producer->signals[signal].fill = ring_fill(ring);
	top_history_add(&producer->signals[signal].history, producer->signals[signal].fill);
	producer->lanes += ring->is_present;
	producer->is_blocked |= ring->is_blocked;
	producer->is_unsound |= ring->is_present && !ring->is_sound;
	producer->accepted_rate += producer->signals[signal].accepted_rate;
	model->signals[signal].accepted_rate += producer->signals[signal].accepted_rate;
	if (producer->signals[signal].fill > producer->fill)
		producer->fill = producer->signals[signal].fill;
	for (unsigned drop = 0; drop < TOP_DROPS; drop++) {
		const double drops =
			rate(counts.dropped[drop], before.dropped[drop], model->seconds);

		producer->dropped[drop] += counts.dropped[drop];
		producer->dropped_total += counts.dropped[drop];
		producer->dropped_rate += drops;
		model->dropped[drop] += counts.dropped[drop];
		model->dropped_rates[drop] += drops;
	}
}

static void take_region(struct top_model *model, struct top_producer *producer,
			const struct stat_region *region, bool is_new)
{
	producer->region = region;
	producer->look = model->look_count;
	producer->age_seconds = model->now_unix_ns > region->start_unix_ns
					? (model->now_unix_ns - region->start_unix_ns) / 1000000000
					: 0;
	producer->lanes = 0;
	producer->fill = producer->accepted_rate = producer->dropped_rate = 0;
	producer->dropped_total = 0;
	producer->is_blocked = producer->is_unsound = false;
	memset(producer->dropped, 0, sizeof(producer->dropped));
	for (enum otlp_signal signal = 0; signal < SIGNAL_COUNT; signal++)
		take_signal(model, producer, signal, is_new);
	top_history_add(&producer->history, producer->fill);
}

/* @return false: no memory */
static bool add_producer(struct top_model *model, struct top_producer *producer)
{
	const size_t count = HASH_COUNT(model->by_id);

	HASH_ADD(hh, model->by_id, id, sizeof(producer->id), producer);
	return HASH_COUNT(model->by_id) > count;
}

static int take_regions(struct top_model *model)
{
	const struct stat_view *view = &model->view;
	struct top_producer **rows = realloc(model->rows, (view->region_count + 1) * sizeof(*rows));

	if (rows == NULL)
		return -ENOMEM;
	model->rows = rows;
	for (size_t i = 0; i < view->region_count; i++) {
		const struct stat_region *region = &view->regions[i];
		struct top_producer *producer;
		bool is_new = false;

		HASH_FIND(hh, model->by_id, &region->id, sizeof(region->id), producer);
		if (producer == NULL) {
			producer = calloc(1, sizeof(*producer));
			if (producer == NULL)
				return -ENOMEM;
			producer->id = region->id;
			if (!add_producer(model, producer)) {
				free(producer);
				return -ENOMEM;
			}
			is_new = true;
		} else if (producer->look == model->look_count) {
			continue; /* a copy of a region's file has its id */
		}
		take_region(model, producer, region, is_new);
		rows[model->row_count++] = producer;
	}
	return 0;
}

static void forget_gone(struct top_model *model)
{
	struct top_producer *producer, *next;

	HASH_ITER(hh, model->by_id, producer, next)
	{
		if (producer->look == model->look_count)
			continue;
		HASH_DEL(model->by_id, producer);
		free(producer);
	}
}

/* ---- the writer ---- */

static void take_writer(struct top_model *model, const struct status_page *before)
{
	const struct status_page *page = &model->view.page;
	/* Another writer counts from 0. */
	const bool is_same = before->epoch == page->epoch && before->pid == page->pid;

	for (enum otlp_signal signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct status_signal zero = {0};
		const struct status_signal *now = &page->signals[signal];
		const struct status_signal *then = is_same ? &before->signals[signal] : &zero;
		struct top_signal *to = &model->signals[signal];

		to->written_rate = rate(now->written_items, then->written_items, model->seconds);
		to->batches_rate = rate(now->batches, then->batches, model->seconds);
		to->bytes_rate = rate(now->batch_bytes, then->batch_bytes, model->seconds);
		if (model->seconds > 0)
			top_history_add(&to->history, to->written_rate);
	}
}

/* ---- all of it ---- */

int top_model_take(struct top_model *model, struct stat_view *view, int64_t now_ns,
		   uint64_t now_unix_ns)
{
	struct stat_view before = model->view;
	int rc;

	model->seconds = model->look_count > 0 ? (double)(now_ns - model->looked_ns) / 1e9 : 0;
	model->looked_ns = now_ns;
	model->now_unix_ns = now_unix_ns;
	model->look_count++;
	model->view = *view;
	memset(view, 0, sizeof(*view));
	model->row_count = 0;
	memset(model->dropped, 0, sizeof(model->dropped));
	memset(model->dropped_rates, 0, sizeof(model->dropped_rates));
	model->dropped_without_ring = 0;
	for (enum otlp_signal signal = 0; signal < SIGNAL_COUNT; signal++) {
		model->signals[signal].accepted_rate = 0;
		model->dropped_without_ring += model->view.without_ring.dropped_items[signal];
	}
	rc = take_regions(model);
	forget_gone(model);
	take_writer(model, &before.page);
	stat_forget(&before);
	return rc;
}

void top_model_free(struct top_model *model)
{
	model->look_count++;
	forget_gone(model);
	free(model->rows);
	stat_forget(&model->view);
	memset(model, 0, sizeof(*model));
}
