/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users that regions belong to, and what each of them has of the writer: in a group directory
 * one must not take the place, the time or the patience of all others.
 */
#ifndef OTLPIPE_WRITER_OWNERS_H
#define OTLPIPE_WRITER_OWNERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "writer/source.h"

/* Of the regions that one writer breaks, the newest of a user whose files are kept. */
#define OWNER_BROKEN_KEPT 16
#define OWNER_NAME_BYTES  (REGION_NAME_BYTES_MAX + 8)

struct owner {
	uint32_t uid;
	/* For each signal, since they take turns apart from each other: first is who comes next. */
	TAILQ_ENTRY(owner) in_turn[SIGNAL_COUNT]; /* while it has regions */
	TAILQ_HEAD(source_list, source) sources[SIGNAL_COUNT];
	size_t count;			      /* of its regions */
	int64_t owes_ns[SIGNAL_COUNT];	      /* time that it had before its turn */
	int64_t rests_until_ns[SIGNAL_COUNT]; /* before it asks for a batch once more */
	char (*broken)[OWNER_NAME_BYTES];     /* names, in turn; NULL: none yet */
	unsigned broken_count;		      /* ever */
};

struct owners {
	TAILQ_HEAD(owner_list, owner) turns[SIGNAL_COUNT]; /* those that have regions */
	size_t count;					   /* of them */
	void *by_uid; /* all that ever had one: a tree of tsearch(3) */
};

void owners_open(struct owners *owners);
void owners_close(struct owners *owners); /* no sources are left */

/** The account of this user, made if it is new; NULL: no memory. */
struct owner *owners_get(struct owners *owners, uint32_t uid);

void owners_add(struct owners *owners, struct owner *owner, struct source *source);
void owners_remove(struct owners *owners, struct source *source);

/**
 * A file of a broken region is kept under this name. One more than are kept: then the oldest is to
 * go.
 *
 * @param ret  its name, or empty: none is to go
 */
void owner_keep_broken(struct owner *owner, const char *name, char ret[OWNER_NAME_BYTES]);

#endif
