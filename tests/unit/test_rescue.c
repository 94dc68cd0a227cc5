/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sync fails for batches that the rings were released for, and the writer is killed before
 * they are safe in another file: at each turn of its loop, in the recovery after it, and again.
 * What can be read back is on the disk once, what cannot is reported as lost, to the item.
 */
#include "core/record/signal.h"
#include "tests/unit/pipe_fixture.h"

#include "writer/file/rescue.h"

#define RING_BYTES (UINT64_C(256) << 10)
#define BATCHES	   6u
#define SPAN_BYTES 2000u
#define TURNS_MAX  24u

static unsigned kills;

static bool is_kept(const struct pipe *pipe)
{
	return faccessat(pipe->dir.fd, "rescue-traces", F_OK, 0) == 0;
}

static void open_pipe(struct pipe *pipe, const struct fault_plan *plan, enum destination_sync sync)
{
	pipe_open(pipe, 2, RING_BYTES);
	pipe->options.sync = sync;
	pipe_open_queue(pipe);
	pipe->fault->plan = *plan;
}

/* Once around the writer's loop; in the first ones there is something to take. */
static void turn(struct pipe *pipe, unsigned number)
{
	if (number < BATCHES)
		for (unsigned region = 0; region < 2; region++)
			assert_true(pipe_push(pipe, region, SPAN_BYTES));
	pipe_reap(pipe);
	pipe_drain(pipe);
	(void)queue_close_batch(&pipe->queue, pipe->regions.sources);
	(void)queue_pump(&pipe->queue, pipe->now_ns);
	pipe->now_ns += 150000000;
}

/* The next writer; then each span once, but for those that are reported. @return how many are */
static uint64_t go_on_and_count(struct pipe *pipe)
{
	static struct pipe_found found;
	struct recover_report report;
	uint64_t missing = 0;

	pipe_recover(pipe, &report);
	assert_false(is_kept(pipe));
	pipe_open_queue(pipe);
	pipe_settle(pipe);
	pipe_find(pipe, &found);
	for (unsigned region = 0; region < 2; region++) {
		assert_int_equal(found.next[region][0],
				 pipe->producers[region].rings[OTLP_SIGNAL_TRACES].shared->tail);
		for (uint32_t i = 0; i < pipe->pushed[region]; i++) {
			assert_true(found.seen[region][i] <= 1);
			missing += found.seen[region][i] == 0;
		}
	}
	assert_int_equal(found.lost, missing);
	assert_int_equal(found.written + found.lost, pipe->pushed[0] + pipe->pushed[1]);
	pipe_close_queue(pipe);
	pipe_close(pipe);
	return missing;
}

/* Killed behind each turn. @return in how many states batches were kept aside */
static unsigned kill_at_each_turn(const struct fault_plan *plan, enum destination_sync sync,
				  uint64_t *ret_missing)
{
	static struct pipe pipe;
	unsigned kept = 0;

	*ret_missing = 0;
	for (unsigned last = 0; last < TURNS_MAX; last++) {
		open_pipe(&pipe, plan, sync);
		for (unsigned number = 0; number <= last; number++)
			turn(&pipe, number);
		kept += is_kept(&pipe);
		kills++;
		pipe_close_queue(&pipe);
		*ret_missing += go_on_and_count(&pipe);
	}
	return kept;
}

static void a_kill_after_a_failed_sync_loses_nothing_that_can_be_read(void **state)
{
	unsigned descriptors = count_descriptors();

	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		const struct fault_plan plan = {
			.what = FAULT_FSYNC, .first = first, .times = 1, .error = -EIO};
		uint64_t missing;

		assert_true(kill_at_each_turn(&plan, SYNC_INTERVAL, &missing) > 5);
		assert_int_equal(missing, 0);
	}
	assert_int_equal(count_descriptors(), descriptors);
}

static void a_second_failure_on_the_way_changes_nothing(void **state)
{
	const struct fault_plan plan = {.what = FAULT_FSYNC, .times = 3, .error = -EIO};
	uint64_t missing;

	(void)state;
	assert_true(kill_at_each_turn(&plan, SYNC_INTERVAL, &missing) > 5);
	assert_int_equal(missing, 0);
}

static void with_sync_batch_there_is_nothing_to_keep(void **state)
{
	const struct fault_plan plan = {
		.what = FAULT_FSYNC, .first = 1, .times = 2, .error = -EIO, .loses_pages = true};
	uint64_t missing;

	(void)state;
	assert_int_equal(kill_at_each_turn(&plan, SYNC_BATCH, &missing), 0);
	assert_int_equal(missing, 0);
}

/* Killed as soon as they are kept, and while the disk has lost what was not synced. */
static void what_is_lost_is_reported_also_by_the_next_writer(void **state)
{
	const struct fault_plan plan = {
		.what = FAULT_FSYNC, .times = 1, .error = -EIO, .loses_pages = true};
	static struct pipe pipe;
	unsigned number = 0;

	(void)state;
	open_pipe(&pipe, &plan, SYNC_INTERVAL);
	while (!is_kept(&pipe)) {
		assert_true(number < TURNS_MAX);
		turn(&pipe, number++);
	}
	pipe_close_queue(&pipe);
	assert_true(go_on_and_count(&pipe) >= 2);
}

/* The calls by which a recovery leaves something behind; after which it is killed. */
static const long calls[] = {SYS_pwrite64, SYS_fsync, SYS_ftruncate, SYS_renameat2, SYS_unlinkat};

struct killed_recovery {
	struct pipe *pipe;
	long call;
};

static int recover_and_die(void *context)
{
	const struct killed_recovery *killed = context;
	struct pipe *pipe = killed->pipe;
	struct recover_report report;

	regions_open(&pipe->regions, &pipe->dir);
	CHECK(regions_discover(&pipe->regions) == 0);
	if (refuse(killed->call, ANY_ARGUMENT, 0, 0) < 0)
		return CHILD_SKIP;
	CHECK(pipe_recover_output(pipe, &report) == 0);
	return 0;
}

static void a_recovery_of_kept_batches_that_is_killed_is_done_again(void **state)
{
	static struct pipe pipe;

	(void)state;
	for (unsigned n = 0; n < COUNT_OF(calls); n++) {
		for (unsigned loses = 0; loses < 2; loses++) {
			const struct fault_plan plan = {.what = FAULT_FSYNC,
							.times = 1,
							.error = -EIO,
							.loses_pages = loses != 0};
			struct killed_recovery killed = {&pipe, calls[n]};
			unsigned number = 0;
			int rc;

			open_pipe(&pipe, &plan, SYNC_INTERVAL);
			while (!is_kept(&pipe))
				turn(&pipe, number++);
			pipe_close_queue(&pipe);
			regions_close(&pipe.regions);
			regions_open(&pipe.regions, &pipe.dir);
			rc = run_in_child(recover_and_die, &killed);
			if (rc == CHILD_SKIP)
				skip();
			assert_int_equal(rc, KILLED);
			assert_int_equal(go_on_and_count(&pipe) > 0, loses);
		}
	}
}

/* Another runtime directory's writer comes to the same directory, recovers it, and writes a file.
 */
static void be_overtaken(struct pipe *pipe)
{
	char path[] = "/dev/shm/otlpipe-test-other-XXXXXX";
	const struct batch_head head = {.epoch = UINT64_MAX, .signal = OTLP_SIGNAL_TRACES};
	struct recover_report report;
	struct manifest *manifest;
	struct runtime_dir other;
	struct regions regions;
	struct data_file file;
	struct data_dir dir;
	uint8_t batch[BATCH_BLOCK_BYTES];

	assert_non_null(mkdtemp(path));
	assert_int_equal(runtime_open(&other, path, false), 0);
	regions_open(&regions, &other);
	regions.claims.runtime_id = 2;
	assert_int_equal(manifest_open(&manifest, pipe->out.fd), 0);
	assert_int_equal(recover_output(pipe->out.fd, manifest, &regions, &report), 0);
	regions_close(&regions);
	runtime_close(&other);
	assert_int_equal(rmdir(path), 0);

	assert_int_equal(data_dir_open(pipe->out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_attach(&dir, manifest), 0);
	dir.buffered = true;
	assert_int_equal(data_file_create(&dir, 0, 0, &file), 0);
	assert_int_equal(batch_seal(batch, head, NULL, 0), sizeof(batch));
	assert_int_equal(pwrite(file.fd, batch, sizeof(batch), 0), sizeof(batch));
	assert_int_equal(data_file_seal(&dir, &file, sizeof(batch)), 0);
	data_dir_close(&dir);
	manifest_close(manifest);
}

/* What of the kept batches is in a file already is found behind that writer's. */
static void a_writer_of_another_runtime_directory_in_between_doubles_nothing(void **state)
{
	const struct fault_plan plan = {.what = FAULT_FSYNC, .times = 1, .error = -EIO};
	static struct pipe pipe;
	unsigned kept = 0;

	(void)state;
	for (unsigned last = 0; last < TURNS_MAX; last++) {
		open_pipe(&pipe, &plan, SYNC_INTERVAL);
		for (unsigned number = 0; number <= last; number++)
			turn(&pipe, number);
		kept += is_kept(&pipe);
		pipe_close_queue(&pipe);
		be_overtaken(&pipe);
		assert_int_equal(go_on_and_count(&pipe), 0);
	}
	assert_true(kept > 5);
}

/* ---- a recovery whose own calls fail ---- */

enum failing { FAILS_NOT, FAILS_REALLOC, FAILS_PREAD, FAILS_OPENAT };

/* Armed: the call after so many more fails. */
static enum failing failing;
static unsigned fails_after;

static bool fails_now(enum failing call)
{
	if (failing != call || fails_after-- > 0)
		return false;
	failing = FAILS_NOT;
	return true;
}

void *__real_realloc(void *old, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
ssize_t __real_pread64(int fd, void *to, size_t bytes, off_t at);
ssize_t __wrap_pread64(int fd, void *to, size_t bytes, off_t at);
int __real_openat64(int dirfd, const char *path, int flags, ...);
int __wrap_openat64(int dirfd, const char *path, int flags, ...);

void *__wrap_realloc(void *old, size_t bytes)
{
	return fails_now(FAILS_REALLOC) ? NULL : __real_realloc(old, bytes);
}

ssize_t __wrap_pread64(int fd, void *to, size_t bytes, off_t at)
{
	if (fails_now(FAILS_PREAD)) {
		errno = EIO;
		return -1;
	}
	return __real_pread64(fd, to, bytes, at);
}

int __wrap_openat64(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list more;

	if (fails_now(FAILS_OPENAT)) {
		errno = EMFILE;
		return -1;
	}
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(more, flags);
		mode = va_arg(more, mode_t);
		va_end(more);
	}
	return __real_openat64(dirfd, path, flags, mode);
}

/* A writer is killed when batches are kept, and the recovery's Nth call of a kind fails. */
static void a_recovery_that_fails_keeps_what_was_rescued(void **state)
{
	static const struct {
		enum failing call;
		int error;
	} calls_that_fail[] = {
		{FAILS_REALLOC, -ENOMEM}, {FAILS_PREAD, -EIO}, {FAILS_OPENAT, -EMFILE}};
	static struct pipe pipe;

	(void)state;
	for (unsigned n = 0; n < COUNT_OF(calls_that_fail); n++) {
		unsigned failures = 0;
		bool fails = true;

		while (fails) {
			const struct fault_plan plan = {
				.what = FAULT_FSYNC, .times = 1, .error = -EIO};
			struct recover_report report;
			struct manifest *manifest;
			unsigned number = 0;
			uint64_t next;
			int rc;

			open_pipe(&pipe, &plan, SYNC_INTERVAL);
			while (!is_kept(&pipe))
				turn(&pipe, number++);
			pipe_close_queue(&pipe);
			regions_close(&pipe.regions);
			regions_open(&pipe.regions, &pipe.dir);
			assert_int_equal(regions_discover(&pipe.regions), 0);
			/* Beforehand: what fails there fails nothing. */
			assert_int_equal(manifest_open(&manifest, pipe.out.fd), 0);
			assert_int_equal(manifest_adopt(manifest, "metrics", NULL, 0, 1, &next), 0);
			assert_int_equal(manifest_adopt(manifest, "logs", NULL, 0, 1, &next), 0);
			fails_after = failures;
			failing = calls_that_fail[n].call;
			rc = recover_output(pipe.out.fd, manifest, &pipe.regions, &report);
			fails = failing == FAILS_NOT;
			failing = FAILS_NOT;
			manifest_close(manifest);
			assert_int_equal(rc, fails ? calls_that_fail[n].error : 0);
			failures += fails;
			assert_int_equal(go_on_and_count(&pipe), 0);
		}
		assert_true(failures > 2);
	}
}

/* One file with this name and anything behind it. */
static bool has_kept_aside(const struct pipe *pipe)
{
	DIR *stream = opendir(pipe->shm_path);
	struct dirent *entry;
	unsigned found = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL)
		found += strncmp(entry->d_name, "rescue-traces.", 14) == 0;
	closedir(stream);
	return found == 1;
}

static void what_is_behind_a_damaged_batch_is_kept_aside(void **state)
{
	const struct fault_plan plan = {.what = FAULT_FSYNC, .times = 1, .error = -EIO};
	static struct pipe_found found;
	static struct pipe pipe;
	struct recover_report report;
	struct batch_scan scan;
	struct batch_head head;
	unsigned number = 0;
	int fd;

	(void)state;
	open_pipe(&pipe, &plan, SYNC_INTERVAL);
	while (!is_kept(&pipe))
		turn(&pipe, number++);
	pipe_close_queue(&pipe);
	fd = openat(pipe.dir.fd, "rescue-traces", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	batch_scan_open(&scan, fd, UINT64_MAX);
	assert_int_equal(batch_scan_next(&scan, &head), 0);
	assert_int_equal(pwrite(fd, "torn", 4, (off_t)scan.offset + 1000), 4);
	batch_scan_close(&scan);
	close(fd);
	pipe_recover(&pipe, &report);
	assert_false(is_kept(&pipe));
	assert_true(has_kept_aside(&pipe));
	pipe_find(&pipe, &found);
	assert_int_equal(found.batches, 1);
	/* Once: the next one finds nothing to do. */
	pipe_recover(&pipe, &report);
	assert_int_equal(report.files, 0);
	assert_true(has_kept_aside(&pipe));
	pipe_close(&pipe);
}

static void a_file_that_no_writer_made_is_left_aside(void **state)
{
	const struct fault_plan none = {.times = 0};
	static struct pipe pipe;
	int fd;

	(void)state;
	open_pipe(&pipe, &none, SYNC_INTERVAL);
	assert_int_equal(symlinkat("/dev/null", pipe.dir.fd, "rescue-traces"), 0);
	assert_int_equal(rescue_find(&pipe.dir, OTLP_SIGNAL_TRACES), -EPERM);
	assert_int_equal(unlinkat(pipe.dir.fd, "rescue-traces", 0), 0);
	assert_int_equal(mkfifoat(pipe.dir.fd, "rescue-traces", 0600), 0);
	assert_int_equal(rescue_find(&pipe.dir, OTLP_SIGNAL_TRACES), -EPERM);
	assert_int_equal(unlinkat(pipe.dir.fd, "rescue-traces", 0), 0);
	fd = openat(pipe.dir.fd, "rescue-traces", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(rescue_find(&pipe.dir, OTLP_SIGNAL_TRACES), -EPERM);
	assert_int_equal(unlinkat(pipe.dir.fd, "rescue-traces", 0), 0);
	turn(&pipe, 0);
	pipe_close_queue(&pipe);
	assert_int_equal(go_on_and_count(&pipe), 0);
}

/* scripts/reliability.py finds it in the log of the tests. */
static void the_kills_are_counted(void **state)
{
	(void)state;
	assert_true(kills > 50);
	printf("# RELIABILITY {\"fault\":\"a sync fails, and the writer dies before what was "
	       "released is written again\",\"how\":\"a back end whose syncs fail; killed "
	       "behind each turn of its loop\",\"runs\":%u,\"lost\":0,\"test\":"
	       "\"rescue\"}\n",
	       kills);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_after_a_failed_sync_loses_nothing_that_can_be_read),
		cmocka_unit_test(a_second_failure_on_the_way_changes_nothing),
		cmocka_unit_test(with_sync_batch_there_is_nothing_to_keep),
		cmocka_unit_test(the_kills_are_counted),
		cmocka_unit_test(what_is_lost_is_reported_also_by_the_next_writer),
		cmocka_unit_test(a_recovery_of_kept_batches_that_is_killed_is_done_again),
		cmocka_unit_test(a_writer_of_another_runtime_directory_in_between_doubles_nothing),
		cmocka_unit_test(a_recovery_that_fails_keeps_what_was_rescued),
		cmocka_unit_test(what_is_behind_a_damaged_batch_is_kept_aside),
		cmocka_unit_test(a_file_that_no_writer_made_is_left_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
