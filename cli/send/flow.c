/* SPDX-License-Identifier: Apache-2.0 */
/* From batches to requests. When which is sent is sender.c's. */
#include "cli/send/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tool.h"

/* Records that are done lie in the lane too, as long as one before them is not: so many runs. */
#define LANE_PARCELS_MAX 1024u

int flow_open(struct flow *flow, const char *path, enum otlp_signal signal,
	      const struct cursor_signal *resume, uint64_t max_age_ns, size_t request_bytes)
{
	*flow = (struct flow){
		.signal = signal,
		.lane = {.resume = resume},
		.cutter = {.limit_bytes = request_bytes},
		.end = resume->next,
		.dead_letters.fd = -1,
	};
	return source_open(&flow->source, path, signal, resume, max_age_ns);
}

void flow_close(struct flow *flow)
{
	source_close(&flow->source);
	lane_free(&flow->lane);
	cutter_free(&flow->cutter);
	dead_letters_close(&flow->dead_letters);
	free(flow->pieces);
	flow->pieces = NULL;
}

/* The request that was cut goes into the lane. 0 or -ENOMEM. */
static int finish_request(struct flow *flow)
{
	struct parcel *parcel;
	uint64_t count = flow->cutter.count;

	if (count == 0)
		return 0;
	parcel = calloc(1, sizeof(*parcel));
	if (parcel == NULL)
		return -ENOMEM;
	parcel->body = cutter_take(&flow->cutter, &parcel->request.body_bytes);
	parcel->request.body = parcel->body;
	parcel->request.signal = flow->signal;
	parcel->request.items = count;
	parcel->from = flow->from;
	parcel->to = flow->end;
	parcel->pieces = flow->pieces;
	parcel->piece_count = flow->piece_count;
	parcel->closed_unix_ns = flow->closed_unix_ns;
	parcel->repeated_items = flow->repeated_items;
	flow->pieces = NULL;
	flow->piece_count = flow->piece_capacity = 0;
	lane_append(&flow->lane, parcel);
	return 0;
}

/* The request's first record is the next one. */
static void begin_request(struct flow *flow)
{
	const struct cursor_position *at = &flow->source.at;

	/* Batches in between that had no records belong to it. */
	flow->from = flow->end.epoch == at->epoch ? flow->end : *at;
	flow->from.file = at->file;
	flow->closed_unix_ns = flow->source.closed_unix_ns;
	flow->repeated_items = 0;
}

/* Where the next record comes from. 0 or -ENOMEM. */
static int note_record(struct flow *flow)
{
	const struct cursor_position *at = &flow->source.at;
	struct lane_piece *last =
		flow->piece_count > 0 ? &flow->pieces[flow->piece_count - 1] : NULL;

	flow->repeated_items += source_may_repeat(&flow->source);
	if (last != NULL && last->sequence == at->sequence &&
	    last->item + last->count == at->item) {
		last->count++;
		return 0;
	}
	if (flow->piece_count == flow->piece_capacity) {
		const size_t wanted = flow->piece_capacity > 0 ? flow->piece_capacity * 2 : 8;

		last = reallocarray(flow->pieces, wanted, sizeof(*last));
		if (last == NULL)
			return -ENOMEM;
		flow->pieces = last;
		flow->piece_capacity = wanted;
	}
	flow->pieces[flow->piece_count++] = (struct lane_piece){
		.file = at->file,
		.sequence = at->sequence,
		.item = at->item,
		.count = 1,
	};
	return 0;
}

/* Cut off the next record. 1: it is in; 0: the request was full; or a negative errno. */
static int take_record(struct flow *flow)
{
	struct source *source = &flow->source;
	int rc;

	if (flow->cutter.count > 0 && flow->from.epoch != source->at.epoch)
		return finish_request(flow);
	if (flow->cutter.count == 0)
		begin_request(flow);
	rc = note_record(flow);
	if (rc < 0)
		return rc;
	rc = cutter_add(&flow->cutter, &source->records, source->at.item);
	if (rc == 1) {
		source_step(source);
		flow->end = source->at;
		return 1;
	}
	/* Full: it was noted too early. */
	if (--flow->pieces[flow->piece_count - 1].count == 0)
		flow->piece_count--;
	flow->repeated_items -= source_may_repeat(source);
	return rc < 0 ? rc : finish_request(flow);
}

static bool lane_is_full(const struct lane *lane, size_t requests_max)
{
	size_t count = 0;

	if (lane->open_count >= requests_max)
		return true;
	for (const struct parcel *p = lane->first; p != NULL; p = p->next)
		count++;
	return count >= LANE_PARCELS_MAX;
}

int flow_fill(struct flow *flow, size_t requests_max)
{
	flow->is_at_end = false;
	while (!lane_is_full(&flow->lane, requests_max)) {
		bool is_new;
		int rc = source_next(&flow->source, &is_new);

		/* What is open in the request is of records that are gone. */
		if (is_new)
			cutter_leave(&flow->cutter);
		if (rc == 0) {
			flow->is_at_end = true;
			return finish_request(flow);
		}
		while (rc > 0) {
			rc = take_record(flow);
			if (rc <= 0)
				break;
			/* The next one of the same batch, without a look at anything else. */
			if (!flow->source.has_batch || !flow->source.has_reached_begun)
				break;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Half of a body's records. 0 or a negative errno. */
static int cut_half(const struct records *records, size_t from, size_t to, uint8_t **ret,
		    size_t *ret_bytes)
{
	struct cutter cutter = {.limit_bytes = SIZE_MAX};
	int rc = 1;

	for (size_t i = from; rc == 1 && i < to; i++)
		rc = cutter_add(&cutter, records, i);
	if (rc == 1)
		*ret = cutter_take(&cutter, ret_bytes);
	cutter_free(&cutter);
	return rc == 1 ? 0 : rc < 0 ? rc : -EBADMSG;
}

int flow_halve(struct flow *flow, struct parcel *parcel)
{
	const size_t bytes = parcel->request.body_bytes;
	const size_t half = (size_t)parcel->request.items / 2;
	struct records records = {0};
	uint8_t *bodies[2] = {NULL, NULL};
	struct parcel *halves[2];
	size_t body_bytes[2];
	int rc = records_find(&records, flow->signal, parcel->body, bytes);

	if (rc == 0 && records.count != parcel->request.items)
		rc = -EBADMSG;
	if (rc == 0)
		rc = cut_half(&records, 0, half, &bodies[0], &body_bytes[0]);
	if (rc == 0)
		rc = cut_half(&records, half, records.count, &bodies[1], &body_bytes[1]);
	if (rc == 0)
		rc = lane_split(&flow->lane, parcel, half, bodies, body_bytes, halves);
	records_free(&records);
	if (rc < 0) {
		free(bodies[0]);
		free(bodies[1]);
		return rc;
	}
	halves[0]->family = halves[1]->family = ++flow->families;
	halves[0]->family_bytes = halves[1]->family_bytes = bytes;
	return 0;
}

int flow_look(const struct flow *flow, struct cursor_signal *ret)
{
	/* What is being cut is not in the lane yet. */
	const struct cursor_position *read =
		flow->cutter.count > 0 ? &flow->from : &flow->source.at;

	return lane_look(&flow->lane, read, ret);
}

bool flow_is_empty(const struct flow *flow)
{
	return flow->lane.open_count == 0 && flow->cutter.count == 0;
}
