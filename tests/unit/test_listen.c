/* SPDX-License-Identifier: Apache-2.0 */
/* Where somebody may ask the writer; and whether its loop turns. */
#include "writer/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "writer/health.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void only_addresses_and_paths_are_taken(void **state)
{
	static const char *const good[] = {"127.0.0.1:9464", "[::1]:0", "0.0.0.0:65535", "[::]:1",
					   "unix:/x"};
	static const char *const wrong[] = {"",
					    "9464",
					    ":9464",
					    "localhost:9464",
					    "127.0.0.1",
					    "127.0.0.1:",
					    "127.0.0.1:-1",
					    "127.0.0.1:65536",
					    "127.0.0.1:x",
					    "::1:9464",
					    "unix:",
					    "[127.0.0.1",
					    "[]:1",
					    "127.0.0.1:9464 "};
	char longer[sizeof(((struct sockaddr_un *)0)->sun_path) + 8] = "unix:/";
	struct listen_at at;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(good); i++)
		assert_int_equal(listen_parse(good[i], &at), 0);
	for (i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(listen_parse(wrong[i], &at), -EINVAL);
	memset(longer + 6, 'x', sizeof(longer) - 7);
	assert_int_equal(listen_parse(longer, &at), -EINVAL);
}

static void port_0_is_one_that_is_free_and_said(void **state)
{
	struct listener listener, second;
	struct listen_at at;

	(void)state;
	assert_int_equal(listen_parse("127.0.0.1:0", &at), 0);
	assert_int_equal(listen_open(&listener, &at), 0);
	assert_false(listener.is_open_to_others);
	assert_memory_equal(listener.text, "http://127.0.0.1:", 17);
	assert_string_not_equal(listener.text, "http://127.0.0.1:0");
	assert_int_equal(listen_parse(listener.text + 7, &at), 0);
	assert_int_equal(listen_open(&second, &at), -EADDRINUSE);
	listen_close(&listener);
	assert_int_equal(listen_parse("0.0.0.0:0", &at), 0);
	assert_int_equal(listen_open(&listener, &at), 0);
	assert_true(listener.is_open_to_others);
	listen_close(&listener);
}

static void a_dead_socket_is_replaced_and_nothing_else(void **state)
{
	char directory[] = "/dev/shm/test-listen-XXXXXX", path[64], text[80];
	struct listener listener, second;
	struct listen_at at;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/metrics", directory);
	snprintf(text, sizeof(text), "unix:%s", path);
	assert_int_equal(listen_parse(text, &at), 0);
	assert_int_equal(listen_open(&listener, &at), 0);
	assert_string_equal(listener.text, text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0177, 0);
	assert_int_equal(listen_open(&second, &at), -EADDRINUSE);
	/* As a killed writer leaves it. */
	close(listener.fd);
	assert_int_equal(listen_open(&second, &at), 0);
	/* What is another's by now stays. */
	listener.fd = -1;
	listen_close(&listener);
	assert_int_equal(stat(path, &st), 0);
	listen_close(&second);
	assert_int_equal(stat(path, &st), -1);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(listen_open(&second, &at), -EEXIST);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(listen_open(&second, &at), -ENOENT);
}

static void a_loop_that_sleeps_is_well_and_one_that_hangs_is_not(void **state)
{
	struct health health = {0};

	(void)state;
	assert_int_equal(health_turn_age_ns(&health, 1000), 0);
	health_turn(&health, 1000);
	assert_int_equal(health_turn_age_ns(&health, 1000 + HEALTH_TURN_MAX_NS + 1),
			 HEALTH_TURN_MAX_NS + 1);
	health_sleep(&health);
	assert_int_equal(health_turn_age_ns(&health, INT64_MAX), 0);
	assert_false(health_is_stopping(&health));
	health_stop(&health);
	assert_true(health_is_stopping(&health));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_addresses_and_paths_are_taken),
		cmocka_unit_test(port_0_is_one_that_is_free_and_said),
		cmocka_unit_test(a_dead_socket_is_replaced_and_nothing_else),
		cmocka_unit_test(a_loop_that_sleeps_is_well_and_one_that_hangs_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
