/* SPDX-License-Identifier: Apache-2.0 */
/* Hopping through a file: the valid prefix and how it ends. */
#include "writer/file/batch_scan.h"

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

#define BATCHES 3u

struct file {
	struct scratch scratch;
	int fd;
	uint64_t ends[BATCHES];
};

static struct file file;

static int setup(void **state)
{
	static uint8_t batch[4 * BATCH_BLOCK_BYTES];
	uint64_t at = 0;

	(void)state;
	assert_int_equal(scratch_open(&file.scratch), 0);
	file.fd = openat(file.scratch.fd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(file.fd >= 0);
	for (uint32_t i = 0; i < BATCHES; i++) {
		struct batch_head head = {.epoch = 5, .sequence = i};
		size_t bytes;

		memset(batch, 'b', sizeof(batch));
		bytes = batch_seal(batch, head, NULL, i * BATCH_BLOCK_BYTES);
		assert_int_equal(pwrite(file.fd, batch, bytes, (off_t)at), (ssize_t)bytes);
		file.ends[i] = at += bytes;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(file.fd);
	return scratch_close(&file.scratch);
}

/* Scan, count the batches, and say how it ended. */
static int scan_all(uint64_t limit, unsigned *ret_count, uint64_t *ret_bytes)
{
	struct batch_scan scan;
	struct batch_head head;
	int rc;

	*ret_count = 0;
	batch_scan_open(&scan, file.fd, limit);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		assert_int_equal(head.sequence, *ret_count);
		(*ret_count)++;
	}
	*ret_bytes = scan.offset;
	batch_scan_close(&scan);
	return rc;
}

static void expect(uint64_t limit, int end, unsigned count)
{
	uint64_t bytes;
	unsigned found;

	assert_int_equal(scan_all(limit, &found, &bytes), end);
	assert_int_equal(found, count);
	assert_int_equal(bytes, count > 0 ? file.ends[count - 1] : 0);
}

static void all_batches_are_found_to_the_end(void **state)
{
	(void)state;
	expect(UINT64_MAX, -ENODATA, BATCHES);
}

static void zeros_are_the_end_of_what_was_written(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(file.fd, 1 << 20), 0);
	expect(UINT64_MAX, -ENODATA, BATCHES);
}

static void a_file_that_is_cut_anywhere_has_a_valid_prefix(void **state)
{
	(void)state;
	for (uint64_t cut = file.ends[2]; cut-- > 0;) {
		unsigned count = (cut >= file.ends[0]) + (cut >= file.ends[1]);
		bool at_end = cut == 0 || cut == file.ends[0] || cut == file.ends[1];

		if (cut % 97 != 0 && !at_end && cut % BATCH_BLOCK_BYTES > 70)
			continue;
		assert_int_equal(ftruncate(file.fd, (off_t)cut), 0);
		expect(UINT64_MAX, at_end ? -ENODATA : -EAGAIN, count);
	}
}

static void nothing_is_read_behind_the_limit(void **state)
{
	(void)state;
	expect(file.ends[1], -ENODATA, 2);
	expect(file.ends[1] - 1, -EAGAIN, 1);
	expect(0, -ENODATA, 0);
}

static void a_batch_that_was_changed_ends_the_prefix(void **state)
{
	(void)state;
	assert_int_equal(pwrite(file.fd, "x", 1, (off_t)file.ends[1] - 1), 1);
	expect(UINT64_MAX, -EBADMSG, 1);
}

static void a_descriptor_that_cannot_be_read_is_an_error(void **state)
{
	struct batch_scan scan;
	struct batch_head head;

	(void)state;
	batch_scan_open(&scan, file.scratch.fd, UINT64_MAX);
	assert_int_equal(batch_scan_next(&scan, &head), -EISDIR);
	batch_scan_close(&scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SCAN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		SCAN_TEST(all_batches_are_found_to_the_end),
		SCAN_TEST(zeros_are_the_end_of_what_was_written),
		SCAN_TEST(a_file_that_is_cut_anywhere_has_a_valid_prefix),
		SCAN_TEST(nothing_is_read_behind_the_limit),
		SCAN_TEST(a_batch_that_was_changed_ends_the_prefix),
		SCAN_TEST(a_descriptor_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
