/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage: encoded records of one signal on their way into a batch, grouped by
 * resource and scope. Records are encoded here once, in the order in which they
 * come; stage_write() then puts the groups together with exact lengths.
 *
 * Resources and scopes are told apart by their bytes in the record, which are
 * equal exactly if the contents are.
 */
#ifndef OTLPIPE_WRITER_ENCODE_STAGE_H
#define OTLPIPE_WRITER_ENCODE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"

struct stage;

/*
 * Where a record's resource and scope come from, if both are entries of a region's table that was
 * looked at before: then its group is found by this, and no byte of them is compared.
 */
struct stage_origin {
	uint64_t table; /* its number, which no other table ever has; 0: one of them is inline */
	uint64_t refs;	/* which entries, in a form of the caller's */
};

/** @return 0, -ENOMEM, or the errno of asking for random numbers */
int stage_open(struct stage **ret);
void stage_close(struct stage *stage); /* NULL is fine */

bool stage_is_empty(const struct stage *stage);

/** At most what stage_write() would write now. */
size_t stage_bytes_bound(const struct stage *stage);

/** At most what this record would add to that. */
size_t stage_add_bound(const struct record_view *view, size_t resource_bytes);

/**
 * Encode a record into its group.
 *
 * @param resource  its resource's section: view->resource, or the entry of the
 *                  table that it names, which record_parse_resource() accepted
 * @param origin    of the resource and of view->scope, for stage_find()
 * @return 0, or -ENOMEM and nothing has changed that anyone could see
 */
int stage_add(struct stage *stage, const struct record_view *view, const uint8_t *resource,
	      size_t resource_bytes, const struct stage_origin *origin);

/* No group. */
#define STAGE_NO_GROUP UINT32_MAX

/** The group that a record of this origin went into, in this batch; or STAGE_NO_GROUP. */
uint32_t stage_find(const struct stage *stage, const struct stage_origin *origin);

/**
 * stage_add() where stage_find() found the group: its resource and scope are not asked for. The
 * record is encoded by the caller, between these two calls.
 *
 * @param bytes  room for so many, such as encode_bound() says
 * @return where it is to be encoded, or NULL: no memory. Nothing has changed before stage_take()
 */
uint8_t *stage_room(struct stage *stage, size_t bytes);

/** @param end  of what was encoded at stage_room() */
void stage_take(struct stage *stage, uint32_t group, const uint8_t *end);

/** How many resources and scopes all searches until now have looked at. */
uint64_t stage_steps(const struct stage *stage);

/** Write all groups as a run of ResourceSpans or ResourceMetrics, and empty the stage. */
uint8_t *stage_write(struct stage *stage, uint8_t *to);

/**
 * Encode into this memory from now on, so that a batch of one group can be built where it is
 * written from. The stage must be empty. The memory is the caller's; one that is too small for a
 * batch costs a copy.
 */
void stage_lend(struct stage *stage, uint8_t *memory, size_t bytes);

/**
 * stage_write() into what was lent, behind the first `head_bytes` of it, where that takes no copy:
 * it holds one group, and the bytes before its records are as many as they were expected to be.
 * The memory is the caller's alone again, and the stage is empty and has none.
 *
 * @return the end of what was written; NULL: it takes a copy, and nothing has changed
 */
uint8_t *stage_write_in_place(struct stage *stage, size_t head_bytes);

#endif
