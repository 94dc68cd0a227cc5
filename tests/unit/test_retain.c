/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: the policy on made-up files, and the thread on real ones.
 */
#include "writer/file/retain.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "shm/atomic.h"
#include "tests/unit/io_testing.h"
#include "writer/file/datafile.h"
#include "writer/file/manifest_store.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NEW_YEAR  ((time_t)1767225600)
#define SECOND_NS INT64_C(1000000000)

/* ---- the policy ---- */

static struct retain_file file(unsigned signal, uint64_t sequence, int64_t ended, uint64_t bytes)
{
	struct retain_file made = {
		.signal = signal, .sequence = sequence, .ended_ns = ended, .bytes = bytes};

	snprintf(made.name, sizeof(made.name), "%u-%u", signal, (unsigned)sequence);
	return made;
}

static void without_limits_nothing_goes(void **state)
{
	struct retain_file files[] = {file(0, 1, 1, 100), file(0, 2, 2, 100)};

	(void)state;
	assert_int_equal(retain_plan(files, 2, &(struct retain_limits){0}, INT64_MAX, 0), 0);
	assert_int_equal(
		retain_plan(NULL, 0, &(struct retain_limits){1, 1, UINT64_MAX}, INT64_MAX, 0), 0);
	retain_sort(NULL, 0, 0);
}

static void what_is_not_sent_goes_last_and_for_free_space_alone(void **state)
{
	struct retain_file files[] = {file(0, 1, 1, 50), file(0, 2, 2, 50), file(0, 3, 3, 50),
				      file(1, 1, 4, 50)};
	const struct retain_limits small = {.total_bytes = 10, .age_ns = 1};

	(void)state;
	files[1].is_unsent = files[2].is_unsent = true;
	retain_sort(files, 4, 100);
	/* That of the other signal is younger, and before them. */
	assert_string_equal(files[0].name, "0-1");
	assert_string_equal(files[1].name, "1-1");
	assert_string_equal(files[2].name, "0-2");
	assert_int_equal(retain_plan(files, 4, &small, 100, 0), 2);
	assert_true(retain_is_held(files, 4, 2, &small, 100));
	assert_false(retain_is_held(files, 4, 2, &(struct retain_limits){.total_bytes = 100}, 100));
	assert_false(retain_is_held(files, 4, 4, &small, 100));
	assert_int_equal(retain_plan(files, 4, &(struct retain_limits){.free_bytes = 101}, 9, 0),
			 3);
	assert_int_equal(files[1].reason, RETAIN_TOO_FULL);
	assert_int_equal(files[2].reason, RETAIN_UNSENT);
}

static void the_oldest_go_until_the_total_fits(void **state)
{
	struct retain_file files[] = {file(0, 1, 1, 50), file(0, 2, 2, 30), file(0, 3, 3, 20)};

	(void)state;
	assert_int_equal(retain_plan(files, 3, &(struct retain_limits){.total_bytes = 100}, 9, 0),
			 0);
	assert_int_equal(retain_plan(files, 3, &(struct retain_limits){.total_bytes = 99}, 9, 0),
			 1);
	assert_int_equal(retain_plan(files, 3, &(struct retain_limits){.total_bytes = 50}, 9, 0),
			 1);
	assert_int_equal(retain_plan(files, 3, &(struct retain_limits){.total_bytes = 49}, 9, 0),
			 2);
	assert_int_equal(retain_plan(files, 3, &(struct retain_limits){.total_bytes = 1}, 9, 0), 3);
}

static void what_is_too_old_goes(void **state)
{
	struct retain_file files[] = {file(0, 1, 10, 1), file(0, 2, 20, 1), file(0, 3, 30, 1)};
	const struct retain_limits limits = {.age_ns = 10};

	(void)state;
	assert_int_equal(retain_plan(files, 3, &limits, 20, 0), 0);
	assert_int_equal(retain_plan(files, 3, &limits, 21, 0), 1);
	assert_int_equal(retain_plan(files, 3, &limits, 31, 0), 2);
	assert_int_equal(retain_plan(files, 3, &limits, INT64_MAX, 0), 3);
	assert_int_equal(retain_plan(files, 3, &limits, 0, 0), 0);	   /* all in the future */
	assert_int_equal(retain_plan(files, 3, &limits, INT64_MIN, 0), 0); /* no overflow */
	files[0].ended_ns = INT64_MIN;
	assert_int_equal(retain_plan(files, 3, &limits, 20, 0), 1);
}

static void a_floor_of_free_space_is_reached_if_it_can_be(void **state)
{
	struct retain_file files[] = {file(0, 1, 1, 50), file(0, 2, 2, 30), file(0, 3, 3, 20)};
	const struct retain_limits limits = {.free_bytes = 1000};

	(void)state;
	assert_int_equal(retain_plan(files, 3, &limits, 9, 1000), 0);
	assert_int_equal(retain_plan(files, 3, &limits, 9, 999), 1);
	assert_int_equal(retain_plan(files, 3, &limits, 9, 949), 2);
	assert_int_equal(retain_plan(files, 3, &limits, 9, 0), 3);
}

static void the_strictest_limit_decides(void **state)
{
	struct retain_file files[] = {file(0, 1, 1, 50), file(0, 2, 2, 30), file(0, 3, 3, 20)};

	(void)state;
	assert_int_equal(retain_plan(files, 3,
				     &(struct retain_limits){
					     .total_bytes = 50, .age_ns = 5, .free_bytes = 60},
				     8, 0),
			 2);
}

static void expect_order(const struct retain_file *files, const char *const *expected, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_string_equal(files[i].name, expected[i]);
}

static void signals_are_merged_by_age_each_in_its_order(void **state)
{
	struct retain_file files[] = {file(1, 2, 40, 1), file(0, 2, 30, 1), file(1, 1, 20, 1),
				      file(0, 1, 10, 1)};

	(void)state;
	retain_sort(files, 4, 100);
	expect_order(files, (const char *const[]){"0-1", "1-1", "0-2", "1-2"}, 4);
}

static void files_of_one_time_go_by_turns(void **state)
{
	struct retain_file files[] = {file(0, 1, 9, 1), file(0, 2, 9, 1), file(0, 3, 9, 1),
				      file(0, 4, 9, 1), file(1, 5, 9, 1), file(1, 6, 9, 1),
				      file(0, 5, 10, 1)};

	(void)state;
	retain_sort(files, 7, 100);
	expect_order(files, (const char *const[]){"0-1", "1-5", "0-2", "0-3", "1-6", "0-4", "0-5"},
		     7);
}

static void a_file_from_the_future_does_not_hold_up_the_others(void **state)
{
	struct retain_file files[] = {file(0, 3, 60, 1), file(0, 2, 50, 1),
				      file(0, 1, 9000 * SECOND_NS, 1), file(1, 7, 55, 1)};

	(void)state;
	retain_sort(files, 4, 61);
	expect_order(files, (const char *const[]){"0-1", "0-2", "1-7", "0-3"}, 4);
	/* It is as old as the next one says, and goes with it. */
	assert_int_equal(retain_plan(files, 4, &(struct retain_limits){.age_ns = 10}, 61, 0), 2);
	assert_int_equal(files[0].reason, RETAIN_TOO_OLD);
}

static void a_file_from_1970_takes_no_other_along(void **state)
{
	struct retain_file files[] = {file(0, 1, 50, 1), file(0, 2, 52, 1), file(0, 3, 1, 1),
				      file(0, 4, 54, 1)};

	(void)state;
	retain_sort(files, 4, 60);
	expect_order(files, (const char *const[]){"0-1", "0-2", "0-3", "0-4"}, 4);
	assert_int_equal(retain_plan(files, 4, &(struct retain_limits){.age_ns = 20}, 60, 0), 0);
	/* It is as old as the one before says. */
	assert_int_equal(retain_plan(files, 4, &(struct retain_limits){.age_ns = 7}, 60, 0), 3);
}

static void each_file_knows_why_it_goes(void **state)
{
	struct retain_file files[] = {file(0, 1, 1, 50), file(0, 2, 2, 30), file(0, 3, 40, 20)};
	const struct retain_limits limits = {.total_bytes = 50, .age_ns = 10, .free_bytes = 81};

	(void)state;
	assert_int_equal(retain_plan(files, 3, &limits, 41, 0), 3);
	assert_int_equal(files[0].reason, RETAIN_TOO_MUCH);
	assert_int_equal(files[1].reason, RETAIN_TOO_OLD);
	assert_int_equal(files[2].reason, RETAIN_TOO_FULL);
}

/* ---- the thread ---- */

struct fixture {
	struct scratch scratch;
	struct data_dir traces, metrics;
	struct manifest *manifest;
	unsigned descriptors;
};

static const char *const signals[] = {"traces", "metrics"};

static void fixture_open(struct fixture *f)
{
	f->descriptors = count_descriptors();
	assert_int_equal(scratch_open(&f->scratch), 0);
	assert_int_equal(data_dir_open(f->scratch.fd, "traces", &f->traces), 0);
	assert_int_equal(data_dir_open(f->scratch.fd, "metrics", &f->metrics), 0);
	assert_int_equal(manifest_open(&f->manifest, f->scratch.fd), 0);
	assert_int_equal(data_dir_attach(&f->traces, f->manifest), 0);
	assert_int_equal(data_dir_attach(&f->metrics, f->manifest), 0);
}

static void fixture_close(struct fixture *f)
{
	data_dir_close(&f->traces);
	data_dir_close(&f->metrics);
	manifest_close(f->manifest);
	assert_int_equal(scratch_close(&f->scratch), 0);
	assert_int_equal(count_descriptors(), f->descriptors);
}

/* A sealed file of this length, made as rotation makes it. */
static void rotate(struct data_dir *dir, uint64_t bytes, int64_t wall_s)
{
	struct data_file file;

	assert_int_equal(data_file_create(dir, bytes, wall_s, &file), 0);
	assert_int_equal(data_file_seal(dir, &file, bytes), 0);
}

/* One that the manifest does not have: it is as old as its name. */
static void rotate_unknown(struct data_dir *dir, uint64_t bytes, int64_t wall_s)
{
	struct manifest *manifest = dir->manifest;

	dir->manifest = NULL;
	rotate(dir, bytes, wall_s);
	dir->manifest = manifest;
}

static size_t list(struct data_dir *dir, unsigned kinds, uint64_t *ret_first)
{
	struct data_name *names;
	size_t count;

	assert_int_equal(data_dir_list(dir, kinds, &names, &count), 0);
	*ret_first = count > 0 ? names[0].sequence : 0;
	free(names);
	return count;
}

/* Until so many runs have ended. For ever, if that is what it takes: meson has a limit. */
static void wait_for_runs(struct retain *retain, uint64_t runs, struct retain_counts *ret)
{
	retain_counts(retain, ret);
	while (ret->runs < runs) {
		usleep(100);
		retain_counts(retain, ret);
	}
}

static void retain_now(struct fixture *f, const struct retain_limits *limits,
		       struct retain_counts *counts)
{
	struct retain *retain;

	assert_int_equal(retain_open(&retain, f->scratch.fd, f->manifest, signals, 2, limits), 0);
	retain_request(retain);
	wait_for_runs(retain, 1, counts);
	retain_close(retain);
}

static void what_rotation_names_is_found_and_removed(void **state)
{
	struct retain_counts counts;
	struct fixture f;
	uint64_t first;

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < 5; i++) {
		rotate_unknown(&f.traces, 8192, NEW_YEAR + i);
		rotate_unknown(&f.metrics, 4096, NEW_YEAR + i);
	}
	retain_now(&f, &(struct retain_limits){.total_bytes = 3 * 12288}, &counts);
	assert_int_equal(list(&f.traces, DATA_SEALED, &first), 3);
	assert_int_equal(first, 3);
	assert_int_equal(list(&f.metrics, DATA_SEALED, &first), 3);
	assert_int_equal(first, 3);
	assert_int_equal(counts.removed_files, 4);
	assert_int_equal(counts.removed_bytes, 2 * 12288);
	assert_int_equal(counts.runs, 1);
	assert_int_equal(counts.failures, 0);
	fixture_close(&f);
}

static void files_beyond_their_age_are_removed(void **state)
{
	struct retain_counts counts;
	struct fixture f;
	uint64_t first;

	(void)state;
	fixture_open(&f);
	rotate_unknown(&f.traces, 4096, time(NULL) - 100000);
	rotate_unknown(&f.traces, 4096, time(NULL) - 90000);
	rotate_unknown(&f.traces, 4096, time(NULL));
	rotate_unknown(&f.traces, 4096, INT64_C(253402300799)); /* the last that a name can say */
	retain_now(&f, &(struct retain_limits){.age_ns = 80000 * SECOND_NS}, &counts);
	assert_int_equal(list(&f.traces, DATA_SEALED, &first), 2);
	assert_int_equal(first, 3);
	assert_int_equal(counts.removed_files, 2);
	fixture_close(&f);
}

static void open_and_foreign_files_are_never_touched(void **state)
{
	struct retain_counts counts;
	struct data_file open_file, bad_file;
	struct fixture f;
	uint64_t first;
	int fd;

	(void)state;
	fixture_open(&f);
	assert_int_equal(data_file_create(&f.traces, 4096, NEW_YEAR, &open_file), 0);
	assert_int_equal(data_file_create(&f.traces, 8192, NEW_YEAR, &bad_file), 0);
	assert_int_equal(data_file_abandon(&f.traces, &bad_file, 4096), 0);
	rotate(&f.traces, 4096, NEW_YEAR);
	fd = openat(f.traces.fd, "notes.txt", O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);

	/* A floor that no disk has: everything that may go, goes. */
	retain_now(&f, &(struct retain_limits){.free_bytes = UINT64_MAX}, &counts);
	assert_int_equal(list(&f.traces, DATA_SEALED | DATA_BAD, &first), 0);
	assert_int_equal(list(&f.traces, DATA_OPEN, &first), 1);
	assert_int_equal(faccessat(f.traces.fd, "notes.txt", F_OK, 0), 0);
	assert_int_equal(counts.removed_files, 2);
	data_file_release(&open_file);
	fixture_close(&f);
}

static void each_request_is_answered_by_a_later_run(void **state)
{
	struct retain_counts counts;
	struct retain *retain;
	struct fixture f;
	uint64_t first;

	(void)state;
	fixture_open(&f);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest, signals, 2,
				     &(struct retain_limits){.total_bytes = 4096}),
			 0);
	for (unsigned i = 0; i < 20; i++) {
		rotate(&f.traces, 4096, NEW_YEAR + i);
		retain_request(retain);
	}
	do {
		usleep(100);
		retain_counts(retain, &counts);
	} while (counts.removed_files < 19);
	assert_int_equal(list(&f.traces, DATA_SEALED, &first), 1);
	assert_int_equal(first, 20);
	assert_in_range(counts.runs, 1, 20);
	retain_close(retain);
	fixture_close(&f);
}

/* Armed: in the middle of a run, which has its list already, comes a file and a request. */
static struct {
	struct fixture *f;
	struct retain *retain;
} in_the_middle;

int __real_fstatvfs64(int fd, struct statvfs *ret);
int __wrap_fstatvfs64(int fd, struct statvfs *ret);

int __wrap_fstatvfs64(int fd, struct statvfs *ret)
{
	struct fixture *f = in_the_middle.f;

	in_the_middle.f = NULL;
	if (f != NULL) {
		rotate(&f->traces, 4096, NEW_YEAR + 1);
		retain_request(in_the_middle.retain);
	}
	return __real_fstatvfs64(fd, ret);
}

static void a_request_during_a_run_is_answered_by_another(void **state)
{
	struct retain_counts counts;
	struct fixture f;
	uint64_t first;

	(void)state;
	fixture_open(&f);
	rotate(&f.traces, 4096, NEW_YEAR);
	assert_int_equal(retain_open(&in_the_middle.retain, f.scratch.fd, f.manifest, signals, 2,
				     &(struct retain_limits){.total_bytes = 4096}),
			 0);
	in_the_middle.f = &f;
	retain_request(in_the_middle.retain);
	wait_for_runs(in_the_middle.retain, 2, &counts);
	assert_int_equal(counts.removed_files, 1);
	assert_int_equal(list(&f.traces, DATA_SEALED, &first), 1);
	assert_int_equal(first, 2);
	retain_close(in_the_middle.retain);
	fixture_close(&f);
}

/* The blocked signals of the thread with this name, as the kernel sees them. */
static uint64_t blocked_signals(const char *thread)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned long long mask = 0;
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[320], line[128];
		bool is_it = false;
		FILE *status;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		status = fopen(path, "re");
		while (status && fgets(line, sizeof(line), status)) {
			if (strncmp(line, "Name:", 5) == 0)
				is_it = strstr(line, thread) != NULL;
			if (is_it)
				sscanf(line, "SigBlk: %llx", &mask);
		}
		if (status)
			fclose(status);
	}
	closedir(dir);
	return mask;
}

static void the_thread_takes_no_signal(void **state)
{
	struct retain_counts counts;
	struct retain *retain;
	sigset_t before, after;
	struct fixture f;
	uint64_t mask;

	(void)state;
	fixture_open(&f);
	sigprocmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest, signals, 2,
				     &(struct retain_limits){0}),
			 0);
	sigprocmask(SIG_SETMASK, NULL, &after);
	for (int number = 1; number < SIGRTMIN; number++)
		assert_int_equal(sigismember(&before, number), sigismember(&after, number));

	retain_request(retain); /* after a run it has set its name */
	wait_for_runs(retain, 1, &counts);
	mask = blocked_signals("retain");
	assert_true(mask & 1ull << (SIGTERM - 1));
	assert_true(mask & 1ull << (SIGINT - 1));
	assert_true(mask & 1ull << (SIGHUP - 1));
	assert_true(mask & 1ull << (SIGALRM - 1));
	retain_counts(retain, &counts);
	assert_int_equal(counts.failures, 0);
	retain_close(retain);
	fixture_close(&f);
}

static void closing_in_the_middle_of_a_run_leaves_no_gap(void **state)
{
	struct data_name *names;
	struct retain *retain;
	struct fixture f;
	size_t count;

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < 30; i++)
		rotate_unknown(&f.traces, 4096, NEW_YEAR + i);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest, signals, 2,
				     &(struct retain_limits){.age_ns = 1}),
			 0);
	retain_request(retain);
	retain_close(retain);
	assert_int_equal(data_dir_list(&f.traces, DATA_SEALED, &names, &count), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(names[i].sequence, 30 - count + 1 + i);
	free(names);
	fixture_close(&f);
}

/* Armed: the thread that deletes a file lets the test look first, and says it without any order. */
static struct {
	uint32_t is_armed, is_deleting, has_looked;
} deleting;

int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);

/* A file that cannot be removed, and what is looked at before one is. */
static struct {
	const char *refused;
	int out_fd;
	unsigned entered;
} removing;

/* Is it entered as removed before it is? */
static void look_at_manifest(const char *name)
{
	struct manifest_image image = {0};
	struct data_name parsed;

	if (data_name_parse("traces", name, &parsed) < 0)
		return;
	assert_int_equal(manifest_load(&image, removing.out_fd), 0);
	removing.entered += manifest_image_signal(&image, "traces")->removed_to >= parsed.sequence;
	manifest_image_free(&image);
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	if (removing.out_fd > 0)
		look_at_manifest(name);
	if (removing.refused != NULL && strstr(name, removing.refused) != NULL) {
		errno = EPERM;
		return -1;
	}
	if (atomic_load_relaxed_u32(&deleting.is_armed) != 0) {
		atomic_store_relaxed_u32(&deleting.is_armed, 0);
		atomic_store_relaxed_u32(&deleting.is_deleting, 1);
		while (atomic_load_relaxed_u32(&deleting.has_looked) == 0)
			usleep(100);
	}
	return __real_unlinkat(fd, name, flags);
}

/* For ThreadSanitizer: the writer's loop asks while the thread counts. */
static void what_is_removed_can_be_asked_for_during_a_run(void **state)
{
	struct retain_counts counts;
	struct retain *retain;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	rotate_unknown(&f.traces, 4096, NEW_YEAR);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest, signals, 2,
				     &(struct retain_limits){.age_ns = 1}),
			 0);
	memset(&deleting, 0, sizeof(deleting));
	atomic_store_relaxed_u32(&deleting.is_armed, 1);
	retain_request(retain);
	while (atomic_load_relaxed_u32(&deleting.is_deleting) == 0)
		usleep(100);
	retain_counts(retain, &counts);
	assert_int_equal(counts.removed_files, 0);
	atomic_store_relaxed_u32(&deleting.has_looked, 1);
	wait_for_runs(retain, 1, &counts);
	assert_int_equal(counts.removed_files, 1);
	assert_int_equal(counts.removed_bytes, 4096);
	retain_close(retain);
	fixture_close(&f);
}

/* As verify reads it. */
static void entered_as_removed(const struct fixture *f, uint64_t *ret_files, uint64_t *ret_bytes)
{
	const struct manifest_signal *traces;
	struct manifest_image image = {0};

	assert_int_equal(manifest_load(&image, f->scratch.fd), 0);
	traces = manifest_image_signal(&image, "traces");
	assert_non_null(traces);
	*ret_files = traces->removed_files;
	*ret_bytes = traces->removed_bytes;
	manifest_image_free(&image);
}

static void a_removal_is_entered_before_it_is_done(void **state)
{
	struct retain_counts counts;
	struct fixture f;
	uint64_t files, bytes;

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < 5; i++)
		rotate(&f.traces, 4096, NEW_YEAR);
	removing.out_fd = f.scratch.fd;
	removing.entered = 0;
	retain_now(&f, &(struct retain_limits){.total_bytes = 8192}, &counts);
	removing.out_fd = 0;
	assert_int_equal(counts.removed_files, 3);
	assert_int_equal(removing.entered, 3);
	entered_as_removed(&f, &files, &bytes);
	assert_int_equal(files, 3);
	assert_int_equal(bytes, 3 * 4096);
	fixture_close(&f);
}

static void a_file_that_cannot_be_removed_keeps_those_behind_it(void **state)
{
	const struct retain_limits limits = {.free_bytes = UINT64_MAX};
	struct retain_counts counts;
	struct fixture f;
	uint64_t first, files, bytes;

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < 5; i++) {
		rotate(&f.traces, 4096, NEW_YEAR);
		rotate(&f.metrics, 4096, NEW_YEAR);
	}
	removing.refused = "traces-20260101T000000Z-00000002";
	retain_now(&f, &limits, &counts);
	removing.refused = NULL;
	assert_int_equal(list(&f.traces, DATA_SEALED, &first), 4);
	assert_int_equal(first, 2);
	assert_int_equal(list(&f.metrics, DATA_SEALED, &first), 0);
	assert_int_equal(counts.failures, 1);
	assert_int_equal(counts.last_error, -EPERM);
	assert_int_equal(counts.removed_files, 6);
	for (uint64_t i = 1; i <= 5; i++) {
		struct manifest_entry entry;

		assert_int_equal(manifest_find(f.manifest, "traces", i, &entry), i > 1);
	}
	entered_as_removed(&f, &files, &bytes);
	assert_int_equal(files, 1);
	assert_int_equal(bytes, 4096);
	retain_now(&f, &limits, &counts);
	assert_int_equal(list(&f.traces, DATA_SEALED, &first), 0);
	assert_int_equal(counts.failures, 0);
	fixture_close(&f);
}

/* Armed: so many writes more find no room. */
static unsigned writes_without_room;

ssize_t __real_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset);

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
	if (writes_without_room > 0) {
		writes_without_room--;
		errno = ENOSPC;
		return -1;
	}
	return __real_pwrite64(fd, bytes, count, offset);
}

static void a_disk_without_room_for_a_line_is_made_room_on(void **state)
{
	struct manifest_image image = {0};
	struct retain_counts counts;
	struct fixture f;
	uint64_t first;

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < 5; i++)
		rotate(&f.traces, 4096, NEW_YEAR);
	writes_without_room = 2;
	retain_now(&f, &(struct retain_limits){.total_bytes = 4096}, &counts);
	assert_int_equal(writes_without_room, 0);
	assert_int_equal(counts.failures, 0);
	assert_in_range(counts.removed_files, 2, 4);
	assert_int_equal(list(&f.traces, DATA_SEALED, &first), 5 - counts.removed_files);
	assert_int_equal(manifest_load(&image, f.scratch.fd), 0);
	assert_int_equal(manifest_image_signal(&image, "traces")->removed_to, first - 1);
	manifest_image_free(&image);
	fixture_close(&f);
}

static void what_somebody_else_removed_is_noticed(void **state)
{
	struct retain_counts counts;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (unsigned i = 0; i < 3; i++)
		rotate(&f.traces, 4096, NEW_YEAR);
	assert_int_equal(__real_unlinkat(f.traces.fd, "traces-20260101T000000Z-00000002.binpb", 0),
			 0);
	retain_now(&f, &(struct retain_limits){0}, &counts);
	assert_int_equal(counts.missing_files, 1);
	assert_int_equal(counts.removed_files, 0);
	assert_int_equal(counts.failures, 0);
	fixture_close(&f);
}

/* ---- clocks ---- */

static void times_that_anybody_can_set_do_not_count(void **state)
{
	static const struct timespec times[2] = {{.tv_sec = 0}, {.tv_sec = 0}};
	struct retain_counts counts;
	struct fixture f;
	uint64_t first;

	(void)state;
	fixture_open(&f);
	rotate(&f.traces, 4096, NEW_YEAR); /* a name of long ago, and sealed now */
	assert_int_equal(utimensat(f.traces.fd, "traces-20260101T000000Z-00000001.binpb", times, 0),
			 0);
	retain_now(&f, &(struct retain_limits){.age_ns = 1000 * SECOND_NS}, &counts);
	assert_int_equal(list(&f.traces, DATA_SEALED, &first), 1);
	fixture_close(&f);
}

/* What the clocks are set forward by, as the program sees them. */
static int64_t wall_step_s, boot_step_s;

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int rc = __real_clock_gettime(clock, ret);

	if (clock == CLOCK_REALTIME)
		ret->tv_sec += wall_step_s;
	if (clock == CLOCK_BOOTTIME)
		ret->tv_sec += boot_step_s;
	return rc;
}

static void run_again(struct retain *retain, struct retain_counts *counts)
{
	retain_counts(retain, counts);
	retain_request(retain);
	wait_for_runs(retain, counts->runs + 1, counts);
}

static void a_step_of_the_clock_is_waited_out(void **state)
{
	const struct retain_limits limits = {.age_ns = 86400 * SECOND_NS};
	struct retain_counts counts;
	struct retain *retain;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	rotate_unknown(&f.traces, 4096, time(NULL) - 1000);
	rotate(&f.metrics, 4096, NEW_YEAR);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest, signals, 2, &limits), 0);
	run_again(retain, &counts);
	assert_false(counts.is_waiting);
	assert_int_equal(counts.removed_files, 0);
	wall_step_s = 10 * 86400;
	run_again(retain, &counts);
	assert_true(counts.is_waiting);
	assert_int_equal(counts.removed_files, 0);
	/* It is set right again: nothing was lost by it. */
	wall_step_s = 0;
	run_again(retain, &counts);
	assert_true(counts.is_waiting);
	wall_step_s = boot_step_s = RETAIN_STEP_WAIT_MAX_NS / SECOND_NS + 1;
	run_again(retain, &counts);
	assert_false(counts.is_waiting);
	assert_int_equal(counts.removed_files, 0);
	/* It was the first time that was wrong: what is of this boot is known to be young. */
	wall_step_s += 10 * 86400;
	run_again(retain, &counts);
	assert_int_equal(counts.removed_files, 0);
	wall_step_s += RETAIN_STEP_WAIT_MAX_NS / SECOND_NS + 1;
	boot_step_s += RETAIN_STEP_WAIT_MAX_NS / SECOND_NS + 1;
	run_again(retain, &counts);
	assert_int_equal(counts.removed_files, 1);
	retain_close(retain);
	wall_step_s = boot_step_s = 0;
	fixture_close(&f);
}

static void a_clock_far_ahead_of_the_manifest_is_not_believed_at_once(void **state)
{
	const struct retain_limits limits = {.age_ns = 86400 * SECOND_NS};
	struct retain_counts counts;
	struct retain *retain;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	rotate_unknown(&f.traces, 4096, time(NULL) - 1000);
	data_dir_close(&f.traces);
	data_dir_close(&f.metrics);
	manifest_close(f.manifest);
	wall_step_s = boot_step_s = 10 * 86400; /* no writer for so long, or so it seems */
	assert_int_equal(data_dir_open(f.scratch.fd, "traces", &f.traces), 0);
	assert_int_equal(data_dir_open(f.scratch.fd, "metrics", &f.metrics), 0);
	assert_int_equal(manifest_open(&f.manifest, f.scratch.fd), 0);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest, signals, 2, &limits), 0);
	run_again(retain, &counts);
	assert_true(counts.is_waiting);
	assert_int_equal(counts.removed_files, 0);
	wall_step_s += RETAIN_STEP_WAIT_MAX_NS / SECOND_NS + 1;
	boot_step_s += RETAIN_STEP_WAIT_MAX_NS / SECOND_NS + 1;
	run_again(retain, &counts);
	assert_false(counts.is_waiting);
	assert_int_equal(counts.removed_files, 1);
	retain_close(retain);
	wall_step_s = boot_step_s = 0;
	fixture_close(&f);
}

static void a_thread_for_no_signal_or_too_many_is_refused(void **state)
{
	const struct retain_limits limits = {0};
	struct retain *retain;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest, signals, 0, &limits),
			 -EINVAL);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest, signals,
				     RETAIN_SIGNALS_MAX + 1, &limits),
			 -EINVAL);
	assert_int_equal(retain_open(&retain, f.scratch.fd, f.manifest,
				     (const char *[]){"traces", "no/signal"}, 2, &limits),
			 -EINVAL);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_limits_nothing_goes),
		cmocka_unit_test(what_is_not_sent_goes_last_and_for_free_space_alone),
		cmocka_unit_test(the_oldest_go_until_the_total_fits),
		cmocka_unit_test(what_is_too_old_goes),
		cmocka_unit_test(a_floor_of_free_space_is_reached_if_it_can_be),
		cmocka_unit_test(the_strictest_limit_decides),
		cmocka_unit_test(signals_are_merged_by_age_each_in_its_order),
		cmocka_unit_test(files_of_one_time_go_by_turns),
		cmocka_unit_test(a_file_from_the_future_does_not_hold_up_the_others),
		cmocka_unit_test(a_file_from_1970_takes_no_other_along),
		cmocka_unit_test(each_file_knows_why_it_goes),
		cmocka_unit_test(what_rotation_names_is_found_and_removed),
		cmocka_unit_test(files_beyond_their_age_are_removed),
		cmocka_unit_test(open_and_foreign_files_are_never_touched),
		cmocka_unit_test(each_request_is_answered_by_a_later_run),
		cmocka_unit_test(a_request_during_a_run_is_answered_by_another),
		cmocka_unit_test(the_thread_takes_no_signal),
		cmocka_unit_test(closing_in_the_middle_of_a_run_leaves_no_gap),
		cmocka_unit_test(what_is_removed_can_be_asked_for_during_a_run),
		cmocka_unit_test(a_removal_is_entered_before_it_is_done),
		cmocka_unit_test(a_file_that_cannot_be_removed_keeps_those_behind_it),
		cmocka_unit_test(a_disk_without_room_for_a_line_is_made_room_on),
		cmocka_unit_test(what_somebody_else_removed_is_noticed),
		cmocka_unit_test(times_that_anybody_can_set_do_not_count),
		cmocka_unit_test(a_step_of_the_clock_is_waited_out),
		cmocka_unit_test(a_clock_far_ahead_of_the_manifest_is_not_believed_at_once),
		cmocka_unit_test(a_thread_for_no_signal_or_too_many_is_refused),
	};

	return cmocka_run_group_tests_name("retain", tests, NULL, NULL);
}
