/* SPDX-License-Identifier: Apache-2.0 */
/* Which runtime directories are trusted, how they are made, and who holds them. */
#include "shm/runtime.h"

#include "tests/unit/shm_fixture.h"

static void the_path_is_the_given_one_or_the_environment_or_the_default(void **state)
{
	char path[RUNTIME_PATH_BYTES_MAX], want[64];

	(void)state;
	snprintf(want, sizeof(want), "/dev/shm/otlpipe-%u", (unsigned)geteuid());
	unsetenv("OTLPIPE_DIR");
	assert_int_equal(runtime_path(path, sizeof(path), NULL), 0);
	assert_string_equal(path, want);
	setenv("OTLPIPE_DIR", "", 1);
	assert_int_equal(runtime_path(path, sizeof(path), ""), 0);
	assert_string_equal(path, want);
	setenv("OTLPIPE_DIR", "/from/environment", 1);
	assert_int_equal(runtime_path(path, sizeof(path), ""), 0);
	assert_string_equal(path, "/from/environment");
	assert_int_equal(runtime_path(path, sizeof(path), "/given"), 0);
	assert_string_equal(path, "/given");
	unsetenv("OTLPIPE_DIR");
}

static void a_path_that_does_not_fit_is_an_error(void **state)
{
	char path[8];

	(void)state;
	assert_int_equal(runtime_path(path, sizeof(path), "1234567"), 0);
	assert_int_equal(runtime_path(path, sizeof(path), "12345678"), -ENAMETOOLONG);
}

static void sub_path(char ret[128], const char *name)
{
	snprintf(ret, 128, "%s/%s", shm_fixture_path, name);
}

static void a_missing_directory_is_made_private_and_only_if_asked(void **state)
{
	struct runtime_dir dir = {.fd = -1};
	char path[128];
	struct stat st;

	(void)state;
	sub_path(path, "new");
	assert_int_equal(runtime_open(&dir, path, false), -ENOENT);
	assert_int_equal(runtime_open(&dir, path, true), 0);
	assert_false(dir.group);
	assert_int_equal(fstat(dir.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fcntl(dir.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(dir.owner, geteuid());
	runtime_close(&dir);
	assert_int_equal(dir.fd, -1);
	/* And once more, now that it is there. */
	assert_int_equal(runtime_open(&dir, path, true), 0);
	runtime_close(&dir);
	/* Parents are not made. */
	sub_path(path, "no/such/parent");
	assert_int_equal(runtime_open(&dir, path, true), -ENOENT);
}

/* The mode of a file that was shared, whatever the mask. */
static mode_t shared_mode(const struct runtime_dir *dir)
{
	int fd = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(runtime_share(dir, fd), 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return st.st_mode & 07777;
}

static void the_mode_decides_between_private_group_and_refused(void **state)
{
	static const struct {
		mode_t mode;
		int result;
		bool group;
	} cases[] = {
		{0700, 0, false},	 {02700, 0, false},	  {03770, 0, true},
		{03775, -EACCES, false}, {0701, -EACCES, false},  {0710, -EACCES, false},
		{0750, -EACCES, false},	 {0755, -EACCES, false},  {0770, -EACCES, false},
		{0777, -EACCES, false},	 {01777, -EACCES, false}, {02770, -EACCES, false},
		{01770, -EACCES, false}, {03772, -EACCES, false}, {03777, -EACCES, false},
		{03750, -EACCES, false}, {03760, -EACCES, false}, {03771, -EACCES, false},
		{07770, -EACCES, false},
	};
	unsigned descriptors = count_descriptors();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct runtime_dir dir = {.fd = -1, .group = !cases[i].group};

		assert_int_equal(chmod(shm_fixture_path, cases[i].mode), 0);
		if (runtime_open(&dir, shm_fixture_path, true) != cases[i].result)
			fail_msg("mode %o", (unsigned)cases[i].mode);
		if (cases[i].result == 0) {
			assert_int_equal(dir.group, cases[i].group);
			assert_int_equal(shared_mode(&dir), cases[i].group ? 0660 : 0600);
			runtime_close(&dir);
		}
	}
	assert_int_equal(count_descriptors(), descriptors);
}

static void a_private_directory_of_another_user_is_refused(void **state)
{
	struct runtime_dir dir;

	(void)state;
	if (geteuid() != 0 || chown(shm_fixture_path, 12345, 12345) < 0)
		skip();
	assert_int_equal(runtime_open(&dir, shm_fixture_path, true), -EACCES);
}

/* Any user can make a directory in /dev/shm, before the administrator does. */
static void a_group_directory_must_be_where_no_third_user_could_have_made_it(void **state)
{
	char parent[128], path[160];
	struct runtime_dir dir;

	(void)state;
	if (geteuid() != 0 || chown(shm_fixture_path, 12345, 12345) < 0)
		skip();
	assert_int_equal(chmod(shm_fixture_path, 03770), 0);
	assert_int_equal(runtime_open(&dir, shm_fixture_path, true), -EACCES);
	/* Root's own may stand there. */
	assert_int_equal(chown(shm_fixture_path, 0, 12345), 0);
	assert_int_equal(chmod(shm_fixture_path, 03770), 0);
	assert_int_equal(runtime_open(&dir, shm_fixture_path, true), 0);
	assert_true(dir.group);
	runtime_close(&dir);
	/* And below a directory of root's anybody's may: root has put it there. */
	assert_int_equal(chmod(shm_fixture_path, 0755), 0);
	sub_path(parent, "parent");
	snprintf(path, sizeof(path), "%s/run", parent);
	assert_int_equal(mkdir(parent, 0755), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(chmod(path, 03770), 0);
	assert_int_equal(runtime_open(&dir, path, true), 0);
	assert_true(dir.group);
	assert_int_equal(dir.owner, 12345);
	runtime_close(&dir);
	/* But not where others can write, or where a third one could have made the parent. */
	assert_int_equal(chmod(parent, 0775), 0);
	assert_int_equal(runtime_open(&dir, path, true), -EACCES);
	assert_int_equal(chmod(parent, 01777), 0);
	assert_int_equal(runtime_open(&dir, path, true), -EACCES);
	assert_int_equal(chmod(parent, 0755), 0);
	assert_int_equal(chown(parent, 12346, 0), 0);
	assert_int_equal(runtime_open(&dir, path, true), -EACCES);
	assert_int_equal(chown(parent, 12345, 0), 0);
	assert_int_equal(runtime_open(&dir, path, true), 0);
	runtime_close(&dir);
	assert_int_equal(chmod(shm_fixture_path, 01777), 0);
	assert_int_equal(runtime_open(&dir, path, true), -EACCES);
	assert_int_equal(rmdir(path), 0);
}

static void the_default_path_is_known_as_such(void **state)
{
	char path[RUNTIME_PATH_BYTES_MAX];

	(void)state;
	unsetenv("OTLPIPE_DIR");
	assert_int_equal(runtime_path(path, sizeof(path), NULL), 0);
	assert_true(runtime_is_default_path(path));
	strcat(path, "/");
	assert_true(runtime_is_default_path(path));
	strcat(path, "x");
	assert_false(runtime_is_default_path(path));
	assert_false(runtime_is_default_path("/dev/shm/otlpipe-"));
	assert_false(runtime_is_default_path("/dev/shm/otlpipe-x"));
	assert_false(runtime_is_default_path("/dev/shm/otlpipe-4294967295999999"));
	snprintf(path, sizeof(path), "/dev/shm/otlpipe-%u", (unsigned)geteuid() + 1);
	assert_false(runtime_is_default_path(path));
}

/* Without its x nobody could enter it, who made it neither. */
static void no_umask_takes_the_owners_rights(void **state)
{
	static const mode_t umasks[] = {0177, 0277, 0477, 0777, 0};
	char path[128];
	struct stat st;
	size_t i;

	(void)state;
	sub_path(path, "new");
	for (i = 0; i < COUNT_OF(umasks); i++) {
		struct runtime_dir dir;
		mode_t before = umask(umasks[i]);

		assert_int_equal(runtime_open(&dir, path, true), 0);
		umask(before);
		assert_int_equal(fstat(dir.fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		runtime_close(&dir);
		/* One that was left so by somebody who was killed, too; a monitor changes none. */
		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(runtime_open(&dir, path, false), 0);
		runtime_close(&dir);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(runtime_open(&dir, path, true), 0);
		runtime_close(&dir);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		assert_int_equal(rmdir(path), 0);
	}
}

static void a_refusal_names_path_owner_mode_and_the_way_out(void **state)
{
	char text[RUNTIME_TEXT_BYTES_MAX], want[256], path[128];

	(void)state;
	assert_int_equal(chmod(shm_fixture_path, 0755), 0);
	runtime_explain(text, sizeof(text), shm_fixture_path, -EACCES);
	snprintf(want, sizeof(want), "%s belongs to user %u and has mode 0755; it must be yours",
		 shm_fixture_path, (unsigned)geteuid());
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "03770"));
	sub_path(path, "link");
	assert_int_equal(symlink(shm_fixture_path, path), 0);
	runtime_explain(text, sizeof(text), path, -ENOTDIR);
	assert_non_null(strstr(text, "is a symbolic link"));
	runtime_explain(text, sizeof(text), "/no/such/path", -ENOENT);
	assert_non_null(strstr(text, "/no/such/path: No such file"));
	runtime_explain(text, sizeof(text), shm_fixture_path, -ENOLCK);
	assert_non_null(strstr(text, "is on tmpfs"));
	assert_non_null(strstr(text, "OTLPIPE_DIR"));
	runtime_explain(text, sizeof(text), shm_fixture_path, -ENOSPC);
	assert_non_null(strstr(text, "No space left"));
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(shm_fixture_path, 12345, 12345), 0);
	assert_int_equal(chmod(shm_fixture_path, 03770), 0);
	runtime_explain(text, sizeof(text), shm_fixture_path, -EACCES);
	assert_non_null(strstr(text, "is a group directory of user 12345"));
	assert_non_null(strstr(text, "/run"));
}

static void a_symlink_or_a_file_in_its_place_is_refused(void **state)
{
	struct runtime_dir dir;
	char path[128];
	int fd;

	(void)state;
	sub_path(path, "link");
	assert_int_equal(symlink(shm_fixture_path, path), 0);
	assert_true(runtime_open(&dir, path, true) < 0);
	sub_path(path, "dangling");
	assert_int_equal(symlink("nothing", path), 0);
	assert_true(runtime_open(&dir, path, true) < 0);
	sub_path(path, "file");
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(runtime_open(&dir, path, true), -ENOTDIR);
	sub_path(path, "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(runtime_open(&dir, path, true), -ENOTDIR);
}

static void a_nameless_file_gets_its_name_once(void **state)
{
	struct runtime_dir *dir = *state;
	int fd = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(runtime_link(dir, fd, "name"), 0);
	assert_int_equal(fstatat(dir->fd, "name", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(runtime_link(dir, fd, "name"), -EEXIST);
	close(fd);
}

static void a_writer_is_one_that_holds_the_lock(void **state)
{
	struct runtime_dir *dir = *state;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	unsigned descriptors = count_descriptors();
	int fd;

	assert_int_equal(runtime_has_writer(dir), 0);
	fd = openat(dir->fd, RUNTIME_WRITER_LOCK, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	/* The file that a dead writer left says nothing. */
	assert_int_equal(runtime_has_writer(dir), 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_int_equal(runtime_has_writer(dir), 1);
	close(fd);
	assert_int_equal(runtime_has_writer(dir), 0);
	/* Nor is anybody made to wait or to follow. */
	assert_int_equal(unlinkat(dir->fd, RUNTIME_WRITER_LOCK, 0), 0);
	assert_int_equal(symlinkat("elsewhere", dir->fd, RUNTIME_WRITER_LOCK), 0);
	assert_int_equal(runtime_has_writer(dir), -ELOOP);
	assert_int_equal(count_descriptors(), descriptors);
}

#define IN_A_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_is_the_given_one_or_the_environment_or_the_default),
		cmocka_unit_test(a_path_that_does_not_fit_is_an_error),
		IN_A_DIRECTORY(a_missing_directory_is_made_private_and_only_if_asked),
		IN_A_DIRECTORY(the_mode_decides_between_private_group_and_refused),
		IN_A_DIRECTORY(a_private_directory_of_another_user_is_refused),
		IN_A_DIRECTORY(a_group_directory_must_be_where_no_third_user_could_have_made_it),
		cmocka_unit_test(the_default_path_is_known_as_such),
		IN_A_DIRECTORY(no_umask_takes_the_owners_rights),
		IN_A_DIRECTORY(a_refusal_names_path_owner_mode_and_the_way_out),
		IN_A_DIRECTORY(a_symlink_or_a_file_in_its_place_is_refused),
		IN_A_DIRECTORY(a_nameless_file_gets_its_name_once),
		IN_A_DIRECTORY(a_writer_is_one_that_holds_the_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
