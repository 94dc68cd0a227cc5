/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the writer sleeps and is woken (shm/control.c, writer/writer.c), in a
 * private directory: by a push that takes a ring past half full, and by a flush,
 * which waits for the writer in turn. Nobody's sleep ends by itself here, so a
 * lost wake-up is a state that nothing leads out of.
 *
 * Each process's stores go through a buffer, in order, as on x86; also those
 * that a locked instruction makes there, because elsewhere it does not drain
 * the buffer. System calls do, and membarrier(2) drains everybody's.
 *
 *   FAULT_…  the handshake without one of its steps: an error must be found
 */
#define PUSHES 4
#define HALF   2 /* records: half of the ring */

#define TAIL	 0
#define PUSHED	 1 /* the pusher's records below it are committed */
#define LATE	 2 /* the first record, claimed by a thread that takes its time, is too */
#define FLUSH_TO 3
#define HEAD	 4
#define SLEEPING 5
#define FLUSHED	 6

#define WRITER	0
#define PUSHER	1
#define LATER	2
#define FLUSHER 3

byte memory[7];
chan stores[4] = [4] of { byte, byte };
bool writer_waits, flusher_waits; /* in their futexes */

#define IS_DRAINED(who) (len(stores[who]) == 0)

inline store(who, at, value)
{
	stores[who] ! at, value
}

proctype Buffer(byte who)
{
	byte at, value;

end:	do
	:: atomic {
		stores[who] ? at, value ->
		memory[at] = value;
		at = 0;
		value = 0
	   }
	od
}

/* control_wake_writer() */
inline ring(who)
{
	if
	:: memory[SLEEPING] == 1 ->
		if
		:: atomic { memory[SLEEPING] == 1 -> memory[SLEEPING] = 0 }
			atomic { IS_DRAINED(who) -> writer_waits = false }
		:: memory[SLEEPING] != 1 /* another one wakes it, or it is awake */
		fi
	:: memory[SLEEPING] != 1
	fi
}

proctype Pusher()
{
	byte tail = 1, head;

	do
	:: tail < PUSHES + 1 ->
#ifdef FAULT_HALF_BEFORE_CLAIM
		head = memory[HEAD];
#endif
		store(PUSHER, TAIL, tail + 1);
#ifndef FAULT_HALF_BEFORE_CLAIM
		head = memory[HEAD];
#endif
		store(PUSHER, PUSHED, tail + 1);
		if
		:: tail + 1 - head > HALF && tail - head <= HALF -> ring(PUSHER)
		:: else
		fi;
		atomic { tail++; head = 0 }
	:: else -> break
	od
}

proctype Later()
{
	store(LATER, LATE, 1)
}

/* otlp_library_flush() */
proctype Flusher()
{
	byte target, seen;

	target = memory[TAIL];
	store(FLUSHER, FLUSH_TO, target);
	do
	:: true ->
#ifndef FAULT_FLUSHED_READ_LATE
		seen = memory[FLUSHED];
#endif
		if
		:: memory[HEAD] >= target -> break
		:: memory[HEAD] < target
		fi;
#ifdef FAULT_FLUSHED_READ_LATE
		seen = memory[FLUSHED];
#endif
		ring(FLUSHER);
		if
#ifdef FAULT_FLUSH_WAIT_WITHOUT_VALUE
		:: atomic { IS_DRAINED(FLUSHER) -> flusher_waits = true }
#else
		:: atomic { IS_DRAINED(FLUSHER) && memory[FLUSHED] == seen -> flusher_waits = true }
		:: atomic { IS_DRAINED(FLUSHER) && memory[FLUSHED] != seen }
#endif
		fi;
		!flusher_waits
	od
}

/* control_notify_flushed() */
inline notify_flushed()
{
	flushed++;
	store(WRITER, FLUSHED, flushed);
	atomic { IS_DRAINED(WRITER) -> flusher_waits = false }
}

/* source_drain(), and the release of all that it took */
inline drain()
{
	before = seen_flush_to;
	seen_flush_to = memory[FLUSH_TO];
#ifndef FAULT_FLUSH_OF_RELEASED
	/* The flush came while its records were given back: nothing else would tell it. */
	if
	:: seen_flush_to != before && seen_flush_to <= head -> notify_flushed()
	:: else
	fi;
#endif
	seen_tail = memory[TAIL];
	do
	:: atomic {
		read < seen_tail && (read == 0 -> memory[LATE] == 1 : memory[PUSHED] > read) ->
		read++
	   }
	:: atomic {
		read == seen_tail || (read == 0 -> memory[LATE] == 0 : memory[PUSHED] <= read) ->
		is_busy = (read < seen_tail);
		break
	   }
	od;
	if
	:: read > head ->
		flush_to = memory[FLUSH_TO];
		before = head;
#ifndef FAULT_NOTIFY_BEFORE_HEAD
		head = read;
		store(WRITER, HEAD, head);
#endif
		if
		:: before < flush_to && flush_to <= read -> notify_flushed()
		:: else
		fi;
#ifdef FAULT_NOTIFY_BEFORE_HEAD
		head = read;
		store(WRITER, HEAD, head);
#endif
	:: else
	fi;
	before = 0;
	flush_to = 0
}

#define HAS_NEWS ((memory[TAIL] != seen_tail && memory[TAIL] - head > HALF) || \
		  memory[FLUSH_TO] != seen_flush_to)

proctype Writer()
{
	byte read, head, seen_tail, seen_flush_to, flush_to, before, flushed;
	bool is_busy;

	do
	:: true ->
		drain();
		/* control_announce_sleep() */
		store(WRITER, SLEEPING, 1);
#ifndef FAULT_NO_MEMBARRIER
		atomic {
			IS_DRAINED(WRITER) && IS_DRAINED(PUSHER) && IS_DRAINED(LATER) &&
			IS_DRAINED(FLUSHER)
		}
#endif
#ifndef FAULT_NO_LAST_LOOK
		if
		:: HAS_NEWS -> goto awake
		:: !HAS_NEWS
		fi;
#endif
		/* control_sleep() */
		if
#ifdef FAULT_WAIT_WITHOUT_VALUE
		:: atomic { IS_DRAINED(WRITER) -> writer_waits = true }
#else
		:: atomic { IS_DRAINED(WRITER) && memory[SLEEPING] == 1 -> writer_waits = true }
		:: atomic { IS_DRAINED(WRITER) && memory[SLEEPING] != 1 -> goto awake }
#endif
		fi;
end:		if
		:: !writer_waits
#ifndef FAULT_SLEEP_WHILE_BUSY
		/* Short slices: who commits that entry wakes nobody. */
		:: is_busy && writer_waits -> writer_waits = false
#endif
		fi;
awake:		store(WRITER, SLEEPING, 0)
	od
}

init {
	atomic {
		memory[TAIL] = 1; /* by the thread that takes its time */
		memory[PUSHED] = 1;
		run Writer();
		run Pusher();
		run Later();
		run Flusher();
		run Buffer(WRITER);
		run Buffer(PUSHER);
		run Buffer(LATER);
		run Buffer(FLUSHER)
	};
	/* Nothing moves any more: then nothing may be left to do. A flush would be stuck itself. */
end:	timeout -> assert(memory[TAIL] - memory[HEAD] <= HALF)
}
