/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a writer that sleeps until a ring is half full is woken where a signal has lanes: it looks
 * at those alone that say that they were used (region_header.rings_used), and a push says so
 * before it claims there for the first time (shm/ring.c). sleep.pml has all else of that sleep.
 * One thread pushes, with each record into any lane. Nobody's sleep ends by itself here.
 *
 * Each process's stores go through a buffer, in order, as in sleep.pml.
 *
 *   FAULT_…  the handshake without one of its steps: an error must be found
 */
#define PUSHES 3
#define HALF   0 /* records: each is worth a look, the first one too */
#define LANES  2
#define ALL    3 /* of them, as bits */

#define TAIL	 0 /* and 1: of each lane */
#define HEAD	 2 /* and 3 */
#define USED	 4
#define SLEEPING 5
#define MEMORY	 6

#define WRITER 0
#define PUSHER 1

#define BIT(n) (1 << (n))

byte memory[MEMORY];
chan stores[2] = [3] of { byte, byte };
bool writer_waits;

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

/* ring_announce() */
inline announce()
{
	if
	:: (announced & BIT(lane)) == 0 ->
		announced = announced | BIT(lane);
		store(PUSHER, USED, announced)
	:: else
	fi
}

/* control_wake_writer() */
inline wake()
{
	if
	:: memory[SLEEPING] == 1 ->
		if
		:: atomic { memory[SLEEPING] == 1 -> memory[SLEEPING] = 0 }
			atomic { IS_DRAINED(PUSHER) -> writer_waits = false }
		:: memory[SLEEPING] != 1
		fi
	:: memory[SLEEPING] != 1
	fi
}

proctype Pusher()
{
	byte pushed, lane, announced, tails[LANES], head;

	do
	:: atomic {
		pushed < PUSHES ->
		pushed++;
		if
		:: lane = 0
		:: lane = 1
		fi
	   }
#ifndef FAULT_LANE_USED_LATE
		announce();
#endif
		tails[lane]++;
		store(PUSHER, TAIL + lane, tails[lane]);
		head = memory[HEAD + lane];
		if
		:: tails[lane] - head > HALF && tails[lane] - 1 - head <= HALF -> wake()
		:: else
		fi;
#ifdef FAULT_LANE_USED_LATE
		announce();
#endif
		atomic { lane = 0; head = 0 }
	:: else -> break
	od
}

inline drain()
{
	known = known | memory[USED];
	lane = 0;
	do
	:: lane < LANES && ((known >> lane) & 1) == 1 ->
		atomic { seen_tail[lane] = memory[TAIL + lane] }
		store(WRITER, HEAD + lane, seen_tail[lane]);
		lane++
	:: lane < LANES && ((known >> lane) & 1) == 0 -> lane++
	:: lane == LANES -> break
	od;
	lane = 0
}

/* source_has_news() of a lane */
#define HAS_NEWS_IN(which) \
	(((looked >> (which)) & 1) == 1 && memory[TAIL + (which)] - seen_tail[which] > HALF)

proctype Writer()
{
	byte known, looked, lane, seen_tail[LANES];

	do
	:: true ->
		drain();
		/* control_announce_sleep() */
		store(WRITER, SLEEPING, 1);
		atomic { IS_DRAINED(WRITER) && IS_DRAINED(PUSHER) }
#ifdef FAULT_LANE_NEWS_OF_KNOWN
		looked = known;
#else
		looked = known | memory[USED];
#endif
		if
		:: HAS_NEWS_IN(0) || HAS_NEWS_IN(1) -> goto awake
		:: else
		fi;
		/* control_sleep() */
		if
		:: atomic { IS_DRAINED(WRITER) && memory[SLEEPING] == 1 -> writer_waits = true }
		:: atomic { IS_DRAINED(WRITER) && memory[SLEEPING] != 1 -> goto awake }
		fi;
end:		!writer_waits;
awake:		store(WRITER, SLEEPING, 0);
		looked = 0
	od
}

#define IS_EMPTIED(which) (memory[TAIL + (which)] - memory[HEAD + (which)] <= HALF)

init {
	atomic {
		run Writer();
		run Pusher();
		run Buffer(WRITER);
		run Buffer(PUSHER)
	};
	/* Nothing moves any more: the writer sleeps beside nothing that is worth a look. */
end:	timeout -> assert(IS_EMPTIED(0) && IS_EMPTIED(1))
}
