/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a batch: its bytes, its padding, and that nothing of it can change unseen. */
#include "writer/file/batch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM_BYTES (4 * BATCH_BLOCK_BYTES)

static const struct batch_entry entry = {
	.region_id = 0x1122334455667788, .pid = 42, .from = 8, .to = 4096, .written_items = 7};

static uint8_t *make(size_t body_bytes, uint32_t entry_count, size_t *ret_bytes)
{
	const struct batch_head head = {.epoch = 0x0102030405060708,
					.sequence = 9,
					.closed_unix_ns = 10,
					.signal = OTLP_SIGNAL_METRICS,
					.entry_count = entry_count};
	uint8_t *batch = malloc(ROOM_BYTES);
	uint8_t *body = batch + batch_head_bytes(entry_count);

	assert_non_null(batch);
	memset(batch, 0xee, ROOM_BYTES);
	/* A body of whole fields: field 1, of bytes. */
	for (size_t at = 0; at < body_bytes;) {
		size_t len = body_bytes - at - 2 < 100 ? body_bytes - at - 2 : 100;

		/* One byte alone would be left, and is no field. */
		len -= body_bytes - at - 2 - len == 1;
		body[at] = 1 << 3 | 2;
		body[at + 1] = (uint8_t)len;
		memset(body + at + 2, 'b', len);
		at += 2 + len;
	}
	*ret_bytes = batch_seal(batch, head, &entry, body_bytes);
	return batch;
}

static uint64_t take_varint(const uint8_t *bytes, size_t len, size_t *at)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		assert_true(*at < len);
		byte = bytes[(*at)++];
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	fail();
	return 0;
}

/* Length-delimited fields from the first to the last byte, of the numbers that we know. */
static void walk(const uint8_t *bytes, size_t len, size_t body_bytes)
{
	size_t at = 0, body = 0;
	uint64_t last = 0;

	while (at < len) {
		size_t start = at;
		uint64_t tag = take_varint(bytes, len, &at);
		uint64_t count = take_varint(bytes, len, &at);

		assert_int_equal(tag & 7, 2);
		assert_true(count <= len - at);
		at += count;
		if (start == 0)
			assert_int_equal(tag >> 3, 1000);
		else
			assert_true((tag >> 3 == 1 && last != 1001) || tag >> 3 == 1001);
		if (tag >> 3 == 1)
			body += at - start;
		last = tag >> 3;
	}
	assert_int_equal(at, len);
	assert_int_equal(body, body_bytes);
}

static void the_head_has_these_bytes(void **state)
{
	static const uint8_t golden[] = {
		0xc2, 0x3e, 0xba, 0x81, 0x80, 0x00,		/* field 1000, 186 bytes */
		0x01, 0x00,					/* version */
		'O',  'L',  'P',  'I',	'P',  'E',  '1',  '\n', /* magic */
		0,    0,    0,	  0,	0,    0,    0,	  0,	/* checksum, below */
		0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* batch_bytes */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* epoch */
		0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* sequence */
		0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* closed_unix_ns */
		0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, /* signal, entry_count */
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* region_id */
		0x2a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* pid, ring, flags */
		0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* from */
		0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* to */
		0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* written_items */
	};
	size_t bytes;
	uint8_t *batch = make(10, 1, &bytes);

	(void)state;
	assert_int_equal(bytes, BATCH_BLOCK_BYTES);
	assert_memory_equal(batch, golden, 16);
	assert_memory_equal(batch + 24, golden + 24, sizeof(golden) - 24);
	free(batch);
}

static void every_size_of_body_is_padded_to_a_block(void **state)
{
	(void)state;
	for (size_t body = 2; body < BATCH_BLOCK_BYTES + 300; body++) {
		struct batch_head head;
		size_t bytes;
		uint8_t *batch = make(body, 1, &bytes);

		assert_int_equal(bytes, batch_total_bytes(1, body));
		assert_int_equal(bytes % BATCH_BLOCK_BYTES, 0);
		assert_true(bytes >= batch_head_bytes(1) + body);
		assert_true(bytes < batch_head_bytes(1) + body + BATCH_BLOCK_BYTES + 3);
		walk(batch, bytes, body);
		assert_int_equal(batch[bytes], 0xee);
		assert_int_equal(batch_parse_head(batch, bytes, &head), 0);
		assert_true(batch_verify(batch, &head));
		free(batch);
	}
}

static void a_batch_of_a_ledger_alone_is_one_block(void **state)
{
	size_t bytes;
	uint8_t *batch = make(0, 1, &bytes);

	(void)state;
	assert_int_equal(bytes, BATCH_BLOCK_BYTES);
	walk(batch, bytes, 0);
	free(batch);
}

static void a_change_of_any_byte_is_found(void **state)
{
	size_t bytes;
	uint8_t *batch = make(100, 1, &bytes);

	(void)state;
	for (size_t at = 0; at < bytes; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct batch_head head;

			batch[at] ^= (uint8_t)(1u << bit);
			assert_false(batch_parse_head(batch, bytes, &head) == 0 &&
				     head.batch_bytes <= bytes && batch_verify(batch, &head));
			batch[at] ^= (uint8_t)(1u << bit);
		}
	}
	free(batch);
}

static void a_head_that_lies_is_refused(void **state)
{
	struct batch_head head, good;
	size_t bytes;
	uint8_t *batch = make(100, 1, &bytes);

	(void)state;
	memcpy(&good, batch, sizeof(good));
	assert_int_equal(batch_parse_head(batch, sizeof(good) - 1, &head), -EAGAIN);
	assert_int_equal(batch_parse_head(batch, 0, &head), -EAGAIN);
	memset(batch, 0, 64);
	assert_int_equal(batch_parse_head(batch, 1, &head), -ENODATA);
#define LIES(field, value)                                                         \
	do {                                                                       \
		struct batch_head lie = good;                                      \
		lie.field = value;                                                 \
		memcpy(batch, &lie, sizeof(lie));                                  \
		assert_int_equal(batch_parse_head(batch, bytes, &head), -EBADMSG); \
	} while (0)
	LIES(magic, good.magic + 1);
	LIES(version, 2);
	LIES(signal, SIGNAL_COUNT);
	LIES(entry_count, 0);
	LIES(entry_count, 2);
	LIES(entry_count, BATCH_ENTRIES_MAX + 1);
	LIES(entry_count, UINT32_MAX);
	LIES(batch_bytes, 0);
	LIES(batch_bytes, 4097);
	LIES(batch_bytes, BATCH_BYTES_MAX + BATCH_BLOCK_BYTES);
	LIES(batch_bytes, UINT64_MAX - 4095);
	LIES(length[0], (uint8_t)(good.length[0] ^ 1));
	LIES(tag[0], 0x0a);
	free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_has_these_bytes),
		cmocka_unit_test(every_size_of_body_is_padded_to_a_block),
		cmocka_unit_test(a_batch_of_a_ledger_alone_is_one_block),
		cmocka_unit_test(a_change_of_any_byte_is_found),
		cmocka_unit_test(a_head_that_lies_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
