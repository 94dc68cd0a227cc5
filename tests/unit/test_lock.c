/* SPDX-License-Identifier: Apache-2.0 */
/* Lock files, whose names others take away; and the modes of what is made. */
#include "base/lock.h"

#include <pthread.h>

#include "base/mode.h"
#include "tests/unit/shm_fixture.h"

#define NAME "a.lock"

static int open_lock(const struct runtime_dir *dir)
{
	return lock_open(dir->fd, NAME, 0);
}

static void a_lock_file_is_held_by_one(void **state)
{
	const struct runtime_dir *dir = *state;
	int first = open_lock(dir), second;

	assert_true(first >= 0);
	assert_true(lock_has_name(first, dir->fd, NAME));
	assert_int_equal(open_lock(dir), -EBUSY);
	assert_int_equal(lock_open(dir->fd, NAME, 20000000), -EBUSY);
	close(first);
	second = open_lock(dir);
	assert_true(second >= 0);
	close(second);
}

static void a_lock_on_a_removed_file_says_nothing(void **state)
{
	const struct runtime_dir *dir = *state;
	int first = open_lock(dir), second;

	assert_int_equal(unlinkat(dir->fd, NAME, 0), 0);
	assert_false(lock_has_name(first, dir->fd, NAME));
	second = open_lock(dir);
	assert_true(second >= 0);
	assert_true(lock_has_name(second, dir->fd, NAME));
	assert_false(lock_has_name(first, dir->fd, NAME));
	close(first);
	close(second);
}

static void *replace(void *argument)
{
	const struct runtime_dir *dir = argument;

	usleep(50000);
	unlinkat(dir->fd, NAME, 0);
	return NULL;
}

/* What was waited for is not the file that the next one finds. */
static void a_file_that_is_replaced_while_its_lock_is_waited_for_is_let_go(void **state)
{
	struct runtime_dir *dir = *state;
	int first = open_lock(dir), second;
	pthread_t thread;

	assert_true(first >= 0);
	assert_int_equal(pthread_create(&thread, NULL, replace, dir), 0);
	second = lock_open(dir->fd, NAME, 1000000000);
	pthread_join(thread, NULL);
	assert_true(second >= 0);
	assert_true(lock_has_name(second, dir->fd, NAME));
	close(first);
	close(second);
}

static volatile int replaced;

/* Somebody who takes the name away each time that we look. */
static bool takes_away;
int __wrap_fcntl64(int fd, int command, void *argument);
int __real_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, void *argument)
{
	if (takes_away && command == F_OFD_SETLK) {
		replaced++;
		unlinkat(shm_fixture_dir.fd, NAME, 0);
	}
	return __real_fcntl64(fd, command, argument);
}

static void a_name_that_is_always_taken_away_is_an_error_and_no_descriptor(void **state)
{
	unsigned descriptors = count_descriptors();

	takes_away = true;
	assert_int_equal(open_lock(*state), -EBUSY);
	takes_away = false;
	assert_true(replaced > 1);
	assert_int_equal(count_descriptors(), descriptors);
}

static void what_is_no_plain_file_is_refused(void **state)
{
	const struct runtime_dir *dir = *state;
	unsigned descriptors = count_descriptors();
	int fd;

	assert_int_equal(mkfifoat(dir->fd, NAME, 0600), 0);
	assert_int_equal(open_lock(dir), -EINVAL);
	assert_int_equal(unlinkat(dir->fd, NAME, 0), 0);
	assert_int_equal(symlinkat("elsewhere", dir->fd, NAME), 0);
	assert_int_equal(open_lock(dir), -ELOOP);
	assert_int_equal(unlinkat(dir->fd, NAME, 0), 0);
	fd = openat(dir->fd, "second", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(linkat(dir->fd, "second", dir->fd, NAME, 0), 0);
	assert_int_equal(open_lock(dir), -EINVAL);
	close(fd);
	assert_int_equal(count_descriptors(), descriptors);
}

static void a_lock_file_is_closed_to_others_whatever_the_umask(void **state)
{
	static const mode_t umasks[] = {0, 022, 0177, 0777};
	const struct runtime_dir *dir = *state;
	struct stat st;
	size_t i;

	for (i = 0; i < COUNT_OF(umasks); i++) {
		mode_t before = umask(umasks[i]);
		int fd = open_lock(dir);

		umask(before);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		close(fd);
		assert_int_equal(unlinkat(dir->fd, NAME, 0), 0);
	}
}

static void a_umask_decides_about_the_group_alone(void **state)
{
	static const struct {
		mode_t mask, directory, file;
	} cases[] = {
		{0, 0750, 0640},   {022, 0750, 0640},  {027, 0750, 0640},  {0137, 0750, 0640},
		{077, 0700, 0600}, {0177, 0700, 0600}, {0777, 0700, 0600}, {040, 0700, 0600},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		mode_t before = umask(cases[i].mask);

		assert_int_equal(mode_of_directory(), cases[i].directory);
		assert_int_equal(mode_of_file(), cases[i].file);
		assert_int_equal(umask(before), cases[i].mask);
	}
}

static void a_mode_is_set_and_the_setgid_bit_of_a_directory_stays(void **state)
{
	const struct runtime_dir *dir = *state;
	struct stat st;
	int fd;

	assert_int_equal(mkdirat(dir->fd, "made", 0600), 0);
	fd = openat(dir->fd, "made", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 02600), 0);
	assert_int_equal(mode_set(fd, 0750), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02750);
	close(fd);
}

#define IN_A_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(a_lock_file_is_held_by_one),
		IN_A_DIRECTORY(a_lock_on_a_removed_file_says_nothing),
		IN_A_DIRECTORY(a_file_that_is_replaced_while_its_lock_is_waited_for_is_let_go),
		IN_A_DIRECTORY(a_name_that_is_always_taken_away_is_an_error_and_no_descriptor),
		IN_A_DIRECTORY(what_is_no_plain_file_is_refused),
		IN_A_DIRECTORY(a_lock_file_is_closed_to_others_whatever_the_umask),
		cmocka_unit_test(a_umask_decides_about_the_group_alone),
		IN_A_DIRECTORY(a_mode_is_set_and_the_setgid_bit_of_a_directory_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
