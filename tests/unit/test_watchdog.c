/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told, and when, by the environment that it gives. */
#include "writer/watchdog.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int manager;

static int open_manager(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[64];
	socklen_t bytes;

	(void)state;
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	snprintf(name, sizeof(name), "@otlpipe-test-watchdog-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	memcpy(address.sun_path, name, strlen(name));
	address.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return manager < 0 || bind(manager, (struct sockaddr *)&address, bytes) < 0;
}

static int close_manager(void **state)
{
	(void)state;
	return close(manager);
}

/* How many datagrams have come; each is the one that there is. */
static int told(void)
{
	char text[32];
	ssize_t n;
	int count = 0;

	while ((n = recv(manager, text, sizeof(text), MSG_DONTWAIT)) > 0) {
		assert_int_equal(n, 10);
		assert_memory_equal(text, "WATCHDOG=1", 10);
		count++;
	}
	return count;
}

static void it_is_told_at_once_and_then_twice_in_its_limit(void **state)
{
	const int64_t begin_ns = INT64_C(5000000000000), half_ns = INT64_C(1500000000);
	struct watchdog watchdog;

	(void)state;
	setenv("WATCHDOG_USEC", "3000000", 1);
	watchdog_open(&watchdog);
	watchdog_tell(&watchdog, begin_ns);
	assert_int_equal(told(), 1);
	assert_int_equal(watchdog.next_ns, begin_ns + half_ns);
	watchdog_tell(&watchdog, begin_ns + half_ns - 1);
	assert_int_equal(told(), 0);
	watchdog_tell(&watchdog, begin_ns + half_ns);
	assert_int_equal(told(), 1);
	/* After a long turn one is enough. */
	watchdog_tell(&watchdog, begin_ns + 100 * half_ns);
	assert_int_equal(told(), 1);
	assert_int_equal(watchdog.next_ns, begin_ns + 101 * half_ns);
}

static void who_does_not_ask_is_told_nothing_and_sets_no_timer(void **state)
{
	struct watchdog watchdog;

	(void)state;
	watchdog_open(&watchdog);
	assert_int_equal(watchdog.next_ns, INT64_MAX);
	watchdog_tell(&watchdog, INT64_MAX - 1);
	setenv("WATCHDOG_USEC", "", 1);
	watchdog_open(&watchdog);
	assert_int_equal(watchdog.next_ns, INT64_MAX);
	assert_int_equal(told(), 0);
}

static void what_is_for_another_process_or_no_number_is_not_followed(void **state)
{
	static const char *const wrong[] = {"0", "-1", "1s", "1.5", " 7", "99999999999999999999"};
	struct watchdog watchdog;
	char pid[32];
	size_t i;

	(void)state;
	setenv("WATCHDOG_USEC", "3000000", 1);
	snprintf(pid, sizeof(pid), "%d", (int)getppid());
	setenv("WATCHDOG_PID", pid, 1);
	watchdog_open(&watchdog);
	assert_int_equal(watchdog.next_ns, INT64_MAX);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	watchdog_open(&watchdog);
	assert_int_equal(watchdog.next_ns, 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("WATCHDOG_USEC", wrong[i], 1);
		watchdog_open(&watchdog);
		assert_int_equal(watchdog.next_ns, INT64_MAX);
	}
	watchdog_tell(&watchdog, 1);
	assert_int_equal(told(), 0);
}

static void the_longest_limit_does_not_wrap(void **state)
{
	struct watchdog watchdog;

	(void)state;
	setenv("WATCHDOG_USEC", "9223372036854775", 1);
	watchdog_open(&watchdog);
	watchdog_tell(&watchdog, INT64_MAX - 10);
	assert_int_equal(watchdog.next_ns, INT64_MAX);
	assert_int_equal(told(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_told_at_once_and_then_twice_in_its_limit,
						open_manager, close_manager),
		cmocka_unit_test_setup_teardown(who_does_not_ask_is_told_nothing_and_sets_no_timer,
						open_manager, close_manager),
		cmocka_unit_test_setup_teardown(
			what_is_for_another_process_or_no_number_is_not_followed, open_manager,
			close_manager),
		cmocka_unit_test_setup_teardown(the_longest_limit_does_not_wrap, open_manager,
						close_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
