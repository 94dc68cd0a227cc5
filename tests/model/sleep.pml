/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the writer goes to sleep and is woken, and how a flush waits: shm/control.c, in a private
 * directory.
 *
 * The producer stores a position (a tail past half of its ring, or flush_to), then looks whether
 * the writer sleeps; no barrier between the two, and the store may stay in its buffer as long as it
 * likes. The writer says that it is about to sleep, runs membarrier(2), looks at the positions once
 * more, and waits on the futex. Then the producer, who flushes, waits until the writer says that
 * the head has come so far.
 *
 * Property: when nobody can move any more, everything is written and the flush is over.
 */
#define ROUNDS 2

#define POSITION  0
#define SLEEPING  1
#define HEAD	  2
#define FLUSHED	  3
#define ADDRESSES 4

#include "memory.pml"

#define PRODUCER 0
#define WRITER	 1

bool writer_waits, flusher_waits, flusher_done;
byte written;

/* A futex call: the kernel looks at the word and puts the caller to sleep in one step. All that
 * the caller has stored is visible by then. */
#ifdef FAULT_WAIT_WITHOUT_COMPARE
#define WORD_IS(address, expected) true
#else
#define WORD_IS(address, expected) (mem[address] == expected)
#endif

proctype producer()
{
	byte round, is_asleep, seen, head;

	do
	:: round < ROUNDS ->
		round++;
		store_relaxed(PRODUCER, POSITION, round);
		load(PRODUCER, SLEEPING, is_asleep);
		if
		:: is_asleep == 1 ->
			/* control_ring(): of all that see it asleep, one wakes it. A compare-and-swap
			 * orders the word it is on, nothing else. */
			atomic {
				if
				:: mem[SLEEPING] == 1 && drained(WRITER) ->
					mem[SLEEPING] = 0;
					is_asleep = 2
				:: mem[SLEEPING] == 0
				fi
			};
			if
			:: is_asleep == 2 -> atomic { drained(PRODUCER) -> writer_waits = false }
			:: else
			fi
#ifdef REACH_WAKE
			; assert(false)
#endif
		:: else
		fi
	:: else -> break
	od;
	/* otlp_library_flush(): the count first, then the heads, then the wait for another count. */
	do
	:: true ->
#ifdef FAULT_HEAD_BEFORE_COUNT
		load(PRODUCER, HEAD, head);
		load(PRODUCER, FLUSHED, seen);
#else
		load(PRODUCER, FLUSHED, seen);
		load(PRODUCER, HEAD, head);
#endif
		if
		:: head == ROUNDS -> break
		:: else
		fi;
		atomic {
			drained(PRODUCER) ->
			if
			:: WORD_IS(FLUSHED, seen) -> flusher_waits = true
			:: else
			fi
		};
#ifdef REACH_FLUSH_WAIT
		assert(!flusher_waits);
#endif
		!flusher_waits
	od;
	flusher_done = true
}

proctype writer()
{
	byte seen, position, flushed;

	do
	:: true ->
		store_relaxed(WRITER, SLEEPING, 1);
#ifdef FAULT_NO_MEMBARRIER
		drained(WRITER);
#else
		drained(WRITER) && drained(PRODUCER); /* membarrier(2): both sides' */
#endif
		load(WRITER, POSITION, position);
		if
		:: position != seen ->
			store_relaxed(WRITER, SLEEPING, 0) /* control_wake() */
		:: else ->
			atomic {
				drained(WRITER) ->
				if
				:: WORD_IS(SLEEPING, 1) -> writer_waits = true
				:: else
				fi
			};
end_asleep:		!writer_waits;
			store_relaxed(WRITER, SLEEPING, 0);
			/* Woken by a system call, after which it sees what came before the call. */
			drained(WRITER);
			load(WRITER, POSITION, position)
		fi;
		if
		:: position != seen ->
			seen = position;
			written = position;
#ifdef FAULT_COUNT_BEFORE_HEAD
			flushed++;
			store_relaxed(WRITER, FLUSHED, flushed);
			atomic { drained(WRITER) -> flusher_waits = false };
			store_relaxed(WRITER, HEAD, position)
#else
			store_release(WRITER, HEAD, position);
			flushed++;
			store_release(WRITER, FLUSHED, flushed);
			atomic { drained(WRITER) -> flusher_waits = false } /* FUTEX_WAKE */
#endif
		:: else
		fi
	od
}

/* When nothing else can happen. */
active proctype monitor()
{
	timeout;
	assert(flusher_done);
	assert(written == ROUNDS)
#ifdef REACH_END
	; assert(false)
#endif
}

init
{
	atomic {
		run memory(PRODUCER);
		run memory(WRITER);
		run producer();
		run writer()
	}
}
