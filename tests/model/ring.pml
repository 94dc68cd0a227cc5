/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of shm/ring.h and the ledger of writer/recover.c, with a death at any step.
 *
 * Two threads of one producer process push entries of two sizes, commit or give up, and die
 * together between any two of their stores. One writer drains, puts batches on the disk, gives
 * space back, and dies between any two of its stores, up to WRITER_DEATHS times; its successor
 * recovers. What one processor does is seen by the others in its order here: order.pml is about
 * where it is not.
 *
 * A word stands for 8 bytes. A header is STATE + the words of its payload; a payload word is
 * PAYLOAD + the number of its push. Every store into the ring checks that it finds what it may
 * overwrite, so a claim over space that was not given back, or not zeroed, is an error at once.
 *
 * -DFAULT_… breaks a step, and Spin must find an error. -DREACH_… claims that something never
 * happens that must happen, or the properties would be about nothing; Spin must find it too.
 */
#ifndef RING_WORDS
#define RING_WORDS 5
#endif
#ifndef PUSHES
#define PUSHES 2 /* of the first thread; the second pushes once */
#endif
#ifndef WRITER_DEATHS
#define WRITER_DEATHS 1
#endif
#define POSITIONS (RING_WORDS * 3 + 1)

/* Header states, with room for the payload's length. */
#define CLAIMED	  10
#define COMMITTED 20
#define PADDING	  30
#define ABORTED	  40
#define PAYLOAD	  50

#define IS(word, state) ((word) >= (state) && (word) < (state) + 10)

/* What outlives both processes: the region's pages, the files. */
byte ring[RING_WORDS];
byte tail, head, done;
byte ledger; /* the files hold everything before it: a batch counts in one step */

/* The producer process. */
bool alive = true; /* it holds the lock */
byte cached_head;

/* What the properties are about. */
byte committed[POSITIONS]; /* 1: the push that began here was committed */
byte on_disk[POSITIONS];   /* how often the record is in the files */
byte idle_threads;	   /* those that have pushed all that they wanted to */
byte writer_deaths;

inline store(offset, value, expected)
{
	assert(ring[offset] == expected);
	ring[offset] = value;
}

proctype producer(byte id; byte count)
{
	byte pushes, claim_tail, words, offset, padding, end, i;

	{
		do
		:: pushes == count -> break
		:: pushes < count ->
			pushes++;
			/* The first thread's entries come in two sizes. */
			if
			:: words = 1
			:: count > 1 -> words = 2
			fi;
retry:			atomic {
				claim_tail = tail;
				offset = claim_tail % RING_WORDS;
				padding = (words + 1 > RING_WORDS - offset -> RING_WORDS - offset : 0);
				end = claim_tail + padding + words + 1
			};
			atomic {
				if
				:: end - cached_head > RING_WORDS -> cached_head = head
				:: else
				fi;
				if
				:: end - cached_head > RING_WORDS || end >= POSITIONS ->
#ifdef REACH_FULL
					assert(end >= POSITIONS);
#endif
					goto next /* dropped and counted */
				:: else
				fi
			};
#ifdef FAULT_CLAIM_WITHOUT_CAS
			tail = end;
#else
			atomic {
				if
				:: tail == claim_tail -> tail = end
				:: else -> goto retry
				fi
			};
#endif
			if
			:: padding > 0 ->
#ifndef FAULT_PADDING_WITHOUT_WORD
				d_step { store(offset, PADDING + padding - 1, 0) };
#endif
				offset = 0
			:: else
			fi;
#ifndef FAULT_PAYLOAD_BEFORE_HEADER
			d_step { store(offset, CLAIMED + words, 0) };
#endif
			i = 0;
			do
			:: i < words ->
				d_step { i++; store(offset + i, PAYLOAD + id, 0) }
			:: else -> break
			od;
#ifdef FAULT_PAYLOAD_BEFORE_HEADER
			skip;
			d_step { store(offset, CLAIMED + words, 0) };
#endif
			if
			:: d_step {
				store(offset, COMMITTED + words, CLAIMED + words);
				committed[end - words - 1] = 1
			}
			:: d_step { store(offset, ABORTED + words, CLAIMED + words) }
			fi;
next:			skip;
			d_step {
				claim_tail = 0; words = 0; offset = 0; padding = 0; end = 0; i = 0
			}
		od;
		idle_threads++
	} unless { !alive }
}

/* The end of the process, however it comes about. */
active proctype death()
{
	alive = false
}

#define DIE                                                                  \
	if                                                                   \
	:: skip                                                              \
	:: writer_deaths < WRITER_DEATHS -> writer_deaths++; goto restart    \
	fi

/* Zero [head, to) word by word, then move the head; killed in between, the successor goes on. */
inline give_back(to)
{
	at = head;
#ifdef FAULT_HEAD_BEFORE_ZEROES
	head = to;
#endif
	do
	:: at < to ->
#ifdef FAULT_SKIP_ZEROING
		at++
#else
		d_step { ring[at % RING_WORDS] = 0; at++ };
		DIE
#endif
	:: else -> break
	od;
	at = 0
#ifndef FAULT_HEAD_BEFORE_ZEROES
	; head = to
#endif
}

active proctype writer()
{
	byte read, seen_tail, at, word, taken, i;
	bool dead;
	/* What the batch being made holds: lost with the process. */
	bool batch[POSITIONS];

restart:
	skip; /* no jump into a d_step */
	d_step {
		i = 0;
		do
		:: i < POSITIONS -> batch[i] = 0; i++
		:: else -> break
		od;
		dead = false; at = 0; word = 0; seen_tail = 0; taken = 0
	};
	/* ring_reader_init(): the last one's release is finished. */
	give_back(done);
	DIE;
	/* writer/recover.c: what the files hold is done. */
#ifndef FAULT_RECOVER_WITHOUT_LEDGER
	if
	:: ledger > done ->
#ifdef REACH_EXTEND
		assert(false);
#endif
		done = ledger;
		DIE;
		give_back(done);
		DIE
	:: else
	fi;
#endif
	read = done;

	do
	:: true ->
#ifdef FAULT_TAIL_BEFORE_LIVENESS
		seen_tail = tail;
		dead = !alive;
#else
		dead = !alive;
		seen_tail = tail;
#endif
		do
		/* One step: the header word is read once, and what is behind it stands still then. */
		:: atomic { read < seen_tail ->
			word = ring[read % RING_WORDS];
			taken = 0;
			if
			:: word == 0 && !dead ->
				assert(idle_threads < 2); /* busy: somebody is in a push */
				break
			:: word == 0 && dead ->
				/* A claim without its header: zeros up to the next word. */
				do
				:: read + taken < seen_tail && ring[(read + taken) % RING_WORDS] == 0 ->
					taken++
				:: else -> break
				od;
#ifdef REACH_HOLE
				assert(read + taken == seen_tail);
#endif
#ifdef REACH_HOLE_ACROSS_WRAP
				assert(read % RING_WORDS + taken <= RING_WORDS);
#endif
#ifdef FAULT_HOLE_TO_THE_TAIL
				taken = seen_tail - read
#endif
			:: IS(word, PADDING) ->
				taken = word - PADDING + 1;
				assert(read % RING_WORDS + taken == RING_WORDS)
#ifdef REACH_PADDING
				; assert(false)
#endif
			:: IS(word, ABORTED) -> taken = word - ABORTED + 1
			:: IS(word, CLAIMED) && !dead ->
				assert(idle_threads < 2);
				break
			:: IS(word, CLAIMED) && dead ->
				taken = word - CLAIMED + 1
#ifdef REACH_TORN
				; assert(false)
#endif
			:: IS(word, COMMITTED) ->
				d_step {
					taken = word - COMMITTED + 1;
					assert(committed[read] == 1);
					i = 1;
					do
					:: i < taken ->
						assert(ring[(read + i) % RING_WORDS] >= PAYLOAD);
						assert(ring[(read + i) % RING_WORDS] ==
						       ring[(read + 1) % RING_WORDS]);
						i++
					:: else -> break
					od;
					batch[read] = 1
				}
			:: else -> assert(false) /* no word of an entry: quarantine */
			fi;
			assert(taken > 0 && read + taken <= seen_tail);
			read = read + taken;
			taken = 0;
			word = 0
		}
		:: else -> break
		od;
		DIE;
		/* The batch counts: data and ledger at once, since a batch counts only whole. */
		if
		:: read > done ->
#ifdef FAULT_DONE_BEFORE_THE_BATCH
			done = read;
			DIE;
#endif
			d_step {
				i = 0;
				do
				:: i < POSITIONS ->
					on_disk[i] = on_disk[i] + batch[i];
					assert(on_disk[i] <= 1);
					batch[i] = 0;
					i++
				:: else -> break
				od;
				ledger = read
			};
			DIE;
#ifdef FAULT_DONE_AFTER_ZEROES
			give_back(read);
			DIE;
			done = read;
#else
			done = read;
			DIE;
			give_back(done);
#endif
			DIE
		:: read == done && dead && read == seen_tail -> break
		:: else
		fi;
		seen_tail = 0
	od;

	/* Everything that was committed is there once, nothing else is, and the ring is clean. */
	skip;
	d_step {
		i = 0;
		do
		:: i < POSITIONS -> assert(on_disk[i] == committed[i]); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < RING_WORDS -> assert(ring[i] == 0); i++
		:: else -> break
		od;
		assert(head == tail && done == tail)
	}
#ifdef REACH_LAP
	; assert(tail <= RING_WORDS)
#endif
}

init
{
	atomic {
		run producer(1, PUSHES);
		run producer(2, 1)
	}
}
