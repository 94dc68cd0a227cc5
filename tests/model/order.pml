/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orders of the ring where processors reorder: one entry of a header and a payload word, used
 * in turn by each lap. The producer claims when the head says that the space is free, stores the
 * header, the payload, the commit; the reader takes a committed entry, zeroes it and moves the head.
 * All stores go through the buffers of memory.pml; the tail is a compare-and-swap, so it is visible
 * at once, but orders nothing else.
 *
 * PAIR(ring-commit), PAIR(ring-head): -DFAULT_… takes one end away. (A kill orders nothing anew: what a dead process has stored becomes visible before its lock is
 * seen free. What matters then is the order of its instructions, which ring.pml is about.)
 */
#define LAPS 3

#define HEADER	  0
#define BODY	  1
#define HEAD	  2
#define ADDRESSES 3

#include "memory.pml"

#define PRODUCER 0
#define READER	 1

#define CLAIMED	  100
#define COMMITTED 101

byte tail; /* laps claimed */

active proctype producer()
{
	byte lap, seen;

	do
	:: lap < LAPS ->
		do
		:: load(PRODUCER, HEAD, seen);
			if
			:: seen == lap -> break
			:: else
			fi
		od;
		tail++;
		store_relaxed(PRODUCER, HEADER, CLAIMED);
		barrier(PRODUCER);
		store_relaxed(PRODUCER, BODY, lap + 1);
#ifdef FAULT_COMMIT_WITHOUT_RELEASE
		store_relaxed(PRODUCER, HEADER, COMMITTED);
#else
		store_release(PRODUCER, HEADER, COMMITTED);
#endif
		lap++
	:: else -> break
	od
}

active proctype reader()
{
	byte lap, word, body;

	do
	:: lap < LAPS ->
#ifdef FAULT_LOAD_WITHOUT_ACQUIRE
		load(READER, BODY, body); /* ahead of the header's */
#endif
		load(READER, HEADER, word);
		if
		:: word == COMMITTED ->
#ifndef FAULT_LOAD_WITHOUT_ACQUIRE
			load(READER, BODY, body);
#endif
			assert(body == lap + 1);
			store_relaxed(READER, HEADER, 0);
			store_relaxed(READER, BODY, 0);
#ifdef FAULT_HEAD_WITHOUT_RELEASE
			store_relaxed(READER, HEAD, lap + 1);
#else
			store_release(READER, HEAD, lap + 1);
#endif
			lap++;
			body = 0
		:: else -> assert(word == 0 || word == CLAIMED)
		fi
	:: else -> break
	od;
	drained(READER) && drained(PRODUCER);
	assert(mem[HEADER] == 0 && mem[BODY] == 0 && mem[HEAD] == LAPS)
#ifdef REACH_END
	; assert(false)
#endif
}

init
{
	atomic {
		run memory(PRODUCER);
		run memory(READER)
	}
}
