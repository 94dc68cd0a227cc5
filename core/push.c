/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The push. A usual span or log is built in a buffer on the stack, then claimed and counted, copied
 * and committed: nothing can go wrong behind the claim. All else goes the long way: size and check,
 * claim and count, write, commit. There, between claim and commit, two things can be found out,
 * that text beyond ASCII is not UTF-8, and that somebody changed what was lent to us; the claim is
 * given up then, and the writer skips it. What a record looks like is core/record/record.h's, how
 * it is claimed shm/ring.h's; here is who gets counted where, and what the caller is told.
 */
#include "core/push.h"

#include "core/record/record_build.h"
#include "core/shape.h"

/*
 * The buffer that a record is built in is on the stack, and a push that has to make a region may be
 * in a signal handler with 4 KiB: so regions are made by the callers of these functions, when the
 * buffer is not there yet, or no longer. Nor is it there while a scope is looked up, or a record
 * pushed that is not usual: their values may be nested, and each level takes some of the stack.
 */
#define PUSH_BUILDS static __attribute__((noinline))

/* One export call: where it pushes to, and the first reason why something was not taken. */
struct push {
	struct producer *producer;
	struct region *region; /* NULL: there is none */
	struct ring *ring;     /* of the region: the lane of this thread, or where it had room */
	enum otlp_signal signal;
	int result;
	bool is_crowded; /* a ring was full, or is half full since */
	/* Of the record before: what is lent stays as it is until the call is over. */
	const struct otlp_scope *scope;
	uint32_t scope_ref;
};

static __attribute__((noinline, cold)) void push_refuse(struct push *push, int error,
							uint64_t items)
{
	struct ring_shared *shared;
	uint64_t *counter;

	if (push->result == OTLP_OK)
		push->result = error;
	if (push->region == NULL) {
		counter = &push->producer->page->counters.dropped_full_items[push->signal];
		atomic_add_relaxed_u64(counter, items);
		counters_add_dropped(&push->producer->counters, push->signal, items);
		return;
	}
	shared = push->ring->shared;
	if (error == OTLP_ERR_INVALID)
		counter = &shared->dropped_invalid_items;
	else if (error == OTLP_ERR_TOO_LARGE)
		counter = &shared->dropped_too_large_items;
	else
		counter = &shared->dropped_full_items;
	atomic_add_relaxed_u64(counter, items);
}

/* Of a record of this signal, whichever lane takes it: the first one is the largest. */
static inline uint64_t push_bytes_max(const struct push *push)
{
	return push->region->rings[ring_number(push->signal, 0)].payload_bytes_max;
}

/* Say how large it is: a ring can be made larger. */
static __attribute__((noinline, cold)) void push_refuse_large(struct push *push, uint64_t bytes,
							      uint64_t items)
{
	last_error_too_large(&push->producer->page->last_error, push->signal, bytes,
			     push_bytes_max(push));
	push_refuse(push, OTLP_ERR_TOO_LARGE, items);
}

static inline void push_begin(struct push *push, struct producer *producer, enum otlp_signal signal)
{
	push->producer = producer;
	push->signal = signal;
	push->result = OTLP_OK;
	push->is_crowded = false;
	push->scope = NULL;
	push->region = producer_region(push->producer, &push->result);
	push->ring = NULL;
	if (push->region != NULL)
		push->ring = &push->region->rings[ring_number(
			signal, lane_of_thread(&producer->lanes, signal))];
}

/*
 * A full lane is not full: the others of its signal are tried, so that one thread can use all of
 * the space. Nor is a record too large because its thread's lane is a small one. What is left of
 * the export call stays where there was room; the next one begins with its own lane again.
 *
 * By value: were the caller's claim lent to this, the hot path would have to keep it in memory.
 *
 * @return without a payload: all are full, or too small
 */
static __attribute__((noinline, cold)) struct ring_claim
push_claim_elsewhere(struct push *push, size_t bytes, uint32_t items)
{
	struct ring *const rings = push->region->rings;
	const uint32_t mask = push->producer->lanes.masks[push->signal];
	const unsigned own = ring_lane((unsigned)(push->ring - rings));
	struct ring_claim claim = {0};
	unsigned n;

	/* If its lane was full: whoever empties it is late, or is no more. */
	push->is_crowded |= bytes <= push->ring->payload_bytes_max;
	for (n = 1; n <= mask; n++) {
		struct ring *ring = &rings[ring_number(push->signal, (own + n) & mask)];

		if (bytes > ring->payload_bytes_max)
			continue;
		if (ring_claim(ring, (uint32_t)bytes, items, &claim)) {
			push->ring = ring;
			return claim;
		}
		push->is_crowded = true;
	}
	claim.payload = NULL;
	return claim;
}

static inline bool push_claim(struct push *push, size_t bytes, size_t items, struct ring_claim *ret)
{
	if (__builtin_expect(bytes <= push->ring->payload_bytes_max, 1) &&
	    __builtin_expect(ring_claim(push->ring, (uint32_t)bytes, (uint32_t)items, ret), 1))
		return true;
	*ret = push_claim_elsewhere(push, bytes, (uint32_t)items);
	return ret->payload != NULL;
}

/* What no lane had room for. */
static __attribute__((noinline, cold)) void push_refuse_claim(struct push *push, uint64_t bytes,
							      uint64_t items)
{
	if (bytes > push_bytes_max(push))
		push_refuse_large(push, bytes, items);
	else
		push_refuse(push, OTLP_ERR_FULL, items);
}

/* Half full: once for all pushes, whatever becomes of the one that took it there. */
static __attribute__((noinline, cold)) void push_passed_half(struct push *push)
{
	control_wake_writer(&push->producer->control);
	push->is_crowded = true;
}

/*
 * The end of a call. Full for ever, if the writer abandoned the region; and nobody empties a ring
 * of it: the less goes into it. The next export call finds the new region, as what this one held
 * refers to the table of the old.
 */
static inline int push_result(struct push *push)
{
	if (__builtin_expect(push->is_crowded, 0))
		producer_renew(push->producer, push->region);
	return push->result;
}

/* Behind a commit or an abort. */
static inline void push_end(struct push *push, const struct ring_claim *claim)
{
	const uint32_t deep_sleep = ring_deep_sleep(push->ring);

	if (__builtin_expect(deep_sleep != 0, 0))
		producer_end_deep_sleep(push->producer, push->region, push->ring, deep_sleep);
	if (__builtin_expect(claim->passes_half, 0))
		push_passed_half(push);
}

static inline void push_commit(struct push *push, const struct ring_claim *claim)
{
	ring_commit(claim);
	push_end(push, claim);
}

/* Written, and not to be had: its text is not UTF-8, or it changed meanwhile. */
static inline void push_abort(struct push *push, const struct ring_claim *claim)
{
	ring_abort(push->ring, claim);
	push_refuse(push, OTLP_ERR_INVALID, claim->items);
	push_end(push, claim);
}

/* What names no resource refers to the exporter's, or has it inline where the table is full. */
static inline void push_resource(const struct push *push, struct resource *resource,
				 const struct otlp_resource **inline_resource, uint32_t *refs)
{
	*refs = 0;
	if (*inline_resource != NULL)
		return;
	*refs = table_entry_reference(&resource->entry, push->region);
	if (*refs == 0)
		*inline_resource = &resource->value;
}

/* Adds the scope to the references. @return it, where it stays in the record; or NULL */
static inline const struct otlp_scope *push_scope(struct push *push, const struct otlp_scope *scope,
						  uint32_t *refs)
{
	if (scope == NULL)
		return NULL;
	if (scope != push->scope) {
		push->scope = scope;
		push->scope_ref = scope_reference(&push->producer->scopes, push->region, scope);
	}
	*refs |= RECORD_REFS(0, push->scope_ref);
	return push->scope_ref != 0 ? NULL : scope;
}

/* Room for a record of one item, whose sizing answered rc and bytes. False: it was refused. */
static inline bool push_take(struct push *push, int rc, size_t bytes, struct ring_claim *ret)
{
	if (rc < 0) {
		if (rc == OTLP_ERR_TOO_LARGE)
			push_refuse_large(push, 0, 1);
		else
			push_refuse(push, rc, 1);
		return false;
	}
	if (!push_claim(push, bytes, 1, ret)) {
		push_refuse_claim(push, bytes, 1);
		return false;
	}
	return true;
}

/*
 * What was built whole: claimed, copied and committed at once. A producer that is preempted or
 * killed is hardly ever found in between, and there is no claim that has to be given up.
 */
static inline void push_built(struct push *push, const uint8_t *built, size_t bytes)
{
	struct ring_claim claim;

	if (!push_take(push, 0, bytes, &claim))
		return;
	/* With the zeros behind it, which the entry has room for: whole words are copied faster. */
	memcpy(claim.payload, built, (bytes + ENTRY_ALIGN_BYTES - 1) & ~(ENTRY_ALIGN_BYTES - 1));
	push_commit(push, &claim);
	ring_ahead(&claim, bytes);
}

/* Where a span's resource comes from: inline, or by reference where inline_resource is NULL. */
struct span_push {
	const struct otlp_span *span;
	const struct otlp_resource *inline_resource;
	uint32_t refs;
	uint32_t shape_ref; /* 0: none */
};

static inline enum record_written span_write(const struct span_push *of, uint8_t *to, size_t bytes)
{
	if (of->shape_ref != 0)
		return record_write_shaped(to, of->span, of->inline_resource, of->refs,
					   of->shape_ref, bytes);
	return record_write_span(to, of->span, of->inline_resource, of->refs, bytes);
}

/* Any span: sized, claimed and then written, or refused for what is wrong with it. */
static __attribute__((noinline)) void push_span_any(struct push *push, struct resource *resource,
						    struct otlp_shape *shape,
						    const struct otlp_span *span)
{
	struct span_push of = {.span = span, .inline_resource = span->resource};
	enum record_written written;
	struct ring_claim claim;
	size_t bytes;
	int rc;

	push_resource(push, resource, &of.inline_resource, &of.refs);
	if (shape != NULL)
		of.shape_ref = table_entry_reference(&shape->entry, push->region);
	if (of.shape_ref != 0) {
		rc = record_size_shaped(span, &shape->record, of.inline_resource, &bytes);
		if (rc == 0 && record_shape_may_exceed(&shape->record, bytes))
			of.shape_ref = 0;
	}
	/* A table without room for the shape is no reason to refuse what has it: whole then. And
	 * so near to the limit the size of the whole record decides. */
	if (of.shape_ref == 0)
		rc = record_size_span(span, of.inline_resource,
				      push_scope(push, span->scope, &of.refs), &bytes);
	if (!push_take(push, rc, bytes, &claim))
		return;
	written = span_write(&of, claim.payload, bytes);
	if (written == RECORD_ASCII ||
	    (written == RECORD_NOT_ASCII && record_text_span(span, of.inline_resource)))
		push_commit(push, &claim);
	else
		push_abort(push, &claim);
}

/* A usual span. False: it is not one, and nothing was done. */
PUSH_BUILDS bool push_span_usual(struct push *push, struct otlp_shape *shape,
				 const struct otlp_span *span, uint32_t refs, uint32_t shape_ref)
{
	_Alignas(16) uint8_t buffer[RECORD_BUILD_BUFFER_BYTES];
	struct record_built built;

	if (shape_ref != 0)
		built = record_build_span(buffer, span, &shape->record, refs, shape_ref);
	else
		built = record_build_span(buffer, span, NULL, refs, 0);
	if (built.bytes == 0)
		return false;
	if (built.is_ascii || record_text_span(span, NULL))
		push_built(push, buffer, built.bytes);
	else
		push_refuse(push, OTLP_ERR_INVALID, 1);
	return true;
}

static inline void push_span(struct push *push, struct resource *resource, struct otlp_shape *shape,
			     const struct otlp_span *span)
{
	uint32_t refs = 0, shape_ref = 0;

	if (span->resource == NULL)
		refs = table_entry_reference(&resource->entry, push->region);
	if (shape != NULL)
		shape_ref = table_entry_reference(&shape->entry, push->region);
	if (refs != 0 && shape_ref == 0)
		push_scope(push, span->scope, &refs);
	if (refs == 0 || !push_span_usual(push, shape, span, refs, shape_ref))
		push_span_any(push, resource, shape, span);
}

/* Apart, so that an export of one, which is what a simple processor does, keeps fewer registers. */
static __attribute__((noinline)) void push_more_spans(struct push *push, struct resource *resource,
						      struct otlp_shape *shape,
						      const struct otlp_span *spans, size_t count)
{
	for (; count > 0; count--)
		push_span(push, resource, shape, spans++);
}

int push_spans(struct producer *producer, struct resource *resource, struct otlp_shape *shape,
	       const struct otlp_span *spans, size_t count)
{
	struct push push;

	if (count == 0)
		return OTLP_OK;
	push_begin(&push, producer, OTLP_SIGNAL_TRACES);
	if (push.region == NULL || spans == NULL) {
		push_refuse(&push, OTLP_ERR_INVALID, count);
		return push.result;
	}
	push_span(&push, resource, shape, spans);
	if (__builtin_expect(count > 1, 0))
		push_more_spans(&push, resource, shape, spans + 1, count - 1);
	return push_result(&push);
}

static __attribute__((noinline)) void push_log_any(struct push *push, struct resource *resource,
						   const struct otlp_log_record *log)
{
	const struct otlp_resource *inline_resource = log->resource;
	enum record_written written;
	uint32_t refs;
	struct ring_claim claim;
	size_t bytes;
	int rc;

	push_resource(push, resource, &inline_resource, &refs);
	rc = record_size_log(log, inline_resource, push_scope(push, log->scope, &refs), &bytes);
	if (!push_take(push, rc, bytes, &claim))
		return;
	written = record_write_log(claim.payload, log, inline_resource, refs, bytes);
	if (written == RECORD_ASCII ||
	    (written == RECORD_NOT_ASCII && record_text_log(log, inline_resource)))
		push_commit(push, &claim);
	else
		push_abort(push, &claim);
}

/* A usual log. False: it is not one, and nothing was done. */
PUSH_BUILDS bool push_log_usual(struct push *push, const struct otlp_log_record *log, uint32_t refs)
{
	_Alignas(16) uint8_t buffer[RECORD_BUILD_BUFFER_BYTES];
	const struct record_built built = record_build_log(buffer, log, NULL, refs, 0);

	if (built.bytes == 0)
		return false;
	if (built.is_ascii || record_text_log(log, NULL))
		push_built(push, buffer, built.bytes);
	else
		push_refuse(push, OTLP_ERR_INVALID, 1);
	return true;
}

static inline void push_log(struct push *push, struct resource *resource,
			    const struct otlp_log_record *log)
{
	uint32_t refs = 0;

	if (log->resource == NULL)
		refs = table_entry_reference(&resource->entry, push->region);
	if (refs != 0)
		push_scope(push, log->scope, &refs);
	if (refs == 0 || !push_log_usual(push, log, refs))
		push_log_any(push, resource, log);
}

static __attribute__((noinline)) void push_shaped_log_any(struct push *push,
							  struct resource *resource,
							  struct otlp_shape *shape,
							  const struct otlp_log_record *log)
{
	const uint32_t shape_ref = table_entry_reference(&shape->entry, push->region);
	const struct otlp_resource *inline_resource = log->resource;
	enum record_written written;
	uint32_t refs;
	struct ring_claim claim;
	size_t bytes;
	int rc;

	/* As with spans: whole, where the table has no room for the shape; and below. */
	if (shape_ref == 0) {
		push_log_any(push, resource, log);
		return;
	}
	push_resource(push, resource, &inline_resource, &refs);
	rc = record_size_shaped_log(log, &shape->record, inline_resource, &bytes);
	if (rc == 0 && record_shape_may_exceed(&shape->record, bytes)) {
		push_log_any(push, resource, log);
		return;
	}
	if (!push_take(push, rc, bytes, &claim))
		return;
	written = record_write_shaped_log(claim.payload, log, inline_resource, refs, shape_ref,
					  bytes);
	if (written == RECORD_ASCII ||
	    (written == RECORD_NOT_ASCII && record_text_log(log, inline_resource)))
		push_commit(push, &claim);
	else
		push_abort(push, &claim);
}

PUSH_BUILDS bool push_shaped_log_usual(struct push *push, const struct otlp_shape *shape,
				       const struct otlp_log_record *log, uint32_t refs,
				       uint32_t shape_ref)
{
	_Alignas(16) uint8_t buffer[RECORD_BUILD_BUFFER_BYTES];
	const struct record_built built =
		record_build_log(buffer, log, &shape->record, refs, shape_ref);

	if (built.bytes == 0)
		return false;
	if (built.is_ascii || record_text_log(log, NULL))
		push_built(push, buffer, built.bytes);
	else
		push_refuse(push, OTLP_ERR_INVALID, 1);
	return true;
}

static inline void push_shaped_log(struct push *push, struct resource *resource,
				   struct otlp_shape *shape, const struct otlp_log_record *log)
{
	const uint32_t shape_ref = table_entry_reference(&shape->entry, push->region);
	uint32_t refs = 0;

	if (log->resource == NULL)
		refs = table_entry_reference(&resource->entry, push->region);
	if (refs == 0 || shape_ref == 0 ||
	    !push_shaped_log_usual(push, shape, log, refs, shape_ref))
		push_shaped_log_any(push, resource, shape, log);
}

int push_logs(struct producer *producer, struct resource *resource,
	      const struct otlp_log_record *records, size_t count)
{
	struct push push;
	size_t i;

	if (count == 0)
		return OTLP_OK;
	push_begin(&push, producer, OTLP_SIGNAL_LOGS);
	if (push.region == NULL || records == NULL) {
		push_refuse(&push, OTLP_ERR_INVALID, count);
		return push.result;
	}
	for (i = 0; i < count; i++)
		push_log(&push, resource, &records[i]);
	return push_result(&push);
}

int push_shaped_logs(struct producer *producer, struct resource *resource,
		     struct otlp_log_shape *shape, const struct otlp_log_record *records,
		     size_t count)
{
	struct push push;
	size_t i;

	if (shape == NULL)
		return push_logs(producer, resource, records, count);
	if (count == 0)
		return OTLP_OK;
	push_begin(&push, producer, OTLP_SIGNAL_LOGS);
	if (push.region == NULL || records == NULL) {
		push_refuse(&push, OTLP_ERR_INVALID, count);
		return push.result;
	}
	for (i = 0; i < count; i++)
		push_shaped_log(&push, resource, &shape->shape, &records[i]);
	return push_result(&push);
}

/* The one metric that is being pushed, and where each of its records gets its context. */
struct metric_push {
	const struct otlp_metric *metric;
	const struct otlp_scope *scope;
	const struct otlp_scope *inline_scope;	     /* NULL: by reference */
	const struct otlp_resource *inline_resource; /* the same */
	uint32_t resource_ref;
	uint32_t refs;
	size_t head_bytes;
	bool text_is_good; /* looked at already */
};

static void push_points(struct push *push, const struct metric_push *of, size_t first, size_t count,
			size_t bytes)
{
	enum record_written written;
	struct ring_claim claim;

	if (count == 0)
		return;
	if (!push_claim(push, bytes, count, &claim)) {
		push_refuse_claim(push, bytes, count);
		return;
	}
	written = record_write_metric(claim.payload, of->metric, of->inline_scope,
				      of->inline_resource, of->refs, first, count, bytes);
	if (written == RECORD_ASCII ||
	    (written == RECORD_NOT_ASCII &&
	     (of->text_is_good || record_text_metric(of->metric, of->scope, of->inline_resource))))
		push_commit(push, &claim);
	else
		push_abort(push, &claim);
}

/* More points than a record takes: several records, cut between points. */
static void push_split(struct push *push, const struct metric_push *of)
{
	const size_t bytes_max = push_bytes_max(push);
	size_t first = 0, bytes = of->head_bytes, i;

	for (i = 0; i < of->metric->point_count; i++) {
		size_t point_bytes;

		/* It was checked before, so what is left is to be too large. */
		if (record_size_point(of->metric, i, &point_bytes) < 0)
			point_bytes = OTLP_RECORD_BYTES_MAX;
		if (point_bytes <= bytes_max - bytes) {
			bytes += point_bytes;
			continue;
		}
		push_points(push, of, first, i - first, bytes);
		first = i;
		bytes = of->head_bytes;
		if (point_bytes <= bytes_max - bytes) {
			bytes += point_bytes;
			continue;
		}
		push_refuse_large(push, of->head_bytes + point_bytes, 1);
		first = i + 1;
	}
	push_points(push, of, first, of->metric->point_count - first, bytes);
}

/* All of it is sized before any of it is pushed: an invalid metric is refused whole. */
static int metric_size(struct metric_push *of, size_t *ret_bytes)
{
	size_t i, bytes;
	int rc;

	rc = record_size_metric(of->metric, of->inline_scope, of->inline_resource, &of->head_bytes);
	if (rc < 0)
		return rc;
	bytes = of->head_bytes;
	for (i = 0; i < of->metric->point_count; i++) {
		size_t point_bytes;

		rc = record_size_point(of->metric, i, &point_bytes);
		if (rc == OTLP_ERR_TOO_LARGE) /* that one point: push_split() refuses it */
			point_bytes = OTLP_RECORD_BYTES_MAX;
		else if (rc < 0)
			return rc;
		bytes += point_bytes;
	}
	*ret_bytes = bytes;
	return 0;
}

static void push_metric(struct push *push, struct metric_push *of)
{
	const size_t bytes_max = push_bytes_max(push);
	size_t bytes = 0;
	int rc;

	if (of->metric->point_count == 0)
		return;
	rc = metric_size(of, &bytes);
	if (rc == 0 && of->head_bytes >= bytes_max)
		rc = OTLP_ERR_TOO_LARGE;
	/* In several records: no part may be in the ring when another turns out bad. */
	of->text_is_good = false;
	if (rc == 0 && bytes > bytes_max) {
		of->text_is_good = record_text_metric(of->metric, of->scope, of->inline_resource);
		rc = of->text_is_good ? 0 : OTLP_ERR_INVALID;
	}
	if (rc == OTLP_ERR_TOO_LARGE)
		push_refuse_large(push, of->head_bytes, of->metric->point_count);
	else if (rc < 0)
		push_refuse(push, rc, of->metric->point_count);
	else if (bytes <= bytes_max)
		push_points(push, of, 0, of->metric->point_count, bytes);
	else
		push_split(push, of);
}

/* What an export holds, for a refusal of all of it. */
static uint64_t count_points(const struct otlp_resource_metrics *metrics)
{
	uint64_t count = 0;
	size_t s, m;

	for (s = 0; metrics->scope_metrics != NULL && s < metrics->scope_metrics_count; s++) {
		const struct otlp_scope_metrics *scope = &metrics->scope_metrics[s];

		for (m = 0; scope->metrics != NULL && m < scope->metric_count; m++)
			count += scope->metrics[m].point_count;
	}
	return count;
}

int push_metrics(struct producer *producer, struct resource *resource,
		 const struct otlp_resource_metrics *metrics)
{
	struct metric_push of = {.inline_resource = metrics->resource};
	struct push push;
	size_t s, m;

	if (metrics->scope_metrics_count == 0)
		return OTLP_OK;
	push_begin(&push, producer, OTLP_SIGNAL_METRICS);
	if (push.region == NULL) {
		push_refuse(&push, OTLP_ERR_FULL, count_points(metrics));
		return push.result;
	}
	if (metrics->scope_metrics == NULL) {
		push_refuse(&push, OTLP_ERR_INVALID, 1);
		return push.result;
	}
	push_resource(&push, resource, &of.inline_resource, &of.resource_ref);
	for (s = 0; s < metrics->scope_metrics_count; s++) {
		const struct otlp_scope_metrics *scope = &metrics->scope_metrics[s];

		if (scope->metrics == NULL && scope->metric_count != 0) {
			push_refuse(&push, OTLP_ERR_INVALID, 1);
			continue;
		}
		of.scope = &scope->scope;
		of.refs = of.resource_ref;
		of.inline_scope = push_scope(&push, of.scope, &of.refs);
		for (m = 0; m < scope->metric_count; m++) {
			of.metric = &scope->metrics[m];
			push_metric(&push, &of);
		}
	}
	return push_result(&push);
}
