/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's deep sleep (writer/deep.c, shm/ring.h, shm/control.c): it ends when somebody wakes
 * the writer, and by no clock. Two threads of one process push, and the process may be killed at any
 * step. The writer sleeps, is woken, and sleeps again. Its sleeper may be led away from the page by
 * a member of the group, and be stopped and continued, which takes it back to its own word.
 *
 * Each process's stores go through a buffer, in order, as in sleep.pml. A claim's, too: elsewhere
 * than on x86 a compare-and-swap comes after no load that follows it.
 *
 * With LANES each of the two pushes into a lane of its own, which has its own number of the sleep.
 *
 *   FAULT_…  the protocol without one of its steps: an error must be found
 */
/* PUSHES: of the first thread, LATER_PUSHES of the second. KILLER, THIEF, STOPPER: there is one.
 * FILTERED: the process never sets the directory's time. */
#define SLEEPS 2

#define TAIL   0 /* and 1: of each thread: what it claimed */
#define DONE   2 /* and 3: what is committed */
#define ASLEEP 4 /* what the pushes look at: of both threads, or of each lane */
#ifdef LANES
#define ASLEEP_OF(who) (ASLEEP + (who))
#define MEMORY	       6
#else
#define ASLEEP_OF(who) ASLEEP
#define MEMORY	       5
#endif

#define WRITER 2 /* the pushers are 0 and 1 */

/* Where the sleeper is. */
#define AT_WORD 0
#define AT_PAGE 1
#define AWAY	2
#define BACK	3

#define READY 0
#define MOVED 1

byte memory[MEMORY];
chan stores[3] = [3] of { byte, byte };
byte returned[2], read[2];
byte place = BACK, word = READY;
bool told, changed; /* the writer has an event of the sleeper's, or of the directory's */
bool is_deep, is_killed;

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

/* ring_woke_writer() */
inline clear(who)
{
#ifdef FAULT_DEEP_CLEAR_ANY
	atomic { IS_DRAINED(who) -> memory[ASLEEP_OF(who)] = 0 }
#else
	atomic {
		IS_DRAINED(who) ->
		if
		:: memory[ASLEEP_OF(who)] == number -> memory[ASLEEP_OF(who)] = 0
		:: else
		fi
	}
#endif
}

proctype Pusher(byte who; byte pushes)
{
	byte pushed, number;
	bool woke;

	{
		do
		:: pushed < pushes ->
			store(who, TAIL + who, pushed + 1);
#ifndef FAULT_DEEP_NO_FENCE_CLAIM
			IS_DRAINED(who);
#endif
			store(who, DONE + who, pushed + 1);
			number = memory[ASLEEP_OF(who)];
			if
			:: number != 0 ->
#ifdef FAULT_DEEP_CLEAR_FIRST
				clear(who);
#endif
				/* control_end_deep_sleep() */
				atomic {
					IS_DRAINED(who) ->
					woke = (place == AT_PAGE);
					if
					:: place == AT_PAGE || place == AWAY ->
						place = (place == AT_PAGE -> BACK : AWAY)
					:: else
					fi
				}
#if !defined(FAULT_DEEP_NO_TIME) && !defined(FILTERED)
				if
				:: !woke -> changed = true
				:: woke
				fi;
#endif
#ifndef FAULT_DEEP_CLEAR_FIRST
				clear(who);
#endif
			:: number == 0
			fi;
			atomic { pushed++; returned[who] = pushed; number = 0; woke = false }
		:: else -> break
		od
	} unless {
		is_killed
	}
}

#ifdef KILLER
proctype Killer()
{
	if
	:: is_killed = true
	:: true
	fi
}
#endif

proctype Sleeper()
{
end:	do
	:: atomic { place == BACK && word == READY -> place = AT_WORD };
		/* Woken, or called, or stopped. */
endwait:	place == BACK;
		told = true
	od
}

#ifdef STOPPER
/* A stop and what continues it: the sleep begins again, with the word that it was called with. */
proctype Stopper()
{
end:	atomic {
		place == AT_PAGE || place == AWAY ->
		place = (word == READY -> AT_WORD : BACK)
	}
}
#endif

#ifdef THIEF
/* FUTEX_REQUEUE by a member of the group. */
proctype Thief()
{
end:	atomic { place == AT_PAGE -> place = AWAY }
}
#endif

/* control_move_sleeper() */
inline move()
{
	atomic {
#ifndef FAULT_DEEP_WORD_UNCHANGED
		word = MOVED;
#endif
		skip
	}
	atomic {
		is_moved = (place == AT_WORD);
		if
		:: is_moved -> place = AT_PAGE
		:: !is_moved
		fi
	}
}

inline drain(who)
{
	do
	:: memory[DONE + who] > read[who] -> read[who]++
	:: memory[DONE + who] <= read[who] -> break
	od
}

#define IS_QUIET (memory[TAIL] == read[0] && memory[TAIL + 1] == read[1])
#ifdef FAULT_DEEP_LOOK_AT_ONE_LANE
#define IS_QUIET_NOW (memory[TAIL] == read[0])
#else
#define IS_QUIET_NOW IS_QUIET
#endif

proctype Writer()
{
	byte number;
	bool is_moved;

	do
	:: true ->
		drain(0);
		drain(1);
		if
		:: number == SLEEPS -> break
		:: number < SLEEPS && IS_QUIET
		:: number < SLEEPS && !IS_QUIET -> break /* it looks again soon, without an end */
		fi;
		/* Of what was told before, the drain was the answer. */
		if
		:: atomic { told || changed -> told = false; changed = false }
			goto again
		:: atomic { !told && !changed }
		fi;
#ifndef FAULT_DEEP_MOVE_LATE
		move();
		if
		:: !is_moved -> goto called
		:: is_moved
		fi;
#endif
		/* deep_announce(), in all lanes, whether they were used or not */
		number++;
		store(WRITER, ASLEEP, number);
#if defined(LANES) && !defined(FAULT_DEEP_ONE_LANE)
		store(WRITER, ASLEEP + 1, number);
#endif
#ifndef FAULT_DEEP_NO_FENCE_ANNOUNCE
		IS_DRAINED(WRITER);
#endif
		if
		:: !IS_QUIET_NOW -> goto awake
		:: IS_QUIET_NOW
		fi;
#ifdef FAULT_DEEP_MOVE_LATE
		move();
		if
		:: !is_moved -> goto awake
		:: is_moved
		fi;
#endif
		is_deep = true;
end:		told || changed;
		is_deep = false;
awake:		store(WRITER, ASLEEP, 0);
#ifdef LANES
		store(WRITER, ASLEEP + 1, 0);
#endif
called:		atomic {
			word = READY;
			if
			:: place == AT_PAGE || place == AWAY -> place = BACK
			:: else
			fi
		}
again:		skip
	od
}

init {
	atomic {
		run Writer();
		run Pusher(0, PUSHES);
		run Buffer(0);
#if LATER_PUSHES > 0
		run Pusher(1, LATER_PUSHES);
		run Buffer(1);
#endif
		run Buffer(WRITER);
#ifdef KILLER
		run Killer();
#endif
#ifdef STOPPER
		run Stopper();
#endif
#ifdef THIEF
		run Thief();
#endif
		run Sleeper()
	};
	/* Nothing moves any more. A push that has returned is written, or the writer is awake. */
end:	timeout -> assert(!is_deep || (returned[0] <= read[0] && returned[1] <= read[1]))
}
