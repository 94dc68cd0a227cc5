/* SPDX-License-Identifier: Apache-2.0 */
/* A list, in the order of the records. What is done in front is dropped, and runs of it are one. */
#include "cli/send/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void parcel_free(struct parcel *parcel)
{
	free(parcel->body);
	free(parcel->pieces);
	free(parcel);
}

static void unlink_parcel(struct lane *lane, struct parcel *parcel)
{
	if (parcel->previous != NULL)
		parcel->previous->next = parcel->next;
	else
		lane->first = parcel->next;
	if (parcel->next != NULL)
		parcel->next->previous = parcel->previous;
	else
		lane->last = parcel->previous;
}

void lane_append(struct lane *lane, struct parcel *parcel)
{
	parcel->state = LANE_READY;
	parcel->previous = lane->last;
	parcel->next = NULL;
	if (lane->last != NULL)
		lane->last->next = parcel;
	else
		lane->first = parcel;
	lane->last = parcel;
	lane->open_count++;
}

struct parcel *lane_ready(const struct lane *lane)
{
	struct parcel *parcel = lane->first;

	while (parcel != NULL && parcel->state != LANE_READY)
		parcel = parcel->next;
	return parcel;
}

/* Of one epoch: by batch and record. Else by file, of which each has one epoch. */
static bool is_past(const struct cursor_position *a, const struct cursor_position *b)
{
	if (a->epoch != b->epoch)
		return a->file > b->file;
	return a->sequence > b->sequence || (a->sequence == b->sequence && a->item > b->item);
}

void lane_begin(struct lane *lane, struct parcel *parcel)
{
	parcel->state = LANE_BEGUN;
	parcel->tries++;
	lane->begun_count++;
}

void lane_again(struct lane *lane, struct parcel *parcel)
{
	parcel->state = LANE_READY;
	lane->begun_count--;
}

static bool adjoins(const struct parcel *a, const struct parcel *b)
{
	return a->to.epoch == b->from.epoch && a->to.sequence == b->from.sequence &&
	       a->to.item == b->from.item;
}

/* Two that are done, one behind the other, become one. */
static void merge(struct lane *lane, struct parcel *a, struct parcel *b)
{
	if (a == NULL || b == NULL || a->state != LANE_DONE || b->state != LANE_DONE ||
	    a->from.epoch != b->to.epoch || !adjoins(a, b))
		return;
	a->to = b->to;
	unlink_parcel(lane, b);
	parcel_free(b);
}

void lane_done(struct lane *lane, struct parcel *parcel)
{
	lane->begun_count -= parcel->state == LANE_BEGUN;
	parcel->state = LANE_DONE;
	lane->open_count--;
	free(parcel->body);
	free(parcel->pieces);
	parcel->body = NULL;
	parcel->pieces = NULL;
	parcel->piece_count = 0;
	if (lane->first == parcel) {
		while (lane->first != NULL && lane->first->state == LANE_DONE) {
			struct parcel *first = lane->first;

			unlink_parcel(lane, first);
			parcel_free(first);
		}
		return;
	}
	merge(lane, parcel, parcel->next);
	merge(lane, parcel->previous, parcel);
}

struct cursor_position parcel_place(const struct parcel *parcel, uint64_t number)
{
	for (size_t i = 0; i < parcel->piece_count; i++) {
		const struct lane_piece *piece = &parcel->pieces[i];

		if (number < piece->count)
			return (struct cursor_position){
				.file = piece->file,
				.epoch = parcel->from.epoch,
				.sequence = piece->sequence,
				.item = piece->item + number,
			};
		number -= piece->count;
	}
	return parcel->to;
}

/* The pieces of so many records from that number on. */
static int copy_pieces(const struct parcel *from, uint64_t number, uint64_t count,
		       struct parcel *to)
{
	to->pieces = calloc(from->piece_count, sizeof(*to->pieces));
	if (to->pieces == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < from->piece_count && count > 0; i++) {
		struct lane_piece piece = from->pieces[i];
		const uint64_t skipped = number < piece.count ? number : piece.count;

		number -= skipped;
		piece.item += skipped;
		piece.count -= skipped;
		if (piece.count > count)
			piece.count = count;
		count -= piece.count;
		if (piece.count > 0)
			to->pieces[to->piece_count++] = piece;
	}
	return 0;
}

static struct parcel *half_of(const struct parcel *whole, uint64_t number, uint64_t count)
{
	struct parcel *half = calloc(1, sizeof(*half));

	if (half == NULL)
		return NULL;
	half->request.signal = whole->request.signal;
	half->request.items = count;
	half->closed_unix_ns = whole->closed_unix_ns;
	half->may_be_there = whole->may_be_there;
	if (copy_pieces(whole, number, count, half) < 0) {
		free(half);
		return NULL;
	}
	return half;
}

static void give_body(struct parcel *parcel, uint8_t *body, size_t bytes)
{
	parcel->body = body;
	parcel->request.body = body;
	parcel->request.body_bytes = bytes;
}

int lane_split(struct lane *lane, struct parcel *parcel, uint64_t first_count, uint8_t *bodies[2],
	       const size_t bytes[2], struct parcel *ret[2])
{
	const uint64_t count = parcel->request.items;
	struct parcel *a = half_of(parcel, 0, first_count);
	struct parcel *b = a != NULL ? half_of(parcel, first_count, count - first_count) : NULL;

	if (b == NULL) {
		if (a != NULL)
			parcel_free(a);
		return -ENOMEM;
	}
	give_body(a, bodies[0], bytes[0]);
	give_body(b, bodies[1], bytes[1]);
	a->from = parcel->from;
	a->to = b->from = parcel_place(parcel, first_count);
	b->to = parcel->to;
	a->previous = parcel->previous;
	a->next = b;
	b->previous = a;
	b->next = parcel->next;
	if (a->previous != NULL)
		a->previous->next = a;
	else
		lane->first = a;
	if (b->next != NULL)
		b->next->previous = b;
	else
		lane->last = b;
	lane->begun_count -= parcel->state == LANE_BEGUN;
	lane->open_count++;
	parcel_free(parcel);
	ret[0] = a;
	ret[1] = b;
	return 0;
}

/* ---- the cursor ---- */

static void add_range(struct cursor_signal *to, const struct cursor_range *range)
{
	to->done[to->done_count++] = *range;
}

int lane_look(const struct lane *lane, const struct cursor_position *read,
	      struct cursor_signal *ret)
{
	const struct cursor_signal *resume = lane->resume;
	size_t count = 0;

	*ret = (struct cursor_signal){.is_sent = true};
	ret->next = lane->first != NULL ? lane->first->from : *read;
	ret->begun = is_past(&resume->begun, &ret->next) ? resume->begun : ret->next;
	for (const struct parcel *p = lane->first; p != NULL; p = p->next) {
		count += p->state == LANE_DONE;
		if ((p->state != LANE_READY || p->may_be_there) && is_past(&p->to, &ret->begun))
			ret->begun = p->to;
	}
	ret->done = calloc(count + resume->done_count + 1, sizeof(*ret->done));
	if (ret->done == NULL)
		return -ENOMEM;
	if (is_past(&resume->begun, &ret->next))
		for (size_t i = 0; i < resume->done_count; i++)
			add_range(ret, &resume->done[i]);
	for (const struct parcel *p = lane->first; p != NULL; p = p->next) {
		if (p->state != LANE_DONE)
			continue;
		add_range(ret, &(struct cursor_range){
				       .epoch = p->from.epoch,
				       .from_sequence = p->from.sequence,
				       .from_item = p->from.item,
				       .to_sequence = p->to.sequence,
				       .to_item = p->to.item,
			       });
	}
	return 0;
}

uint64_t lane_oldest_ns(const struct lane *lane)
{
	return lane->first != NULL ? lane->first->closed_unix_ns : 0;
}

void lane_free(struct lane *lane)
{
	while (lane->first != NULL) {
		struct parcel *parcel = lane->first;

		unlink_parcel(lane, parcel);
		parcel_free(parcel);
	}
	lane->open_count = lane->begun_count = 0;
}
