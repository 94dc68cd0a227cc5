/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions made, named, attached and refused. Their resource tables are in
 * test_region_table.c, who lives is in test_region_alive.c.
 */
#include "shm/region.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/time.h>

#include "tests/unit/ring_fixture.h"
#include "tests/unit/shm_fixture.h"

static const struct region_options small = {
	.ring_bytes = {RING_BYTES_MIN, 2 * RING_BYTES_MIN},
	.program = "test program",
};

static void a_region_is_attached_as_it_was_made(void **state)
{
	static struct region region;
	unsigned descriptors = count_descriptors();
	char name[REGION_NAME_BYTES_MAX], want[REGION_NAME_BYTES_MAX];
	struct region_view view;
	struct ring_claim claim;
	struct stat st;

	assert_int_equal(region_create(&region, *state, &small), 0);
	/* The producer keeps no descriptor. */
	assert_int_equal(count_descriptors(), descriptors);
	find_region(name);
	snprintf(want, sizeof(want), "%d-%016jx.region", (int)getpid(),
		 (uintmax_t)region.header->region_id);
	assert_string_equal(name, want);
	assert_int_equal(fstatat(shm_fixture_dir.fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true((uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size); /* reserved, whole */

	for (int writable = 0; writable < 2; writable++) {
		assert_int_equal(region_attach(&view, *state, name, writable), 0);
		assert_true(view.pid == (uint32_t)getpid());
		assert_true(view.uid == geteuid());
		assert_true(view.region_id == region.header->region_id);
		assert_true(view.bytes == region.bytes && view.bytes == (uint64_t)st.st_size);
		assert_true(view.start_unix_ns == region.header->start_unix_ns);
		assert_string_equal(view.program, "test program");
		assert_int_equal(view.ring_count, RINGS);
		assert_true(view.rings[RING_A].bytes == RING_BYTES_MIN);
		assert_true(view.rings[RING_B].bytes == 2 * RING_BYTES_MIN);
		assert_null(view.rings[2].shared);
		assert_null(view.rings[3].shared);
		assert_false(region_is_closed(&view));
		region_detach(&view);
		assert_int_equal(view.fd, -1);
	}
	/* What is in the rings stays behind. */
	claim = claim_or_fail(&region.rings[RING_B], 24);
	memset(claim.payload, 'x', 24);
	ring_commit(&claim);
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	region_close(&region);
	assert_null(region.header);
	region_close(&region);
	assert_true(region_is_closed(&view));
	assert_true(view.rings[RING_B].shared->tail == 32);
	assert_memory_equal(view.rings[RING_B].data + 8, "xxxxxxxxxxxxxxxxxxxxxxxx", 24);
	region_detach(&view);
	assert_int_equal(count_descriptors(), descriptors);
}

static void a_region_that_is_unlinked_stays_for_those_who_map_it(void **state)
{
	static struct region region;
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;

	assert_int_equal(region_create(&region, *state, &small), 0);
	find_region(name);
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	region_unlink(&region, *state);
	assert_int_equal(faccessat(shm_fixture_dir.fd, name, F_OK, 0), -1);
	region.rings[0].shared->accepted_items = 5;
	assert_true(view.rings[0].shared->accepted_items == 5);
	region_close(&region);
	region_detach(&view);
}

static void a_region_that_the_writer_gave_up_says_so(void **state)
{
	static struct region region;
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;

	assert_int_equal(region_create(&region, *state, &small), 0);
	find_region(name);
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	assert_false(region_is_abandoned(&region));
	region_abandon(&view);
	assert_true(region_is_abandoned(&region));
	region_detach(&view);
	region_close(&region);
}

static void ring_sizes_that_cannot_be_are_refused(void **state)
{
	static const uint64_t sizes[] = {
		1,
		RING_BYTES_MIN / 2,
		RING_BYTES_MIN + 8,
		3 * UINT64_C(4096),
		RING_BYTES_MAX * 2,
		UINT64_MAX,
		UINT64_C(1) << 63,
	};
	static struct region region;
	unsigned descriptors = count_descriptors();

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct region_options options = small;

		options.ring_bytes[i % 2] = sizes[i];
		assert_int_equal(region_create(&region, *state, &options), -EINVAL);
	}
	assert_int_equal(count_descriptors(), descriptors);
}

static void names_are_a_pid_and_an_id_and_nothing_else(void **state)
{
	static const char *const hostile[] = {
		"",
		".",
		"..",
		"control",
		"writer.lock",
		".region",
		"-.region",
		"1-.region",
		"1-123456789abcdef.region",
		"1-0123456789abcdef0.region",
		"1-0123456789ABCDEF.region",
		"1-0123456789abcdeg.region",
		"1-0123456789abcdef.Region",
		"1-0123456789abcdef.region ",
		"1-0123456789abcdef.regio",
		"1-0123456789abcdef.region.bad",
		"1-0123456789abcdef",
		"1-0000000000000000.region",
		"-1-0123456789abcdef.region",
		"+1-0123456789abcdef.region",
		" 1-0123456789abcdef.region",
		"-0123456789abcdef.region",
		"1_0123456789abcdef.region",
		"0x1-0123456789abcdef.region",
		"4294967296-0123456789abcdef.region",
		"12345678901-0123456789abcdef.region",
		"../1-0123456789abcdef.region",
		"1-0123456789abcde/.region",
		"1-%s%n456789abcdef.region",
	};
	struct region_view view;
	uint32_t pid = 7;
	uint64_t id = 8;

	for (size_t i = 0; i < COUNT_OF(hostile); i++) {
		assert_false(region_parse_name(hostile[i], &pid, &id));
		assert_true(pid == 7 && id == 8);
		assert_int_equal(region_attach(&view, *state, hostile[i], true), -EBADMSG);
	}
	assert_true(region_parse_name("4294967295-fedcba9876543210.region", &pid, &id));
	assert_true(pid == UINT32_MAX && id == UINT64_C(0xfedcba9876543210));
	assert_true(region_parse_name("1-0000000000000001.region", &pid, &id));
	assert_true(pid == 1 && id == 1);
	assert_int_equal(region_attach(&view, *state, "1-0000000000000001.region", true), -ENOENT);
}

static void links_and_other_kinds_of_files_are_refused(void **state)
{
	static const char good[] = "1-0123456789abcdef.region",
			  other[] = "1-0000000000000001.region";
	struct runtime_dir *dir = *state;
	static struct region region;
	char name[REGION_NAME_BYTES_MAX];
	unsigned descriptors = count_descriptors();
	struct region_view view;
	int fd;

	assert_int_equal(region_create(&region, dir, &small), 0);
	find_region(name);
	assert_int_equal(symlinkat(name, dir->fd, other), 0);
	assert_int_equal(region_attach(&view, dir, other, true), -ELOOP);
	assert_int_equal(unlinkat(dir->fd, other, 0), 0);
	/* With a second link neither name is taken. */
	assert_int_equal(linkat(dir->fd, name, dir->fd, "elsewhere", 0), 0);
	assert_int_equal(region_attach(&view, dir, name, true), -EBADMSG);
	assert_int_equal(unlinkat(dir->fd, "elsewhere", 0), 0);
	assert_int_equal(region_attach(&view, dir, name, true), 0);
	region_detach(&view);
	/* Under another name than its own. */
	assert_int_equal(renameat(dir->fd, name, dir->fd, good), 0);
	assert_int_equal(region_attach(&view, dir, good, true), -EBADMSG);
	assert_int_equal(unlinkat(dir->fd, good, 0), 0);
	assert_int_equal(mkfifoat(dir->fd, good, 0600), 0);
	assert_int_equal(region_attach(&view, dir, good, true), -EBADMSG);
	assert_int_equal(unlinkat(dir->fd, good, 0), 0);
	assert_int_equal(mkdirat(dir->fd, good, 0700), 0);
	assert_true(region_attach(&view, dir, good, true) < 0);
	assert_int_equal(region_attach(&view, dir, good, false), -EBADMSG);
	assert_int_equal(unlinkat(dir->fd, good, AT_REMOVEDIR), 0);
	/* Empty, or too short for a header, or of a size that no region has. */
	fd = openat(dir->fd, good, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(region_attach(&view, dir, good, true), -EBADMSG);
	assert_int_equal(ftruncate(fd, LAYOUT_PAGE_BYTES - 1), 0);
	assert_int_equal(region_attach(&view, dir, good, true), -EBADMSG);
	assert_int_equal(ftruncate(fd, (off_t)REGION_BYTES_MAX + 1), 0);
	assert_int_equal(region_attach(&view, dir, good, true), -EBADMSG);
	assert_int_equal(ftruncate(fd, (off_t)REGION_BYTES_MAX), 0);
	assert_int_equal(region_attach(&view, dir, good, true), -EAGAIN);
	close(fd);
	region_close(&region);
	assert_int_equal(count_descriptors(), descriptors);
}

static void a_region_of_another_user_is_for_group_directories_only(void **state)
{
	static struct region region;
	struct runtime_dir dir;
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	struct stat st;

	assert_int_equal(region_create(&region, *state, &small), 0);
	find_region(name);
	if (geteuid() != 0 || fchownat(shm_fixture_dir.fd, name, 12345, 0, 0) < 0) {
		region_close(&region);
		skip();
	}
	assert_int_equal(region_attach(&view, *state, name, true), -EACCES);
	assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
	region_close(&region);

	assert_int_equal(chmod(shm_fixture_path, 03770), 0);
	assert_int_equal(runtime_open(&dir, shm_fixture_path, false), 0);
	assert_int_equal(region_create(&region, &dir, &small), 0);
	find_region(name);
	assert_int_equal(fstatat(dir.fd, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(fchownat(dir.fd, name, 12345, 0, 0), 0);
	assert_int_equal(region_attach(&view, &dir, name, true), 0);
	/* The owner is who the file belongs to, whatever the header says. */
	assert_int_equal(view.uid, 12345);
	region_detach(&view);
	region_close(&region);
	runtime_close(&dir);
}

#define FIELD(member) \
	offsetof(struct region_header, member), sizeof((struct region_header){0}.member)
#define RING_FIELD(ring, member)                                                    \
	offsetof(struct region_header, rings) + (ring) * sizeof(struct ring_desc) + \
		offsetof(struct ring_desc, member),                                 \
		sizeof((struct ring_desc){0}.member)

/* In a region of `small`: the rings' controls at 4,096 and 5,120, table at 8,192, data behind. */
static const struct lie {
	const char *what;
	size_t offset, bytes;
	uint64_t value;
	int result;
} lies[] = {
	{"magic", FIELD(magic), REGION_MAGIC + 1, -EBADMSG},
	{"magic 0", FIELD(magic), 0, -EBADMSG},
	{"later major", FIELD(major), LAYOUT_MAJOR + 1, -EPROTO},
	{"major 0", FIELD(major), 0, -EPROTO},
	{"later minor", FIELD(minor), 99, 0},
	{"header bytes", FIELD(header_bytes), LAYOUT_PAGE_BYTES - 8, -EBADMSG},
	{"header bytes", FIELD(header_bytes), UINT32_MAX, -EBADMSG},
	{"id", FIELD(region_id), 1, -EBADMSG},
	{"id 0", FIELD(region_id), 0, -EBADMSG},
	{"region too short", FIELD(region_bytes), LAYOUT_PAGE_BYTES, -EBADMSG},
	{"region too long", FIELD(region_bytes), UINT64_C(1) << 40, -EBADMSG},
	{"pid", FIELD(pid), 1, -EBADMSG},
	{"uid is for people", FIELD(uid), 4242, 0},
	{"start is for people", FIELD(start_unix_ns), UINT64_MAX, 0},
	{"table in the header", FIELD(table_offset), 0, -EBADMSG},
	{"table misaligned", FIELD(table_offset), 8192 + 8, -EBADMSG},
	{"table on a ring's control", FIELD(table_offset), 4096, -EBADMSG},
	{"table on a ring's data", FIELD(table_offset), 8192 + 4096, -EBADMSG},
	{"table behind the end", FIELD(table_offset), UINT64_C(1) << 40, -EBADMSG},
	{"table at the top", FIELD(table_offset), UINT64_MAX - 127, -EBADMSG},
	{"table too large", FIELD(table_bytes), TABLE_BYTES + 8, -EBADMSG},
	{"table far too large", FIELD(table_bytes), UINT64_MAX, -EBADMSG},
	{"too many rings", FIELD(ring_count), REGION_RINGS_MAX + 1, -EBADMSG},
	{"far too many rings", FIELD(ring_count), UINT32_MAX, -EBADMSG},
	{"a ring that is not described", FIELD(ring_count), 3, -EBADMSG},
	{"state", FIELD(producer_state), 1, -EBADMSG},
	{"no state yet", FIELD(producer_state), 0, -EAGAIN},
	{"closed", FIELD(producer_state), REGION_STATE_CLOSED, 0},
	{"table tail is the producer's", FIELD(table_tail), UINT32_MAX, 0},
	{"signal unknown", RING_FIELD(0, number), REGION_RINGS_MAX, -EBADMSG},
	{"signal far off", RING_FIELD(0, number), UINT32_MAX, -EBADMSG},
	{"signal twice", RING_FIELD(1, number), RING_A, -EBADMSG},
	{"a signal of later", RING_FIELD(1, number), 3, 0},
	{"control in the header", RING_FIELD(0, control_offset), 128, -EBADMSG},
	{"control misaligned", RING_FIELD(0, control_offset), 4096 + 8, -EBADMSG},
	{"control on the other", RING_FIELD(0, control_offset), 5120, -EBADMSG},
	{"control half on the other", RING_FIELD(0, control_offset), 4096 + 512, -EBADMSG},
	{"control on the table", RING_FIELD(0, control_offset), 8192, -EBADMSG},
	{"control behind the end", RING_FIELD(0, control_offset), UINT64_C(1) << 40, -EBADMSG},
	{"control at the top", RING_FIELD(1, control_offset), UINT64_MAX - 127, -EBADMSG},
	{"data in the header", RING_FIELD(0, data_offset), 0, -EBADMSG},
	{"data misaligned", RING_FIELD(0, data_offset), 8192 + 65536 + 128, -EBADMSG},
	{"data on the controls", RING_FIELD(0, data_offset), 4096, -EBADMSG},
	{"data on the table", RING_FIELD(0, data_offset), 8192, -EBADMSG},
	{"data on the other's", RING_FIELD(0, data_offset), 8192 + 65536 + 4096, -EBADMSG},
	{"data over the end", RING_FIELD(1, data_offset), 8192 + 65536 + 8192, -EBADMSG},
	{"data at the top", RING_FIELD(1, data_offset), UINT64_MAX - 4095, -EBADMSG},
	{"ring of 0", RING_FIELD(0, data_bytes), 0, -EBADMSG},
	{"ring too small", RING_FIELD(0, data_bytes), RING_BYTES_MIN / 2, -EBADMSG},
	{"ring of an odd size", RING_FIELD(0, data_bytes), RING_BYTES_MIN + 8, -EBADMSG},
	{"ring into the other", RING_FIELD(0, data_bytes), 2 * RING_BYTES_MIN, -EBADMSG},
	{"ring over the end", RING_FIELD(1, data_bytes), 4 * RING_BYTES_MIN, -EBADMSG},
	{"ring too large", RING_FIELD(1, data_bytes), RING_BYTES_MAX * 2, -EBADMSG},
	{"ring far too large", RING_FIELD(1, data_bytes), UINT64_C(1) << 63, -EBADMSG},
};

static void each_lie_in_a_header_is_refused(void **state)
{
	static struct region region;
	char name[REGION_NAME_BYTES_MAX];
	struct region_header truth;
	unsigned descriptors;

	assert_int_equal(region_create(&region, *state, &small), 0);
	find_region(name);
	memcpy(&truth, region.header, sizeof(truth));
	assert_true(truth.table_offset == 8192);
	assert_true(truth.rings[0].data_offset == 8192 + 65536);
	assert_true(truth.rings[1].data_offset == 8192 + 65536 + 4096);
	descriptors = count_descriptors();
	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		struct region_view view = {.fd = -7};
		int rc;

		memcpy((uint8_t *)region.header + lies[i].offset, &lies[i].value, lies[i].bytes);
		rc = region_attach(&view, *state, name, true);
		if (rc != lies[i].result)
			fail_msg("%s: %d", lies[i].what, rc);
		if (rc == 0)
			region_detach(&view);
		else
			assert_int_equal(view.fd, -7);
		memcpy(region.header, &truth, sizeof(truth));
	}
	assert_int_equal(count_descriptors(), descriptors);
	region_close(&region);
}

static void a_program_name_is_made_printable_and_ends(void **state)
{
	static struct region region;
	char name[REGION_NAME_BYTES_MAX];
	struct region_options options = small;
	struct region_view view;

	options.program = "0123456789012345678901234567890123456789012345678901234567890123456789";
	assert_int_equal(region_create(&region, *state, &options), 0);
	find_region(name);
	assert_int_equal(region_attach(&view, *state, name, false), 0);
	assert_int_equal(strlen(view.program), sizeof(view.program) - 1);
	region_detach(&view);
	memset(region.header->program, 'x', sizeof(region.header->program));
	memcpy(region.header->program, "a\033[2J\nb\xff", 8);
	assert_int_equal(region_attach(&view, *state, name, false), 0);
	assert_int_equal(strlen(view.program), sizeof(view.program) - 1);
	assert_memory_equal(view.program, "a?[2J?b?xx", 10);
	region_detach(&view);
	region_close(&region);
}

static int fill_a_small_tmpfs(void)
{
	static struct region region;
	struct runtime_dir dir;
	unsigned descriptors;
	char path[128];

	snprintf(path, sizeof(path), "%s/mount", shm_fixture_path);
	/* In a mount namespace of its own, so nothing is left behind. */
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, "") < 0 ||
	    mkdir(path, 0700) < 0 || mount("tmpfs", path, "tmpfs", 0, "size=64k,mode=0700") < 0)
		return 77;
	if (runtime_open(&dir, path, false) < 0)
		return 1;
	descriptors = count_descriptors();
	if (region_create(&region, &dir, &small) != -ENOSPC)
		return 2;
	return count_descriptors() == descriptors ? 0 : 3;
}

static void a_full_tmpfs_is_an_error_and_no_signal_later(void **state)
{
	pid_t pid = fork_child();
	int status;

	(void)state;
	if (pid == 0)
		_exit(fill_a_small_tmpfs());
	status = wait_child(pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static volatile sig_atomic_t ticks;

static void count_tick(int signal)
{
	(void)signal;
	ticks = ticks + 1;
}

static void a_profilers_timer_does_not_keep_a_region_from_being_made(void **state)
{
	const struct itimerval fast = {{0, 200}, {0, 200}}, off = {{0, 0}, {0, 0}};
	const struct region_options options = {.ring_bytes = {UINT64_C(32) << 20, RING_BYTES_MIN}};
	struct sigaction action = {.sa_handler = count_tick};
	static struct region region;
	int rc;

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &fast, NULL), 0);
	while (ticks == 0)
		sched_yield();
	rc = region_create(&region, *state, &options);
	assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
	assert_int_equal(rc, 0);
	region_close(&region);
}

/* Of the next calls every second one is interrupted; the timer above may hit none. */
static unsigned interrupted, reservations;

/* And those of more bytes are always interrupted; 0: none. */
static off_t too_slow_bytes;

int __real_fallocate64(int fd, int mode, off_t from, off_t bytes);
int __wrap_fallocate64(int fd, int mode, off_t from, off_t bytes);

int __wrap_fallocate64(int fd, int mode, off_t from, off_t bytes)
{
	if (interrupted > 0 && ++reservations % 2 != 0) {
		interrupted--;
		errno = EINTR;
		return -1;
	}
	if (too_slow_bytes > 0 && bytes > too_slow_bytes) {
		errno = EINTR;
		return -1;
	}
	return __real_fallocate64(fd, mode, from, bytes);
}

static void an_interrupted_reservation_goes_on_where_it_was(void **state)
{
	const struct region_options options = {.ring_bytes = {UINT64_C(4) << 20, RING_BYTES_MIN}};
	static struct region region;
	char name[REGION_NAME_BYTES_MAX];
	struct stat st;

	interrupted = 10;
	assert_int_equal(region_create(&region, *state, &options), 0);
	assert_int_equal(interrupted, 0);
	find_region(name);
	assert_int_equal(fstatat(shm_fixture_dir.fd, name, &st, 0), 0);
	assert_int_equal(st.st_size, region.bytes);
	assert_true((uint64_t)st.st_blocks * 512 >= region.bytes);
	region_close(&region);
}

static void a_machine_that_is_slower_than_a_timer_makes_regions_in_smaller_steps(void **state)
{
	const struct region_options options = {.ring_bytes = {UINT64_C(1) << 20, RING_BYTES_MIN}};
	static struct region region;
	int rc;

	too_slow_bytes = LAYOUT_PAGE_BYTES;
	rc = region_create(&region, *state, &options);
	too_slow_bytes = 0;
	assert_int_equal(rc, 0);
	region_close(&region);
}

#define IN_A_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(a_region_is_attached_as_it_was_made),
		IN_A_DIRECTORY(a_region_that_is_unlinked_stays_for_those_who_map_it),
		IN_A_DIRECTORY(a_region_that_the_writer_gave_up_says_so),
		IN_A_DIRECTORY(ring_sizes_that_cannot_be_are_refused),
		IN_A_DIRECTORY(names_are_a_pid_and_an_id_and_nothing_else),
		IN_A_DIRECTORY(links_and_other_kinds_of_files_are_refused),
		IN_A_DIRECTORY(a_region_of_another_user_is_for_group_directories_only),
		IN_A_DIRECTORY(each_lie_in_a_header_is_refused),
		IN_A_DIRECTORY(a_program_name_is_made_printable_and_ends),
		IN_A_DIRECTORY(a_full_tmpfs_is_an_error_and_no_signal_later),
		IN_A_DIRECTORY(a_profilers_timer_does_not_keep_a_region_from_being_made),
		IN_A_DIRECTORY(an_interrupted_reservation_goes_on_where_it_was),
		IN_A_DIRECTORY(
			a_machine_that_is_slower_than_a_timer_makes_regions_in_smaller_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
