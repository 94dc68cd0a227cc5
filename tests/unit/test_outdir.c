/* SPDX-License-Identifier: Apache-2.0 */
/* The output directory and its lock. */
#include "writer/file/outdir.h"

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static void it_is_made_and_locked_once(void **state)
{
	struct outdir first, second;
	struct scratch scratch;
	char path[64];
	unsigned descriptors = count_descriptors();

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	snprintf(path, sizeof(path), "%s/out", scratch.path);
	assert_int_equal(outdir_open(&first, path, false, 0), -ENOENT);
	assert_int_equal(outdir_open(&first, path, true, 0), 0);
	assert_int_equal(outdir_open(&second, path, true, 20000000), -EBUSY);
	outdir_close(&first);
	assert_int_equal(outdir_open(&second, path, false, 0), 0);
	outdir_close(&second);
	assert_int_equal(scratch_close(&scratch), 0);
	assert_int_equal(count_descriptors(), descriptors);
}

static void a_file_in_its_place_is_an_error(void **state)
{
	struct scratch scratch;
	struct outdir outdir;
	char path[64];
	int fd;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	snprintf(path, sizeof(path), "%s/out", scratch.path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(outdir_open(&outdir, path, true, 0), -ENOTDIR);
	assert_int_equal(scratch_close(&scratch), 0);
}

static int hold_for_a_while(void *context)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	struct outdir outdir;

	CHECK(outdir_open(&outdir, context, true, 0) == 0);
	nanosleep(&pause, NULL);
	return 0;
}

/* The lock of a killed writer may linger: the next one waits for it. */
static void a_lock_that_goes_is_waited_for(void **state)
{
	struct scratch scratch;
	struct outdir outdir;
	char path[64];
	int status, rc;
	pid_t pid;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	snprintf(path, sizeof(path), "%s/out", scratch.path);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(hold_for_a_while(path));
	}
	/* Once it is there it is held, or was. */
	while (access(path, F_OK) < 0)
		usleep(1000);
	rc = outdir_open(&outdir, path, false, INT64_C(60000000000));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(rc, 0);
	outdir_close(&outdir);
	assert_int_equal(scratch_close(&scratch), 0);
}

static void it_keeps_what_tells_it_from_others(void **state)
{
	struct outdir_identity first, second, third;
	struct scratch scratch;
	struct outdir outdir;
	char path[64], other[64], lock[96];

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	snprintf(path, sizeof(path), "%s/out", scratch.path);
	snprintf(other, sizeof(other), "%s/other", scratch.path);
	snprintf(lock, sizeof(lock), "%s/.otlpipe-writer.lock", path);
	assert_int_equal(outdir_look(path, &first), -ENOENT);
	assert_int_equal(outdir_open(&outdir, path, true, 0), 0);
	first = outdir.identity;
	assert_int_not_equal(first.id, 0);
	assert_int_equal(first.runtime_id, 0);
	assert_int_equal(outdir_adopt(&outdir, 7), 0);
	outdir_close(&outdir);
	assert_int_equal(outdir_look(path, &second), 0);
	assert_true(outdir_is_same(&first, &second));
	assert_int_equal(second.runtime_id, 7);
	assert_int_equal(outdir_open(&outdir, path, false, 0), 0);
	assert_int_equal(outdir.identity.id, first.id);
	outdir_close(&outdir);

	/* Moved, and another one in its place. */
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(outdir_look(path, &third), 0);
	assert_int_equal(third.id, 0);
	assert_int_equal(access(lock, F_OK), -1);
	assert_false(outdir_is_same(&first, &third));
	assert_int_equal(outdir_open(&outdir, path, false, 0), 0);
	assert_false(outdir_is_same(&first, &outdir.identity));
	outdir_close(&outdir);
	assert_int_equal(outdir_look(other, &third), 0);
	assert_true(outdir_is_same(&first, &third));
	assert_int_equal(scratch_close(&scratch), 0);
}

/* Somebody cleaned up, or wrote over it: it is still where it was. */
static void without_its_id_it_is_known_by_its_inode(void **state)
{
	struct outdir_identity first, second;
	struct scratch scratch;
	struct outdir outdir;
	char path[64], lock[96];

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	snprintf(path, sizeof(path), "%s/out", scratch.path);
	snprintf(lock, sizeof(lock), "%s/.otlpipe-writer.lock", path);
	assert_int_equal(outdir_open(&outdir, path, true, 0), 0);
	first = outdir.identity;
	outdir_close(&outdir);
	assert_int_equal(truncate(lock, 9), 0);
	assert_int_equal(outdir_look(path, &second), 0);
	assert_int_equal(second.id, 0);
	assert_true(outdir_is_same(&first, &second));
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(outdir_look(path, &second), 0);
	assert_true(outdir_is_same(&first, &second));
	assert_int_equal(outdir_open(&outdir, path, false, 0), 0);
	assert_int_not_equal(outdir.identity.id, 0);
	assert_int_not_equal(outdir.identity.id, first.id);
	outdir_close(&outdir);
	assert_int_equal(scratch_close(&scratch), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_made_and_locked_once),
		cmocka_unit_test(a_file_in_its_place_is_an_error),
		cmocka_unit_test(a_lock_that_goes_is_waited_for),
		cmocka_unit_test(it_keeps_what_tells_it_from_others),
		cmocka_unit_test(without_its_id_it_is_known_by_its_inode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
