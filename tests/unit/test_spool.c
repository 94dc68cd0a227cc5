/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool of a flight recorder on a real disk: also when any step of a move fails, or the process
 * is killed before it, and when somebody has damaged or removed what is held.
 */
#include "writer/file/spool.h"

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "writer/file/batch_scan.h"
#include "writer/file/datafile.h"

#define SIGNAL	    OTLP_SIGNAL_LOGS
#define BATCH_ITEMS 10u
#define CALLS_MAX   200u

/* The call with this number is refused, or the process is killed there. */
static struct {
	unsigned number; /* 0: none */
	unsigned calls;
	int error; /* 0: killed before it */
} orders;

static bool is_refused(void)
{
	if (orders.number == 0 || ++orders.calls != orders.number)
		return false;
	if (orders.error == 0)
		_exit(9);
	errno = orders.error;
	return true;
}

int __real_fallocate64(int fd, int mode, off_t offset, off_t bytes);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t bytes);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_unlinkat(int dirfd, const char *name, int flags);
int __wrap_unlinkat(int dirfd, const char *name, int flags);

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t bytes)
{
	return is_refused() ? -1 : __real_fallocate64(fd, mode, offset, bytes);
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
	return is_refused() ? -1 : __real_pwrite64(fd, bytes, count, offset);
}

int __wrap_fsync(int fd)
{
	return is_refused() ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return is_refused() ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return is_refused() ? -1 : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_unlinkat(int dirfd, const char *name, int flags)
{
	return is_refused() ? -1 : __real_unlinkat(dirfd, name, flags);
}

/* ---- a spool and an output directory ---- */

static struct {
	struct scratch scratch;
	int held_fd, disk_fd;
	struct manifest *held_manifest, *disk_manifest;
	struct data_dir dir; /* the main loop's, of what is held */
	struct spool spool;
	uint64_t next_batch;
} f;

static int open_below(const char *name)
{
	(void)mkdirat(f.scratch.fd, name, 0700);
	return openat(f.scratch.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_manifests(void)
{
	f.held_fd = open_below("held");
	f.disk_fd = open_below("disk");
	if (f.held_fd < 0 || f.disk_fd < 0 || manifest_open(&f.held_manifest, f.held_fd) < 0)
		return -1;
	return manifest_open(&f.disk_manifest, f.disk_fd);
}

static void close_manifests(void)
{
	manifest_close(f.held_manifest);
	manifest_close(f.disk_manifest);
	close(f.held_fd);
	close(f.disk_fd);
}

static int reopen(void)
{
	return spool_open(&f.spool, f.held_fd, f.held_manifest, f.disk_fd, f.disk_manifest);
}

static int setup(void **state)
{
	(void)state;
	memset(&orders, 0, sizeof(orders));
	memset(&f, 0, sizeof(f));
	if (scratch_open(&f.scratch) < 0 || open_manifests() < 0 ||
	    data_dir_open(f.held_fd, signal_name(SIGNAL), &f.dir) < 0)
		return -1;
	f.dir.buffered = true;
	return data_dir_attach(&f.dir, f.held_manifest);
}

static int teardown(void **state)
{
	(void)state;
	orders.number = 0;
	spool_close(&f.spool);
	data_dir_close(&f.dir);
	close_manifests();
	return scratch_close(&f.scratch);
}

static void write_batch(int fd, off_t at)
{
	static uint8_t batch[BATCH_BLOCK_BYTES];
	const uint64_t from = f.next_batch * BATCH_ITEMS * 8;
	const struct batch_head head = {.epoch = 5,
					.sequence = f.next_batch,
					.closed_unix_ns = 1000 + f.next_batch,
					.signal = SIGNAL,
					.entry_count = 1};
	const struct batch_entry entry = {.region_id = 7,
					  .ring = SIGNAL,
					  .pid = 3,
					  .from = from,
					  .to = from + BATCH_ITEMS * 8,
					  .items_before = from / 8,
					  .written_items = BATCH_ITEMS};

	assert_int_equal(batch_seal(batch, head, &entry, 0), BATCH_BLOCK_BYTES);
	assert_int_equal(__real_pwrite64(fd, batch, sizeof(batch), at), sizeof(batch));
	f.next_batch++;
}

/* A sealed file with so many batches, as the main loop makes it. */
static struct data_name hold(unsigned batches)
{
	struct data_file file;
	unsigned i;

	assert_int_equal(data_file_create(&f.dir, DATA_BLOCK_BYTES, 1767225600, &file), 0);
	for (i = 0; i < batches; i++)
		write_batch(file.fd, (off_t)i * BATCH_BLOCK_BYTES);
	assert_int_equal(data_file_seal(&f.dir, &file, (uint64_t)batches * BATCH_BLOCK_BYTES), 0);
	file.name.bytes = (uint64_t)batches * BATCH_BLOCK_BYTES;
	return file.name;
}

static size_t count_held(void)
{
	struct data_name *names;
	size_t count;

	assert_int_equal(spool_list(&f.spool, SIGNAL, &names, &count), 0);
	free(names);
	return count;
}

/* Each batch of the disk is there once; what they have is added up. */
static struct spool_counts look_at_disk(void)
{
	const struct data_dir *disk = &f.spool.signals[SIGNAL].disk;
	struct spool_counts counts = {0};
	uint64_t expected = 0;
	struct data_name *names;
	size_t count, i;

	assert_int_equal(data_dir_list(disk, DATA_ALL_KINDS, &names, &count), 0);
	for (i = 0; i < count; i++) {
		int fd = openat(disk->fd, names[i].name, O_RDONLY | O_CLOEXEC), rc;
		struct batch_scan scan;
		struct batch_head head;

		assert_true(fd >= 0);
		assert_int_equal(names[i].kind, DATA_SEALED);
		batch_scan_open(&scan, fd, UINT64_MAX);
		while ((rc = batch_scan_next(&scan, &head)) == 0) {
			const struct batch_entry *entry = batch_entries(scan.bytes);

			assert_int_equal(entry->from, expected);
			expected = entry->to;
			counts.items[SIGNAL] += entry->written_items;
			counts.let_go_items[SIGNAL] += entry->let_go_items;
		}
		assert_int_equal(rc, -ENODATA);
		batch_scan_close(&scan);
		close(fd);
		counts.files++;
	}
	free(names);
	return counts;
}

static void flip(const struct data_name *name, off_t at)
{
	int fd = openat(f.dir.fd, name->name, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(__real_pwrite64(fd, &byte, 1, at), 1);
	close(fd);
}

/* ---- moving ---- */

static void what_is_moved_is_on_the_disk_and_no_more_held(void **state)
{
	struct spool_counts counts = {0};
	struct data_name first, second;

	(void)state;
	first = hold(2);
	second = hold(1);
	assert_int_equal(reopen(), 0);
	assert_int_equal(spool_move(&f.spool, SIGNAL, &first, &counts), 0);
	assert_int_equal(count_held(), 1);
	assert_int_equal(spool_move(&f.spool, SIGNAL, &second, &counts), 0);
	assert_int_equal(count_held(), 0);
	assert_int_equal(counts.files, 2);
	assert_int_equal(counts.bytes, 3 * BATCH_BLOCK_BYTES);
	assert_int_equal(counts.items[SIGNAL], 3 * BATCH_ITEMS);
	assert_int_equal(counts.begin_unix_ns, 1000);
	assert_int_equal(counts.end_unix_ns, 1002);
	assert_int_equal(look_at_disk().items[SIGNAL], 3 * BATCH_ITEMS);
}

/* An older file is let go, a newer one is moved behind the account of that. */
static int let_go_and_move(void)
{
	struct spool_counts counts = {0};
	struct data_name *names;
	size_t count;
	int rc = spool_list(&f.spool, SIGNAL, &names, &count);

	if (rc == 0 && count > 1)
		rc = spool_let_go(&f.spool, SIGNAL, &names[0], &counts);
	if (rc == 0)
		rc = spool_move_all(&f.spool, &counts);
	free(names);
	return rc;
}

static void assert_all_is_once(void)
{
	struct spool_counts counts = look_at_disk();

	assert_int_equal(count_held(), 0);
	assert_int_equal(counts.items[SIGNAL] + counts.let_go_items[SIGNAL], 3 * BATCH_ITEMS);
}

static void whatever_step_fails_all_is_there_once_in_the_end(void **state)
{
	unsigned failed = 0, number;

	for (number = 1; number < CALLS_MAX; number++) {
		bool is_over;

		(void)hold(1);
		(void)hold(2);
		assert_int_equal(reopen(), 0);
		orders.calls = 0;
		orders.number = number;
		orders.error = EIO;
		failed += let_go_and_move() < 0;
		is_over = orders.calls < number;
		orders.number = 0;
		if (count_held() > 0 || f.spool.signals[SIGNAL].letgo.count > 0)
			assert_int_equal(let_go_and_move(), 0);
		assert_all_is_once();
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
		if (is_over)
			break;
	}
	assert_in_range(number, 10, CALLS_MAX - 1);
	assert_true(failed > 10);
}

static int move_in_child(void *context)
{
	(void)context;
	CHECK(open_manifests() == 0);
	CHECK(reopen() == 0);
	orders.calls = 0;
	orders.number = *(const unsigned *)context;
	CHECK(let_go_and_move() == 0);
	return orders.calls < orders.number ? 0 : 1;
}

static void whatever_step_it_is_killed_at_all_is_there_once_in_the_end(void **state)
{
	unsigned number;
	int status = 9;

	for (number = 1; status != 0 && number < CALLS_MAX; number++) {
		(void)hold(1);
		(void)hold(2);
		close_manifests();
		status = run_in_child(move_in_child, &number);
		assert_true(status == 9 || status == 0);
		assert_int_equal(open_manifests(), 0);
		assert_int_equal(reopen(), 0);
		assert_int_equal(let_go_and_move(), 0);
		assert_all_is_once();
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
	assert_in_range(number, 10, CALLS_MAX - 1);
}

static void a_full_disk_leaves_what_is_held_and_nothing_half_written(void **state)
{
	struct spool_counts counts = {0};
	struct data_name name;

	(void)state;
	name = hold(2);
	assert_int_equal(reopen(), 0);
	orders.number = 1;
	orders.error = ENOSPC;
	assert_int_equal(spool_move(&f.spool, SIGNAL, &name, &counts), -ENOSPC);
	orders.number = 0;
	assert_int_equal(counts.files, 0);
	assert_int_equal(counts.items[SIGNAL], 0);
	assert_int_equal(count_held(), 1);
	assert_int_equal(look_at_disk().files, 0);
}

/* ---- damage ---- */

static void of_a_damaged_file_the_whole_batches_before_are_moved(void **state)
{
	struct spool_counts counts = {0};
	struct data_name name;

	(void)state;
	name = hold(3);
	flip(&name, 2 * BATCH_BLOCK_BYTES + 100);
	assert_int_equal(reopen(), 0);
	assert_int_equal(spool_move(&f.spool, SIGNAL, &name, &counts), 0);
	assert_int_equal(counts.items[SIGNAL], 2 * BATCH_ITEMS);
	assert_int_equal(counts.bytes, 2 * BATCH_BLOCK_BYTES);
	assert_int_equal(look_at_disk().items[SIGNAL], 2 * BATCH_ITEMS);
	assert_int_equal(count_held(), 0);
}

static void of_a_file_that_is_cut_short_the_whole_batches_are_moved(void **state)
{
	struct spool_counts counts = {0};
	struct data_name name;
	int fd;

	(void)state;
	name = hold(2);
	fd = openat(f.dir.fd, name.name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 2 * BATCH_BLOCK_BYTES - 1), 0);
	close(fd);
	assert_int_equal(reopen(), 0);
	assert_int_equal(spool_move(&f.spool, SIGNAL, &name, &counts), 0);
	assert_int_equal(counts.items[SIGNAL], BATCH_ITEMS);
	assert_int_equal(look_at_disk().items[SIGNAL], BATCH_ITEMS);
}

static void a_batch_of_another_version_is_taken_for_none(void **state)
{
	struct spool_counts counts = {0};
	struct data_name name;

	(void)state;
	name = hold(1);
	flip(&name, offsetof(struct batch_head, version) + 1);
	assert_int_equal(reopen(), 0);
	assert_int_equal(spool_move(&f.spool, SIGNAL, &name, &counts), 0);
	assert_int_equal(counts.files, 0);
	assert_int_equal(counts.items[SIGNAL], 0);
	assert_int_equal(look_at_disk().files, 0);
}

static void a_damaged_account_stops_the_opening(void **state)
{
	struct spool_counts counts = {0};
	struct data_name first = {0}, account;

	(void)state;
	first = hold(1);
	assert_int_equal(reopen(), 0);
	assert_int_equal(spool_let_go(&f.spool, SIGNAL, &first, &counts), 0);
	spool_close(&f.spool);
	snprintf(account.name, sizeof(account.name), "%s", LETGO_NAME);
	flip(&account, 100);
	assert_int_equal(reopen(), -EBADMSG);
	flip(&account, 100);
	assert_int_equal(reopen(), 0);
	assert_int_equal(letgo_items(&f.spool.signals[SIGNAL].letgo), BATCH_ITEMS);
}

/* ---- what others remove ---- */

static void a_held_file_that_is_removed_is_missed_once(void **state)
{
	uint64_t files = 9;
	struct data_name first, second;

	(void)state;
	first = hold(1);
	second = hold(1);
	assert_int_equal(reopen(), 0);
	assert_int_equal(spool_miss(&f.spool, SIGNAL, &files), 0);
	assert_int_equal(files, 0);
	assert_int_equal(unlinkat(f.dir.fd, second.name, 0), 0);
	assert_int_equal(spool_miss(&f.spool, SIGNAL, &files), 0);
	assert_int_equal(files, 1);
	assert_int_equal(spool_miss(&f.spool, SIGNAL, &files), 0);
	assert_int_equal(files, 0);
	assert_int_equal(unlinkat(f.dir.fd, first.name, 0), 0);
	assert_int_equal(spool_miss(&f.spool, SIGNAL, &files), 0);
	assert_int_equal(files, 1);
}

static void what_is_open_moved_or_let_go_is_not_missed(void **state)
{
	struct spool_counts counts = {0};
	struct data_name first, second;
	struct data_file open;
	uint64_t files = 9;

	(void)state;
	first = hold(1);
	second = hold(1);
	assert_int_equal(data_file_create(&f.dir, DATA_BLOCK_BYTES, 1767225600, &open), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(spool_let_go(&f.spool, SIGNAL, &first, &counts), 0);
	assert_int_equal(spool_move(&f.spool, SIGNAL, &second, &counts), 0);
	assert_int_equal(spool_miss(&f.spool, SIGNAL, &files), 0);
	assert_int_equal(files, 0);
	/* Sealed as far as the manifest knows, and its name is still the open one. */
	assert_int_equal(manifest_enter_end(f.held_manifest, signal_name(SIGNAL), &open.name,
					    MANIFEST_SEALED, BATCH_BLOCK_BYTES),
			 0);
	assert_int_equal(spool_miss(&f.spool, SIGNAL, &files), 0);
	assert_int_equal(files, 0);
	data_file_release(&open);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_moved_is_on_the_disk_and_no_more_held),
		TEST(whatever_step_fails_all_is_there_once_in_the_end),
		TEST(whatever_step_it_is_killed_at_all_is_there_once_in_the_end),
		TEST(a_full_disk_leaves_what_is_held_and_nothing_half_written),
		TEST(of_a_damaged_file_the_whole_batches_before_are_moved),
		TEST(of_a_file_that_is_cut_short_the_whole_batches_are_moved),
		TEST(a_batch_of_another_version_is_taken_for_none),
		TEST(a_damaged_account_stops_the_opening),
		TEST(a_held_file_that_is_removed_is_missed_once),
		TEST(what_is_open_moved_or_let_go_is_not_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
