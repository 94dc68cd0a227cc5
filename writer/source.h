/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer's region as the writer sees it: what was taken from each ring into
 * the batch that is being made, what was given back, and when it is over.
 *
 * Nothing in a region is trusted. A ring whose structure makes no sense breaks
 * the source: it is drained no further, reported, and renamed; the others go on.
 */
#ifndef OTLPIPE_WRITER_SOURCE_H
#define OTLPIPE_WRITER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/guard.h"
#include "shm/region_view.h"
#include "writer/encode/stage.h"
#include "writer/file/batch.h"
#include "writer/table.h"

static_assert(OTLP_SIGNAL_MAX == REGION_SIGNALS_MAX, "the signals are the layout's");

#define SOURCE_RECORD_BYTES_MAX RING_PAYLOAD_BYTES_MAX
#define DRAIN_WHOLE_BYTES_MAX	(2 * SOURCE_RECORD_BYTES_MAX)
#define DRAIN_RECORD_ROOM_BYTES (SOURCE_RECORD_BYTES_MAX + RECORD_SLACK_BYTES)
#define DRAIN_WHOLE_ROOM_BYTES	(DRAIN_WHOLE_BYTES_MAX + RECORD_SLACK_BYTES)

#define SOURCE_LINE_BYTES	64u

/* What each turn looks at comes first: of an idle ring it is one line. */
struct source_ring {
	_Alignas(SOURCE_LINE_BYTES) bool is_busy; /* the last look met a claim that is not
						     committed yet */
	bool final_taken;			  /* the last entry of all is in a batch */
	bool final_done;			  /* and that batch counts */
	bool is_over;	   /* the producer is dead, and all that it left is taken */
	bool was_used;	   /* with is_over: the ledger should close with this ring */
	bool is_limited;   /* the writer stops: nothing is taken behind limit */
	bool is_overruled; /* broken: staged is what the files say, and its memory is left alone */
	uint64_t seen_tail, seen_flush_to; /* when the ring was last looked at */
	uint64_t snapshot_to;		   /* the tail when the snapshot under way began */
	struct ring_reader reader;
	uint64_t limit;
	struct ring_done staged;  /* up to the reader's position: where a batch closed now ends */
	struct batch_entry taken; /* from the ring into the batch that is being made */
};

struct owner;

struct source {
	struct source *next;
	const struct runtime_dir *dir; /* where it has its name, or had it */
	struct owner *owner;
	TAILQ_ENTRY(source) in_turn[SIGNAL_COUNT]; /* among the owner's */
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	struct guard guard;
	struct source_ring *rings;	  /* in the order of their numbers: source_ring() */
	uint8_t places[REGION_RINGS_MAX]; /* by number: in rings, plus 1; 0: there is none */
	/*
	 * Bits by number: the rings that there are, and those among them that each turn looks at.
	 * What the producer says of that is a hint: source_find_used() does without, and what is
	 * limited, dead or broken is looked at whole.
	 */
	uint32_t present, used;
	uint32_t taken;			     /* those that the batch being made must name */
	uint32_t busy;			     /* those that are is_busy */
	uint64_t signal_bytes[SIGNAL_COUNT]; /* of all lanes */
	uint8_t first_lane[SIGNAL_COUNT];    /* whose turn it is */
	struct table table;
	/* A ring whose signal this writer does not know; 0: none, since that is a known one. */
	unsigned unknown_ring;
	bool is_dead;	   /* its lock was seen free, before the tails were read last */
	bool is_limited;   /* the writer stops: so are all its rings */
	bool is_broken;	   /* drained no further */
	const char *fault; /* with DRAIN_BROKEN: why */
	bool has_late_flush;
	uint32_t snapshots_heard;      /* how often its program had asked, at the last look */
	unsigned jobs;		       /* batches in flight that name it */
	int64_t owes_ns[SIGNAL_COUNT]; /* time that it had before its turn */
	bool asks_early[SIGNAL_COUNT]; /* for the batch that is being made */
	int64_t rests_until_ns[SIGNAL_COUNT]; /* with that; 0: it does not */
};

/** The ring with this number, or NULL: there is none. */
static inline struct source_ring *source_ring(const struct source *source, unsigned number)
{
	return source->places[number] != 0 ? &source->rings[source->places[number] - 1] : NULL;
}

/**
 * Take a region over where its last writer left it, and keep other writers from it.
 *
 * @param epoch  of this run of the writer
 * @return 0, what region_attach() says, or what region_take() says: -EBUSY where another writer
 *         drains it
 */
int source_open(struct source **ret, const struct runtime_dir *dir, const char *name,
		uint64_t epoch);
void source_close(struct source *source);

/** Look whether the producer still lives; read tails after this, not before. */
void source_check_alive(struct source *source);

/** Break it; the reason is the caller's to report. */
void source_break(struct source *source);

/** The rings of a signal that may have something, as bits by number. */
uint32_t source_lanes(struct source *source, enum otlp_signal signal);

/** Find the rings that something was claimed in, whatever the producer says of it. */
void source_find_used(struct source *source);

/** Has its program asked for a snapshot since it was heard last? */
bool source_asks_snapshot(const struct source *source);

/** The same, and it is heard: from now on it is the writer's, or its successor's, to see to. */
bool source_hear_snapshot(struct source *source);

/** A snapshot begins: remember what was pushed until now. */
void source_begin_snapshot(struct source *source);

/**
 * Is all of that taken?
 *
 * @param accept_busy  or held up by a claim that is not committed
 */
bool source_has_snapshot(const struct source *source, bool accept_busy);

/** Take nothing that is pushed from now on. */
void source_limit(struct source *source);

/** Does a look at the rings have a reason: past half full, or a flush, since the last one? */
bool source_has_news(const struct source *source);

/**
 * Does a claim that is not committed hold up a ring beyond half, or a flush? Who commits it wakes
 * nobody, and nor does who claims behind it, so it must be looked at again.
 */
bool source_waits_for_claim(const struct source *source);

/** Does it live, is all that was claimed in it given back, and does no flush wait? */
bool source_is_quiet(const struct source *source);

/** Tell its pushes that the writer sleeps until it is woken: a number of that sleep, or 0. */
void source_set_deep_sleep(struct source *source, uint32_t deep_sleep);

/** The sum of how far its rings are read: it grows with all that is drained. */
uint64_t source_progress(const struct source *source);

/** Did a flush ask for what had its space back already? Its release could not tell it. */
bool source_take_late_flush(struct source *source);

enum drain_end {
	DRAIN_EMPTY, /* nothing more there that is committed */
	DRAIN_QUOTA, /* others first */
	DRAIN_FULL,  /* the next record needs a new batch */
	DRAIN_BROKEN
};

/*
 * Buffers of the drain, made once, and how much of a ring is taken at a time. What a record costs
 * is for its producer to choose: a shape makes kilobytes of a few bytes. So what is counted is what
 * has to be touched, and where that says too little of the time that it takes, the clock is asked.
 */
struct drain {
	uint8_t *record; /* DRAIN_RECORD_ROOM_BYTES: what is looked at is a copy */
	uint8_t *whole;	 /* DRAIN_WHOLE_ROOM_BYTES: a shaped record with its shape */
	size_t batch_bytes_max;
	uint64_t quota_bytes;	 /* of the ring; and DRAIN_WORK_FACTOR times that to be touched */
	int64_t (*now_ns)(void); /* NULL: time is no matter */
	int64_t until_ns;	 /* no record is begun then */
};

#define DRAIN_WORK_FACTOR     4
#define DRAIN_WORK_STEP_BYTES (UINT64_C(8) << 10) /* so often the clock is asked */

/**
 * Take records from a ring into the stage.
 *
 * @param head_bytes  of the batch's opening field, one entry more for this ring included
 */
enum drain_end source_drain(struct source *source, unsigned number, const struct drain *drain,
			    struct stage *stage, size_t head_bytes);

/** Would a drain of this signal's rings, and a look at them, find nothing that is new? */
bool source_is_idle(struct source *source, enum otlp_signal signal);

/** Only look at a signal's rings, so that what is news now gets old. */
void source_look(struct source *source, enum otlp_signal signal);

/** Has this ring something that the batch being made must name? */
static inline bool source_has_taken(const struct source *source, unsigned number)
{
	return (source->taken >> number & 1) != 0;
}

/** Of a ring whose producer is dead, or that is broken. */
bool source_ring_is_final_due(const struct source *source, unsigned number);

/** Is all of it drained and the producer dead, so that the last entry is due? */
static inline bool source_is_final_due(const struct source *source, unsigned number)
{
	return (source->is_dead || source->is_broken) && source_ring_is_final_due(source, number);
}

/** The ledger entry of the batch that is closed now; a new one begins. */
void source_take_entry(struct source *source, unsigned number, struct batch_entry *ret);

/**
 * A batch counts: give back what it took.
 *
 * @return a flush had waited for this
 */
bool source_release(struct source *source, unsigned number, const struct ring_done *done,
		    bool is_final);

/** Does a flush wait for something that is in the batch being made? */
bool source_wants_flush(const struct source *source, enum otlp_signal signal);

/**
 * Is so much of the signal's rings drained and not given back that the batch should not wait?
 *
 * @return 0, or the size of a ring of which more than a quarter is held
 */
uint64_t source_wants_release(const struct source *source, enum otlp_signal signal);

/** Was it limited, and is all up to there in batches that count? */
bool source_is_at_limit(const struct source *source, bool accept_busy);

/** Is everything accounted for, so that the region can go? */
bool source_is_finished(const struct source *source);

#endif
