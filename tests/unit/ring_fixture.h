/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring outside of any region, for the ring's tests: on one mapping, or on two
 * of the same memory as the two processes have them. Its positions can be set
 * anywhere. Each payload tells its producer, its sequence and its checksum.
 */
#ifndef OTLPIPE_TESTS_UNIT_RING_FIXTURE_H
#define OTLPIPE_TESTS_UNIT_RING_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "shm/ring.h"

/* What most tests take. */
#define RING_FIXTURE_BYTES UINT64_C(4096)
#define RING_BASES	   5u

/* Positions where one gets a new bit, and the ring's own wraps, in a ring of RING_FIXTURE_BYTES. */
extern const uint64_t ring_bases[RING_BASES];

struct ring_fixture {
	struct ring ring;
	struct ring_reader reader;
	/* The producers' mapping and the writer's; the same where there is only one. */
	struct ring_shared *shared, *reader_shared;
	uint8_t *data, *reader_data;
	uint64_t bytes;
	bool two;
};

/** One mapping is exact heap memory, so that ASan sees each byte beyond the data. */
void ring_fixture_map(struct ring_fixture *f, uint64_t bytes, bool two);

void ring_fixture_unmap(struct ring_fixture *f);

/** An empty ring whose next claim is at this position. */
void ring_fixture_at(struct ring_fixture *f, uint64_t position);

/* What each payload of 16 bytes or more begins with; shorter ones are a pattern alone. */
struct test_payload {
	uint32_t producer;
	uint32_t sequence;
	uint64_t checksum;
};

uint64_t payload_mix(uint64_t value);

uint64_t payload_checksum(uint32_t producer, uint32_t sequence, uint32_t bytes);

void payload_fill(uint8_t *payload, uint32_t bytes, uint32_t producer, uint32_t sequence);

bool payload_is(const uint8_t *payload, uint32_t bytes, uint32_t producer, uint32_t sequence);

/** The writer's side of the invariant: zero everywhere but in [head, tail). */
bool ring_is_zero_outside(const uint8_t *data, uint64_t bytes, uint64_t head, uint64_t tail);

void assert_zero_outside(const struct ring_fixture *f);

/** assert_true() is not known to end a test, so compilers fear for the claim. */
struct ring_claim claim_or_fail(struct ring *ring, uint32_t bytes);

struct ring_claim claim_one(struct ring_fixture *f, uint32_t bytes, uint32_t sequence);

void push_one(struct ring_fixture *f, uint32_t bytes, uint32_t sequence);

/** A producer dies behind its compare-and-swap and before its first store. */
void claim_and_store_nothing(struct ring_fixture *f, uint64_t bytes);

struct ring_entry peek_one(struct ring_fixture *f, bool dead);

/** The next entry is of this kind and takes these bytes; go behind it. */
void expect_kind(struct ring_fixture *f, bool dead, enum ring_entry_kind kind, uint64_t bytes);

void expect_record(struct ring_fixture *f, bool dead, uint32_t bytes, uint32_t sequence);

void release_all(struct ring_fixture *f);

/** For cmocka: a ring of RING_FIXTURE_BYTES on one mapping, or on two, as *state. */
int ring_fixture_setup_one(void **state);
int ring_fixture_setup_two(void **state);
int ring_fixture_teardown(void **state);

#endif
