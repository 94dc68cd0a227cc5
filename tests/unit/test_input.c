/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP files as chunks: batches of ours, fields of others, files that are cut or still grow. */
#include "cli/input.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "writer/file/batch.h"

/* ResourceSpans { schema_url: "abc" } as a field of TracesData. */
static const uint8_t field[] = {0x0a, 0x05, 0x1a, 0x03, 'a', 'b', 'c'};
/* Field 3 as a varint, and field 4 with two bytes: unknown to OTLP here. */
static const uint8_t unknown[] = {0x18, 0x80, 0x01, 0x22, 0x02, 'x', 'y'};

/* A file without a name. */
static int file_make(void)
{
	int fd = memfd_create("test_input", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void put(int fd, const void *bytes, size_t count, uint64_t offset)
{
	assert_int_equal(pwrite(fd, bytes, count, (off_t)offset), count);
}

/* A batch with one field; the caller frees it. */
static uint8_t *batch_make(uint64_t sequence, size_t *ret_bytes)
{
	struct batch_head head = {.signal = OTLP_SIGNAL_METRICS, .sequence = sequence};
	uint8_t *batch = calloc(1, BATCH_BLOCK_BYTES);

	assert_non_null(batch);
	memcpy(batch + batch_head_bytes(0), field, sizeof(field));
	*ret_bytes = batch_seal(batch, head, NULL, sizeof(field));
	assert_int_equal(*ret_bytes, BATCH_BLOCK_BYTES);
	return batch;
}

static void fields_of_others_are_handed_out_one_by_one(void **state)
{
	struct input input;
	struct chunk chunk;
	int fd = file_make();

	(void)state;
	put(fd, field, sizeof(field), 0);
	put(fd, unknown, sizeof(unknown), 7);
	put(fd, field, sizeof(field), 14);
	input_open(&input, fd, false, UINT64_MAX);
	assert_int_equal(input_next(&input, &chunk), 1);
	assert_int_equal(chunk.offset, 0);
	assert_int_equal(input_next(&input, &chunk), 1);
	assert_int_equal(chunk.offset, 14);
	assert_int_equal(chunk.bytes, sizeof(field));
	assert_memory_equal(chunk.data, field, sizeof(field));
	assert_int_equal(input_next(&input, &chunk), 0);
	assert_false(input.is_ours);
	input_close(&input);
}

static void a_pipe_is_read_like_a_file(void **state)
{
	struct input input;
	struct chunk chunk;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], field, sizeof(field)), sizeof(field));
	assert_int_equal(write(fds[1], unknown, sizeof(unknown)), sizeof(unknown));
	assert_int_equal(write(fds[1], field, sizeof(field)), sizeof(field));
	close(fds[1]);
	input_open(&input, fds[0], false, UINT64_MAX);
	assert_int_equal(input_next(&input, &chunk), 1);
	assert_int_equal(input_next(&input, &chunk), 1);
	assert_int_equal(chunk.offset, 14);
	assert_int_equal(input_next(&input, &chunk), 0);
	input_close(&input);
}

static void a_file_that_is_cut_in_any_field_is_told_and_read_on_when_it_grows(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < sizeof(field); cut++) {
		struct input input;
		struct chunk chunk;
		int fd = file_make();

		put(fd, field, cut, 0);
		input_open(&input, fd, false, UINT64_MAX);
		assert_int_equal(input_next(&input, &chunk), -ENODATA);
		assert_int_equal(input.offset, 0);
		put(fd, field + cut, sizeof(field) - cut, cut);
		assert_int_equal(input_next(&input, &chunk), 1);
		assert_memory_equal(chunk.data, field, sizeof(field));
		input_close(&input);
	}
}

static void lengths_that_lie_are_refused(void **state)
{
	static const uint8_t huge[] = {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f};
	static const uint8_t beyond[] = {0x22, 0xff, 0xff, 0xff, 0xff, 0xff,
					 0xff, 0xff, 0xff, 0xff, 0x01};
	struct input input;
	struct chunk chunk;
	int fd = file_make();

	(void)state;
	put(fd, huge, sizeof(huge), 0);
	input_open(&input, fd, false, UINT64_MAX);
	assert_int_equal(input_next(&input, &chunk), -EFBIG);
	put(fd, beyond, sizeof(beyond), 0);
	assert_int_equal(input_next(&input, &chunk), -ENODATA);
	put(fd, "\x00", 1, 0);
	assert_int_equal(input_next(&input, &chunk), -EBADMSG);
	input_close(&input);
}

static void batches_are_handed_out_whole_with_their_signal(void **state)
{
	struct input input;
	struct chunk chunk;
	size_t bytes;
	uint8_t *batch = batch_make(0, &bytes);
	int fd = file_make();

	(void)state;
	put(fd, batch, bytes, 0);
	put(fd, batch, bytes, bytes);
	input_open(&input, fd, false, UINT64_MAX);
	for (uint64_t i = 0; i < 2; i++) {
		assert_int_equal(input_next(&input, &chunk), 1);
		assert_int_equal(chunk.bytes, bytes);
		assert_int_equal(chunk.offset, i * bytes);
		assert_memory_equal(chunk.data, batch, bytes);
	}
	assert_true(input.is_ours);
	assert_int_equal(input.signal, OTLP_SIGNAL_METRICS);
	assert_int_equal(input_next(&input, &chunk), 0);
	input_close(&input);
	free(batch);
}

static void in_an_open_file_a_torn_batch_waits_until_it_is_whole(void **state)
{
	struct input input;
	struct chunk chunk;
	size_t bytes;
	uint8_t *batch = batch_make(0, &bytes);
	int fd = file_make();

	(void)state;
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	input_open(&input, fd, true, UINT64_MAX);
	assert_int_equal(input_next(&input, &chunk), 0);
	put(fd, batch, 66, 0); /* the head, and little of the rest */
	assert_int_equal(input_next(&input, &chunk), -ENODATA);
	put(fd, batch, bytes, 0);
	assert_int_equal(input_next(&input, &chunk), 1);
	assert_memory_equal(chunk.data, batch, bytes);
	assert_int_equal(input_next(&input, &chunk), 0);
	/* The next one's tail comes before its head. */
	put(fd, batch + 64, bytes - 64, bytes + 64);
	assert_int_equal(input_next(&input, &chunk), 0);
	put(fd, batch, 64, bytes);
	assert_int_equal(input_next(&input, &chunk), 1);
	assert_int_equal(chunk.offset, bytes);
	input_close(&input);
	free(batch);
}

static void in_a_sealed_file_a_wrong_checksum_is_an_error_with_its_offset(void **state)
{
	struct input input;
	struct chunk chunk;
	size_t bytes;
	uint8_t *batch = batch_make(0, &bytes);
	int fd = file_make();

	(void)state;
	put(fd, batch, bytes, 0);
	batch[batch_head_bytes(0) + 5] ^= 1;
	put(fd, batch, bytes, bytes);
	input_open(&input, fd, false, UINT64_MAX);
	assert_int_equal(input_next(&input, &chunk), 1);
	assert_int_equal(input_next(&input, &chunk), -EUCLEAN);
	assert_int_equal(input.offset, bytes);
	input_close(&input);
	free(batch);
}

static void nothing_is_read_behind_the_limit(void **state)
{
	struct input input;
	struct chunk chunk;
	int fd = file_make();

	(void)state;
	put(fd, field, sizeof(field), 0);
	put(fd, field, sizeof(field), sizeof(field));
	input_open(&input, fd, false, sizeof(field));
	assert_int_equal(input_next(&input, &chunk), 1);
	assert_int_equal(input_next(&input, &chunk), 0);
	input_close(&input);
}

static void a_file_that_shrinks_while_it_is_read_is_cut_short(void **state)
{
	struct input input;
	struct chunk chunk;
	size_t bytes;
	uint8_t *batch = batch_make(0, &bytes);
	int fd = file_make();

	(void)state;
	put(fd, batch, bytes, 0);
	input_open(&input, fd, false, UINT64_MAX);
	assert_int_equal(input_next(&input, &chunk), 1);
	put(fd, batch, 100, bytes);
	assert_int_equal(input_next(&input, &chunk), -ENODATA);
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_int_equal(input_next(&input, &chunk), 0);
	input_close(&input);
	free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_others_are_handed_out_one_by_one),
		cmocka_unit_test(a_pipe_is_read_like_a_file),
		cmocka_unit_test(a_file_that_is_cut_in_any_field_is_told_and_read_on_when_it_grows),
		cmocka_unit_test(lengths_that_lie_are_refused),
		cmocka_unit_test(batches_are_handed_out_whole_with_their_signal),
		cmocka_unit_test(in_an_open_file_a_torn_batch_waits_until_it_is_whole),
		cmocka_unit_test(in_a_sealed_file_a_wrong_checksum_is_an_error_with_its_offset),
		cmocka_unit_test(nothing_is_read_behind_the_limit),
		cmocka_unit_test(a_file_that_shrinks_while_it_is_read_is_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
