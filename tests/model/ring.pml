/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of shm/ring.h and shm/ring.c, the batches of writer/queue.c and the
 * recovery of writer/recover.c, with a kill between any two visible steps.
 * docs/protocol.md says what is left out and why; run.py runs it.
 *
 * One word of the model is 8 bytes of a ring. Its value is a kind, a size in
 * words and, for the assertions alone, the number of its claim in the order of
 * positions: nothing that the protocol decides depends on that number.
 *
 *   THREADS  producers, threads of one process: a kill ends all at once
 *   PUSHES   of the first thread; the others push once
 *   BATCHES  that are closed and not yet given back, 1 or 2
 *   KILLS    of writers
 *   START    the position in the ring where it begins
 *   BUFFERS  stores go through a buffer that gives them to the memory in any
 *            order but over a fence or within one word; a kill loses what is
 *            in it. Without: each store is seen at once.
 *   FAULT_…  the protocol without one of its steps: an error must be found
 */
#define WORDS 6 /* in the ring */
#define HALF  3

/* Behind the ring's words: what the writer stores in the ring's control. */
#define HEAD   WORDS
#define SLOT   (WORDS + 1)
#define DONE0  (WORDS + 2) /* and DONE0 + 1: the two slots' positions */
#define ITEMS0 (WORDS + 4) /* and ITEMS0 + 1: the two slots' totals */
#define MEMORY (WORDS + 6)

#define CLAIMED	  1
#define COMMITTED 2
#define PADDING	  3
#define ABORTED	  4
#define PAYLOAD	  5

#define WORD(kind, id, size) (((kind) << 5) | ((id) << 2) | (size))
#define KIND(word)	     ((word) >> 5)
#define ID(word)	     (((word) >> 2) & 7)
#define SIZE(word)	     ((word) & 3)
#define AT(position)	     ((position) % WORDS)
#define BIT(id)		     (1 << (id))

#define TURNS(me) ((me) == 0 -> PUSHES : 1)
#define WRITER	THREADS /* its buffer's number */

byte memory[MEMORY];
byte tail;	  /* only ever changed by a compare-and-swap */
byte cached_head; /* of the producer's process */

bool is_alive = true; /* the producer's process, and so its lock */
byte threads_left = THREADS;
byte writer_kills;

/* The open data file: what survives the writer. A batch that is not written is not there. */
byte batches;
byte batch_from[2], batch_to[2], batch_ids[2], batch_items[2];
bool batch_written[2];
byte batches_counted; /* the prefix of them that is whole */

/* For the assertions: claims in order of position, as sets of bits. */
byte claims, ids_committed, ids_counted, items_counted;

/* --- memory --- */

inline note_visible(what_is)
{
	if
	:: KIND(what_is) == COMMITTED ->
		/* What the writer has given up may not be committed any more. */
		assert((ids_counted >> ID(what_is)) == 0);
		ids_committed = ids_committed | BIT(ID(what_is))
	:: else
	fi
}

#ifdef BUFFERS

#define ROOM  9
#define FENCE 255

typedef buffer_of {
	byte count;
	byte at[ROOM];
	byte value[ROOM];
};
buffer_of buffer[THREADS + 1];

inline store(who, where, what)
{
	d_step {
		buffer[who].count < ROOM;
		buffer[who].at[buffer[who].count] = where;
		buffer[who].value[buffer[who].count] = what;
		buffer[who].count++
	}
}

inline fence(who)
{
	d_step {
		buffer[who].count < ROOM;
		if
		:: buffer[who].count > 0 ->
			buffer[who].at[buffer[who].count] = FENCE;
			buffer[who].count++
		:: else
		fi
	}
}

inline lose(who)
{
	d_step {
		do
		:: buffer[who].count > 0 ->
			buffer[who].count--;
			buffer[who].at[buffer[who].count] = 0;
			buffer[who].value[buffer[who].count] = 0
		:: else -> break
		od
	}
}

/* Take an entry out, and the fences that are then in front. */
inline take_out(who, which)
{
	do
	:: which + 1 < buffer[who].count ->
		buffer[who].at[which] = buffer[who].at[which + 1];
		buffer[who].value[which] = buffer[who].value[which + 1];
		which++
	:: else ->
		buffer[who].count--;
		buffer[who].at[buffer[who].count] = 0;
		buffer[who].value[buffer[who].count] = 0;
		if
		:: buffer[who].count > 0 && buffer[who].at[0] == FENCE -> which = 0
		:: else -> break
		fi
	od
}

/* Gives one process's stores to the memory, one at a time. */
proctype Memory(byte who)
{
	byte i, j;

end:	do
	:: atomic {
		buffer[who].count > 0 ->
		/* Any one that no fence and no store to the same word stands before. */
		i = 0;
		do
		:: break
#ifndef ORDERED
		:: i + 1 < buffer[who].count && buffer[who].at[i + 1] != FENCE -> i++
#endif
		od;
		d_step {
			j = 0;
			do
			:: j < i && buffer[who].at[j] != buffer[who].at[i] -> j++
			:: else -> break
			od;
			i = j; /* the same word's first one, if there is one */
			memory[buffer[who].at[i]] = buffer[who].value[i];
			if
			:: buffer[who].at[i] < WORDS -> note_visible(buffer[who].value[i])
			:: else
			fi;
			take_out(who, i);
			i = 0;
			j = 0
		}
	}
	od
}

#define IS_EMPTY(who) (buffer[who].count == 0)

inline store_payload()
{
	store(me, from + 1, WORD(PAYLOAD, id, 0));
	if
	:: size == 3 -> store(me, from + 2, WORD(PAYLOAD, id, 0))
	:: else
	fi
}

#else

inline store(who, where, what)
{
	d_step {
		memory[where] = what;
		if
		:: where < WORDS -> note_visible(what)
		:: else
		fi
	}
}

#define fence(who)    skip
#define lose(who)     skip
#define IS_EMPTY(who) true

/* At once: what a kill leaves of a payload nobody looks at. */
inline store_payload()
{
	atomic {
		memory[from + 1] = WORD(PAYLOAD, id, 0);
		if
		:: size == 3 -> memory[from + 2] = WORD(PAYLOAD, id, 0)
		:: else
		fi
	}
}

#endif

/* --- producer --- */

/* All of a claim is zero, and all of it was given back. */
inline check_claim()
{
	assert(end - memory[HEAD] <= WORDS);
	i = from;
	do
	:: i < end ->
		assert(memory[AT(i)] == 0);
		i++
	:: else -> break
	od;
	i = 0
}

proctype Thread(byte me)
{
	byte made, size, head, from, end, padding, id, i;

	{
		do
		:: atomic {
			made < TURNS(me) ->
			made++;
			size = 2 + (me + made) % 2
		   }
again:			atomic {
				/* That one of these loads is older changes nothing: an older head
				 * is refreshed, an older tail fails the compare-and-swap. */
				head = cached_head;
				from = tail;
				padding = (AT(from) + size > WORDS -> WORDS - AT(from) : 0);
				end = from + padding + size
			}
			if
			:: end - head > HALF -> atomic { head = memory[HEAD]; cached_head = head }
			:: else
			fi;
#ifdef FAULT_NO_FULL
			head = end;
#endif
			if
			:: end - head > WORDS -> goto next
#ifdef FAULT_NO_CAS
			:: true -> atomic { tail = end; id = claims; claims++; from = AT(from) }
#else
			:: atomic {
				end - head <= WORDS && tail == from ->
				check_claim();
				tail = end;
				id = claims;
				claims++;
				from = AT(from);
				head = 0;
				end = 0
			   }
			:: end - head <= WORDS && tail != from -> goto again
#endif
			fi;
			if
			:: padding > 0 ->
				atomic {
#ifndef FAULT_NO_PADDING_WORD
					store(me, from, WORD(PADDING, 0, padding));
#endif
					from = 0;
					padding = 0
				}
			:: else
			fi;
#ifndef FAULT_PAYLOAD_FIRST
			atomic {
				store(me, from, WORD(CLAIMED, id, size));
#ifndef FAULT_NO_FENCE_CLAIM
				fence(me);
#endif
			}
#endif
			store_payload();
#ifdef FAULT_PAYLOAD_FIRST
			store(me, from, WORD(CLAIMED, id, size));
#endif
			if
			:: atomic {
				true;
#ifndef FAULT_NO_RELEASE_COMMIT
				fence(me);
#endif
				store(me, from, WORD(COMMITTED, id, size));
				size = 0; from = 0; id = 0
			   }
			:: atomic {
				made == TURNS(me) ->
#ifndef FAULT_NO_RELEASE_ABORT
				fence(me);
#endif
				store(me, from, WORD(ABORTED, id, size));
				size = 0; from = 0; id = 0
			   }
			fi;
next:			atomic { size = 0; head = 0; from = 0; end = 0; padding = 0 }
		:: made == TURNS(me) && size == 0 -> break
		od;
		IS_EMPTY(me)
	} unless {
		atomic { !is_alive -> lose(me) }
	}
	threads_left--
}

/* --- writer --- */

/* What a kill leaves of a writer: nothing. Batches that were not written are not in the file. */
inline die()
{
	d_step {
		writer_kills++;
		lose(WRITER);
		do
		:: batches > 0 && !batch_written[batches - 1] ->
			batches--;
			batch_from[batches] = 0;
			batch_to[batches] = 0;
			batch_ids[batches] = 0;
			batch_items[batches] = 0
		:: else -> break
		od;
		read = 0; head = 0; slot = 0; done = 0; done_items = 0; seen_tail = 0; word = 0;
		is_dead = false; is_busy = false; has_looked = false;
		taken_from = 0; taken_ids = 0; taken_items = 0;
		i = 0; b = 0; early = 0
	};
	goto life
}

/* A step that outlives the writer, or its death before it. */
#define OR_DIE :: writer_kills < KILLS -> die()

/* Killed in between, any of the words may be zero already. */
inline zero(zero_from, zero_to)
{
	i = zero_from;
#ifdef BUFFERS
	do
	:: i < zero_to ->
		store(WRITER, AT(i), 0);
		i++
	:: else -> break
	od;
#else
	if
	:: true ->
		do
		:: i < zero_to -> memory[AT(i)] = 0; i++
		:: else -> break
		od
	:: writer_kills < KILLS && zero_from < zero_to ->
		do
		:: i < zero_to -> memory[AT(i)] = 0; i++
		:: i < zero_to -> i++
		:: i >= zero_to -> break
		od;
		die()
	fi;
#endif
	i = 0
}

/* reader_move_head(). Up to the head it does nothing that a producer sees. */
inline move_head(to)
{
#ifdef FAULT_HEAD_FIRST
	store(WRITER, HEAD, to);
	atomic { zero(head, to); head = to }
#else
	atomic {
#ifndef FAULT_NO_ZERO
		zero(head, to);
#endif
#ifndef FAULT_NO_RELEASE_HEAD
		fence(WRITER);
#endif
		head = to
	}
	if
	:: store(WRITER, HEAD, to)
	OR_DIE
	fi
#endif
}

/* ring_reader_release() */
inline release(to, items)
{
	atomic {
#ifdef FAULT_DONE_AFTER_ZERO
		zero(head, to);
#endif
#ifndef FAULT_ONE_SLOT
		slot = 1 - slot;
#endif
		store(WRITER, DONE0 + slot, to);
		if
		:: store(WRITER, ITEMS0 + slot, items)
		OR_DIE
		fi;
#ifndef FAULT_NO_RELEASE_DONE
		fence(WRITER);
#endif
		if
		:: store(WRITER, SLOT, slot)
		OR_DIE
		fi;
#ifndef FAULT_NO_FENCE_DONE
		fence(WRITER);
#endif
	}
	move_head(to)
}

/* ring_reader_init() */
inline attach()
{
	atomic {
		head = memory[HEAD];
		slot = memory[SLOT];
		done = memory[DONE0 + slot];
		done_items = memory[ITEMS0 + slot];
		assert(done >= head && tail >= done && tail - head <= WORDS);
#ifdef FAULT_INIT_AT_HEAD
		done = head
#endif
	}
	if
	:: head != done ->
#ifdef FAULT_INIT_NO_ZERO
		store(WRITER, HEAD, done);
		head = done
#else
		move_head(done)
#endif
	:: else
	fi
}

/* Somebody took the file away: what the ring still has is written once more. */
inline lose_file()
{
	d_step {
		do
		:: batches > 0 ->
			if
			:: batches_counted > 0 && batch_to[0] > done ->
				ids_counted = ids_counted & (255 - batch_ids[0]);
				items_counted = items_counted - batch_items[0]
			:: else
			fi;
			forget_batch()
		:: else -> break
		od
	}
}

/* recover_scan(): the file's whole batches, and those that adjoin what is done. */
inline recover()
{
	if
	:: true
	:: batches > 0 -> lose_file()
	fi;
	do
#ifdef FAULT_GAP
	:: b < batches && !batch_written[b] -> b++
#endif
	:: b < batches && batch_written[b] ->
		if
		:: batch_to[b] <= done -> skip /* killed behind its done */
		:: else ->
#ifndef FAULT_NO_LEDGER
#ifndef FAULT_GAP
			assert(batch_from[b] == done);
#endif
			atomic { done = batch_to[b]; done_items = done_items + batch_items[b] }
			release(done, done_items)
#endif
		fi;
		b++
	:: else -> break
	od;
	/* Cut behind them, and sealed. */
	IS_EMPTY(WRITER);
	if
	:: d_step {
		batches > 0 ->
		b = 0;
		forget_batch();
		forget_batch()
	   }
	:: batches == 0 -> b = 0
	:: batches > 0 && writer_kills < KILLS -> die()
	fi
}

inline forget_batch()
{
	batch_from[0] = batch_from[1]; batch_to[0] = batch_to[1]; batch_ids[0] = batch_ids[1];
	batch_items[0] = batch_items[1]; batch_written[0] = batch_written[1];
	batch_from[1] = 0; batch_to[1] = 0; batch_ids[1] = 0;
	batch_items[1] = 0; batch_written[1] = false;
	batches = (batches > 0 -> batches - 1 : 0);
	batches_counted = (batches_counted > 0 -> batches_counted - 1 : 0)
}

/* queue_close_batch() */
inline close_batch()
{
	d_step {
		batch_from[batches] = taken_from;
		batch_to[batches] = read;
		batch_ids[batches] = taken_ids;
		batch_items[batches] = taken_items;
		batches++;
		taken_from = read;
		taken_ids = 0;
		taken_items = 0
	}
}

/* A batch is written: from now on it and what adjoins it count, whatever happens to us. */
inline written(which)
{
	d_step {
		batch_written[which] = true;
		do
		:: batches_counted < batches && batch_written[batches_counted] ->
			i = 0;
			do
			:: i < claims ->
				if
				:: batch_ids[batches_counted] & BIT(i) ->
					assert(ids_committed & BIT(i));
					assert((ids_counted >> i) == 0); /* once, and in order */
					ids_counted = ids_counted | BIT(i);
					items_counted++
				:: else
				fi;
				i++
			:: else -> break
			od;
			batches_counted++
		:: else -> break
		od;
		i = 0
	}
}

/* job_release() */
inline give_back()
{
	atomic { done = batch_to[0]; done_items = done_items + batch_items[0] }
	release(done, done_items);
	/* It stays in the file, where it is behind what is done and so nothing. No store waits
	 * for longer than this: the next write is a system call. */
	IS_EMPTY(WRITER);
	d_step { forget_batch() }
}

inline take_record()
{
	i = 1;
	do
	:: i < SIZE(word) ->
#ifdef FAULT_NO_ACQUIRE_COMMIT
		assert((i == 1 -> early : memory[AT(read) + i]) == WORD(PAYLOAD, ID(word), 0));
#else
		assert(memory[AT(read) + i] == WORD(PAYLOAD, ID(word), 0));
#endif
		i++
	:: else -> break
	od;
	i = 0;
	taken_ids = taken_ids | BIT(ID(word));
	taken_items++;
	read = read + SIZE(word)
}

/* reader_hole_bytes() */
inline skip_hole()
{
#ifdef FAULT_HOLE_TO_TAIL
	read = seen_tail
#else
	i = read;
	do
	:: read < seen_tail && memory[AT(read)] == 0 -> read++
	:: else -> break
	od;
	if
	:: read < seen_tail -> i = 0 /* more behind it */
	:: read == seen_tail && read / WORDS != i / WORDS -> i = 0 /* across the end */
	:: read == seen_tail && read / WORDS == i / WORDS -> i = 0 /* up to the tail */
	fi
#endif
}

/* source_drain(): entries up to the tail, or to one that is busy. */
inline drain()
{
	is_busy = false;
	do
	:: read < seen_tail && !is_busy ->
#ifdef FAULT_NO_ACQUIRE_COMMIT
		early = memory[AT(read + 1)];
#endif
		atomic {
			word = memory[AT(read)];
			/* What cannot be an entry would break the region. */
			assert(KIND(word) <= ABORTED);
			assert(AT(read) + SIZE(word) <= WORDS && read + SIZE(word) <= seen_tail);
			assert(KIND(word) != PADDING || AT(read) + SIZE(word) == WORDS);
			if
			:: KIND(word) == COMMITTED -> take_record()
			:: KIND(word) == PADDING -> read = read + SIZE(word)
			:: KIND(word) == ABORTED -> read = read + SIZE(word)
			:: (word == 0 || KIND(word) == CLAIMED) && !is_dead -> is_busy = true
			:: KIND(word) == CLAIMED && is_dead -> read = read + SIZE(word)
			:: word == 0 && is_dead -> skip_hole()
			fi
		}
	:: else -> break
	od;
	word = (is_busy -> word : 0);
	early = 0
}

/* The lock goes when the last thread is gone. */
#define IS_GONE (!is_alive && threads_left == 0)
/* A look would find what the last one did. */
#define IS_SEEN (has_looked && seen_tail == tail && is_dead == IS_GONE && \
		 (!is_busy || word == memory[AT(read)]))

proctype Writer()
{
	byte read, head, slot, done, done_items, seen_tail, word;
	bool is_dead, is_busy, has_looked;
	byte taken_from, taken_ids, taken_items;
	byte i, b, early;

life:	attach();
	recover();
	atomic { read = done; taken_from = done }
	do
	/* A round: is it dead, where is the tail, what is there. */
	:: !IS_SEEN ->
#ifdef FAULT_TAIL_FIRST
		seen_tail = tail;
		is_dead = IS_GONE;
#else
		is_dead = IS_GONE;
		seen_tail = tail;
#endif
#ifdef FAULT_NO_ACQUIRE_COMMIT
		drain();
		has_looked = true
#else
		atomic {
			drain();
			has_looked = true
		}
#endif
	:: read != taken_from && batches < BATCHES -> close_batch()
	/* Writes come back in any order. */
	:: batches > 0 && !batch_written[0] -> written(0)
	:: batches > 1 && !batch_written[1] -> written(1)
#ifdef FAULT_RELEASE_EARLY
	:: batches > 0 -> give_back()
#else
	:: batches > 0 && batch_written[0] -> give_back()
#endif
	:: has_looked && writer_kills < KILLS -> die()
	/* ring_end(), and all of it is given back. */
	:: is_dead && has_looked && read == seen_tail && batches == 0 && read == taken_from -> break
	:: is_alive && threads_left == 0 && head == tail && batches == 0 -> break
	od;
	IS_EMPTY(WRITER);
	/* All that was committed is in the file, and all the ring is given back and zero. */
	d_step {
		assert(ids_counted == ids_committed);
		assert(done_items == items_counted);
		assert(memory[HEAD] == tail);
		i = 0;
		do
		:: i < WORDS -> assert(memory[i] == 0); i++
		:: else -> break
		od
	}
}

/* It ends in order too, which looks the same. Or it goes on for ever. */
proctype End()
{
	if
	:: true ->
end:		is_alive = false
	:: true
	fi
}

init {
	byte i;

	atomic {
		/* The ring stands where earlier rounds left it. */
		tail = START;
		cached_head = START;
		memory[HEAD] = START;
		memory[DONE0] = START;
		run Writer();
		do
		:: i < THREADS -> run Thread(i); i++
		:: else -> break
		od;
		run End();
#ifdef BUFFERS
		i = 0;
		do
		:: i <= THREADS -> run Memory(i); i++
		:: else -> break
		od
#endif
	}
}
