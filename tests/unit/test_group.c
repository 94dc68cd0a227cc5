/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group directory with three users in it: the writer's, to whom it belongs, and two members. What
 * one member can do to the other and to the writer, and what not. Needs root, to become them.
 */
#include "shm/control.h"

#include <grp.h>

#include "tests/unit/shm_fixture.h"

#define GROUP	  30000
#define WRITER	  30001
#define MEMBER	  30002
#define NEIGHBOUR 30003
#define LONG_NS	  INT64_C(30000000000)

static const struct region_options small = {.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN},
					    .program = "test"};

static int group_setup(void **state)
{
	struct runtime_dir *dir;

	shm_fixture_setup(state);
	if (geteuid() != 0)
		return 0;
	dir = *state;
	/* Where only root can make directories: below one of root's. */
	assert_int_equal(chmod(shm_fixture_path, 0755), 0);
	strcat(shm_fixture_path, "/run");
	assert_int_equal(mkdir(shm_fixture_path, 0700), 0);
	assert_int_equal(chown(shm_fixture_path, WRITER, GROUP), 0);
	assert_int_equal(chmod(shm_fixture_path, 03770), 0);
	runtime_close(dir);
	assert_int_equal(runtime_open(dir, shm_fixture_path, false), 0);
	assert_true(dir->group);
	assert_int_equal(dir->owner, WRITER);
	return 0;
}

static int group_teardown(void **state)
{
	char parent[sizeof(shm_fixture_path)], *end;

	strcpy(parent, shm_fixture_path);
	shm_fixture_teardown(state);
	end = strstr(parent, "/run");
	if (end == NULL)
		return 0;
	*end = '\0';
	return rmdir(parent);
}

/* Runs a part as that user, in a child; what it returns is the line that failed, or 0. */
static int as_user(uid_t uid, int (*part)(void))
{
	pid_t pid = fork_child();

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(GROUP, GROUP, GROUP) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(255);
		/* The change of the user took it back. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(part() & 0xff);
	}
	return WEXITSTATUS(wait_child(pid));
}

#define NEEDS_ROOT()                \
	do {                        \
		if (geteuid() != 0) \
			skip();     \
	} while (0)

/* In a part: the number says which expectation it was. */
#define EXPECT(number, condition)      \
	do {                           \
		if (!(condition))      \
			return number; \
	} while (0)

static struct runtime_dir part_dir;
static char region_name[REGION_NAME_BYTES_MAX];

static int make_region(void)
{
	static struct region region;

	EXPECT(1, runtime_open(&part_dir, shm_fixture_path, true) == 0);
	EXPECT(2, region_create(&region, &part_dir, &small) == 0);
	return 0;
}

static int open_region(int flags)
{
	int fd = openat(shm_fixture_dir.fd, region_name, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int attack_region(void)
{
	char other[REGION_NAME_BYTES_MAX + 8];

	snprintf(other, sizeof(other), "%s.x", region_name);
	EXPECT(1, open_region(O_RDWR) == -EACCES);
	EXPECT(2, open_region(O_RDONLY) == -EACCES);
	EXPECT(3, open_region(O_WRONLY | O_TRUNC) == -EACCES);
	EXPECT(4, unlinkat(shm_fixture_dir.fd, region_name, 0) < 0);
	EXPECT(5, renameat(shm_fixture_dir.fd, region_name, shm_fixture_dir.fd, other) < 0);
	return 0;
}

static int serve_region(void)
{
	struct region_view view;

	EXPECT(1, runtime_open(&part_dir, shm_fixture_path, false) == 0);
	EXPECT(2, region_attach(&view, &part_dir, region_name, true) == 0);
	EXPECT(3, view.uid == MEMBER);
	EXPECT(4, region_is_alive(&view) == 0);
	view.rings[RING_A].shared->head = 0;
	region_detach(&view);
	EXPECT(5, unlinkat(part_dir.fd, region_name, 0) == 0);
	return 0;
}

static void a_region_is_open_to_its_owner_and_the_writer_alone(void **state)
{
	struct stat st;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(as_user(MEMBER, make_region), 0);
	find_region(region_name);
	assert_int_equal(fstatat(shm_fixture_dir.fd, region_name, &st, 0), 0);
	assert_int_equal(st.st_uid, MEMBER);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(as_user(NEIGHBOUR, attack_region), 0);
	assert_int_equal(as_user(WRITER, serve_region), 0);
}

static int open_page_as_writer(void)
{
	struct control control;

	EXPECT(1, runtime_open(&part_dir, shm_fixture_path, false) == 0);
	EXPECT(2, control_open_writer(&control, &part_dir) == 0);
	EXPECT(3, control.page->sleeping == 0);
	EXPECT(4, runtime_has_writer(&part_dir) == 1);
	return 0;
}

static int attack_page(void)
{
	EXPECT(1, openat(shm_fixture_dir.fd, RUNTIME_CONTROL, O_RDWR | O_CLOEXEC) < 0);
	EXPECT(2, openat(shm_fixture_dir.fd, RUNTIME_CONTROL, O_WRONLY | O_TRUNC) < 0);
	EXPECT(3, unlinkat(shm_fixture_dir.fd, RUNTIME_CONTROL, 0) < 0);
	return 0;
}

static int use_page(void)
{
	struct control control;

	EXPECT(1, runtime_open(&part_dir, shm_fixture_path, false) == 0);
	EXPECT(2, control_open(&control, &part_dir) == 0);
	EXPECT(3, control.page != NULL);
	control_wake_writer(&control);
	control_close(&control);
	return 0;
}

static void the_page_is_the_writers_and_members_only_read_it(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_int_equal(as_user(WRITER, open_page_as_writer), 0);
	assert_int_equal(as_user(MEMBER, attack_page), 0);
	assert_int_equal(as_user(MEMBER, use_page), 0);
	assert_int_equal(as_user(WRITER, open_page_as_writer), 0);
}

static int lie_kind;

static int put_a_lie(void)
{
	static const struct control_page page = {.magic = CONTROL_MAGIC, .major = LAYOUT_MAJOR};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int dirfd = shm_fixture_dir.fd, fd;

	umask(0);
	switch (lie_kind) {
	case 0: /* a good page, but the member's, and locked as if there were a writer */
		fd = openat(dirfd, RUNTIME_CONTROL, O_RDWR | O_CREAT | O_EXCL, 0666);
		EXPECT(1, fd >= 0 && write(fd, &page, sizeof(page)) == (ssize_t)sizeof(page));
		EXPECT(2, fcntl(fd, F_OFD_SETLK, &lock) == 0);
		EXPECT(3, runtime_has_writer(&shm_fixture_dir) == 0);
		return 0;
	case 1:
		return mkdirat(dirfd, RUNTIME_CONTROL, 0777) < 0 ||
		       mkdirat(dirfd, RUNTIME_CONTROL "/in", 0777) < 0;
	case 2:
		return mkfifoat(dirfd, RUNTIME_CONTROL, 0666) < 0;
	default:
		return symlinkat("/etc/passwd", dirfd, RUNTIME_CONTROL) < 0;
	}
}

static int take_no_lie(void)
{
	struct control control;

	EXPECT(1, runtime_open(&part_dir, shm_fixture_path, false) == 0);
	EXPECT(2, control_open(&control, &part_dir) == 0);
	EXPECT(3, control.page == NULL);
	EXPECT(4, runtime_has_writer(&part_dir) == 0);
	return 0;
}

/* The fixture removes plain files and empty directories. */
static void remove_lie(void)
{
	DIR *dir = opendir(shm_fixture_path);
	struct dirent *entry;
	char inner[300];

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(inner, sizeof(inner), "%s/in", entry->d_name);
		unlinkat(dirfd(dir), inner, AT_REMOVEDIR);
		if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

static void what_a_member_puts_in_the_pages_place_is_taken_by_nobody(void **state)
{
	(void)state;
	NEEDS_ROOT();
	for (lie_kind = 0; lie_kind < 4; lie_kind++) {
		assert_int_equal(as_user(MEMBER, put_a_lie), 0);
		assert_int_equal(as_user(NEIGHBOUR, take_no_lie), 0);
		assert_int_equal(as_user(WRITER, open_page_as_writer), 0);
		assert_int_equal(as_user(NEIGHBOUR, use_page), 0);
		remove_lie();
	}
}

static uint32_t *step;

static int hold_a_read_lock(void)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	int fd = openat(shm_fixture_dir.fd, RUNTIME_CONTROL, O_RDONLY | O_CLOEXEC);

	EXPECT(1, fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0);
	/* Nobody takes it for a writer. */
	EXPECT(2, runtime_has_writer(&shm_fixture_dir) == 0);
	atomic_store_release_u32(step, 1);
	EXPECT(3, wait_for_word(step, 2));
	return 0;
}

static void a_lock_for_reading_neither_keeps_the_writer_out_nor_passes_for_one(void **state)
{
	pid_t pid;

	(void)state;
	NEEDS_ROOT();
	step = share(sizeof(*step));
	assert_int_equal(as_user(WRITER, open_page_as_writer), 0);
	pid = fork_child();
	if (pid == 0)
		_exit(as_user(MEMBER, hold_a_read_lock));
	assert_true(wait_for_word(step, 1));
	assert_int_equal(as_user(WRITER, open_page_as_writer), 0);
	atomic_store_release_u32(step, 2);
	expect_child_succeeds(pid);
}

static int ring_until_told(void)
{
	struct control control;

	EXPECT(1, runtime_open(&part_dir, shm_fixture_path, false) == 0);
	EXPECT(2, control_open(&control, &part_dir) == 0);
	while (atomic_load_acquire_u32(step) < 2) {
		control_wake_writer(&control);
		usleep(100);
	}
	return 0;
}

static int wait_for_a_flush(void)
{
	struct control control;
	uint32_t seen;

	EXPECT(1, runtime_open(&part_dir, shm_fixture_path, false) == 0);
	EXPECT(2, control_open(&control, &part_dir) == 0);
	while (atomic_load_acquire_u32(step) < 2) {
		seen = control_flushed(&control);
		if (seen == 0)
			control_wait_flushed(&control, seen, LONG_NS);
	}
	return control_flushed(&control) == 0;
}

static int sleep_and_be_woken(void)
{
	struct control control;

	EXPECT(1, runtime_open(&part_dir, shm_fixture_path, false) == 0);
	EXPECT(2, control_open_writer(&control, &part_dir) == 0);
	EXPECT(3, control_slice_ns(&control, true) < LONG_NS);
	atomic_store_release_u32(step, 1);
	control_announce_sleep(&control);
	EXPECT(4, control_sleep(&control, LONG_NS));
	EXPECT(5, control.page->sleeping == 0);
	/* Nobody to wake us here. */
	atomic_store_release_u32(step, 2);
	for (unsigned i = 0; i < 100; i++) {
		control_notify_flushed(&control);
		usleep(1000);
	}
	EXPECT(6, !control_sleep(&control, 1) || control.page->sleeping == 0);
	return 0;
}

static void a_member_wakes_the_writer_and_is_woken_without_writing_the_page(void **state)
{
	pid_t pids[2];

	(void)state;
	NEEDS_ROOT();
	step = share(sizeof(*step));
	assert_int_equal(as_user(WRITER, open_page_as_writer), 0);
	for (unsigned i = 0; i < COUNT_OF(pids); i++) {
		pids[i] = fork_child();
		if (pids[i] == 0)
			_exit(as_user(MEMBER, i == 0 ? ring_until_told : wait_for_a_flush));
	}
	assert_int_equal(as_user(WRITER, sleep_and_be_woken), 0);
	for (unsigned i = 0; i < COUNT_OF(pids); i++)
		expect_child_succeeds(pids[i]);
}

#define IN_A_GROUP(test) cmocka_unit_test_setup_teardown(test, group_setup, group_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_GROUP(a_region_is_open_to_its_owner_and_the_writer_alone),
		IN_A_GROUP(the_page_is_the_writers_and_members_only_read_it),
		IN_A_GROUP(what_a_member_puts_in_the_pages_place_is_taken_by_nobody),
		IN_A_GROUP(a_lock_for_reading_neither_keeps_the_writer_out_nor_passes_for_one),
		IN_A_GROUP(a_member_wakes_the_writer_and_is_woken_without_writing_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
