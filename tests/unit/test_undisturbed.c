/* SPDX-License-Identifier: Apache-2.0 */
/* Signals and cancellation wait for the end of the stretch, and are as they were behind it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/undisturbed.h"

static volatile sig_atomic_t handled;
static sigjmp_buf jump;

static void count(int number)
{
	(void)number;
	handled++;
}

static void jump_away(int number)
{
	(void)number;
	siglongjmp(jump, 1);
}

static int cancel_state(void)
{
	int ret;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &ret);
	pthread_setcancelstate(ret, NULL);
	return ret;
}

static void a_signal_comes_at_the_end(void **state)
{
	const struct sigaction action = {.sa_handler = count};
	struct undisturbed undisturbed;

	(void)state;
	handled = 0;
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	errno = 4242;
	undisturbed_begin(&undisturbed);
	raise(SIGUSR1);
	assert_int_equal(handled, 0);
	undisturbed_end(&undisturbed);
	assert_int_equal(handled, 1);
	assert_int_equal(errno, 4242);
}

/* The kernel would end the program for a blocked one instead of calling its handler. */
static void a_signal_that_the_code_itself_causes_comes_at_once(void **state)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	struct undisturbed undisturbed;
	sigset_t mask;
	size_t i;

	(void)state;
	undisturbed_begin(&undisturbed);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	undisturbed_end(&undisturbed);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		assert_int_equal(sigismember(&mask, own[i]), 0);
	assert_int_equal(sigismember(&mask, SIGALRM), 1);
	assert_int_equal(sigismember(&mask, SIGXFSZ), 1);
}

static void what_was_blocked_before_stays_so(void **state)
{
	struct undisturbed undisturbed;
	sigset_t mask, found;

	(void)state;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
	undisturbed_begin(&undisturbed);
	undisturbed_end(&undisturbed);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &mask, &found), 0);
	assert_int_equal(sigismember(&found, SIGUSR2), 1);
	assert_int_equal(sigismember(&found, SIGUSR1), 0);
}

static void a_handler_that_jumps_away_at_the_end_leaves_all_as_it_was(void **state)
{
	const struct sigaction action = {.sa_handler = jump_away};
	struct undisturbed undisturbed;

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	if (sigsetjmp(jump, 1) == 0) {
		undisturbed_begin(&undisturbed);
		raise(SIGUSR1);
		undisturbed_end(&undisturbed);
		fail();
	}
	assert_int_equal(cancel_state(), PTHREAD_CANCEL_ENABLE);
}

static void *be_cancelled(void *context)
{
	struct undisturbed undisturbed;
	volatile int *step = context;

	undisturbed_begin(&undisturbed);
	pthread_cancel(pthread_self());
	pthread_testcancel();
	*step = 1;
	undisturbed_end(&undisturbed);
	pthread_testcancel();
	*step = 2;
	return NULL;
}

static void a_cancellation_comes_behind_the_end(void **state)
{
	volatile int step = 0;
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, be_cancelled, (void *)&step), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_int_equal(step, 1);
}

static void *have_it_off(void *unused)
{
	struct undisturbed undisturbed;

	(void)unused;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	undisturbed_begin(&undisturbed);
	undisturbed_end(&undisturbed);
	return (void *)(intptr_t)cancel_state();
}

static void cancellation_that_was_off_stays_off(void **state)
{
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, have_it_off, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t)result, PTHREAD_CANCEL_DISABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_comes_at_the_end),
		cmocka_unit_test(a_signal_that_the_code_itself_causes_comes_at_once),
		cmocka_unit_test(what_was_blocked_before_stays_so),
		cmocka_unit_test(a_handler_that_jumps_away_at_the_end_leaves_all_as_it_was),
		cmocka_unit_test(a_cancellation_comes_behind_the_end),
		cmocka_unit_test(cancellation_that_was_off_stays_off),
	};

	return cmocka_run_group_tests_name("undisturbed", tests, NULL, NULL);
}
