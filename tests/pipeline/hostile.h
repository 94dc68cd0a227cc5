/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modes of hostile_producer share: a region of the liar's own, filled as everybody fills
 * one, and numbers that are wrong in an interesting way.
 */
#ifndef OTLPIPE_TESTS_PIPELINE_HOSTILE_H
#define OTLPIPE_TESTS_PIPELINE_HOSTILE_H

#include <stdint.h>

#include "core/record/signal.h"
#include "shm/region.h"
#include "shm/region_view.h"

#define HOSTILE_RING_BYTES  (16u << 10)
#define HOSTILE_LANES	    2u /* of each signal */
#define HOSTILE_PAYLOAD_MAX 900u
/* Of the control blocks of all rings. */
#define HOSTILE_POSITION_WORDS (SIGNAL_COUNT * HOSTILE_LANES * sizeof(struct ring_shared) / 8)

extern struct runtime_dir hostile_dir;

void hostile_seed(uint64_t seed);
uint64_t hostile_pick(uint64_t below);
void hostile_pause(void);
__attribute__((noreturn)) void hostile_die(const char *what);

/* The descriptor is one that others do not have: whoever may write a region may open it. */
struct prey {
	struct region region;
	char name[REGION_NAME_BYTES_MAX];
	int fd; /* negative: the region was put aside before it could be opened */
};

/** Made, with some records in it. */
void prey_open(struct prey *prey);
/** The lock goes, the file stays as it is. */
void prey_leave(struct prey *prey);
/** Any of its rings. */
struct ring *prey_ring(struct prey *prey);
/** A record that may be one, committed, given up or left as it is. */
void prey_push(struct prey *prey);
/** These bytes, committed, if there is room. */
void prey_push_bytes(struct prey *prey, enum otlp_signal signal, const uint8_t *bytes,
		     uint32_t count);
/** Somewhere: mostly where the positions are, else in the data, the table, the header. */
uint64_t *prey_word(struct prey *prey);
uint64_t hostile_lie(uint64_t truth);

/** The modes of hostile_memory.c and hostile_records.c. */
void hostile_scribble(uint64_t rounds);
void hostile_storm(uint64_t rounds);
void hostile_positions(uint64_t rounds);
void hostile_control(uint64_t rounds);
void hostile_records(uint64_t rounds);
void hostile_tables(uint64_t rounds);

#endif
