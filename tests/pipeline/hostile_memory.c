/* SPDX-License-Identifier: Apache-2.0 */
/* Lies in shared memory: words, positions, the control page. */
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/record/signal.h"
#include "shm/atomic.h"
#include "tests/pipeline/hostile.h"

#define SCRIBBLES_MAX 64u

/* Random words over a region that is drained at the same time; new ones as old ones are given up.
 */
void hostile_scribble(uint64_t rounds)
{
	while (rounds > 0) {
		struct prey prey;
		uint64_t turns = 1 + hostile_pick(200);

		prey_open(&prey);
		for (; turns > 0 && rounds > 0 && !region_is_abandoned(&prey.region); turns--) {
			uint64_t count = hostile_pick(SCRIBBLES_MAX);

			rounds--;
			/* Some live on quietly for a while, some are torn at once. */
			prey_push(&prey);
			for (; hostile_pick(3) == 0 && count > 0; count--) {
				uint64_t *word = prey_word(&prey);

				atomic_store_relaxed_u64(
					word, hostile_lie(atomic_load_relaxed_u64(word)));
			}
			hostile_pause();
		}
		prey_leave(&prey);
	}
}

/* Only the positions lie, in a region that lives or has just died. */
void hostile_positions(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		struct prey prey;
		struct ring_shared *shared;

		prey_open(&prey);
		hostile_pause();
		shared = prey_ring(&prey)->shared;
		switch (hostile_pick(7)) {
		case 0:
			shared->head = hostile_lie(shared->head);
			break;
		case 1:
			shared->tail = hostile_lie(shared->tail);
			break;
		case 2:
			shared->done[hostile_pick(2)].position = hostile_lie(shared->head);
			shared->done_slot = (uint32_t)hostile_pick(3);
			break;
		case 3:
			shared->flush_to = hostile_lie(shared->tail);
			break;
		case 4:
			shared->dropped_full_items = hostile_lie(0);
			break;
		case 5:
			prey.region.header->rings_used = (uint32_t)hostile_lie(0);
			break;
		default:
			prey.region.header->producer_state = (uint32_t)hostile_lie(0);
			break;
		}
		hostile_pause();
		prey_leave(&prey);
	}
}

/* Nothing but stores, as fast as they go, until the parent ends it. */
__attribute__((noreturn)) static void rage(struct prey *prey, uint64_t number)
{
	const uint64_t data = prey->region.header->rings[0].data_offset / 8;
	const uint64_t table = prey->region.header->table_offset / 8;
	const uint64_t words = prey->region.bytes / 8, positions = LAYOUT_PAGE_BYTES / 8;
	const uint64_t kind = hostile_pick(4);
	uint64_t *const all =
		mmap(NULL, prey->region.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, prey->fd, 0);

	if (all == MAP_FAILED)
		hostile_die("mmap");
	hostile_seed(number);
	for (;;) {
		uint64_t at = kind == 0	  ? data + hostile_pick(words - data)
			      : kind == 1 ? table + hostile_pick(512)
			      : kind == 2 ? positions + hostile_pick(HOSTILE_POSITION_WORDS)
					  : hostile_pick(words);

		atomic_store_relaxed_u64(&all[at], hostile_lie(atomic_load_relaxed_u64(&all[at])));
	}
}

/*
 * One process stores without a pause, another pushes into the same region, and the writer drains
 * it: of every look the writer takes, the next one may differ.
 */
void hostile_storm(uint64_t rounds)
{
	while (rounds > 0) {
		uint64_t turns = 1 + hostile_pick(100);
		struct prey prey;
		pid_t pid, parent = getpid();

		prey_open(&prey);
		if (prey.fd < 0) {
			prey_leave(&prey);
			rounds--;
			continue;
		}
		pid = fork();
		if (pid < 0)
			hostile_die("fork");
		if (pid == 0) {
			if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
				_exit(1);
			/* The region's own mapping stays with the parent. */
			rage(&prey, rounds);
		}
		for (; turns > 0 && rounds > 0 && !region_is_abandoned(&prey.region); turns--) {
			rounds--;
			prey_push(&prey);
			hostile_pause();
		}
		(void)kill(pid, SIGKILL);
		if (waitpid(pid, NULL, 0) != pid)
			hostile_die("waitpid");
		prey_leave(&prey);
	}
}

/* Lies in the control page, behind its magic: what stands there may cost time, never data. */
void hostile_control(uint64_t rounds)
{
	int fd = openat(hostile_dir.fd, RUNTIME_CONTROL, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	const uint64_t first = offsetof(struct control_page, sleeping) / 8;
	uint64_t *words;

	if (fd < 0)
		hostile_die(RUNTIME_CONTROL);
	words = mmap(NULL, LAYOUT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (words == MAP_FAILED)
		hostile_die("mmap");
	for (; rounds > 0; rounds--) {
		uint64_t at = hostile_pick(4) == 0
				      ? first + hostile_pick(LAYOUT_PAGE_BYTES / 8 - first)
				      : first + hostile_pick(2) * (LAYOUT_LINE_BYTES / 8);

		atomic_store_relaxed_u64(&words[at],
					 hostile_pick(2) == 0 ? hostile_pick(3) : hostile_lie(0));
		if (hostile_pick(4) == 0)
			(void)syscall(SYS_futex, &words[at], FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
		hostile_pause();
	}
	munmap(words, LAYOUT_PAGE_BYTES);
}
