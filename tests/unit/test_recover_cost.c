/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recovery costs: to find the region of an entry takes a number of looks that grows with the
 * logarithm of the regions. Counted, since a time says nothing on a machine that is shared.
 */
#include "tests/unit/pipe_fixture.h"

#include <search.h>

#define REGIONS 256u
#define LOG2	8u
#define BATCHES 8u

static uint64_t compares, finds;
static comparison_fn_t compare_really;

void *__real_tfind(const void *key, void *const *root, comparison_fn_t compare);
void *__wrap_tfind(const void *key, void *const *root, comparison_fn_t compare);

static int compare_counted(const void *a, const void *b)
{
	compares++;
	return compare_really(a, b);
}

void *__wrap_tfind(const void *key, void *const *root, comparison_fn_t compare)
{
	finds++;
	compare_really = compare;
	return __real_tfind(key, root, compare_counted);
}

static void make_regions(struct pipe *pipe, struct batch_entry *entries)
{
	const struct region_options options = {.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN},
					       .program = "test"};

	memset(entries, 0, REGIONS * sizeof(*entries));
	for (unsigned i = 0; i < REGIONS; i++) {
		struct region region;

		assert_int_equal(region_create(&region, &pipe->dir, &options), 0);
		entries[i].region_id = region.header->region_id;
		entries[i].pid = region.header->pid;
		entries[i].start_unix_ns = region.header->start_unix_ns;
		region_close(&region);
	}
}

static void make_file(struct pipe *pipe, const struct batch_entry *entries)
{
	const size_t bytes = batch_total_bytes(REGIONS, 0);
	uint8_t *batch = calloc(1, bytes);
	struct data_file file;
	struct data_dir dir;

	assert_non_null(batch);
	assert_int_equal(data_dir_open(pipe->out.fd, "traces", &dir), 0);
	dir.buffered = true;
	assert_int_equal(data_file_create(&dir, 0, 0, &file), 0);
	for (uint64_t i = 0; i < BATCHES; i++) {
		const struct batch_head head = {
			.epoch = 1, .sequence = i, .signal = 0, .entry_count = REGIONS};

		assert_int_equal(batch_seal(batch, head, entries, 0), bytes);
		assert_int_equal(pwrite(file.fd, batch, bytes, (off_t)(i * bytes)), bytes);
	}
	data_file_release(&file);
	data_dir_close(&dir);
	free(batch);
}

static void the_region_of_an_entry_is_found_in_a_few_looks(void **state)
{
	static struct batch_entry entries[REGIONS];
	struct recover_report report;
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 0, RING_BYTES_MIN);
	make_regions(&pipe, entries);
	make_file(&pipe, entries);
	assert_int_equal(regions_discover(&pipe.regions), 0);
	assert_int_equal(pipe.regions.count, REGIONS);
	compares = finds = 0;
	assert_int_equal(pipe_recover_output(&pipe, &report), 0);
	assert_int_equal(report.batches, BATCHES);
	assert_int_equal(pipe.regions.broken_count, 0);
	assert_true(finds >= REGIONS * BATCHES);
	/* The depth of a red-black tree is at most twice the logarithm. */
	assert_true(compares <= finds * (2 * LOG2 + 1));
	pipe_close(&pipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_region_of_an_entry_is_found_in_a_few_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
