/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of batch files, and the files themselves on a real disk: also when the process is killed
 * between two steps of a seal, and when a system call is refused.
 */
#include "writer/file/datafile.h"

#include <sys/stat.h>
#include <sys/types.h>

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NEW_YEAR  ((time_t)1767225600) /* 2026-01-01T00:00:00Z */
#define BLOCK	  DATA_BLOCK_BYTES
#define SECOND_NS INT64_C(1000000000)

struct fixture {
	struct scratch scratch;
	struct data_dir dir;
	unsigned descriptors;
	bool has_direct; /* as found by a creation without trouble */
};

static void fixture_open(struct fixture *f)
{
	f->descriptors = count_descriptors();
	assert_int_equal(scratch_open(&f->scratch), 0);
	assert_int_equal(data_dir_open(f->scratch.fd, "traces", &f->dir), 0);
}

static void fixture_close(struct fixture *f)
{
	data_dir_close(&f->dir);
	assert_int_equal(scratch_close(&f->scratch), 0);
	assert_int_equal(count_descriptors(), f->descriptors);
}

/* Opens the directory again, as a restarted writer does. */
static void restart(struct fixture *f)
{
	data_dir_close(&f->dir);
	assert_int_equal(data_dir_open(f->scratch.fd, "traces", &f->dir), 0);
}

static int touch(const struct fixture *f, const char *name)
{
	int fd = openat(f->dir.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	return close(fd);
}

static bool exists(const struct fixture *f, const char *name)
{
	return faccessat(f->dir.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t count_names(const struct fixture *f, unsigned kinds)
{
	struct data_name *names;
	size_t count;

	assert_int_equal(data_dir_list(&f->dir, kinds, &names, &count), 0);
	free(names);
	return count;
}

/* Two blocks of 'a' and 'b' at the start of the file. */
static int write_two_blocks(struct data_file *file)
{
	uint8_t *blocks;
	int rc = 0;

	if (posix_memalign((void **)&blocks, BLOCK, 2 * BLOCK) != 0)
		return -ENOMEM;
	memset(blocks, 'a', BLOCK);
	memset(blocks + BLOCK, 'b', BLOCK);
	if (pwrite(file->fd, blocks, 2 * BLOCK, 0) != 2 * BLOCK)
		rc = -EIO;
	free(blocks);
	return rc;
}

static bool has_two_blocks(const struct fixture *f, const char *name)
{
	uint8_t bytes[2 * BLOCK + 1];
	int fd = openat(f->dir.fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (n != 2 * BLOCK)
		return false;
	for (unsigned i = 0; i < BLOCK; i++)
		if (bytes[i] != 'a' || bytes[BLOCK + i] != 'b')
			return false;
	return true;
}

/* ---- names ---- */

static void a_name_carries_signal_time_and_sequence(void **state)
{
	struct data_name name;

	(void)state;
	data_name_make("traces", NEW_YEAR + 3661, 42, &name);
	assert_string_equal(name.name, "traces-20260101T010101Z-00000042.binpb.open");
	data_name_make("metrics", -5, 123456789, &name);
	assert_string_equal(name.name, "metrics-19700101T000000Z-123456789.binpb.open");
	data_name_make("metrics", INT64_MAX, DATA_SEQUENCE_MAX, &name);
	assert_string_equal(name.name, "metrics-99991231T235959Z-999999999999999.binpb.open");
}

static void every_kind_of_name_is_parsed_as_it_was_made(void **state)
{
	const uint64_t sequences[] = {0, 1, 99999999, 100000000, DATA_SEQUENCE_MAX};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		const enum data_kind kinds[] = {DATA_SEALED, DATA_OPEN, DATA_BAD};
		struct data_name made, parsed;

		data_name_make("traces", NEW_YEAR, sequences[i], &made);
		for (unsigned k = 0; k < 3; k++) {
			data_name_as(&made, kinds[k], INT64_MAX, &made);
			assert_int_equal(data_name_parse("traces", made.name, &parsed), 0);
			assert_memory_equal(&parsed, &made, sizeof(made));
			assert_true(parsed.sequence == sequences[i]);
			assert_int_equal(parsed.kind, kinds[k]);
			assert_true(parsed.trusted_bytes == (kinds[k] == DATA_BAD ? INT64_MAX : 0));
		}
	}
}

static const char *const foreign_names[] = {
	"",
	".",
	"traces",
	"traces-20260101T000000Z-00000001",
	"traces-20260101T000000Z-00000001.bin",
	"traces-20260101T000000Z-00000001.binpb ",
	"traces-20260101T000000Z-00000001.binpb.gz",
	"traces-20260101T000000Z-00000001.binpb.open.bad",
	"traces-20260101T000000Z-00000001.binpb.bad",
	"traces-20260101T000000Z-00000001.binpb..bad",
	"traces-20260101T000000Z-00000001.binpb.x.bad",
	"traces-20260101T000000Z-00000001.binpb.-1.bad",
	"traces-20260101T000000Z-00000001.binpb.010.bad",
	"traces-20260101T000000Z-00000001.binpb.99999999999999999999.bad",
	"traces-20260101T000000Z-0000001.binpb",
	"traces-20260101T000000Z-000000001.binpb",
	"traces-20260101T000000Z-1000000000000000.binpb",
	"traces-20260101T000000Z--0000001.binpb",
	"traces-20260101T000000Z- 0000001.binpb",
	"traces-2026010T000000Z-00000001.binpb",
	"traces-20260101 000000Z-00000001.binpb",
	"traces-20260101T000000-00000001.binpb",
	"metrics-20260101T000000Z-00000001.binpb",
	"Traces-20260101T000000Z-00000001.binpb",
	"traces-20260101T000000Z-00000001.binpb.00000000000000000000000000000000000000000000000000",
};

static void foreign_names_are_refused(void **state)
{
	struct data_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(foreign_names) / sizeof(*foreign_names); i++)
		assert_int_equal(data_name_parse("traces", foreign_names[i], &name), -EINVAL);
	assert_int_equal(data_name_parse("traces", "traces-20260101T000000Z-00000001.binpb", &name),
			 0);
}

/* ---- directories ---- */

static void a_directory_is_made_for_its_owner_and_group(void **state)
{
	struct fixture f;
	struct stat st;
	mode_t mask = umask(0);

	(void)state;
	fixture_open(&f);
	umask(mask);
	assert_int_equal(fstat(f.dir.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(f.dir.next_sequence, 1);
	fixture_close(&f);
}

static void a_directory_must_be_one(void **state)
{
	struct data_dir dir;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(close(openat(f.scratch.fd, "metrics", O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(data_dir_open(f.scratch.fd, "metrics", &dir), -ENOTDIR);
	assert_int_equal(unlinkat(f.scratch.fd, "metrics", 0), 0);
	assert_int_equal(symlinkat("traces", f.scratch.fd, "metrics"), 0);
	assert_true(data_dir_open(f.scratch.fd, "metrics", &dir) < 0);
	assert_int_equal(data_dir_open(f.scratch.fd, "../traces", &dir), -EINVAL);
	assert_int_equal(data_dir_open(f.scratch.fd, "", &dir), -EINVAL);
	assert_int_equal(data_dir_open(f.scratch.fd, "averyveryverylongsignal", &dir), -EINVAL);
	fixture_close(&f);
}

static void a_listing_is_in_the_order_of_sequence_when_the_clock_goes_back(void **state)
{
	struct data_name *names;
	struct fixture f;
	size_t count;

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < 100; i++) {
		struct data_file file;

		assert_int_equal(data_file_create(&f.dir, BLOCK, NEW_YEAR - 10 * (time_t)i, &file),
				 0);
		assert_int_equal(data_file_seal(&f.dir, &file, BLOCK), 0);
	}
	assert_int_equal(data_dir_list(&f.dir, DATA_ALL_KINDS, &names, &count), 0);
	assert_int_equal(count, 100);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(names[i].sequence, i + 1);
		assert_int_equal(names[i].bytes, BLOCK);
		assert_int_equal(names[i].kind, DATA_SEALED);
		assert_true(names[i].mtime_ns > NEW_YEAR / 2 * SECOND_NS);
	}
	free(names);
	fixture_close(&f);
}

static void the_next_sequence_follows_the_highest_of_any_kind(void **state)
{
	const char *const names[] = {
		"traces-20260101T000000Z-00000007.binpb",
		"traces-20200101T000000Z-00000008.binpb.open",
		"traces-20190101T000000Z-00000009.binpb.4096.bad",
		"metrics-20260101T000000Z-00000077.binpb",
		"traces-20260101T000000Z-00000078.tmp",
	};
	struct data_file file;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(touch(&f, names[i]), 0);
	for (unsigned i = 0; i < 3; i++) {
		restart(&f);
		assert_int_equal(f.dir.next_sequence, 10 - i);
		assert_int_equal(unlinkat(f.dir.fd, names[2 - i], 0), 0);
	}
	restart(&f);
	assert_int_equal(data_file_create(&f.dir, BLOCK, NEW_YEAR, &file), 0);
	assert_int_equal(file.name.sequence, 1);
	data_file_release(&file);
	fixture_close(&f);
}

static void foreign_files_are_not_listed(void **state)
{
	struct data_name *names;
	struct fixture f;
	size_t count;

	(void)state;
	fixture_open(&f);
	for (size_t i = 2; i < sizeof(foreign_names) / sizeof(*foreign_names); i++)
		assert_int_equal(touch(&f, foreign_names[i]), 0);
	assert_int_equal(symlinkat("traces", f.dir.fd, "traces-20260101T000000Z-00000001.binpb"),
			 0);
	assert_int_equal(mkfifoat(f.dir.fd, "traces-20260101T000000Z-00000002.binpb", 0600), 0);
	assert_int_equal(mkdirat(f.dir.fd, "traces-20260101T000000Z-00000003.binpb", 0700), 0);
	assert_int_equal(data_dir_list(&f.dir, DATA_ALL_KINDS, &names, &count), 0);
	assert_int_equal(count, 0);
	assert_null(names);
	fixture_close(&f);
}

static void a_listing_keeps_to_the_kinds_asked_for(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(touch(&f, "traces-20260101T000000Z-00000001.binpb"), 0);
	assert_int_equal(touch(&f, "traces-20260101T000000Z-00000002.binpb"), 0);
	assert_int_equal(touch(&f, "traces-20260101T000000Z-00000003.binpb.0.bad"), 0);
	assert_int_equal(touch(&f, "traces-20260101T000000Z-00000004.binpb.open"), 0);
	assert_int_equal(count_names(&f, DATA_SEALED), 2);
	assert_int_equal(count_names(&f, DATA_BAD), 1);
	assert_int_equal(count_names(&f, DATA_OPEN), 1);
	assert_int_equal(count_names(&f, DATA_SEALED | DATA_OPEN), 3);
	fixture_close(&f);
}

/* ---- creation ---- */

static void a_new_file_is_open_reserved_zero_and_locked(void **state)
{
	uint8_t bytes[BLOCK], zeros[BLOCK] = {0};
	struct data_file file, second;
	struct fixture f;
	struct stat st;

	(void)state;
	fixture_open(&f);
	assert_int_equal(data_file_create(&f.dir, 3 * BLOCK + 1, NEW_YEAR, &file), 0);
	assert_string_equal(file.name.name, "traces-20260101T000000Z-00000001.binpb.open");
	assert_int_equal(fstatat(f.dir.fd, file.name.name, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07137, 0); /* 0640 less the umask */
	assert_true(file.io_slot == DATA_NO_IO_SLOT);
	if (file.prealloc_bytes > 0) {
		int fd = openat(f.dir.fd, file.name.name, O_RDONLY | O_CLOEXEC);

		assert_int_equal(file.prealloc_bytes, 4 * BLOCK);
		assert_int_equal(st.st_size, 4 * BLOCK);
		assert_true((uint64_t)st.st_blocks * 512 >= 4 * BLOCK);
		assert_int_equal(pread(fd, bytes, BLOCK, 3 * BLOCK), BLOCK);
		assert_memory_equal(bytes, zeros, BLOCK);
		close(fd);
	}
	assert_int_equal(file.direct, (fcntl(file.fd, F_GETFL) & O_DIRECT) != 0);
	assert_int_equal(write_two_blocks(&file), 0);

	assert_int_equal(data_file_open_existing(&f.dir, &file.name, 0, &second), -EAGAIN);
	data_file_release(&file);
	assert_int_equal(file.fd, -1);
	assert_int_equal(data_file_open_existing(&f.dir, &file.name, 0, &second), 0);
	data_file_release(&second);
	fixture_close(&f);
}

static void a_name_that_is_taken_is_passed_over(void **state)
{
	struct data_file file;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	/* Directories: listings pass them over, so the sequence starts at 1 all the same. */
	assert_int_equal(mkdirat(f.dir.fd, "traces-20260101T000000Z-00000001.binpb.open", 0700), 0);
	assert_int_equal(
		symlinkat("../stolen", f.dir.fd, "traces-20260101T000000Z-00000002.binpb.open"), 0);
	restart(&f);
	assert_int_equal(f.dir.next_sequence, 1);
	assert_int_equal(data_file_create(&f.dir, BLOCK, NEW_YEAR, &file), 0);
	assert_string_equal(file.name.name, "traces-20260101T000000Z-00000003.binpb.open");
	assert_int_equal(f.dir.next_sequence, 4);
	assert_int_equal(faccessat(f.scratch.fd, "stolen", F_OK, 0), -1);
	data_file_release(&file);
	fixture_close(&f);
}

static void a_restart_in_the_same_second_leaves_the_old_file_alone(void **state)
{
	struct data_file first, second;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(data_file_create(&f.dir, 4 * BLOCK, NEW_YEAR, &first), 0);
	assert_int_equal(write_two_blocks(&first), 0);
	assert_int_equal(data_file_seal(&f.dir, &first, 2 * BLOCK), 0);
	restart(&f);
	assert_int_equal(data_file_create(&f.dir, 4 * BLOCK, NEW_YEAR, &second), 0);
	assert_int_equal(data_file_seal(&f.dir, &second, BLOCK), 0);
	assert_int_equal(count_names(&f, DATA_SEALED), 2);
	assert_true(has_two_blocks(&f, "traces-20260101T000000Z-00000001.binpb"));
	fixture_close(&f);
}

static void a_file_may_be_asked_to_be_buffered(void **state)
{
	struct data_file file;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	f.dir.buffered = true;
	assert_int_equal(data_file_create(&f.dir, 0, NEW_YEAR, &file), 0);
	assert_false(file.direct);
	assert_int_equal(file.prealloc_bytes, 0);
	assert_int_equal(fcntl(file.fd, F_GETFL) & O_DIRECT, 0);

	data_file_writeback(&file, DATA_WRITEBACK_BYTES - 1);
	assert_int_equal(file.writeback_bytes, 0);
	data_file_writeback(&file, DATA_WRITEBACK_BYTES + 5);
	assert_int_equal(file.writeback_bytes, DATA_WRITEBACK_BYTES + 5);
	data_file_writeback(&file, 2 * DATA_WRITEBACK_BYTES);
	assert_int_equal(file.writeback_bytes, DATA_WRITEBACK_BYTES + 5);
	data_file_release(&file);
	fixture_close(&f);
}

/* ---- opening what is there ---- */

static void only_a_regular_file_is_opened(void **state)
{
	struct data_file file;
	struct data_name name;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	data_name_make("traces", NEW_YEAR, 1, &name);
	assert_int_equal(data_file_open_existing(&f.dir, &name, 0, &file), -ENOENT);
	assert_int_equal(mkfifoat(f.dir.fd, name.name, 0600), 0);
	assert_int_equal(data_file_open_existing(&f.dir, &name, 0, &file), -EINVAL);
	assert_int_equal(unlinkat(f.dir.fd, name.name, 0), 0);
	assert_int_equal(touch(&f, "target"), 0);
	assert_int_equal(symlinkat("target", f.dir.fd, name.name), 0);
	assert_int_equal(data_file_open_existing(&f.dir, &name, 0, &file), -ELOOP);
	fixture_close(&f);
}

struct child_case {
	struct fixture *f;
	int ready_fd;
	long number;
	int argument;
	int error;
	int expected;
	enum { ON_ANY, ON_FILE, ON_DIR } where; /* first argument: a descriptor */
	bool without_noreplace;
	uint64_t prealloc_bytes;
};

static int hold_the_lock_and_die(void *context)
{
	const struct child_case *c = context;
	struct data_file file;

	CHECK(data_file_create(&c->f->dir, BLOCK, NEW_YEAR, &file) == 0);
	CHECK(write(c->ready_fd, "x", 1) == 1);
	usleep(100000);
	kill(getpid(), SIGKILL);
	return 1;
}

static void the_lock_of_a_dying_writer_is_waited_for(void **state)
{
	struct data_name *names;
	struct data_file file;
	struct fixture f;
	int ready[2], rc;
	size_t count;
	pid_t pid;
	char byte;

	(void)state;
	fixture_open(&f);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(hold_the_lock_and_die(&(struct child_case){.f = &f, .ready_fd = ready[1]}));
	}
	assert_true(pid > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);

	assert_int_equal(data_dir_list(&f.dir, DATA_OPEN, &names, &count), 0);
	assert_int_equal(count, 1);
	rc = data_file_open_existing(&f.dir, &names[0], 30 * SECOND_NS, &file);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(rc, 0);
	data_file_release(&file);
	free(names);
	fixture_close(&f);
}

/* ---- sealing ---- */

static void a_sealed_file_has_its_final_name_and_length(void **state)
{
	struct data_file file;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(data_file_create(&f.dir, 16 * BLOCK, NEW_YEAR, &file), 0);
	assert_int_equal(write_two_blocks(&file), 0);
	assert_int_equal(data_file_seal(&f.dir, &file, 2 * BLOCK), 0);
	assert_int_equal(file.fd, -1);
	assert_string_equal(file.name.name, "traces-20260101T000000Z-00000001.binpb");
	assert_true(has_two_blocks(&f, file.name.name));
	assert_int_equal(count_names(&f, DATA_ALL_KINDS), 1);
	fixture_close(&f);
}

static void a_file_without_a_batch_is_removed_at_its_seal(void **state)
{
	struct data_file file;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(data_file_create(&f.dir, 16 * BLOCK, NEW_YEAR, &file), 0);
	assert_int_equal(data_file_seal(&f.dir, &file, 0), 0);
	assert_int_equal(file.fd, -1);
	assert_int_equal(count_names(&f, DATA_ALL_KINDS), 0);
	fixture_close(&f);
}

static void a_seal_never_replaces_another_file(void **state)
{
	struct data_file file;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(data_file_create(&f.dir, BLOCK, NEW_YEAR, &file), 0);
	assert_int_equal(touch(&f, "traces-20260101T000000Z-00000001.binpb"), 0);
	assert_int_equal(data_file_seal(&f.dir, &file, BLOCK), -EEXIST);
	assert_true(file.fd >= 0);
	assert_false(file.is_sealed);
	assert_int_equal(data_file_abandon(&f.dir, &file, BLOCK), 0);
	assert_int_equal(file.fd, -1);
	assert_true(exists(&f, "traces-20260101T000000Z-00000001.binpb"));
	assert_true(exists(&f, "traces-20260101T000000Z-00000001.binpb.4096.bad"));
	fixture_close(&f);
}

static void giving_up_again_changes_nothing(void **state)
{
	struct data_file file;
	struct data_name open_name;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(data_file_create(&f.dir, 4 * BLOCK, NEW_YEAR, &file), 0);
	assert_int_equal(write_two_blocks(&file), 0);
	open_name = file.name;
	assert_int_equal(data_file_abandon(&f.dir, &file, 2 * BLOCK), 0);
	assert_int_equal(data_name_abandon(&f.dir, &open_name, 2 * BLOCK), 0);
	assert_true(has_two_blocks(&f, "traces-20260101T000000Z-00000001.binpb.8192.bad"));
	assert_int_equal(count_names(&f, DATA_ALL_KINDS), 1);
	assert_int_equal(data_name_abandon(&f.dir, &open_name, BLOCK), -ENOENT);
	fixture_close(&f);
}

/* Makes a file of two blocks and seals it while one system call is refused or deadly. */
static int seal_with_a_refused_call(void *context)
{
	const struct child_case *c = context;
	int argument = c->where == ON_ANY ? ANY_ARGUMENT : 0;
	struct data_file file;
	int fd, rc;

	CHECK(data_file_create(&c->f->dir, 16 * BLOCK, NEW_YEAR, &file) == 0);
	CHECK(write_two_blocks(&file) == 0);
	fd = c->where == ON_FILE ? file.fd : c->f->dir.fd;
	if (c->without_noreplace && refuse(SYS_renameat2, ANY_ARGUMENT, 0, EINVAL) < 0)
		return CHILD_SKIP;
	if (c->number && refuse(c->number, argument, (uint32_t)fd, c->error) < 0)
		return CHILD_SKIP;

	rc = data_file_seal(&c->f->dir, &file, 2 * BLOCK);
	CHECK(rc == c->expected);
	if (rc == 0) {
		CHECK(file.fd == -1);
		return 0;
	}

	/* As the writer does: give it up, and no further sync of that file. */
	CHECK(file.fd >= 0);
	if (!file.is_sealed && refuse(SYS_fsync, 0, (uint32_t)file.fd, 0) < 0)
		return CHILD_SKIP;
	CHECK(data_file_abandon(&c->f->dir, &file, BLOCK) == 0);
	CHECK(file.fd == -1);
	return 0;
}

static bool is_skipped(int rc, struct fixture *f)
{
	if (rc == CHILD_SKIP) {
		print_message("seccomp refused here, nothing to test\n");
		fixture_close(f);
	}
	return rc == CHILD_SKIP;
}

static void a_seal_killed_before_any_step_is_completed_by_recovery(void **state)
{
	const struct child_case cases[] = {
		{.number = SYS_ftruncate},
		{.number = SYS_fsync, .where = ON_FILE},
		{.number = SYS_renameat2},
		{.number = SYS_linkat, .without_noreplace = true},
		{.number = SYS_unlinkat, .without_noreplace = true},
		{.number = SYS_fsync, .where = ON_DIR},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct child_case c = cases[i];
		struct data_name *names;
		struct data_file file;
		struct fixture f;
		size_t count;
		int rc;

		fixture_open(&f);
		c.f = &f;
		rc = run_in_child(seal_with_a_refused_call, &c);
		if (is_skipped(rc, &f))
			skip();
		assert_int_equal(rc, KILLED);

		/* Only before the last step has it its final name alone. */
		assert_int_equal(data_dir_list(&f.dir, DATA_OPEN, &names, &count), 0);
		assert_int_equal(count, i < 5 ? 1 : 0);
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(
				data_file_open_existing(&f.dir, &names[k], 30 * SECOND_NS, &file),
				0);
			assert_int_equal(data_file_seal(&f.dir, &file, 2 * BLOCK), 0);
		}
		free(names);
		assert_int_equal(count_names(&f, DATA_ALL_KINDS), 1);
		assert_true(has_two_blocks(&f, "traces-20260101T000000Z-00000001.binpb"));
		fixture_close(&f);
	}
}

static void a_file_system_without_noreplace_seals_as_well(void **state)
{
	struct child_case c = {.without_noreplace = true};
	struct fixture f;
	int rc;

	(void)state;
	fixture_open(&f);
	c.f = &f;
	rc = run_in_child(seal_with_a_refused_call, &c);
	if (is_skipped(rc, &f))
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(count_names(&f, DATA_ALL_KINDS), 1);
	assert_true(has_two_blocks(&f, "traces-20260101T000000Z-00000001.binpb"));
	fixture_close(&f);
}

static void a_file_whose_sync_failed_is_named_bad_with_its_limit(void **state)
{
	struct child_case c = {
		.number = SYS_fsync, .where = ON_FILE, .error = EIO, .expected = -EIO};
	struct data_name *names;
	struct fixture f;
	size_t count;
	int rc;

	(void)state;
	fixture_open(&f);
	c.f = &f;
	rc = run_in_child(seal_with_a_refused_call, &c);
	if (is_skipped(rc, &f))
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(data_dir_list(&f.dir, DATA_ALL_KINDS, &names, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(names[0].name, "traces-20260101T000000Z-00000001.binpb.4096.bad");
	assert_int_equal(names[0].kind, DATA_BAD);
	assert_int_equal(names[0].trusted_bytes, BLOCK);
	assert_int_equal(names[0].bytes, BLOCK);
	free(names);
	fixture_close(&f);
}

static void a_file_that_cannot_be_cut_still_names_its_limit(void **state)
{
	struct child_case c = {.number = SYS_ftruncate, .error = EIO, .expected = -EIO};
	struct data_name *names;
	struct fixture f;
	size_t count;
	int rc;

	(void)state;
	fixture_open(&f);
	c.f = &f;
	rc = run_in_child(seal_with_a_refused_call, &c);
	if (is_skipped(rc, &f))
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(data_dir_list(&f.dir, DATA_ALL_KINDS, &names, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(names[0].kind, DATA_BAD);
	assert_int_equal(names[0].trusted_bytes, BLOCK);
	assert_true(names[0].bytes > BLOCK);
	free(names);
	fixture_close(&f);
}

static void a_directory_that_cannot_be_synced_leaves_the_sealed_file(void **state)
{
	struct child_case c = {
		.number = SYS_fsync, .where = ON_DIR, .error = EIO, .expected = -EIO};
	struct fixture f;
	int rc;

	(void)state;
	fixture_open(&f);
	c.f = &f;
	rc = run_in_child(seal_with_a_refused_call, &c);
	if (is_skipped(rc, &f))
		skip();
	assert_int_equal(rc, 0);
	assert_true(has_two_blocks(&f, "traces-20260101T000000Z-00000001.binpb"));
	assert_int_equal(count_names(&f, DATA_ALL_KINDS), 1);
	fixture_close(&f);
}

/* ---- creation with a refused system call ---- */

static int create_with_a_refused_call(void *context)
{
	const struct child_case *c = context;
	struct data_file file;
	unsigned descriptors = count_descriptors();

	if (refuse(c->number, c->argument, F_SETFL, c->error) < 0)
		return CHILD_SKIP;
	CHECK(data_file_create(&c->f->dir, c->prealloc_bytes, NEW_YEAR, &file) == c->expected);
	if (c->expected == 0) {
		if (c->number == SYS_fallocate)
			CHECK(file.prealloc_bytes == 0);
		if (c->number == SYS_fcntl)
			CHECK(!file.direct);
		if (c->number == SYS_statx)
			CHECK(file.direct == c->f->has_direct);
		CHECK(write_two_blocks(&file) == 0);
		CHECK(data_file_seal(&c->f->dir, &file, 2 * BLOCK) == 0);
	}
	CHECK(count_descriptors() == descriptors);
	return 0;
}

static void create_refused(struct child_case c)
{
	struct data_file untroubled;
	struct fixture f;
	int rc;

	fixture_open(&f);
	c.f = &f;
	c.prealloc_bytes = 16 * BLOCK;
	assert_int_equal(data_file_create(&f.dir, BLOCK, NEW_YEAR, &untroubled), 0);
	f.has_direct = untroubled.direct;
	assert_int_equal(data_file_seal(&f.dir, &untroubled, 0), 0);
	rc = run_in_child(create_with_a_refused_call, &c);
	if (is_skipped(rc, &f))
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(count_names(&f, DATA_ALL_KINDS), c.expected == 0 ? 1 : 0);
	if (c.expected == 0)
		assert_true(has_two_blocks(&f, "traces-20260101T000000Z-00000002.binpb"));
	fixture_close(&f);
}

static void a_full_disk_at_creation_leaves_nothing_behind(void **state)
{
	const int errors[] = {ENOSPC, EDQUOT, EFBIG, EIO};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		create_refused((struct child_case){.number = SYS_fallocate,
						   .argument = ANY_ARGUMENT,
						   .error = errors[i],
						   .expected = -errors[i]});
}

static void a_failed_sync_at_creation_leaves_nothing_behind(void **state)
{
	(void)state;
	create_refused((struct child_case){
		.number = SYS_fsync, .argument = ANY_ARGUMENT, .error = EIO, .expected = -EIO});
}

static void a_file_system_that_cannot_reserve_is_extended(void **state)
{
	(void)state;
	create_refused((struct child_case){
		.number = SYS_fallocate, .argument = ANY_ARGUMENT, .error = EOPNOTSUPP});
}

static void a_file_system_without_o_direct_is_buffered(void **state)
{
	(void)state;
	create_refused((struct child_case){.number = SYS_fcntl, .argument = 1, .error = EINVAL});
}

static void a_file_system_silent_about_alignment_is_probed(void **state)
{
	(void)state;
	create_refused((struct child_case){
		.number = SYS_statx, .argument = ANY_ARGUMENT, .error = ENOSYS});
}

static int create_below_a_size_limit(void *context)
{
	const struct child_case *c = context;
	struct data_file file;
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = 8 * BLOCK;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK(data_file_create(&c->f->dir, 16 * BLOCK, NEW_YEAR, &file) == -EFBIG);
	CHECK(data_file_create(&c->f->dir, 8 * BLOCK, NEW_YEAR, &file) == 0);
	CHECK(file.name.sequence == 2);
	return 0;
}

static void a_file_larger_than_the_limit_is_refused_at_creation(void **state)
{
	struct child_case c = {0};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	c.f = &f;
	assert_int_equal(run_in_child(create_below_a_size_limit, &c), 0);
	assert_int_equal(count_names(&f, DATA_ALL_KINDS), 1);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_carries_signal_time_and_sequence),
		cmocka_unit_test(every_kind_of_name_is_parsed_as_it_was_made),
		cmocka_unit_test(foreign_names_are_refused),
		cmocka_unit_test(a_directory_is_made_for_its_owner_and_group),
		cmocka_unit_test(a_directory_must_be_one),
		cmocka_unit_test(a_listing_is_in_the_order_of_sequence_when_the_clock_goes_back),
		cmocka_unit_test(the_next_sequence_follows_the_highest_of_any_kind),
		cmocka_unit_test(foreign_files_are_not_listed),
		cmocka_unit_test(a_listing_keeps_to_the_kinds_asked_for),
		cmocka_unit_test(a_new_file_is_open_reserved_zero_and_locked),
		cmocka_unit_test(a_name_that_is_taken_is_passed_over),
		cmocka_unit_test(a_restart_in_the_same_second_leaves_the_old_file_alone),
		cmocka_unit_test(a_file_may_be_asked_to_be_buffered),
		cmocka_unit_test(only_a_regular_file_is_opened),
		cmocka_unit_test(the_lock_of_a_dying_writer_is_waited_for),
		cmocka_unit_test(a_sealed_file_has_its_final_name_and_length),
		cmocka_unit_test(a_file_without_a_batch_is_removed_at_its_seal),
		cmocka_unit_test(a_seal_never_replaces_another_file),
		cmocka_unit_test(giving_up_again_changes_nothing),
		cmocka_unit_test(a_seal_killed_before_any_step_is_completed_by_recovery),
		cmocka_unit_test(a_file_system_without_noreplace_seals_as_well),
		cmocka_unit_test(a_file_whose_sync_failed_is_named_bad_with_its_limit),
		cmocka_unit_test(a_file_that_cannot_be_cut_still_names_its_limit),
		cmocka_unit_test(a_directory_that_cannot_be_synced_leaves_the_sealed_file),
		cmocka_unit_test(a_full_disk_at_creation_leaves_nothing_behind),
		cmocka_unit_test(a_failed_sync_at_creation_leaves_nothing_behind),
		cmocka_unit_test(a_file_system_that_cannot_reserve_is_extended),
		cmocka_unit_test(a_file_system_without_o_direct_is_buffered),
		cmocka_unit_test(a_file_system_silent_about_alignment_is_probed),
		cmocka_unit_test(a_file_larger_than_the_limit_is_refused_at_creation),
	};

	return cmocka_run_group_tests_name("datafile", tests, NULL, NULL);
}
