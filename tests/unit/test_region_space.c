/* SPDX-License-Identifier: Apache-2.0 */
/* What is not reserved is not read: holes at the door, holes that come later, holes that may be. */
#include "tests/unit/ring_fixture.h"
#include "tests/unit/shm_fixture.h"

#define RING_BYTES   (UINT64_C(64) << 10)
#define RECORD_BYTES 9000u

static const struct region_options options = {
	.ring_bytes = {RING_BYTES, RING_BYTES_MIN},
	.program = "test",
};

static struct region region;
static struct region_view view;
static char name[REGION_NAME_BYTES_MAX];
static int fd; /* a descriptor that no producer has */

static int setup(void **state)
{
	shm_fixture_setup(state);
	assert_int_equal(region_create(&region, *state, &options), 0);
	find_region(name);
	fd = openat(shm_fixture_dir.fd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return 0;
}

static int teardown(void **state)
{
	region_detach(&view);
	region_close(&region);
	close(fd);
	return shm_fixture_teardown(state);
}

static uint64_t reserved_bytes(void)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* Pages of the ring of traces, from this offset in it. */
static void punch(uint64_t from, uint64_t bytes)
{
	const struct ring_desc *ring = &region.header->rings[0];

	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(ring->data_offset + from), (off_t)bytes),
			 0);
}

/* As a producer does that closes it: nothing was ever added to the table. */
static void close_and_give_back_table(void)
{
	region.header->producer_state = REGION_STATE_CLOSED;
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)region.header->table_offset, TABLE_BYTES),
			 0);
}

static void push(void)
{
	struct ring_claim claim = claim_or_fail(&region.rings[0], RECORD_BYTES);

	memset(claim.payload, 'x', RECORD_BYTES);
	ring_commit(&claim);
}

static void a_file_that_is_mostly_hole_is_no_region(void **state)
{
	uint64_t before;

	assert_int_equal(region_attach(&view, *state, name, true), 0);
	assert_int_equal(region_is_reserved(&view), 1);
	region_detach(&view);
	/* One page of it is enough: its owner has nothing to gain by giving it back. */
	punch(LAYOUT_PAGE_BYTES, LAYOUT_PAGE_BYTES);
	before = reserved_bytes();
	assert_int_equal(region_attach(&view, *state, name, true), -ENODATA);
	assert_int_equal(region_attach(&view, *state, name, false), -ENODATA);
	/* And all of it: what looked at it made nothing of it. */
	region.rings[0].shared->tail = RING_BYTES;
	assert_int_equal(ftruncate(fd, LAYOUT_PAGE_BYTES), 0);
	assert_int_equal(ftruncate(fd, (off_t)region.bytes), 0);
	assert_true(reserved_bytes() < before);
	assert_int_equal(region_attach(&view, *state, name, true), -ENODATA);
	assert_int_equal(reserved_bytes(), LAYOUT_PAGE_BYTES);
}

static void space_that_is_given_back_later_is_seen(void **state)
{
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	push();
	assert_int_equal(region_is_reserved(&view), 1);
	punch(RING_BYTES / 2, RING_BYTES / 2);
	assert_int_equal(region_is_reserved(&view), 0);
	/* It is not said to be closed, so nothing of it may be missing. */
	assert_false(region_is_closed(&view));
	assert_int_equal(fallocate(fd, 0, 0, (off_t)region.bytes), 0);
	assert_int_equal(region_is_reserved(&view), 1);
}

static void a_closed_region_needs_only_what_is_still_to_be_read(void **state)
{
	struct ring_done done = {0};
	struct ring_reader reader;

	push();
	push();
	push(); /* 27,024 bytes: up to the seventh page */
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	close_and_give_back_table();
	punch(7 * LAYOUT_PAGE_BYTES, RING_BYTES - 7 * LAYOUT_PAGE_BYTES);
	assert_int_equal(region_is_reserved(&view), 1);
	region_detach(&view);
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	/* Two of the pages with records: there is less than the records take. */
	punch(LAYOUT_PAGE_BYTES, 2 * LAYOUT_PAGE_BYTES);
	assert_int_equal(region_is_reserved(&view), 0);
	/* Those records have been taken meanwhile. */
	assert_int_equal(ring_reader_init(&reader, view.rings[0].shared, view.rings[0].data,
					  view.rings[0].bytes, true),
			 0);
	reader.read = done.position = 2 * entry_bytes(RECORD_BYTES);
	region.rings[0].shared->head = done.position;
	assert_int_equal(region_is_reserved(&view), 1);
}

/* It says that it is closed, and that all of a ring which is not there is to be read. What it holds
 * elsewhere without a need is all that it can make its reader hold. */
static void a_liar_that_says_it_is_closed_gains_nothing(void **state)
{
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	close_and_give_back_table();
	punch(0, RING_BYTES);
	assert_int_equal(region_is_reserved(&view), 1);
	region.rings[0].shared->tail = RING_BYTES;
	assert_int_equal(region_is_reserved(&view), 0);
	/* Positions that cannot be: then all of it would have to be there. */
	region.rings[0].shared->tail = UINT64_MAX;
	assert_int_equal(region_is_reserved(&view), 0);
	region.rings[0].shared->tail = 0;
	region.rings[0].shared->head = 8;
	assert_int_equal(region_is_reserved(&view), 0);
	region.rings[0].shared->head = 0;
	assert_int_equal(region_is_reserved(&view), 1);
}

static void a_closed_region_gives_back_what_it_did_not_use(void **state)
{
	const uint64_t control_bytes =
		region.header->table_offset; /* the header and the rings' controls */
	uint32_t reference;

	push();
	push();
	push(); /* 27,024 bytes: up to the seventh page */
	reference = region_table_add(&region, "resource", 8);
	assert_int_not_equal(reference, 0);
	assert_int_equal(reserved_bytes(), region.bytes);
	region_close(&region);
	assert_int_equal(reserved_bytes(), control_bytes + 8 * LAYOUT_PAGE_BYTES);
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	assert_int_equal(region_is_reserved(&view), 1);
	/* Whoever looks at all of it finds what was there, and zeros. */
	{
		struct ring_reader reader;
		struct ring_entry entry;
		const uint8_t *payload;
		uint32_t bytes;
		uint64_t tail;

		assert_int_equal(region_table_get(&view, reference, &payload, &bytes), 0);
		assert_memory_equal(payload, "resource", 8);
		assert_int_equal(ring_reader_init(&reader, view.rings[0].shared, view.rings[0].data,
						  view.rings[0].bytes, true),
				 0);
		assert_int_equal(ring_reader_tail(&reader, &tail), 0);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(ring_reader_peek(&reader, tail, true, &entry), 0);
			assert_int_equal(entry.kind, RING_ENTRY_RECORD);
			ring_reader_next(&reader, &entry);
		}
		assert_int_equal(reader.read, tail);
	}
}

static void a_file_that_is_cut_is_an_error_and_no_signal(void **state)
{
	static const off_t sizes[] = {0, 100, LAYOUT_PAGE_BYTES, LAYOUT_PAGE_BYTES + 8};

	static struct region_header header;

	header = *region.header;
	header.producer_state = REGION_STATE_CLOSED;
	for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
		assert_int_equal(fallocate(fd, 0, 0, (off_t)region.bytes), 0);
		assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
		assert_int_equal(region_attach(&view, *state, name, true), 0);
		assert_int_equal(ftruncate(fd, sizes[i]), 0);
		assert_true(region_is_reserved(&view) <= 0);
		assert_int_equal(ftruncate(fd, (off_t)region.bytes), 0);
		region_detach(&view);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SPACE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		SPACE_TEST(a_file_that_is_mostly_hole_is_no_region),
		SPACE_TEST(space_that_is_given_back_later_is_seen),
		SPACE_TEST(a_closed_region_needs_only_what_is_still_to_be_read),
		SPACE_TEST(a_liar_that_says_it_is_closed_gains_nothing),
		SPACE_TEST(a_closed_region_gives_back_what_it_did_not_use),
		SPACE_TEST(a_file_that_is_cut_is_an_error_and_no_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
