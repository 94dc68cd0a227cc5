/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer that means harm: it makes regions as everybody does, and then lies in them, cuts them,
 * or puts other things in their place, while a writer drains them. It touches only what is its own
 * or new; what is left of it at the end is for the test to remove.
 *
 * usage: hostile_producer MODE RUNTIME_DIR SEED ROUNDS
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/region.h"

#define RING_BYTES    (16u << 10)
#define PAYLOAD_MAX   900u
#define PAUSE_MAX_US  3000u
#define SCRIBBLES_MAX 64u

static struct runtime_dir dir;
static uint64_t seed;

static uint64_t pick(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static void pause_a_little(void)
{
	usleep((useconds_t)pick(PAUSE_MAX_US));
}

static void die(const char *what)
{
	fprintf(stderr, "hostile_producer: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A region of ours, and the descriptor that others do not have: whoever may write it may open it.
 */
struct prey {
	struct region region;
	char name[REGION_NAME_BYTES_MAX];
	int fd;
};

/* A span's head that is right, and behind it whatever comes. */
static void put_record(struct ring *ring)
{
	static const uint8_t head[72] = {[0] = 1, [1] = 2, [4] = 1, [24] = 1, [40] = 1};
	uint8_t payload[PAYLOAD_MAX];
	uint32_t bytes = 1 + (uint32_t)pick(PAYLOAD_MAX);
	struct ring_claim claim;
	uint32_t i;

	for (i = 0; i < bytes; i++)
		payload[i] = (uint8_t)pick(pick(4) == 0 ? 256 : 3);
	if (pick(4) != 0)
		memcpy(payload, head, bytes < sizeof head ? bytes : sizeof head);
	if (!ring_claim(ring, bytes, &claim))
		return;
	memcpy(claim.payload, payload, bytes);
	if (pick(16) == 0)
		ring_abort(&claim);
	else if (pick(16) != 0)
		ring_commit(&claim);
}

static void prey_open(struct prey *prey)
{
	static const struct region_options options = {.ring_bytes = {RING_BYTES, RING_BYTES},
						      .program = "hostile \033[31m\n"};
	unsigned i;
	int r = region_create(&prey->region, &dir, &options);

	if (r < 0) {
		errno = -r;
		die("a region");
	}
	snprintf(prey->name, sizeof prey->name, "%u-%016llx.region", prey->region.header->pid,
		 (unsigned long long)prey->region.header->region_id);
	prey->fd = openat(dir.fd, prey->name, O_RDWR | O_CLOEXEC);
	/* Put aside already: what we fill is as broken as it gets. */
	if (prey->fd < 0 && errno != ENOENT)
		die(prey->name);
	for (i = 0; i < 20; i++)
		put_record(&prey->region.rings[pick(RING_SIGNAL_COUNT)]);
}

/* The lock goes, the file stays as it is. */
static void prey_leave(struct prey *prey)
{
	if (prey->region.header != NULL)
		munmap(prey->region.header, prey->region.bytes);
	prey->region.header = NULL;
	if (prey->fd >= 0)
		close(prey->fd);
}

/* A number that is wrong in an interesting way. */
static uint64_t lie(uint64_t truth)
{
	switch (pick(9)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - pick(64);
	case 2:
		return truth + (pick(64) - 32) * 8;
	case 3:
		return truth + pick(64) - 32;
	case 4:
		return truth + RING_BYTES * pick(4);
	case 5:
		return UINT64_C(1) << pick(64);
	case 6:
		return entry_word(ENTRY_CLAIMED + (uint32_t)pick(4),
				  (uint32_t)pick(2 * RING_BYTES));
	case 7:
		return entry_word(ENTRY_COMMITTED, (uint32_t)pick(PAYLOAD_MAX));
	default:
		return pick(UINT64_MAX);
	}
}

static uint64_t *word_at(struct prey *prey, uint64_t offset)
{
	return (uint64_t *)(void *)((uint8_t *)prey->region.header + offset / 8 * 8);
}

/* Somewhere: mostly where the positions are, else in the data, the table, the header. */
static uint64_t *some_word(struct prey *prey)
{
	const struct region_header *header = prey->region.header;

	switch (pick(4)) {
	case 0:
		return word_at(prey, LAYOUT_PAGE_BYTES + pick(2) * sizeof(struct ring_shared) +
					     pick(416));
	case 1:
		return word_at(prey, header->rings[0].data_offset % prey->region.bytes);
	case 2:
		return word_at(prey,
			       LAYOUT_PAGE_BYTES + pick(prey->region.bytes - LAYOUT_PAGE_BYTES));
	default:
		return word_at(prey, pick(prey->region.bytes));
	}
}

/* Random words over a region that is drained at the same time; new ones as old ones are given up.
 */
static void scribble(uint64_t rounds)
{
	while (rounds > 0) {
		struct prey prey;
		uint64_t turns = 1 + pick(200);

		prey_open(&prey);
		for (; turns > 0 && rounds > 0 && !region_is_abandoned(&prey.region); turns--) {
			uint64_t count = pick(SCRIBBLES_MAX);

			rounds--;
			/* Some live on quietly for a while, some are torn at once. */
			put_record(&prey.region.rings[pick(RING_SIGNAL_COUNT)]);
			for (; pick(3) == 0 && count > 0; count--) {
				uint64_t *word = some_word(&prey);

				atomic_store_relaxed_u64(word, lie(atomic_load_relaxed_u64(word)));
			}
			pause_a_little();
		}
		prey_leave(&prey);
	}
}

/* Only the positions lie, in a region that lives or has just died. */
static void positions(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		struct prey prey;
		struct ring_shared *shared;

		prey_open(&prey);
		pause_a_little();
		shared = prey.region.rings[pick(RING_SIGNAL_COUNT)].shared;
		switch (pick(6)) {
		case 0:
			shared->head = lie(shared->head);
			break;
		case 1:
			shared->tail = lie(shared->tail);
			break;
		case 2:
			shared->done[pick(2)].position = lie(shared->head);
			shared->done_slot = (uint32_t)pick(3);
			break;
		case 3:
			shared->flush_to = lie(shared->tail);
			break;
		case 4:
			shared->dropped_full_items = lie(0);
			break;
		default:
			prey.region.header->producer_state = (uint32_t)lie(0);
			break;
		}
		pause_a_little();
		prey_leave(&prey);
	}
}

/* To every size, 0 included, sometimes back again, and holes. */
static void cut(uint64_t rounds)
{
	uint64_t step;

	for (step = 0; step < rounds; step++) {
		struct prey prey;
		uint64_t bytes;

		prey_open(&prey);
		bytes = prey.region.bytes;
		/* Our own mapping goes first: the liar does not die of its lie. */
		munmap(prey.region.header, prey.region.bytes);
		prey.region.header = NULL;
		pause_a_little();
		if (prey.fd >= 0 && step % 3 == 2) {
			(void)fallocate(prey.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)pick(bytes), (off_t)(1 + pick(bytes)));
		} else if (prey.fd >= 0) {
			if (ftruncate(prey.fd, (off_t)(step * 512 % (bytes + 4096))) < 0)
				die("ftruncate");
			if (step % 5 == 4 && ftruncate(prey.fd, (off_t)bytes) < 0)
				die("ftruncate");
		}
		pause_a_little();
		prey_leave(&prey);
	}
}

static void put_other(const char *name)
{
	char to[REGION_NAME_BYTES_MAX + 16];
	int fd;

	switch (pick(6)) {
	case 0:
		(void)symlinkat("/etc/passwd", dir.fd, name);
		break;
	case 1:
		(void)mkfifoat(dir.fd, name, 0600);
		break;
	case 2:
		(void)mkdirat(dir.fd, name, 0700);
		break;
	case 3:
		snprintf(to, sizeof to, "%s.broken", name);
		(void)mkdirat(dir.fd, to, 0700);
		break;
	case 4:
		fd = openat(dir.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0) {
			if (ftruncate(fd, (off_t)pick(REGION_BYTES_MAX * 2)) < 0)
				die("ftruncate");
			close(fd);
		}
		break;
	default:
		snprintf(to, sizeof to, "1-%016llx.region",
			 (unsigned long long)pick(UINT64_MAX) + 1);
		(void)linkat(dir.fd, name, dir.fd, to, 0);
		break;
	}
}

/* Names that come, go, change, and lead to other things than regions. */
static void names(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		char other[REGION_NAME_BYTES_MAX];
		struct prey prey;

		prey_open(&prey);
		snprintf(other, sizeof other, "%u-%016llx.region", (unsigned)pick(100000),
			 (unsigned long long)pick(UINT64_MAX) + 1);
		switch (pick(4)) {
		case 0:
			(void)unlinkat(dir.fd, prey.name, 0);
			pause_a_little();
			put_other(prey.name);
			break;
		case 1:
			(void)renameat(dir.fd, prey.name, dir.fd, other);
			break;
		case 2:
			put_other(prey.name); /* fails, or is a second link */
			break;
		default:
			put_other(other);
			break;
		}
		pause_a_little();
		prey_leave(&prey);
	}
}

/* A lock that outlives its producer, or is dropped while it still writes. */
static void locks(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		struct prey prey;
		void *map;
		int fd;

		prey_open(&prey);
		fd = prey.fd;
		if (fd < 0) {
			prey_leave(&prey);
			continue;
		}
		if (pick(2) == 0) {
			/* The lock goes with the producer's mapping, and what it has mapped a
			 * second time goes on changing. */
			map = mmap(NULL, prey.region.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				   0);
			if (map == MAP_FAILED)
				die("mmap");
			munmap(prey.region.header, prey.region.bytes);
			prey.region.header = map;
			for (unsigned i = 0; i < 50; i++) {
				uint64_t *word = some_word(&prey);

				atomic_store_relaxed_u64(word, lie(atomic_load_relaxed_u64(word)));
				usleep(100);
			}
		} else {
			munmap(prey.region.header, prey.region.bytes);
			prey.region.header = NULL;
			(void)fcntl(fd, F_OFD_SETLK, &lock);
			pause_a_little();
		}
		prey_leave(&prey);
	}
}

/* So many files that are none of the writer's business, every second with a region's name. */
static void files(uint64_t count)
{
	static const char garbage[LAYOUT_PAGE_BYTES] = "no region";
	uint64_t i;

	for (i = 0; i < count; i++) {
		char name[REGION_NAME_BYTES_MAX];
		int fd;

		snprintf(name, sizeof name, i % 2 == 0 ? "%llu-%016llx.region" : "%llu-%llx.txt",
			 (unsigned long long)i, (unsigned long long)pick(UINT64_MAX) + 1);
		fd = openat(dir.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			die(name);
		if (i % 100 == 0 && write(fd, garbage, sizeof garbage) < 0)
			die(name);
		close(fd);
	}
}

/* The directory changes all the time, and nothing in it is worth a look. */
static void churn(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		int fd = openat(dir.fd, "churn", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0)
			die("churn");
		close(fd);
		(void)unlinkat(dir.fd, "churn", 0);
		usleep(50);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(uint64_t rounds);
	} modes[] = {
		{"scribble", scribble}, {"positions", positions}, {"cut", cut},
		{"names", names},	{"locks", locks},	  {"files", files},
		{"churn", churn},
	};
	size_t i;
	int r;

	if (argc != 5) {
		fprintf(stderr, "usage: hostile_producer MODE RUNTIME_DIR SEED ROUNDS\n");
		return 2;
	}
	seed = strtoull(argv[3], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	r = runtime_open(&dir, argv[2], false);
	if (r < 0) {
		errno = -r;
		die(argv[2]);
	}
	for (i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(strtoull(argv[4], NULL, 10));
			return 0;
		}
	}
	fprintf(stderr, "hostile_producer: no mode %s\n", argv[1]);
	return 2;
}
