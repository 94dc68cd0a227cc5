/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lanes of one signal (shm/layout.h, core/push.c, writer/source.c): which one a push takes,
 * that a full one is not full, and a writer that drains those that were used into one batch and
 * gives them back one after the other. What happens within a lane is ring.pml's; so entries are
 * one word here, and stores are seen at once.
 *
 *   THREADS  producers, threads of one process: a kill ends all at once
 *   PUSHES   of the first thread; the others push once
 *   ROOM     entries in a lane
 *   KILLS    of writers
 *   KILLER   the process may be killed at any step
 *   STUCK    a thread may stop for ever between claim and commit
 *   LIAR     somebody who may write the region takes away what it says of the lanes it uses
 *   FAULT_…  the protocol without one of its steps: an error must be found
 */
#define LANES 2
#define ALL   3 /* of them, as bits */

#define CLAIMED	  1
#define COMMITTED 2

#define WORD(state, id) (((state) << 4) | (id))
#define STATE(word)	((word) >> 4)
#define ID(word)	((word) & 15)
#define AT(lane, at)	((lane) * ROOM + (at) % ROOM)
#define BIT(n)		(1 << (n))

#define TURNS(me)	((me) == 0 -> PUSHES : 1)
#define ID_OF(me, made) (4 * (me) + (made))

byte memory[LANES * ROOM];
byte tail[LANES], head[LANES];
byte used; /* region_header.rings_used */
/* Of the producer's process. */
byte cached_head[LANES];
bool is_announced[LANES];

bool is_alive = true;
byte threads_left = THREADS;
byte writer_kills;

/* The open data file: a batch that is written survives the writer. */
bool has_batch, is_written;
byte batch_to[LANES];
short batch_ids;

/* For the assertions: pushes, as sets of bits. */
short committed, counted, dropped;

#define IS_GONE (!is_alive && threads_left == 0)

/* --- producer --- */

/* ring_refresh_head(), and was the lane full at this moment? */
inline refresh_head()
{
	used = (is_announced[lane] -> used : used | BIT(lane));
	is_announced[lane] = true;
	seen = head[lane];
	cached_head[lane] = seen;
	was_full = (tail[lane] - seen == ROOM -> was_full | BIT(lane) :
						 was_full & (ALL - BIT(lane)))
}

inline reset()
{
	lane = 0;
	tries = 0;
	was_full = 0;
	from = 0;
	seen = 0
}

proctype Thread(byte me)
{
	byte made, lane, tries, was_full, from, seen;

	{
		do
		/* The processor that it is on, which may be another one with each push. */
		:: made < TURNS(me) ->
			atomic {
				made++;
				if
				:: lane = 0
				:: lane = 1
				fi;
again:				from = tail[lane];
				seen = cached_head[lane];
				if
				:: is_announced[lane] && from + 1 - seen <= ROOM -> goto claim
				:: else
				fi
			}
#ifndef FAULT_LANE_FULL_BY_CACHED
			atomic { refresh_head() }
#endif
claim:			if
			:: atomic {
				from + 1 - seen > ROOM ->
				tries++;
				if
#ifndef FAULT_LANE_DROPS_AT_ONCE
				:: tries < LANES -> lane = 1 - lane; goto again
#endif
				:: else
				fi;
				/* dropped_full: each of them was, when it was tried. */
				assert(was_full == ALL);
				dropped = dropped | BIT(ID_OF(me, made));
				reset()
			   }
			/* The claim, and its word. */
			:: atomic {
				from + 1 - seen <= ROOM && tail[lane] == from ->
				assert(memory[AT(lane, from)] == 0 && from - head[lane] < ROOM);
				tail[lane] = from + 1;
				memory[AT(lane, from)] = WORD(CLAIMED, ID_OF(me, made));
				seen = 0;
				tries = 0;
				was_full = 0
			   }
				if
				:: atomic {
					true;
					memory[AT(lane, from)] = WORD(COMMITTED, ID_OF(me, made));
					committed = committed | BIT(ID_OF(me, made));
					reset()
				   }
#ifdef STUCK
				:: made == TURNS(me) ->
end:					false
#endif
				fi
			:: atomic { from + 1 - seen <= ROOM && tail[lane] != from -> goto again }
			fi
		:: made == TURNS(me) -> break
		od
	} unless {
		!is_alive
	}
	threads_left--
}

/* --- writer --- */

inline forget_batch()
{
	has_batch = false;
	is_written = false;
	batch_to[0] = 0;
	batch_to[1] = 0;
	batch_ids = 0
}

/* What a kill leaves of a writer: nothing. A batch that was not written is not in the file. */
inline die()
{
	d_step {
		writer_kills++;
		if
		:: !is_written -> forget_batch()
		:: else
		fi;
		read[0] = 0; read[1] = 0; taken_from[0] = 0; taken_from[1] = 0; taken_ids = 0;
		known = 0; lane = 0; is_dead = false
	};
	goto life
}

/* ring_reader_release() of each lane of a batch, one after the other. */
inline give_back()
{
	do
	:: lane < LANES && writer_kills < KILLS -> die()
	:: d_step {
		lane < LANES ->
		do
		:: head[lane] < batch_to[lane] ->
			memory[AT(lane, head[lane])] = 0;
			head[lane]++
		:: else -> break
		od;
		lane++
	   }
	:: lane == LANES -> break
	od;
	lane = 0;
	d_step { forget_batch() }
}

/* ring_reader_init() of each, and what the file says beyond that. */
inline take_over()
{
	if
#ifdef FAULT_LANE_BATCH_BY_FIRST
	:: has_batch && batch_to[0] <= head[0] -> d_step { forget_batch() }
	:: has_batch && batch_to[0] > head[0] -> give_back()
#else
	:: has_batch -> give_back()
#endif
	:: !has_batch
	fi;
	atomic {
		read[0] = head[0]; read[1] = head[1];
		taken_from[0] = head[0]; taken_from[1] = head[1]
	}
}

/* source_drain() of one lane: up to its tail, or to an entry that is busy. */
inline drain()
{
	is_busy = false;
	do
	:: read[lane] < tail[lane] && !is_busy ->
		word = memory[AT(lane, read[lane])];
		if
		:: STATE(word) == COMMITTED ->
			/* A record is read once by one writer. */
			assert((taken_ids & BIT(ID(word))) == 0);
			taken_ids = taken_ids | BIT(ID(word));
			read[lane]++;
			has_taken = true
		:: STATE(word) == CLAIMED && is_dead ->
			read[lane]++;
			has_taken = true
		:: STATE(word) == CLAIMED && !is_dead -> is_busy = true
		fi
	:: else -> break
	od;
	word = 0
}

#define IS_DRAINABLE(which)   \
	(tail[which] > read[which] && \
	 (IS_GONE || STATE(memory[AT(which, read[which])]) == COMMITTED))
#define SEES(which)   ((((known | used) >> (which)) & 1) == 1)
#define MISSES(which) (((known >> (which)) & 1) == 0 && tail[which] != 0)
#define IS_DUE	      ((SEES(0) && IS_DRAINABLE(0)) || (SEES(1) && IS_DRAINABLE(1)))
#define IS_ALL_TAKEN  (read[0] == tail[0] && read[1] == tail[1])
#define HAS_TAKEN     (read[0] != taken_from[0] || read[1] != taken_from[1])

proctype Writer()
{
	byte read[LANES], taken_from[LANES], known, lane, word;
	short taken_ids;
	bool is_dead, is_busy, was_due, has_taken;

life:	take_over();
end:	do
	/* A round: is it dead, and then its lanes, the one first whose turn it is. */
	:: atomic {
		IS_DUE || is_dead != IS_GONE || (known | used) != known ->
		was_due = IS_DUE;
		known = known | used;
		is_dead = IS_GONE;
#ifndef FAULT_LANE_LIE_BELIEVED
		if
		:: is_dead -> known = ALL
		:: else
		fi;
#endif
		if
		:: (known & 1) != 0
		:: (known & 2) != 0 -> lane = 1
		:: known == 0
		fi
	   }
		atomic {
			drain();
#ifdef FAULT_LANE_BUSY_ENDS_TURN
			known = (is_busy -> BIT(lane) : known);
#endif
			is_busy = false
		}
		atomic {
			if
			:: known == ALL -> lane = 1 - lane; drain()
			:: else
			fi;
			/* A lane that has something is visited, whatever holds up the other. */
			assert(has_taken || !was_due);
			lane = 0;
			was_due = false;
			has_taken = false;
			is_busy = false
		}
#ifndef FAULT_LANE_LIE_BELIEVED
	/* source_find_used(), now and then. */
	:: MISSES(0) || MISSES(1) -> known = ALL
#endif
	/* queue_close_batch(): what was read of each lane. */
	:: !has_batch && HAS_TAKEN ->
		d_step {
#ifdef FAULT_LANE_BATCH_TO_TAIL
			read[0] = tail[0]; read[1] = tail[1];
#endif
			batch_to[0] = read[0]; batch_to[1] = read[1];
			batch_ids = taken_ids;
			has_batch = true;
			taken_from[0] = read[0]; taken_from[1] = read[1];
			taken_ids = 0
		}
	:: has_batch && !is_written ->
		d_step {
			is_written = true;
			assert((counted & batch_ids) == 0);
			counted = counted | batch_ids
		}
	:: has_batch && is_written -> give_back()
	:: writer_kills < KILLS && (has_batch || HAS_TAKEN) -> die()
	:: is_dead && IS_ALL_TAKEN && !HAS_TAKEN && !has_batch -> break
	od;
	is_dead = false;
	d_step {
		assert(counted == committed);
		assert(head[0] == tail[0] && head[1] == tail[1]);
		do
		:: lane < LANES * ROOM -> assert(memory[lane] == 0); lane++
		:: else -> break
		od
	}
}

#ifdef KILLER
proctype Killer()
{
	if
	:: is_alive = false
	:: true
	fi
}
#endif

#ifdef LIAR
proctype Liar()
{
end:	used = 0
}
#endif

/* What a lane still holds begins with a claim that a living process has not committed. */
#define IS_HELD_UP(which)                                                                    \
	(head[which] == tail[which] ||                                                       \
	 (!IS_GONE && STATE(memory[AT(which, head[which])]) == CLAIMED))

init {
	byte i;

	atomic {
		run Writer();
		do
		:: i < THREADS -> run Thread(i); i++
		:: else -> break
		od;
#ifdef KILLER
		run Killer();
#endif
#ifdef LIAR
		run Liar();
#endif
		skip
	};
	/* Nothing moves any more. Of what was pushed, none is lost. */
end:	timeout -> d_step {
		assert(IS_HELD_UP(0) && IS_HELD_UP(1));
		assert((counted & dropped) == 0 && (counted & committed) == counted);
		i = 0;
		do
		:: i < LANES * ROOM ->
			if
			:: STATE(memory[i]) == COMMITTED -> counted = counted | BIT(ID(memory[i]))
			:: else
			fi;
			i++
		:: else -> break
		od;
		assert(counted == committed)
	}
}
