/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of the flight recorder: what it lets go of at the very time and size that --keep has,
 * by a clock and a file system that the test sets, and what comes of a snapshot.
 */
#include "writer/flight.h"

#include <stdatomic.h>
#include <sys/statvfs.h>
#include <time.h>

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "writer/file/batch.h"
#include "writer/file/datafile.h"

#define SIGNAL	   OTLP_SIGNAL_TRACES
#define BLOCK	   ((uint64_t)BATCH_BLOCK_BYTES)
#define WALL_S	   INT64_C(1767225600)
#define KEEP_NS	   INT64_C(60000000000)
#define FREE_MANY  1000000u
#define FS_BLOCKS  1600u
#define FS_RESERVE (FS_BLOCKS / 16)

static _Atomic int64_t boot_ns;
static _Atomic uint64_t free_blocks;

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __real_fstatvfs64(int fd, struct statvfs *ret);
int __wrap_fstatvfs64(int fd, struct statvfs *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	const int64_t now_ns = boot_ns;

	if (clock != CLOCK_BOOTTIME)
		return __real_clock_gettime(clock, ret);
	ret->tv_sec = now_ns / 1000000000;
	ret->tv_nsec = now_ns % 1000000000;
	return 0;
}

int __wrap_fstatvfs64(int fd, struct statvfs *ret)
{
	const int rc = __real_fstatvfs64(fd, ret);

	ret->f_frsize = BLOCK;
	ret->f_blocks = FS_BLOCKS;
	ret->f_bavail = free_blocks;
	return rc;
}

static struct {
	struct scratch scratch;
	char path[64];
	struct outdir held, disk;
	struct data_dir dir; /* the main loop's */
	struct flight *flight;
	uint64_t next_batch;
} f;

static void wake(void)
{
}

static int setup(void **state)
{
	char held[64];

	(void)state;
	memset(&f, 0, sizeof(f));
	boot_ns = INT64_C(1000000000000);
	free_blocks = FREE_MANY;
	if (scratch_open(&f.scratch) < 0)
		return -1;
	snprintf(held, sizeof(held), "%s/held", f.scratch.path);
	snprintf(f.path, sizeof(f.path), "%s/disk", f.scratch.path);
	if (outdir_open(&f.held, held, true, 0) < 0 || outdir_open(&f.disk, f.path, true, 0) < 0 ||
	    data_dir_open(f.held.fd, signal_name(SIGNAL), &f.dir) < 0)
		return -1;
	f.dir.buffered = true;
	return data_dir_attach(&f.dir, f.held.manifest);
}

static int teardown(void **state)
{
	(void)state;
	flight_close(f.flight);
	data_dir_close(&f.dir);
	outdir_close(&f.held);
	outdir_close(&f.disk);
	return scratch_close(&f.scratch);
}

static void begin(int64_t keep_ns, uint64_t keep_bytes)
{
	const struct flight_plan plan = {
		.keep_ns = keep_ns, .keep_bytes = keep_bytes, .rotate_bytes = BLOCK};

	assert_int_equal(flight_open(&f.flight, &plan, &f.held, &f.disk, f.path, wake), 0);
}

/* A sealed file of a block, with one item. */
static struct data_name hold(void)
{
	static uint8_t batch[BATCH_BLOCK_BYTES];
	const struct batch_head head = {
		.epoch = 5, .sequence = f.next_batch, .signal = SIGNAL, .entry_count = 1};
	const struct batch_entry entry = {.region_id = 7,
					  .ring = SIGNAL,
					  .from = f.next_batch * 8,
					  .to = f.next_batch * 8 + 8,
					  .items_before = f.next_batch,
					  .written_items = 1};
	struct data_file file;

	f.next_batch++;
	assert_int_equal(data_file_create(&f.dir, BLOCK, WALL_S, &file), 0);
	assert_int_equal(batch_seal(batch, head, &entry, 0), BLOCK);
	assert_int_equal(pwrite(file.fd, batch, sizeof(batch), 0), sizeof(batch));
	assert_int_equal(data_file_seal(&f.dir, &file, BLOCK), 0);
	return file.name;
}

static struct status_snapshot snapshot(uint64_t up_to)
{
	const uint64_t numbers[SIGNAL_COUNT] = {[SIGNAL] = up_to};
	const struct timespec pause = {.tv_nsec = 1000000};
	struct status_snapshot result;

	flight_snapshot(f.flight, numbers);
	while (!flight_take_result(f.flight, &result))
		nanosleep(&pause, NULL);
	return result;
}

/* A look of the thread, as there is one behind each snapshot: this one moves no held file. */
static void look(uint64_t held_files, uint64_t let_go_files)
{
	static struct status_page page;

	assert_int_equal(snapshot(0).items[SIGNAL], 0);
	flight_show(f.flight, &page);
	assert_int_equal(page.flight.held_files, held_files);
	assert_int_equal(page.flight.held_bytes, held_files * BLOCK);
	assert_int_equal(page.flight.let_go_files, let_go_files);
	assert_int_equal(page.flight.let_go_items[SIGNAL], let_go_files);
}

static void a_file_is_held_for_exactly_the_time(void **state)
{
	(void)state;
	begin(KEEP_NS, 100 * BLOCK);
	(void)hold();
	look(1, 0);
	boot_ns += 1;
	(void)hold();
	look(2, 0);
	boot_ns += KEEP_NS - 1;
	look(2, 0);
	boot_ns += 1;
	look(1, 1);
	boot_ns += 1;
	look(0, 2);
}

static void without_a_time_a_file_is_held_for_ever(void **state)
{
	(void)state;
	begin(0, 100 * BLOCK);
	(void)hold();
	look(1, 0);
	boot_ns += 1000 * KEEP_NS;
	look(1, 0);
}

static void as_much_is_held_as_fits_to_the_byte(void **state)
{
	(void)state;
	/* Each signal may have a file of a block open. */
	begin(0, (SIGNAL_COUNT + 2) * BLOCK);
	(void)hold();
	(void)hold();
	look(2, 0);
	(void)hold();
	look(2, 1);
	flight_close(f.flight);
	begin(0, (SIGNAL_COUNT + 2) * BLOCK - 1);
	look(1, 1);
}

static void what_programs_need_of_the_file_system_is_left_to_them(void **state)
{
	(void)state;
	begin(0, 100 * BLOCK);
	(void)hold();
	free_blocks = FS_RESERVE;
	look(1, 0);
	free_blocks = FS_RESERVE - 1;
	look(0, 1);
}

static void a_snapshot_has_the_files_up_to_its_number_and_the_account(void **state)
{
	struct status_snapshot result;
	struct data_name second;

	(void)state;
	begin(KEEP_NS, 100 * BLOCK);
	(void)hold();
	look(1, 0);
	boot_ns += KEEP_NS + 1;
	look(0, 1);
	second = hold();
	(void)hold();
	result = snapshot(second.sequence);
	assert_int_equal(result.error, 0);
	assert_int_equal(result.files, 2);
	assert_int_equal(result.items[SIGNAL], 1);
	assert_int_equal(result.let_go_items[SIGNAL], 1);
	look(1, 1);
}

static void a_snapshot_without_its_directory_fails_and_holds_on(void **state)
{
	struct status_snapshot result;
	struct data_name name;

	(void)state;
	begin(0, 100 * BLOCK);
	name = hold();
	assert_int_equal(renameat(f.scratch.fd, "disk", f.scratch.fd, "away"), 0);
	result = snapshot(name.sequence);
	assert_int_equal(result.error, ESTALE);
	assert_non_null(strstr(result.problem, "the output directory is gone"));
	assert_int_equal(renameat(f.scratch.fd, "away", f.scratch.fd, "disk"), 0);
	result = snapshot(name.sequence);
	assert_int_equal(result.error, 0);
	assert_int_equal(result.items[SIGNAL], 1);
}

static void a_snapshot_says_once_what_others_have_removed(void **state)
{
	struct status_snapshot result;
	struct data_name first, second;

	(void)state;
	begin(0, 100 * BLOCK);
	first = hold();
	second = hold();
	assert_int_equal(unlinkat(f.dir.fd, first.name, 0), 0);
	result = snapshot(second.sequence);
	assert_int_equal(result.error, ENOENT);
	assert_non_null(strstr(result.problem, "somebody has removed: 1;"));
	assert_int_equal(result.items[SIGNAL], 1);
	assert_int_equal(snapshot(second.sequence).error, 0);
}

static void the_plan_has_files_of_a_sixteenth_within_limits(void **state)
{
	struct options options = {.batch_bytes = UINT64_C(1) << 40};
	struct flight_plan plan;

	(void)state;
	options.keep_bytes = UINT64_C(256) << 20;
	options.keep_ns = KEEP_NS;
	flight_plan(&plan, &options, f.held.fd);
	assert_int_equal(plan.keep_bytes, options.keep_bytes);
	assert_int_equal(plan.rotate_bytes, UINT64_C(16) << 20);
	assert_int_equal(plan.batch_bytes, UINT64_C(16) << 20);
	assert_int_equal(plan.rotate_age_ns, KEEP_NS / 16);
	options.keep_bytes = UINT64_C(1) << 20;
	options.keep_ns = INT64_C(1000000000);
	flight_plan(&plan, &options, f.held.fd);
	assert_int_equal(plan.rotate_bytes, UINT64_C(64) << 10);
	assert_int_equal(plan.rotate_age_ns, 100000000);
	options.keep_bytes = UINT64_C(1) << 40;
	options.keep_ns = 0;
	flight_plan(&plan, &options, f.held.fd);
	assert_int_equal(plan.rotate_bytes, UINT64_C(64) << 20);
	assert_int_equal(plan.rotate_age_ns, 0);
	/* A time alone: a quarter of the file system. */
	options.keep_bytes = 0;
	flight_plan(&plan, &options, f.held.fd);
	assert_int_equal(plan.keep_bytes, FS_BLOCKS / 4 * BLOCK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_held_for_exactly_the_time),
		TEST(without_a_time_a_file_is_held_for_ever),
		TEST(as_much_is_held_as_fits_to_the_byte),
		TEST(what_programs_need_of_the_file_system_is_left_to_them),
		TEST(a_snapshot_has_the_files_up_to_its_number_and_the_account),
		TEST(a_snapshot_without_its_directory_fails_and_holds_on),
		TEST(a_snapshot_says_once_what_others_have_removed),
		TEST(the_plan_has_files_of_a_sixteenth_within_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
