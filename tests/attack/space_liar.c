/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member that pays for less memory than its regions say they have.
 *
 *   space_liar sparse RUNTIME_DIR COUNT RING_BYTES
 *       makes so many regions of dead producers: two pages each, and a hole that is said to be a
 *       ring with so many bytes, all of them pushed
 *   space_liar closed RUNTIME_DIR COUNT RING_BYTES
 *       the same, and they say that they were closed in order
 *   space_liar punch RUNTIME_DIR RING_BYTES
 *       makes a region as everybody does, lets the writer drain a record of it, then gives all of
 *       its ring back, says that it is full, and does so again until the writer gives it up
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/atomic.h"
#include "shm/identity.h"
#include "shm/region.h"
#include "shm/region_view.h"

#define PUSHED_MAX 30000u

static struct runtime_dir dir;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "space_liar: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void name_of(char ret[REGION_NAME_BYTES_MAX], const struct region_header *header)
{
	snprintf(ret, REGION_NAME_BYTES_MAX, "%u-%016llx.region", header->pid,
		 (unsigned long long)header->region_id);
}

/* Its name comes last, as that of every region. */
static void put_sparse(struct region_header *header, const struct ring_shared *ring)
{
	int fd = openat(dir.fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char name[REGION_NAME_BYTES_MAX];

	errno = fd < 0 ? errno : -identity_make(fd, &header->flags, &header->region_id);
	if (errno != 0)
		fail("a file for a region");
	name_of(name, header);
	if (ftruncate(fd, (off_t)header->region_bytes) < 0 ||
	    pwrite(fd, header, sizeof(*header), 0) != (ssize_t)sizeof(*header) ||
	    pwrite(fd, ring, sizeof(*ring), (off_t)header->rings[0].control_offset) !=
		    (ssize_t)sizeof(*ring))
		fail(name);
	errno = -runtime_share(&dir, fd);
	if (errno == 0)
		errno = -runtime_link(&dir, fd, name);
	if (errno != 0)
		fail(name);
	close(fd);
}

static void sparse(uint64_t count, uint64_t ring_bytes, uint32_t state)
{
	static struct region_header header;
	static struct ring_shared ring;
	uint64_t i;

	header = (struct region_header){
		.magic = REGION_MAGIC,
		.major = LAYOUT_MAJOR,
		.minor = LAYOUT_MINOR,
		.header_bytes = sizeof(header),
		.pid = 4000000,
		.uid = (uint32_t)geteuid(),
		.start_unix_ns = 1,
		.table_offset = 2 * LAYOUT_PAGE_BYTES,
		.table_bytes = TABLE_BYTES,
		.ring_count = 1,
		.program = "sparse",
		.producer_state = state,
	};
	header.rings[0].control_offset = LAYOUT_PAGE_BYTES;
	header.rings[0].data_offset = header.table_offset + TABLE_BYTES;
	header.rings[0].data_bytes = ring_bytes;
	header.region_bytes = header.rings[0].data_offset + ring_bytes;
	ring.tail = ring_bytes;
	ring.accepted_items = 1;
	for (i = 1; i <= count; i++)
		put_sparse(&header, &ring);
}

static void give_back(int fd, const struct region_header *header)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)header->rings[0].data_offset, (off_t)header->rings[0].data_bytes) < 0)
		fail("fallocate");
}

static void punch(uint64_t ring_bytes)
{
	const struct region_options options = {
		.ring_bytes = {ring_bytes, RING_BYTES_MIN},
		.program = "punch",
	};
	char name[REGION_NAME_BYTES_MAX];
	struct ring_shared *shared;
	struct region region;
	struct ring_claim claim;
	unsigned i;
	int fd;

	errno = -region_create(&region, &dir, &options);
	if (errno != 0)
		fail("region_create");
	name_of(name, region.header);
	fd = openat(dir.fd, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail(name);
	shared = region.rings[0].shared;
	if (!ring_claim(&region.rings[0], 100, 1, &claim))
		fail("ring_claim");
	ring_commit(&claim);
	while (atomic_load_relaxed_u64(&shared->head) == 0)
		usleep(1000);
	/* The writer may be at it at any moment: again and again. */
	for (i = 0; i < PUSHED_MAX && !region_is_abandoned(&region); i++) {
		give_back(fd, region.header);
		atomic_store_relaxed_u64(&shared->tail,
					 atomic_load_relaxed_u64(&shared->head) + ring_bytes);
		atomic_store_relaxed_u64(&shared->flush_to, i);
		usleep(1000);
	}
	if (!region_is_abandoned(&region))
		fail("the writer goes on with a region that is not there");
	/* What the writer made of it until then is what it may have made. */
	give_back(fd, region.header);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: see the head of space_liar.c\n");
		return 2;
	}
	errno = -runtime_open(&dir, argv[2], false);
	if (errno != 0)
		fail(argv[2]);
	if (argc == 4 && strcmp(argv[1], "punch") == 0) {
		punch(strtoull(argv[3], NULL, 0));
	} else if (argc == 5 && strcmp(argv[1], "sparse") == 0) {
		sparse(strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0), REGION_STATE_READY);
	} else if (argc == 5 && strcmp(argv[1], "closed") == 0) {
		sparse(strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0), REGION_STATE_CLOSED);
	} else {
		fprintf(stderr, "space_liar: no mode %s\n", argv[1]);
		return 2;
	}
	return 0;
}
