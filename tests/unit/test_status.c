/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's lock and its page. */
#include "shm/status.h"

#include "tests/unit/shm_fixture.h"

static void one_writer_has_the_lock_and_its_pid_is_known(void **state)
{
	const struct runtime_dir *dir = *state;
	struct status first, second;

	assert_int_equal(status_holder(dir), 0);
	assert_int_equal(status_open(&first, dir, 0), 0);
	first.page->magic = STATUS_MAGIC;
	first.page->major = STATUS_MAJOR;
	first.page->pid = 4711;
	assert_int_equal(status_open(&second, dir, 20000000), -EBUSY);
	assert_int_equal(status_holder(dir), 4711);
	status_close(&first);
	assert_int_equal(status_holder(dir), 0);
	assert_int_equal(status_open(&second, dir, 0), 0);
	status_close(&second);
}

static void the_output_directory_is_remembered(void **state)
{
	struct status_page copy;
	struct status status;
	bool running;

	assert_int_equal(status_open(&status, *state, 0), 0);
	status.page->magic = STATUS_MAGIC;
	status.page->major = STATUS_MAJOR;
	strcpy(status.page->output, "/somewhere");
	status.page->memory.version = STATUS_MEMORY_VERSION;
	status.page->memory.output_id = 5;
	status_close(&status);
	assert_int_equal(status_open(&status, *state, 0), 0);
	assert_string_equal(status.page->output, "/somewhere");
	assert_int_equal(status.page->memory.output_id, 5);
	/* What another version has there is not known. */
	status.page->memory.version++;
	status_close(&status);
	assert_int_equal(status_open(&status, *state, 0), 0);
	assert_string_equal(status.page->output, "/somewhere");
	assert_int_equal(status.page->memory.output_id, 0);
	assert_int_equal(status_read(*state, &copy, &running), 0);
	assert_true(running);
	status_close(&status);
	assert_int_equal(status_read(*state, &copy, &running), 0);
	assert_false(running);
	assert_string_equal(copy.output, "/somewhere");
}

static void a_page_that_is_none_is_not_believed(void **state)
{
	const struct runtime_dir *dir = *state;
	struct status_page page;
	struct status status;
	bool running;
	int fd;

	assert_int_equal(status_read(dir, &page, &running), -ENOENT);
	fd = openat(dir->fd, RUNTIME_WRITER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	memset(&page, 'x', sizeof(page));
	assert_int_equal(write(fd, &page, sizeof(page)), sizeof(page));
	assert_int_equal(status_read(dir, &page, &running), -EPROTO);
	assert_int_equal(status_open(&status, dir, 0), 0);
	assert_string_equal(status.page->output, "");
	status_close(&status);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(status_read(dir, &page, &running), -EPROTO);
	close(fd);
}

/* In a private directory every process of the user may do that. */
static void a_page_that_is_cut_under_the_writer_does_not_end_it(void **state)
{
	const struct runtime_dir *dir = *state;
	struct status status;

	assert_int_equal(guard_install(), 0);
	assert_int_equal(status_open(&status, dir, 0), 0);
	assert_int_equal(ftruncate(status.fd, 0), 0);
	status.page->pid = 7;
	assert_int_equal(status.page->pid, 7);
	assert_true(status.guard.has_failed);
	status_close(&status);
}

static void no_text_of_the_page_reaches_a_terminal_as_it_is(void **state)
{
	const struct runtime_dir *dir = *state;
	struct status_page page;
	struct status status;
	bool running;

	assert_int_equal(status_open(&status, dir, 0), 0);
	status.page->magic = STATUS_MAGIC;
	status.page->major = STATUS_MAJOR;
	memset(status.page->output, 'o', sizeof(status.page->output));
	memset(status.page->problems[0], '\033', sizeof(status.page->problems[0]));
	assert_int_equal(status_read(dir, &page, &running), 0);
	assert_int_equal(strlen(page.output), sizeof(page.output) - 1);
	assert_int_equal(strspn(page.problems[0], "?"), sizeof(page.problems[0]) - 1);
	status_close(&status);
}

static void a_lock_file_that_is_a_link_is_refused(void **state)
{
	const struct runtime_dir *dir = *state;
	struct status status;

	assert_int_equal(symlinkat("elsewhere", dir->fd, RUNTIME_WRITER_LOCK), 0);
	assert_int_equal(status_open(&status, dir, 0), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STATUS_TEST(name) \
	cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)
		STATUS_TEST(one_writer_has_the_lock_and_its_pid_is_known),
		STATUS_TEST(the_output_directory_is_remembered),
		STATUS_TEST(a_page_that_is_none_is_not_believed),
		STATUS_TEST(a_page_that_is_cut_under_the_writer_does_not_end_it),
		STATUS_TEST(no_text_of_the_page_reaches_a_terminal_as_it_is),
		STATUS_TEST(a_lock_file_that_is_a_link_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
