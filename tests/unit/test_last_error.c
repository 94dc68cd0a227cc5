/* SPDX-License-Identifier: Apache-2.0 */
/* The newest failure: written and read by threads, handlers and children. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/last_error.h"
#include "shm/atomic.h"

#define ROUNDS 20000

static struct last_error error;

static bool put(const char *line)
{
	struct last_error_writer writer;
	struct text *text = last_error_begin(&writer, &error);

	if (text == NULL)
		return false;
	text_add(text, line);
	last_error_end(&writer);
	return true;
}

static void the_newest_text_is_given_as_far_as_there_is_room(void **state)
{
	char ret[16];

	(void)state;
	memset(&error, 0, sizeof(error));
	assert_int_equal(last_error_get(&error, ret, sizeof(ret)), 0);
	assert_string_equal(ret, "");
	assert_true(put("the first one"));
	assert_true(put("0123456789"));
	assert_int_equal(last_error_get(&error, ret, sizeof(ret)), 10);
	assert_string_equal(ret, "0123456789");
	memset(ret, 'x', sizeof(ret));
	assert_int_equal(last_error_get(&error, ret, 5), 10);
	assert_string_equal(ret, "0123");
	assert_int_equal(ret[5], 'x');
	assert_int_equal(last_error_get(&error, NULL, 0), 10);
}

static void a_record_that_was_too_large_is_the_newest_until_a_text_is(void **state)
{
	char ret[LAST_ERROR_BYTES];
	size_t len;

	(void)state;
	memset(&error, 0, sizeof(error));
	assert_true(put("before"));
	last_error_too_large(&error, OTLP_SIGNAL_METRICS, 5000000, 262136);
	len = last_error_get(&error, ret, sizeof(ret));
	assert_int_equal(strlen(ret), len);
	assert_non_null(strstr(ret, signal_rows[OTLP_SIGNAL_METRICS].ring_variable));
	assert_non_null(strstr(ret, "takes 5000000 bytes"));
	assert_non_null(strstr(ret, "carries 262136"));
	assert_int_equal(last_error_get(&error, ret, 9), len);
	assert_int_equal(strlen(ret), 8);
	last_error_too_large(&error, OTLP_SIGNAL_TRACES, 0, 4096);
	last_error_get(&error, ret, sizeof(ret));
	assert_non_null(strstr(ret, "more than 4194304"));
	assert_true(put("after"));
	assert_int_equal(last_error_get(&error, ret, sizeof(ret)), 5);
	assert_string_equal(ret, "after");
}

static void who_is_at_it_keeps_others_out_for_a_moment(void **state)
{
	struct last_error_writer writer;
	char ret[16];

	(void)state;
	memset(&error, 0, sizeof(error));
	assert_non_null(last_error_begin(&writer, &error));
	assert_false(put("another"));
	assert_int_equal(last_error_get(&error, ret, sizeof(ret)),
			 0); /* and does not wait for ever */
	last_error_end(&writer);
	assert_true(put("another"));
}

/* A thread of the parent may have been at it when the child was made. */
static void a_child_is_not_kept_out_by_its_parent(void **state)
{
	struct last_error_writer writer;
	int status;
	pid_t pid;

	(void)state;
	memset(&error, 0, sizeof(error));
	assert_non_null(last_error_begin(&writer, &error));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char ret[16];

		_exit(put("the child's") && last_error_get(&error, ret, sizeof(ret)) == 11 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	last_error_end(&writer);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void *write_all_the_time(void *context)
{
	static const char *const lines[] = {
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbb",
		"cccccccccccccccccccccccccccccccc"};
	uint32_t *stop = context;
	unsigned i;

	for (i = 0; atomic_load_acquire_u32(stop) == 0; i++)
		(void)put(lines[i % 3]);
	return NULL;
}

static void what_is_read_is_one_text_and_never_two(void **state)
{
	pthread_t threads[2];
	uint32_t stop = 0;
	unsigned i, read = 0;

	(void)state;
	memset(&error, 0, sizeof(error));
	assert_true(put("aaaaa"));
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_all_the_time, &stop), 0);
	for (i = 0; i < ROUNDS; i++) {
		char ret[128];
		size_t len = last_error_get(&error, ret, sizeof(ret));

		assert_int_equal(strlen(ret), len);
		assert_int_equal(strspn(ret, (const char[]){ret[0], '\0'}), len);
		read += len > 0;
	}
	/* PAIR(test-stop): with write_all_the_time(). */
	atomic_store_release_u32(&stop, 1);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(read > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_text_is_given_as_far_as_there_is_room),
		cmocka_unit_test(a_record_that_was_too_large_is_the_newest_until_a_text_is),
		cmocka_unit_test(who_is_at_it_keeps_others_out_for_a_moment),
		cmocka_unit_test(a_child_is_not_kept_out_by_its_parent),
		cmocka_unit_test(what_is_read_is_one_text_and_never_two),
	};

	return cmocka_run_group_tests_name("last_error", tests, NULL, NULL);
}
