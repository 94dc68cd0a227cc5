/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recovery of writer/recover.c, writer/settle.c and writer/claims.c with two regions in one
 * file: an honest one, and one whose producer stores whatever it likes into its ring at any time.
 * A look at the liar's memory gives any position, which is what its stores can do at most. The
 * honest region may be absent while a writer starts, and come to that writer or to a later one.
 * docs/protocol.md says what is left out and why; run.py runs it.
 *
 * One item of a ring is one position. A batch has at most one item of each region.
 *
 *   ITEMS     of the honest region
 *   KILLS     of writers
 *   ABSENCES  starts of a writer without the honest region
 *   FAULT_…   the recovery without one of its rules: an error must be found
 */
#define ROOM 3 /* batches in a file */
#define LIES 3 /* the liar shows positions up to this one */

/* The honest region. Its ring is ring.pml's: here a release is one step. */
byte tail, done;

/* The open data file. What is written survives the writer; a batch that is not is a hole. */
byte batches;
byte from_a[ROOM], to_a[ROOM], from_b[ROOM], to_b[ROOM];
bool is_written[ROOM], is_released[ROOM];

/* .otlpipe-claims: what sealed files have of the honest region, should it not know yet. */
bool has_claim;
byte claim_from, claim_to;

byte kills, absences;

/* For the assertions: how often each item stands in sealed files. */
byte copies[ITEMS];

proctype Producer()
{
	do
	:: tail < ITEMS -> tail++
	:: tail == ITEMS -> break
	od
}

/* Any position: what the liar has there just now. */
inline look_at_liar(ret)
{
	ret = 0;
	do
	:: ret < LIES -> ret++
	:: break
	od
}

inline forget()
{
	is_attached = false; is_there = false; is_broken = false;
	read = 0; liar_done = 0; seen = 0; i = 0;
	draft_from = 0; draft_to = 0
}

inline die()
{
	atomic { kills++; forget(); goto life }
}

/* A step that outlives the writer, or its death before it. */
#define OR_DIE :: kills < KILLS -> die()

/* ring_reader_release(), on behalf of a file */
inline give_back(position)
{
	if
	:: done = position
	OR_DIE
	fi
}

/* regions_settle_claims(): before anything is drained */
inline settle_claim()
{
	if
	:: has_claim && done < claim_to ->
		/* An honest region contradicts nothing. */
		assert(done >= claim_from);
		give_back(claim_to)
	:: else
	fi;
	read = done
}

/* settle_entry() for the liar's part of a batch: it is broken, or it is not, and that is all. */
inline settle_liar()
{
	if
	:: is_there && !is_broken && to_b[i] > from_b[i] && to_b[i] > liar_done ->
		look_at_liar(seen);
		if
		:: from_b[i] == liar_done && to_b[i] <= seen -> liar_done = to_b[i]
		:: else -> is_broken = true
		fi;
		seen = 0
	:: else
	fi
}

/* settle_entry() for the honest one's, or the note that it needs to be told. */
inline settle_honest()
{
	if
	:: to_a[i] == from_a[i] -> skip
	:: to_a[i] > from_a[i] && is_attached ->
		if
		:: to_a[i] <= read -> skip
		:: else ->
			assert(from_a[i] == read);
			give_back(to_a[i]);
			read = to_a[i]
		fi
	:: to_a[i] > from_a[i] && !is_attached ->
		atomic {
			draft_from = (draft_to == 0 -> from_a[i] : draft_from);
			draft_to = to_a[i]
		}
	fi
}

#ifdef FAULT_REGION_DECIDES
/* As it was: a batch counts only where each region that is there agrees, or one had its space back. */
inline ask_regions()
{
	if
	:: is_there && to_b[i] > from_b[i] && to_b[i] > liar_done &&
	   !(is_attached && to_a[i] > from_a[i] && to_a[i] <= read) ->
		look_at_liar(seen);
		if
		:: from_b[i] != liar_done || to_b[i] > seen -> seen = 0; break
		:: else -> seen = 0
		fi
	:: else
	fi
}
#endif

/* claims_take() and claims_save() */
inline save_claim()
{
#ifndef FAULT_ABSENT_IS_GONE
	if
	:: draft_to > 0 ->
		/* Who drained it further had settled what was claimed before. */
		assert(!has_claim || claim_to <= draft_from || claim_from == draft_from);
		if
		:: d_step { has_claim = true; claim_from = draft_from; claim_to = draft_to }
		OR_DIE
		fi
	:: else
	fi;
#endif
	atomic { draft_from = 0; draft_to = 0 }
}

/* data_file_seal(), with the first i batches; the others are cut. */
inline seal()
{
	d_step {
		seen = 0;
		do
		:: seen < i ->
			if
			:: to_a[seen] > from_a[seen] ->
				/* Once, and nothing in front of it is missing. */
				assert(copies[from_a[seen]] == 0);
				assert(from_a[seen] == 0 || copies[from_a[seen] - 1] == 1);
				copies[from_a[seen]]++
			:: else
			fi;
			seen++
		:: seen >= i && seen < batches ->
			assert(!is_released[seen]);
			seen++
		:: seen >= i && seen >= batches -> break
		od;
		seen = 0;
		do
		:: seen < ROOM ->
			from_a[seen] = 0; to_a[seen] = 0; from_b[seen] = 0; to_b[seen] = 0;
			is_written[seen] = false; is_released[seen] = false;
			seen++
		:: else -> break
		od;
		seen = 0;
		i = 0;
		batches = 0
	}
}

/* recover_file() */
inline recover()
{
	i = 0;
	do
	:: i < batches && is_written[i] ->
#ifdef FAULT_REGION_DECIDES
		ask_regions();
#endif
		settle_honest();
		settle_liar();
		i++
	:: i == batches || !is_written[i] -> break
	od;
	if
	:: batches > 0 ->
#ifdef FAULT_SEAL_BEFORE_CLAIM
		if
		:: seal()
		OR_DIE
		fi;
		save_claim()
#else
		save_claim();
		if
		:: seal()
		OR_DIE
		fi
#endif
	:: else -> i = 0
	fi;
	/* recover_save_claims() */
	if
	:: has_claim && is_attached ->
		if
		:: d_step { has_claim = false; claim_from = 0; claim_to = 0 }
		OR_DIE
		fi
	:: else
	fi
}

/* What is in flight has a buffer of its own, and there are two. */
#define IS_IN_FLIGHT(n) ((n) < batches && !is_released[n])
#define IN_FLIGHT	(IS_IN_FLIGHT(0) + IS_IN_FLIGHT(1) + IS_IN_FLIGHT(2))

/* queue_close_batch() */
inline close_batch(takes_a, takes_b)
{
	d_step {
		from_a[batches] = read;
		read = read + takes_a;
		to_a[batches] = read;
		from_b[batches] = liar_done;
		liar_done = liar_done + takes_b;
		to_b[batches] = liar_done;
		batches++
	}
}

/* job_release(): in order */
inline release()
{
	i = 0;
	do
	:: i < batches && is_released[i] -> i++
	:: else -> break
	od;
	true;
	if
	:: d_step {
		is_released[i] = true;
		done = (to_a[i] > from_a[i] -> to_a[i] : done);
		i = 0
	   }
	OR_DIE
	fi
}

#define CAN_RELEASE \
	((IS_IN_FLIGHT(0) && is_written[0]) || \
	 (!IS_IN_FLIGHT(0) && IS_IN_FLIGHT(1) && is_written[1]) || \
	 (!IS_IN_FLIGHT(0) && !IS_IN_FLIGHT(1) && IS_IN_FLIGHT(2) && is_written[2]))

proctype Writer()
{
	bool is_attached, is_there, is_broken;
	byte read, liar_done, seen, i, draft_from, draft_to;

life:	atomic {
		if
		:: is_attached = true
		:: absences < ABSENCES -> absences++
		fi;
		/* The liar: no ring can stand where it shows its own, and it is left aside, or it can. */
		if
		:: is_there = false
		:: is_there = true; look_at_liar(liar_done)
		fi
	}
	if
	:: is_attached -> settle_claim()
	:: else
	fi;
	recover();
	do
	/* It comes, when others go or its second name does. */
	:: !is_attached ->
		is_attached = true;
#ifdef FAULT_CLAIM_IS_NOT_TOLD
		read = done
#else
		settle_claim()
#endif
	:: is_attached && read < tail && batches < ROOM && IN_FLIGHT < 2 ->
		close_batch(1, 0)
	:: is_attached && read < tail && batches < ROOM && IN_FLIGHT < 2 && is_there &&
	   !is_broken && liar_done < LIES ->
		close_batch(1, 1)
	:: batches < ROOM && IN_FLIGHT < 2 && is_there && !is_broken && liar_done < LIES ->
		close_batch(0, 1)
	/* Writes come back in any order. */
	:: batches > 0 && !is_written[0] -> is_written[0] = true
	:: batches > 1 && !is_written[1] -> is_written[1] = true
	:: batches > 2 && !is_written[2] -> is_written[2] = true
	:: CAN_RELEASE -> release()
	/* Rotation, and the end. */
	:: batches > 0 && IN_FLIGHT == 0 ->
		if
		:: atomic { i = batches; seal() }
		OR_DIE
		fi
	:: kills < KILLS -> die()
	/* It ends in order, and what did not come waits for the next one. */
	:: atomic { !is_attached && batches == 0 && absences < ABSENCES -> forget(); goto life }
	:: is_attached && tail == ITEMS && done == ITEMS && batches == 0 -> break
	od;
	true;
	d_step {
		i = 0;
		do
		:: i < ITEMS -> assert(copies[i] == 1); i++
		:: else -> break
		od
	}
}

init {
	atomic {
		run Producer();
		run Writer()
	}
}
