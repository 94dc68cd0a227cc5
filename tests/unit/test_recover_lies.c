/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery with regions that say something else than the files: they lose what is their own, and
 * cost the others nothing.
 */
#include "tests/unit/recover_fixture.h"

/* The open file without its first batch, and nobody was released for anything. */
static void remove_first_batch(void)
{
	struct batch_scan scan;
	struct batch_head head;
	struct data_name name;
	uint8_t bytes[BATCH_BLOCK_BYTES];
	struct stat st;
	int fd;

	fd = open_file(&name);
	batch_scan_open(&scan, fd, UINT64_MAX);
	assert_int_equal(batch_scan_next(&scan, &head), 0);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = 0; at + (off_t)head.batch_bytes < st.st_size; at += sizeof(bytes)) {
		assert_int_equal(pread(fd, bytes, sizeof(bytes), at + (off_t)head.batch_bytes),
				 sizeof(bytes));
		assert_int_equal(pwrite(fd, bytes, sizeof(bytes), at), sizeof(bytes));
	}
	batch_scan_close(&scan);
	close(fd);
}

/* A writer never leaves that, so somebody lies: all regions together cannot outvote the file. */
static void what_is_in_the_file_counts_also_where_no_region_agrees(void **state)
{
	struct recover_report report;

	(void)state;
	remove_first_batch();
	restore_regions(0);
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, BATCHES - 1);
	assert_int_equal(states.pipe.regions.broken_count, REGION_COUNT);
}

static void set_back(struct region *region)
{
	struct ring_shared *shared = region->rings[OTLP_SIGNAL_TRACES].shared;

	shared->tail = shared->head = 0;
	memset(shared->done, 0, sizeof(shared->done));
}

static void set_back_halfway(struct region *region)
{
	struct ring_shared *shared = region->rings[OTLP_SIGNAL_TRACES].shared;

	shared->done[0].position = shared->done[1].position = shared->head = shared->head - 8;
}

static void hold_less_than_was_taken(struct region *region)
{
	struct ring_shared *shared = region->rings[OTLP_SIGNAL_TRACES].shared;

	set_back(region);
	shared->tail = 8;
}

static void hide_the_tail(struct region *region)
{
	set_back(region);
	region->rings[OTLP_SIGNAL_TRACES].shared->tail = ENTRY_ALIGN_BYTES / 2;
}

static void count_otherwise(struct region *region)
{
	struct ring_shared *shared = region->rings[OTLP_SIGNAL_TRACES].shared;
	const uint64_t tail = shared->tail;

	set_back(region);
	shared->tail = tail;
	shared->done[0].totals.written_items = shared->done[1].totals.written_items = 7;
}

static void be_of_another_time(struct region *region)
{
	region->header->start_unix_ns++;
}

/* The ring's last entry, and where the ring ends in the files without it. */
struct last_words {
	uint64_t to, items;
	struct batch_entry entry;
	unsigned count;
};

static void find_last_words(uint64_t id, struct last_words *ret)
{
	struct data_name *names;
	struct data_dir dir;
	size_t count;

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(data_dir_open(states.pipe.out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_ALL_KINDS, &names, &count), 0);
	for (size_t i = 0; i < count; i++) {
		int fd = openat(dir.fd, names[i].name, O_RDONLY | O_CLOEXEC);
		struct batch_scan scan;
		struct batch_head head;

		batch_scan_open(&scan, fd, UINT64_MAX);
		while (batch_scan_next(&scan, &head) == 0) {
			const struct batch_entry *entries = batch_entries(scan.bytes);

			for (uint32_t n = 0; n < head.entry_count; n++) {
				if (entries[n].region_id != id)
					continue;
				if (entries[n].flags & BATCH_ENTRY_FINAL) {
					ret->entry = entries[n];
					ret->count++;
					continue;
				}
				ret->to = entries[n].to;
				ret->items = entries[n].items_before + entries[n].written_items;
			}
		}
		batch_scan_close(&scan);
		close(fd);
	}
	free(names);
	data_dir_close(&dir);
}

/*
 * All batches were released, or some. Region 1 lies: it is broken, alone, and ends where the files
 * say that it ended; region 0 has everything once.
 */
static void a_region_that_lies_loses_its_own_and_nobody_elses(void **state)
{
	static void (*const lies[])(struct region *) = {
		set_back,      set_back_halfway, hold_less_than_was_taken,
		hide_the_tail, count_otherwise,	 be_of_another_time,
	};

	for (unsigned i = 0; i < COUNT_OF(lies) * (BATCHES + 1); i++) {
		const unsigned released = i % (BATCHES + 1);
		struct pipe *pipe = &states.pipe;
		static struct pipe_found found;
		struct recover_report report;
		struct last_words words;

		if (i > 0)
			make_states(state);
		restore_regions(released);
		/* Where nothing was released there is nothing to take back. */
		if (released > 0 || lies[i / (BATCHES + 1)] != set_back_halfway)
			lies[i / (BATCHES + 1)](&pipe->producers[1]);
		else
			be_of_another_time(&pipe->producers[1]);
		assert_int_equal(recover(&report), 0);
		assert_int_equal(report.batches, BATCHES);
		pipe_open_queue(pipe);
		pipe_settle(pipe);
		assert_int_equal(pipe->regions.broken_count, 1);
		pipe_close_queue(pipe);
		pipe_find(pipe, &found);
		for (uint32_t n = 0; n < PIPE_SPANS_MAX; n++)
			assert_int_equal(found.seen[0][n], n < pipe->pushed[0]);
		assert_int_equal(found.written, pipe->pushed[0] + BATCHES);
		find_last_words(pipe->producers[1].header->region_id, &words);
		if (pipe->regions.count == REGION_COUNT) { /* else: refused */
			assert_int_equal(words.count, 1);
			assert_int_equal(words.entry.flags, BATCH_ENTRY_FINAL | BATCH_ENTRY_BROKEN);
			assert_int_equal(words.entry.from, words.to);
			assert_int_equal(words.entry.to, words.to);
			assert_int_equal(words.entry.items_before, words.items);
		}
		if (i + 1 < COUNT_OF(lies) * (BATCHES + 1))
			drop_states(state);
	}
}

/* It is not broken where it says what any region could have said. */
static void a_region_that_claims_everything_as_done_takes_nothing_with_it(void **state)
{
	struct ring_shared *liar = states.pipe.producers[1].rings[OTLP_SIGNAL_TRACES].shared;
	struct recover_report report;
	static struct pipe_found found;

	(void)state;
	restore_regions(0);
	liar->done[0].position = liar->done[1].position = liar->head = liar->tail;
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, BATCHES);
	assert_int_equal(states.pipe.regions.broken_count, 0);
	pipe_open_queue(&states.pipe);
	pipe_settle(&states.pipe);
	pipe_find(&states.pipe, &found);
	for (uint32_t n = 0; n < PIPE_SPANS_MAX; n++)
		assert_int_equal(found.seen[0][n], n < states.pipe.pushed[0]);
	pipe_close_queue(&states.pipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define RECOVER_TEST(name) cmocka_unit_test_setup_teardown(name, make_states, drop_states)
		RECOVER_TEST(what_is_in_the_file_counts_also_where_no_region_agrees),
		RECOVER_TEST(a_region_that_lies_loses_its_own_and_nobody_elses),
		RECOVER_TEST(a_region_that_claims_everything_as_done_takes_nothing_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
