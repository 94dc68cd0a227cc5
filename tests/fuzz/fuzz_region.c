/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any file as a region: it is refused, or every number that region_attach() hands out leads
 * nowhere outside the mapping. The first two bytes give the file's size in blocks of 512 bytes,
 * so that it can differ from what the header says; the third mends what no mutation would find
 * (the id, which stands in the name too).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/region_view.h"
#include "tests/fuzz/fuzz.h"

#define BLOCK_BYTES	   512
#define BODY_BYTES_MAX	   (1u << 20)
#define RESERVED_BYTES_MAX (UINT64_C(1) << 20)
#define MEND_ID		   0x01
#define MEND_BYTES	   0x02
#define MEND_LAYOUT	   0x04
#define IS_LOCKED	   0x08
#define IS_SPARSE	   0x10

static struct runtime_dir dir = {.fd = -1};

static void mend(struct region_header *header, unsigned what, uint64_t bytes)
{
	if (what & MEND_ID) {
		header->magic = REGION_MAGIC;
		header->major = LAYOUT_MAJOR;
		header->header_bytes = sizeof(*header);
		header->pid = 1;
		header->region_id = 1;
		header->producer_state = REGION_STATE_READY;
	}
	if (what & MEND_BYTES)
		header->region_bytes = bytes;
	if (what & MEND_LAYOUT) {
		header->ring_count %= REGION_RINGS_MAX + 1;
		header->table_offset &= ~(uint64_t)(LAYOUT_LINE_BYTES - 1);
		for (unsigned i = 0; i < REGION_RINGS_MAX; i++) {
			header->rings[i].control_offset &= ~(uint64_t)(LAYOUT_LINE_BYTES - 1);
			header->rings[i].data_offset &= ~(uint64_t)(LAYOUT_PAGE_BYTES - 1);
			header->rings[i].number %= REGION_RINGS_MAX;
		}
	}
}

struct range {
	const void *start;
	uint64_t bytes;
};

/* What the writer zeroes or stores to in one place changes nothing in another. */
static void check_ranges(const struct region_view *view)
{
	const uint8_t *base = (const uint8_t *)view->header;
	struct range ranges[2 + 2 * REGION_RINGS_MAX] = {
		{base, LAYOUT_PAGE_BYTES},
		{base + view->table_offset, view->table_bytes},
	};
	size_t count = 2;

	for (unsigned i = 0; i < REGION_RINGS_MAX; i++) {
		if (view->rings[i].shared == NULL)
			continue;
		ranges[count++] = (struct range){view->rings[i].shared, sizeof(struct ring_shared)};
		ranges[count++] = (struct range){view->rings[i].data, view->rings[i].bytes};
	}
	for (size_t a = 0; a < count; a++) {
		const uint8_t *start = ranges[a].start;

		FUZZ_CHECK(start >= base && start + ranges[a].bytes <= base + view->bytes);
		for (size_t b = a + 1; b < count; b++) {
			const uint8_t *other = ranges[b].start;

			FUZZ_CHECK(start >= other + ranges[b].bytes ||
				   other >= start + ranges[a].bytes);
		}
	}
}

/* Each byte that a view leads to, read. */
static void check_view(const struct region_view *view, uint64_t *sum)
{
	const uint8_t *base = (const uint8_t *)view->header;
	const uint8_t *bytes;
	uint32_t count;

	FUZZ_CHECK(memchr(view->program, '\0', sizeof(view->program)) != NULL);
	for (unsigned i = 0; i < REGION_RINGS_MAX; i++) {
		struct ring_reader reader;

		if (view->rings[i].shared == NULL)
			continue;
		FUZZ_CHECK(view->rings[i].data >= base + LAYOUT_PAGE_BYTES);
		FUZZ_CHECK(view->rings[i].data + view->rings[i].bytes <= base + view->bytes);
		*sum += view->rings[i].data[0] + view->rings[i].data[view->rings[i].bytes - 1];
		if (ring_reader_init(&reader, view->rings[i].shared, view->rings[i].data,
				     view->rings[i].bytes, false) == 0)
			FUZZ_CHECK(reader.read - reader.head <= reader.bytes);
	}
	for (uint32_t reference = 0; reference <= view->table_bytes && reference < TABLE_BYTES;
	     reference++)
		if (region_table_get(view, reference, &bytes, &count) == 0)
			for (uint32_t i = 0; i < count; i += LAYOUT_LINE_BYTES)
				*sum += bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	const uint64_t bytes = (uint64_t)fuzz_take_u16(&input) * BLOCK_BYTES;
	const unsigned what = fuzz_take_u8(&input);
	static uint64_t sum;
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = REGION_LOCK_PRODUCER,
			     .l_len = 1};
	struct region_header header;
	struct region_view view;
	char name[REGION_NAME_BYTES_MAX];
	int fd;

	if (dir.fd < 0)
		FUZZ_CHECK(runtime_open(&dir, fuzz_dir(), false) == 0);
	fuzz_take(&input, &header, sizeof(header));
	mend(&header, what, bytes);
	snprintf(name, sizeof(name), "%u-%016llx.region", header.pid,
		 (unsigned long long)header.region_id);
	fd = openat(dir.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, &header, sizeof(header)) == (ssize_t)sizeof(header));
	if (input.left > 0 && input.left <= BODY_BYTES_MAX)
		FUZZ_CHECK(write(fd, input.at, input.left) == (ssize_t)input.left);
	FUZZ_CHECK(ftruncate(fd, (off_t)bytes) == 0);
	/* A large one stays mostly hole, and is refused for that if for nothing else. */
	if (!(what & IS_SPARSE) && bytes > 0 && bytes <= RESERVED_BYTES_MAX)
		FUZZ_CHECK(posix_fallocate(fd, 0, (off_t)bytes) == 0);
	if (what & IS_LOCKED)
		FUZZ_CHECK(fcntl(fd, F_OFD_SETLK, &lock) == 0);
	if (region_attach(&view, &dir, name, true) == 0) {
		FUZZ_CHECK(view.bytes == bytes);
		check_ranges(&view);
		check_view(&view, &sum);
		FUZZ_CHECK(region_is_alive(&view) == ((what & IS_LOCKED) != 0));
		(void)region_is_closed(&view);
		region_abandon(&view);
		region_detach(&view);
	}
	close(fd);
	FUZZ_CHECK(unlinkat(dir.fd, name, 0) == 0);
	return 0;
}
