/* SPDX-License-Identifier: Apache-2.0 */
/* A liar's region, and its lies. */
#include "core/record/signal.h"
#include "tests/pipeline/hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAUSE_MAX_US 3000u

struct runtime_dir hostile_dir;
static uint64_t seed;

void hostile_seed(uint64_t number)
{
	seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

uint64_t hostile_pick(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

void hostile_pause(void)
{
	usleep((useconds_t)hostile_pick(PAUSE_MAX_US));
}

void hostile_die(const char *what)
{
	fprintf(stderr, "hostile_producer: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Any lane of any signal. */
struct ring *prey_ring(struct prey *prey)
{
	const unsigned signal = (unsigned)hostile_pick(SIGNAL_COUNT);

	return &prey->region.rings[ring_number(signal, (unsigned)hostile_pick(HOSTILE_LANES))];
}

/* A span's head that is right, and behind it whatever comes. */
void prey_push(struct prey *prey)
{
	static const uint8_t head[72] = {[0] = 1, [1] = 2, [4] = 1, [24] = 1, [40] = 1};
	struct ring *const ring = prey_ring(prey);
	uint8_t payload[HOSTILE_PAYLOAD_MAX];
	uint32_t bytes = 1 + (uint32_t)hostile_pick(HOSTILE_PAYLOAD_MAX);
	struct ring_claim claim;
	uint32_t i;

	for (i = 0; i < bytes; i++)
		payload[i] = (uint8_t)hostile_pick(hostile_pick(4) == 0 ? 256 : 3);
	if (hostile_pick(4) != 0)
		memcpy(payload, head, bytes < sizeof(head) ? bytes : sizeof(head));
	if (!ring_claim(ring, bytes, 1, &claim))
		return;
	memcpy(claim.payload, payload, bytes);
	if (hostile_pick(16) == 0)
		ring_abort(ring, &claim);
	else if (hostile_pick(16) != 0)
		ring_commit(&claim);
}

void prey_push_bytes(struct prey *prey, enum otlp_signal signal, const uint8_t *bytes,
		     uint32_t count)
{
	struct ring *const ring = &prey->region.rings[signal];
	struct ring_claim claim;

	if (count == 0 || count > ring->payload_bytes_max || !ring_claim(ring, count, 1, &claim))
		return;
	memcpy(claim.payload, bytes, count);
	ring_commit(&claim);
}

void prey_open(struct prey *prey)
{
	struct region_options options = {.program = "hostile \033[31m\n"};
	unsigned i, lane;
	int rc;

	for (i = 0; i < SIGNAL_COUNT; i++)
		for (lane = 0; lane < HOSTILE_LANES; lane++)
			options.ring_bytes[ring_number(i, lane)] = HOSTILE_RING_BYTES;
	rc = region_create(&prey->region, &hostile_dir, &options);
	if (rc < 0) {
		errno = -rc;
		hostile_die("a region");
	}
	snprintf(prey->name, sizeof(prey->name), "%u-%016llx.region", prey->region.header->pid,
		 (unsigned long long)prey->region.header->region_id);
	prey->fd = openat(hostile_dir.fd, prey->name, O_RDWR | O_CLOEXEC);
	/* Put aside already: what we fill is as broken as it gets. */
	if (prey->fd < 0 && errno != ENOENT)
		hostile_die(prey->name);
	for (i = 0; i < 20; i++)
		prey_push(prey);
}

/* The lock goes, the file stays as it is. */
void prey_leave(struct prey *prey)
{
	if (prey->region.header != NULL) {
		munmap(prey->region.header, prey->region.bytes);
		munmap(prey->region.rings, REGION_RINGS_MAX * sizeof(*prey->region.rings));
	}
	prey->region.header = NULL;
	if (prey->fd >= 0)
		close(prey->fd);
}

/* A number that is wrong in an interesting way. */
uint64_t hostile_lie(uint64_t truth)
{
	switch (hostile_pick(9)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - hostile_pick(64);
	case 2:
		return truth + (hostile_pick(64) - 32) * 8;
	case 3:
		return truth + hostile_pick(64) - 32;
	case 4:
		return truth + HOSTILE_RING_BYTES * hostile_pick(4);
	case 5:
		return UINT64_C(1) << hostile_pick(64);
	case 6:
		return entry_word(ENTRY_CLAIMED + (uint32_t)hostile_pick(4),
				  (uint32_t)hostile_pick(2 * HOSTILE_RING_BYTES));
	case 7:
		return entry_word(ENTRY_COMMITTED, (uint32_t)hostile_pick(HOSTILE_PAYLOAD_MAX));
	default:
		return hostile_pick(UINT64_MAX);
	}
}

static uint64_t *word_at(struct prey *prey, uint64_t offset)
{
	return (uint64_t *)(void *)((uint8_t *)prey->region.header + offset / 8 * 8);
}

/* Somewhere: mostly where the positions are, else in the data, the table, the header. */
uint64_t *prey_word(struct prey *prey)
{
	const struct region_header *header = prey->region.header;

	switch (hostile_pick(5)) {
	case 0:
		return word_at(prey, LAYOUT_PAGE_BYTES +
					     hostile_pick((uint64_t)SIGNAL_COUNT * HOSTILE_LANES) *
						     sizeof(struct ring_shared) +
					     hostile_pick(416));
	case 3:
		return word_at(prey, offsetof(struct region_header, rings_used));
	case 1:
		return word_at(prey, header->rings[0].data_offset % prey->region.bytes);
	case 2:
		return word_at(prey, LAYOUT_PAGE_BYTES +
					     hostile_pick(prey->region.bytes - LAYOUT_PAGE_BYTES));
	default:
		return word_at(prey, hostile_pick(prey->region.bytes));
	}
}
