/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which regions there are: discovery in the runtime directory, and what happens
 * to a region that is broken or finished.
 */
#ifndef OTLPIPE_WRITER_REGIONS_H
#define OTLPIPE_WRITER_REGIONS_H

#include <dirent.h>
#include <stddef.h>
#include <time.h>

#include "base/idset.h"
#include "writer/capacity.h"
#include "writer/claims.h"
#include "writer/owners.h"
#include "writer/source.h"

#define REGIONS_WHY_BYTES 256

/*
 * The last writer's output directory, by what was remembered and by what was found; ours; and of a
 * flight recorder its spool, and where its snapshots go.
 */
#define REGIONS_OUTPUTS_MAX 5

struct regions {
	const struct runtime_dir *dir;
	uint64_t epoch;	      /* of this run of the writer, for whom it concerns */
	int64_t lock_wait_ns; /* how long discovery may wait for writers that are going, in all */
	struct source *sources, **sources_end; /* in the order of their discovery */
	void *by_id;			       /* the same, as a tree of tsearch(3) */
	size_t count;
	struct owners owners;	  /* whose they are */
	struct capacity capacity; /* how many it can be, by the limits of the process */
	struct capacity room;	  /* the same, by what this look at the directory has met */
	size_t waiting;		  /* seen, and not attached for want of room */
	size_t waiting_now;	  /* the same, as far as the directory is read */
	size_t waiting_said;	  /* how many of them the log has */
	char waiting_why[REGIONS_WHY_BYTES + REGION_NAME_BYTES_MAX];
	uint64_t broken_count;
	struct timespec seen_mtime; /* of the directory, when it was read last */
	int64_t look_ns;	    /* then it is read again, changed or not; INT64_MAX: no need */
	DIR *stream;		    /* how far it is read, or NULL */
	int64_t next_ns;	    /* it is not read on before this */
	struct claims claims;	    /* to be told to regions that come */
	struct idset known; /* names: attached, refused, or done with; not to be opened again */
	bool said_drained;
	bool drained_elsewhere; /* some are, by another writer, at this look at the directory */
	bool has_recovered;	/* regions_end_recovery(): from now on a region must be settled */
	bool accepts_unsettled; /* the user said so */
	bool said_unsettled;
	uint64_t recovered[REGIONS_OUTPUTS_MAX]; /* ids of output directories */
	unsigned recovered_count;
};

/* More make no batch: each may name them all. */
#define REGIONS_MAX BATCH_ENTRIES_MAX
/* In a group directory one user must not take the place of all others. */
#define REGIONS_PER_USER_MAX (REGIONS_MAX / 16)

void regions_open(struct regions *regions, const struct runtime_dir *dir);
void regions_close(struct regions *regions);

/** This output directory is recovered, or can be done without. */
void regions_have_recovered(struct regions *regions, uint64_t output_id);

/**
 * The recovery is over. Regions of which a file of some other output directory may have more than
 * they know are let go of, now and when they come: that directory is to be recovered first. Without
 * a writer.lock that names it nobody knows where it is, and its records would be written twice.
 */
void regions_end_recovery(struct regions *regions);

/** The one with this id, or NULL. */
struct source *regions_find(const struct regions *regions, uint64_t id);

/**
 * Attach what is new: all of it, however long it takes. What there is no room for waits: that is
 * said, counted, and tried again with each look at the directory.
 *
 * @return 0, or the errno of what keeps the directory from being read
 */
int regions_discover(struct regions *regions);

/**
 * The same in small steps, for a writer that has other things to do: one step, if
 * there is something to read and it is time for it. Of a directory with very many
 * files each step reads some, and reading takes a small part of the writer's time.
 *
 * @param anyway  read the directory if it has not changed, too
 */
int regions_discover_some(struct regions *regions, int64_t now_ns, bool anyway);

/** Is all of it read, and is nothing in it to be looked at again unless it changes? */
bool regions_are_all_known(const struct regions *regions);

/** When to call that next; INT64_MAX: when the directory has changed. */
int64_t regions_deadline_ns(const struct regions *regions);

/** Has the directory changed since it was read, and may be read again now? */
bool regions_have_changed(const struct regions *regions, int64_t now_ns);

/**
 * Let go of the regions that have a ring of a signal that this writer does not know, before
 * anything is drained from them: they wait whole for a writer that knows it. Until then they
 * are attached like all others, since a recovery tells their known rings how far it came.
 */
void regions_leave_unknown(struct regions *regions);

/** Tell a region what a batch has of it, and break it where it says something else. */
void regions_settle(struct regions *regions, struct source *source,
		    const struct batch_entry *entry);

/** The same with what is claimed of it. */
void regions_settle_claims(struct regions *regions, struct source *source);

/** Drain a region no further, and take its name away: what is in it is kept for people. */
void regions_break(struct regions *regions, struct source *source, const char *why);

/**
 * The same with a region that cannot be read on, for its fault. Nobody can, so only the newest
 * files of these are kept: OWNER_BROKEN_KEPT of each user.
 */
void regions_break_unreadable(struct regions *regions, struct source *source);

/**
 * The directory that it looks into is another one from now on.
 *
 * @param from  the one that it was: what is attached has its name there
 */
void regions_move(struct regions *regions, const struct runtime_dir *from);

/** Is one attached that has its name in this directory, or had it? */
bool regions_are_of(const struct regions *regions, const struct runtime_dir *dir);

/**
 * Let go of those that were limited and are given back up to there: another writer goes on with
 * them.
 *
 * @param accept_busy  also where a claim that is not committed is in the way
 * @return how many
 */
size_t regions_let_go(struct regions *regions, bool accept_busy);

/** Remove the regions that are finished. */
void regions_reap(struct regions *regions);

#endif
