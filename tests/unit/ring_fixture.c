/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ring_fixture.h"

const uint64_t ring_bases[RING_BASES] = {
	0,
	RING_FIXTURE_BYTES,
	UINT64_C(1) << 32,
	UINT64_C(1) << 63,
	(UINT64_C(1) << 63) + (UINT64_C(1) << 32),
};

static struct ring_fixture the_fixture;

void ring_fixture_map(struct ring_fixture *f, uint64_t bytes, bool two)
{
	f->bytes = bytes;
	f->two = two;
	if (!two) {
		f->shared = f->reader_shared = aligned_alloc(LAYOUT_LINE_BYTES, sizeof(*f->shared));
		f->data = f->reader_data = aligned_alloc(LAYOUT_PAGE_BYTES, bytes);
		assert_non_null(f->shared);
		assert_non_null(f->data);
	} else {
		int fd = memfd_create("ring", MFD_CLOEXEC);
		uint8_t *map[2];

		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, (off_t)(LAYOUT_PAGE_BYTES + bytes)), 0);
		for (int i = 0; i < 2; i++) {
			map[i] = mmap(NULL, LAYOUT_PAGE_BYTES + bytes, PROT_READ | PROT_WRITE,
				      MAP_SHARED, fd, 0);
			assert_true(map[i] != MAP_FAILED);
		}
		close(fd);
		f->shared = (struct ring_shared *)(void *)map[0];
		f->data = map[0] + LAYOUT_PAGE_BYTES;
		f->reader_shared = (struct ring_shared *)(void *)map[1];
		f->reader_data = map[1] + LAYOUT_PAGE_BYTES;
	}
}

void ring_fixture_unmap(struct ring_fixture *f)
{
	if (!f->two) {
		free(f->shared);
		free(f->data);
	} else {
		munmap(f->shared, LAYOUT_PAGE_BYTES + f->bytes);
		munmap(f->reader_shared, LAYOUT_PAGE_BYTES + f->bytes);
	}
}

void ring_fixture_at(struct ring_fixture *f, uint64_t position)
{
	memset(f->shared, 0, sizeof(*f->shared));
	memset(f->data, 0, f->bytes);
	f->shared->tail = f->shared->head = f->shared->done[0].position = position;
	ring_init(&f->ring, f->shared, f->data, f->bytes);
	assert_int_equal(
		ring_reader_init(&f->reader, f->reader_shared, f->reader_data, f->bytes, true), 0);
	assert_true(f->reader.read == position);
}

uint64_t payload_mix(uint64_t value)
{
	value = (value ^ value >> 33) * UINT64_C(0xff51afd7ed558ccd);
	return (value ^ value >> 33) | 1;
}

uint64_t payload_checksum(uint32_t producer, uint32_t sequence, uint32_t bytes)
{
	return payload_mix((uint64_t)producer << 48 ^ (uint64_t)sequence << 16 ^ bytes);
}

void payload_fill(uint8_t *payload, uint32_t bytes, uint32_t producer, uint32_t sequence)
{
	struct test_payload head = {producer, sequence,
				    payload_checksum(producer, sequence, bytes)};
	uint8_t pattern = (uint8_t)(head.checksum >> 8 | 1);

	memset(payload, pattern, bytes);
	if (bytes >= sizeof(head))
		memcpy(payload, &head, sizeof(head));
}

bool payload_is(const uint8_t *payload, uint32_t bytes, uint32_t producer, uint32_t sequence)
{
	struct test_payload head = {producer, sequence,
				    payload_checksum(producer, sequence, bytes)};
	uint8_t pattern = (uint8_t)(head.checksum >> 8 | 1);
	uint32_t i = 0;

	if (bytes >= sizeof(head)) {
		if (memcmp(payload, &head, sizeof(head)) != 0)
			return false;
		i = sizeof(head);
	}
	/* All the same byte: the first is right, and each is as the one before it. */
	return i == bytes ||
	       (payload[i] == pattern && memcmp(payload + i, payload + i + 1, bytes - i - 1) == 0);
}

bool ring_is_zero_outside(const uint8_t *data, uint64_t bytes, uint64_t head, uint64_t tail)
{
	for (uint64_t at = tail; at < head + bytes; at += ENTRY_ALIGN_BYTES) {
		uint64_t word;

		memcpy(&word, data + (at & (bytes - 1)), sizeof(word));
		if (word != 0)
			return false;
	}
	return true;
}

void assert_zero_outside(const struct ring_fixture *f)
{
	assert_true(ring_is_zero_outside(f->data, f->bytes, f->shared->head, f->shared->tail));
}

struct ring_claim claim_or_fail(struct ring *ring, uint32_t bytes)
{
	struct ring_claim claim;

	if (!ring_claim(ring, bytes, 1, &claim)) {
		fail_msg("no space for %u bytes", bytes);
		abort();
	}
	return claim;
}

struct ring_claim claim_one(struct ring_fixture *f, uint32_t bytes, uint32_t sequence)
{
	struct ring_claim claim = claim_or_fail(&f->ring, bytes);

	assert_true(claim.payload_bytes == bytes);
	for (uint32_t i = 0; i < bytes; i++)
		assert_true(claim.payload[i] == 0);
	payload_fill(claim.payload, bytes, 0, sequence);
	return claim;
}

void push_one(struct ring_fixture *f, uint32_t bytes, uint32_t sequence)
{
	struct ring_claim claim = claim_one(f, bytes, sequence);

	ring_commit(&claim);
}

void claim_and_store_nothing(struct ring_fixture *f, uint64_t bytes)
{
	f->shared->tail += bytes;
}

struct ring_entry peek_one(struct ring_fixture *f, bool dead)
{
	struct ring_entry entry;
	uint64_t tail;

	assert_int_equal(ring_reader_tail(&f->reader, &tail), 0);
	assert_int_equal(ring_reader_peek(&f->reader, tail, dead, &entry), 0);
	return entry;
}

void expect_kind(struct ring_fixture *f, bool dead, enum ring_entry_kind kind, uint64_t bytes)
{
	struct ring_entry entry = peek_one(f, dead);

	assert_int_equal(entry.kind, kind);
	assert_true(entry.bytes == bytes);
	ring_reader_next(&f->reader, &entry);
}

void expect_record(struct ring_fixture *f, bool dead, uint32_t bytes, uint32_t sequence)
{
	struct ring_entry entry = peek_one(f, dead);

	assert_int_equal(entry.kind, RING_ENTRY_RECORD);
	assert_int_equal(entry.payload_bytes, bytes);
	assert_true(payload_is(entry.payload, bytes, 0, sequence));
	ring_reader_next(&f->reader, &entry);
}

void release_all(struct ring_fixture *f)
{
	struct ring_done done = {.position = f->reader.read};

	ring_reader_release(&f->reader, &done);
	assert_true(f->shared->head == f->reader.read);
	assert_zero_outside(f);
}

int ring_fixture_setup_one(void **state)
{
	ring_fixture_map(&the_fixture, RING_FIXTURE_BYTES, false);
	*state = &the_fixture;
	return 0;
}

int ring_fixture_setup_two(void **state)
{
	ring_fixture_map(&the_fixture, RING_FIXTURE_BYTES, true);
	*state = &the_fixture;
	return 0;
}

int ring_fixture_teardown(void **state)
{
	ring_fixture_unmap(*state);
	return 0;
}
