/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock that says whether a region's producer lives: the mapping alone holds
 * it, for as long as the process that made it has it, and no longer.
 */
#include "shm/region.h"

#include <sys/syscall.h>

#include "tests/unit/shm_fixture.h"

static const struct region_options small = {.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN}};

static char own_path[4096];

/* A producer process that does one thing when told to, and then waits to be killed. */
struct producer {
	pid_t pid;
	struct region_view view;
	uint32_t *told;	 /* go on */
	uint32_t *ready; /* 1: has its region, 2: has done it */
	int hold[2];	 /* a child of it lives until the test lets go of the other end */
};

static void producer_start(struct producer *producer, const struct runtime_dir *dir,
			   void (*act)(struct producer *producer, struct region *region))
{
	static struct region region;
	char name[REGION_NAME_BYTES_MAX];

	producer->told = share(sizeof(*producer->told));
	producer->ready = share(sizeof(*producer->ready));
	assert_int_equal(pipe2(producer->hold, O_CLOEXEC), 0);
	producer->pid = fork_child();
	if (producer->pid == 0) {
		if (region_create(&region, dir, &small) < 0)
			_exit(1);
		atomic_store_release_u32(producer->ready, 1);
		if (!wait_for_word(producer->told, 1))
			_exit(2);
		act(producer, &region);
		atomic_store_release_u32(producer->ready, 2);
		for (;;)
			pause();
	}
	assert_true(wait_for_word(producer->ready, 1));
	find_region(name);
	assert_int_equal(region_attach(&producer->view, dir, name, true), 0);
	assert_int_equal(producer->view.pid, producer->pid);
	assert_int_equal(region_is_alive(&producer->view), 1);
}

static void producer_act(struct producer *producer)
{
	atomic_store_release_u32(producer->told, 1);
	assert_true(wait_for_word(producer->ready, 2));
}

static void producer_end(struct producer *producer)
{
	kill(producer->pid, SIGKILL);
	wait_child(producer->pid);
	assert_true(wait_for_death(&producer->view));
	region_detach(&producer->view);
	close(producer->hold[0]);
	close(producer->hold[1]);
}

static void act_nothing(struct producer *producer, struct region *region)
{
	(void)producer;
	(void)region;
}

static void a_killed_producer_is_dead(void **state)
{
	struct producer producer;

	for (unsigned i = 0; i < 100; i++) {
		char name[REGION_NAME_BYTES_MAX];

		producer_start(&producer, *state, act_nothing);
		find_region(name);
		/* Two who look do not disturb each other, nor the lock. */
		assert_int_equal(region_is_alive(&producer.view), 1);
		assert_int_equal(region_is_alive(&producer.view), 1);
		producer_end(&producer);
		assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
	}
}

static void act_close_descriptors(struct producer *producer, struct region *region)
{
	(void)producer;
	(void)region;
	syscall(SYS_close_range, 3U, ~0U, 0);
}

static void a_producer_whose_host_closes_all_descriptors_lives(void **state)
{
	struct producer producer;

	producer_start(&producer, *state, act_close_descriptors);
	producer_act(&producer);
	assert_int_equal(region_is_alive(&producer.view), 1);
	producer_end(&producer);
}

static void act_close_region(struct producer *producer, struct region *region)
{
	(void)producer;
	region_close(region);
}

static void a_closed_region_is_dead_while_its_process_lives(void **state)
{
	struct producer producer;

	producer_start(&producer, *state, act_close_region);
	producer_act(&producer);
	assert_true(wait_for_death(&producer.view));
	assert_true(region_is_closed(&producer.view));
	assert_int_equal(kill(producer.pid, 0), 0);
	producer_end(&producer);
}

/* A child of the producer, which must be gone when the test is. */
static void act_fork(struct producer *producer, struct region *region)
{
	char byte;

	(void)region;
	if (fork() != 0)
		return;
	close(producer->hold[1]);
	atomic_store_release_u32(producer->told, 2);
	_exit(read(producer->hold[0], &byte, 1) == 0 ? 0 : 1);
}

static void a_child_that_survives_does_not_keep_its_parents_region_alive(void **state)
{
	struct producer producer;

	producer_start(&producer, *state, act_fork);
	producer_act(&producer);
	assert_true(wait_for_word(producer.told, 2));
	assert_int_equal(region_is_alive(&producer.view), 1);
	producer_end(&producer);
}

static void act_fork_and_look(struct producer *producer, struct region *region)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		/* Fails exactly where nothing is mapped. */
		bool gone = msync(region->header, region->bytes, MS_ASYNC) < 0 && errno == ENOMEM;

		_exit(gone ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	atomic_store_release_u32(producer->told, WIFEXITED(status) ? 2 + WEXITSTATUS(status) : 9);
}

static void a_child_does_not_have_its_parents_region(void **state)
{
	struct producer producer;

	producer_start(&producer, *state, act_fork_and_look);
	producer_act(&producer);
	assert_int_equal(*producer.told, 2);
	producer_end(&producer);
}

static void act_spawn(struct producer *producer, struct region *region)
{
	(void)region;
	if (fork() != 0)
		return;
	dup2(producer->hold[0], STDIN_FILENO);
	dup2(producer->hold[0], 3);
	fcntl(3, F_SETFD, 0);
	execl(own_path, "test_region_alive", "hold", (char *)NULL);
	_exit(1);
}

static void a_program_that_it_started_does_not_keep_it_alive(void **state)
{
	struct producer producer;

	producer_start(&producer, *state, act_spawn);
	producer_act(&producer);
	assert_int_equal(region_is_alive(&producer.view), 1);
	producer_end(&producer);
}

static void act_exec(struct producer *producer, struct region *region)
{
	(void)region;
	dup2(producer->hold[0], STDIN_FILENO);
	execl(own_path, "test_region_alive", "hold", (char *)NULL);
	_exit(1);
}

static void a_process_that_becomes_another_program_is_dead_as_a_producer(void **state)
{
	struct producer producer;

	producer_start(&producer, *state, act_exec);
	atomic_store_release_u32(producer.told, 1);
	assert_true(wait_for_death(&producer.view));
	assert_false(region_is_closed(&producer.view));
	/* It runs on. */
	assert_int_equal(waitpid(producer.pid, NULL, WNOHANG), 0);
	producer_end(&producer);
}

#define IN_A_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(a_killed_producer_is_dead),
		IN_A_DIRECTORY(a_producer_whose_host_closes_all_descriptors_lives),
		IN_A_DIRECTORY(a_closed_region_is_dead_while_its_process_lives),
		IN_A_DIRECTORY(a_child_that_survives_does_not_keep_its_parents_region_alive),
		IN_A_DIRECTORY(a_child_does_not_have_its_parents_region),
		IN_A_DIRECTORY(a_program_that_it_started_does_not_keep_it_alive),
		IN_A_DIRECTORY(a_process_that_becomes_another_program_is_dead_as_a_producer),
	};
	char byte;

	/* As another program: wait until the test is done with us. */
	if (argc == 2 && strcmp(argv[1], "hold") == 0)
		return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
	/* Asked for by name: /proc/self/exe itself is another program under valgrind. */
	if (readlink("/proc/self/exe", own_path, sizeof(own_path) - 1) <= 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
