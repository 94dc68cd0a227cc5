/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member that makes more of everything than others can bear. All its regions are small, and their
 * space is reserved as it should be.
 *
 *   crowd break RUNTIME_DIR COUNT
 *       makes so many regions, some hundred at once, waits until the writer has taken something
 *       from each, and then says something of its ring that cannot be
 *   crowd hold RUNTIME_DIR COUNT
 *       makes so many regions with a claim in each that was given up, says so in a line, and keeps
 *       them all until it is told to end
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/atomic.h"
#include "shm/region.h"

#define BREAK_AT_ONCE 250u

static struct runtime_dir dir;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make(struct region *ret)
{
	static const struct region_options options = {
		.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN},
		.program = "crowd",
	};

	errno = -region_create(ret, &dir, &options);
	if (errno != 0)
		fail("region_create");
}

/* With something in it, so that its head moves when the writer has taken it. */
static void make_used(struct region *ret)
{
	struct ring_claim claim;

	make(ret);
	if (!ring_claim(&ret->rings[0], 100, 1, &claim))
		fail("ring_claim");
	ring_abort(&ret->rings[0], &claim);
}

static void break_many(uint64_t count)
{
	static struct region regions[BREAK_AT_ONCE];
	uint64_t i, n;

	for (; count > 0; count -= n) {
		n = count < BREAK_AT_ONCE ? count : BREAK_AT_ONCE;
		for (i = 0; i < n; i++)
			make_used(&regions[i]);
		for (i = 0; i < n; i++) {
			struct ring_shared *shared = regions[i].rings[0].shared;

			while (atomic_load_relaxed_u64(&shared->head) == 0)
				usleep(1000);
			/* It goes back, and no entry ends there. */
			atomic_store_relaxed_u64(&shared->tail, 4);
			atomic_store_relaxed_u64(&shared->flush_to, 8);
		}
		for (i = 0; i < n; i++) {
			while (!region_is_abandoned(&regions[i]))
				usleep(1000);
			region_close(&regions[i]);
		}
	}
}

static void hold(uint64_t count)
{
	struct region *regions = calloc(count, sizeof(*regions));
	uint64_t i;
	sigset_t end;
	int number;

	if (regions == NULL)
		fail("calloc");
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL);
	for (i = 0; i < count; i++)
		make_used(&regions[i]);
	printf("%llu regions\n", (unsigned long long)count);
	fflush(stdout);
	(void)sigwait(&end, &number);
	free(regions);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: see the head of crowd.c\n");
		return 2;
	}
	errno = -runtime_open(&dir, argv[2], false);
	if (errno != 0)
		fail(argv[2]);
	if (strcmp(argv[1], "break") == 0) {
		break_many(strtoull(argv[3], NULL, 0));
	} else if (strcmp(argv[1], "hold") == 0) {
		hold(strtoull(argv[3], NULL, 0));
	} else {
		fprintf(stderr, "crowd: no mode %s\n", argv[1]);
		return 2;
	}
	return 0;
}
