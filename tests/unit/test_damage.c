/* SPDX-License-Identifier: Apache-2.0 */
/* An open file that somebody removes while the writer writes to it, between any two of its turns.
 */
#include "tests/unit/pipe_fixture.h"

#include <string.h>

#include "base/log.h"

#define RING_BYTES (UINT64_C(64) << 10)
#define SPANS	   48u
#define SPAN_BYTES 2000u
#define STRIDE	   2u /* each of the three steps is met by it */
#define TURNS_MAX  1000u

enum way { WAY_REMOVE, WAY_CUT_RESERVED, WAY_MOVE };

/* The open file of the queue's signal, if there is one. */
static bool take_open_file(struct pipe *pipe, enum way way)
{
	struct data_name *names;
	struct data_dir dir;
	size_t count;
	int fd;

	assert_int_equal(data_dir_open(pipe->out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_OPEN, &names, &count), 0);
	assert_true(count <= 1);
	if (count == 1 && way == WAY_CUT_RESERVED) {
		/* Behind what is in it: nothing is missing but what was reserved. */
		fd = openat(dir.fd, names[0].name, O_WRONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, (off_t)pipe->file.destination.end_bytes), 0);
		close(fd);
	} else if (count == 1 && way == WAY_MOVE) {
		assert_int_equal(renameat(dir.fd, names[0].name, pipe->out.fd, "moved"), 0);
	} else if (count == 1) {
		assert_int_equal(unlinkat(dir.fd, names[0].name, 0), 0);
	}
	free(names);
	data_dir_close(&dir);
	return count == 1;
}

/* Spans that stand in a file, which is closed; none: it is not there. */
static uint64_t count_written(int fd)
{
	struct batch_head head;
	struct batch_scan scan;
	uint64_t written = 0;

	if (fd < 0)
		return 0;
	batch_scan_open(&scan, fd, UINT64_MAX);
	while (batch_scan_next(&scan, &head) == 0)
		for (uint32_t i = 0; i < head.entry_count; i++)
			written += batch_entries(scan.bytes)[i].written_items;
	batch_scan_close(&scan);
	close(fd);
	return written;
}

/* What was durable in a file that was moved away is where it is now, and nothing is in both. */
static void check_moved(struct pipe *pipe)
{
	uint64_t written = count_written(openat(pipe->out.fd, "moved", O_RDONLY | O_CLOEXEC));
	struct manifest_entry entry;
	struct data_name *names;
	size_t count;

	assert_int_equal(data_dir_list(&pipe->file.dir, DATA_ALL_KINDS, &names, &count), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(names[i].kind, DATA_SEALED);
		assert_true(manifest_find(pipe->manifest, "traces", names[i].sequence, &entry));
		written += count_written(
			openat(pipe->file.dir.fd, names[i].name, O_RDONLY | O_CLOEXEC));
	}
	free(names);
	assert_int_equal(written, SPANS);
}

/* One run, in which the file goes before turn `when`. @return false: there was no such turn */
static bool run_with(enum way way, enum destination_sync sync, unsigned when)
{
	static struct pipe pipe;
	bool is_done = false;
	unsigned turn, at = 0;

	pipe_open(&pipe, 1, RING_BYTES);
	pipe.options.sync = sync;
	pipe.files.rotate_bytes = 1 << 20;
	pipe_open_queue(&pipe);
	for (turn = 0; pipe.pushed[0] < SPANS || !queue_is_idle(&pipe.queue); turn++) {
		assert_true(turn < TURNS_MAX);
		if (turn >= when && !is_done) {
			is_done = take_open_file(&pipe, way);
			at = turn;
		}
		if (pipe.pushed[0] < SPANS)
			(void)pipe_push(&pipe, 0, SPAN_BYTES);
		/* Each of the steps has a turn of its own, so that it is met between all of them.
		 */
		switch (turn % 3) {
		case 0:
			pipe_drain(&pipe);
			(void)queue_close_batch(&pipe.queue, pipe.regions.sources);
			break;
		case 1:
			pipe_pump(&pipe);
			break;
		default:
			pipe_reap(&pipe);
			break;
		}
		pipe.now_ns += 20000000;
	}
	pipe_settle(&pipe);
	assert_int_equal(pipe.status.signals[OTLP_SIGNAL_TRACES].lost_items, 0);
	assert_int_equal(pipe.status.signals[OTLP_SIGNAL_TRACES].written_items, SPANS);
	if (way == WAY_MOVE)
		check_moved(&pipe);
	else
		pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
	return is_done && at == when;
}

static void nothing_is_lost_at_any_turn(enum way way)
{
	static const enum destination_sync syncs[] = {SYNC_BATCH, SYNC_INTERVAL, SYNC_NONE};
	unsigned descriptors = count_descriptors();

	for (unsigned i = 0; i < COUNT_OF(syncs); i++) {
		unsigned runs = 0;

		for (unsigned when = 0; when < SPANS; when += STRIDE)
			runs += run_with(way, syncs[i], when);
		assert_true(runs > SPANS / STRIDE / 2);
		log_end();
	}
	assert_int_equal(count_descriptors(), descriptors);
}

static void an_open_file_may_be_removed_at_any_turn(void **state)
{
	(void)state;
	nothing_is_lost_at_any_turn(WAY_REMOVE);
}

static void an_open_file_may_lose_what_is_reserved_at_any_turn(void **state)
{
	(void)state;
	nothing_is_lost_at_any_turn(WAY_CUT_RESERVED);
}

static void an_open_file_may_be_moved_away_at_any_turn(void **state)
{
	(void)state;
	nothing_is_lost_at_any_turn(WAY_MOVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_file_may_be_removed_at_any_turn),
		cmocka_unit_test(an_open_file_may_lose_what_is_reserved_at_any_turn),
		cmocka_unit_test(an_open_file_may_be_moved_away_at_any_turn),
	};

	/* Hundreds of files are synced, and nothing here asks what a sync is worth. */
	if (chdir("/dev/shm") < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
