/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests' own ledger: what the library accepted, in a file that no crash of
 * a producer or of the writer touches.
 *
 * A slot is one thread of one producer and one signal. Its records carry the
 * numbers 1, 2, 3 …; the next number is pushed only after this one was accepted,
 * and its word is stored after the push has returned. So what must be on the
 * disk, each once, is 1 to n with word <= n <= word + 1: the one more is a
 * record whose thread was killed between the commit and the store.
 *
 * What a record looks like follows from slot and number, to the last byte, so
 * that a reader can tell a whole one from a damaged one.
 */
#ifndef OTLPIPE_TESTS_TORTURE_LEDGER_H
#define OTLPIPE_TESTS_TORTURE_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include <otlpipe/otlpipe.h>

#define LEDGER_SLOTS_MAX      16384u
#define LEDGER_TEXT_BYTES_MAX 16384u
/*
 * Slots from here on have records of up to a quarter of their ring, which is the most that a ring
 * takes: in groups of 8 slots, for rings of 4, 16 and 64 KiB in turn. All others stay below 2 KiB.
 */
#define LEDGER_QUARTER_SLOT 12288u
#define LEDGER_GROUP_SLOTS  8u

/** Slots with an even number push spans, the others data points and log records in turn. */
static inline enum otlp_signal ledger_signal_of(uint32_t slot)
{
	if ((slot & 1) == 0)
		return OTLP_SIGNAL_TRACES;
	return (slot & 2) == 0 ? OTLP_SIGNAL_METRICS : OTLP_SIGNAL_LOGS;
}

/** The ring that a slot of a quarter's records needs, at least. */
static inline uint64_t ledger_ring_bytes(uint32_t slot)
{
	return UINT64_C(4096) << 2 * (slot / LEDGER_GROUP_SLOTS % 3);
}

struct ledger {
	uint64_t *words; /* LEDGER_SLOTS_MAX of them */
};

/** Map the file; made where it does not exist. @return 0 or a negative errno */
int ledger_open(struct ledger *ret, const char *path);
void ledger_close(struct ledger *ledger);

/** The text of a record: its length and bytes. Slots differ in how long theirs may be. */
size_t ledger_text(uint32_t slot, uint64_t number, char ret[LEDGER_TEXT_BYTES_MAX]);

/** The first 8 bytes of every trace id; the slot follows. */
#define LEDGER_TRACE_MARK "torture!"

/**
 * Push a slot's record of this number. Async-signal-safe.
 *
 * @return what the library answered
 */
int ledger_push(struct otlp_library *library, uint32_t slot, uint64_t number);

/** Push it, and enter it if it was accepted. */
int ledger_push_next(struct ledger *ledger, struct otlp_library *library, uint32_t slot);

/** The same by a shape of the record's own: not from a signal handler, and not for data points. */
int ledger_push_next_shaped(struct ledger *ledger, struct otlp_library *library, uint32_t slot);

#endif
