/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a batch file: the scanner hops through them and ends, and the recovery of the same
 * bytes as an open file leaves a sealed file that is a prefix of them, or none. The first byte
 * chooses the signal and whether wrong checksums are mended, which no mutation would do; the ledger
 * entries with region id 1 speak of a region that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "shm/region.h"
#include "tests/fuzz/fuzz.h"
#include "writer/file/batch_scan.h"
#include "writer/file/datafile.h"
#include "writer/recover.h"

#define IS_METRICS    0x01
#define MEND_CHECKSUM 0x02
#define IS_LOGS	      0x10 /* whatever IS_METRICS says */
#define HAS_REGION    0x04
#define MEND_ID	      0x08
#define REGION_NAME   "1-0000000000000001.region"

static struct runtime_dir dir = {.fd = -1};

/* Set the checksums right along the hops, and the ids. */
static void mend(uint8_t *bytes, size_t count, unsigned what)
{
	struct batch_head head;
	const uint64_t id = 1;
	size_t at = 0;

	while (at < count && batch_parse_head(bytes + at, count - at, &head) == 0 &&
	       head.batch_bytes <= count - at) {
		const size_t from = offsetof(struct batch_head, batch_bytes);

		if ((what & MEND_ID) && head.entry_count > 0)
			memcpy(bytes + at + sizeof(head), &id, sizeof(id));
		head.checksum = XXH3_64bits(bytes + at + from, head.batch_bytes - from);
		memcpy(bytes + at + offsetof(struct batch_head, checksum), &head.checksum,
		       sizeof(head.checksum));
		at += head.batch_bytes;
	}
}

static void check_scan(int fd, size_t count)
{
	struct batch_scan scan;
	struct batch_head head;
	uint64_t before = 0;
	int rc;

	batch_scan_open(&scan, fd, UINT64_MAX);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		FUZZ_CHECK(scan.offset == before + head.batch_bytes && scan.offset <= count);
		FUZZ_CHECK(batch_head_bytes(head.entry_count) <= head.batch_bytes);
		before = scan.offset;
	}
	FUZZ_CHECK(rc == -ENODATA || rc == -EAGAIN || rc == -EBADMSG);
	batch_scan_close(&scan);
}

/* A region whose rings are full of free space up to a tail in their middle. */
static void make_region(void)
{
	static const struct region_options options = {
		.ring_bytes = {RING_BYTES_MIN * 16, RING_BYTES_MIN * 16, RING_BYTES_MIN * 16},
		.program = "fuzz"};
	struct region region;
	char name[REGION_NAME_BYTES_MAX];

	FUZZ_CHECK(region_create(&region, &dir, &options) == 0);
	snprintf(name, sizeof(name), "%u-%016llx.region", region.header->pid,
		 (unsigned long long)region.header->region_id);
	for (unsigned i = 0; i < SIGNAL_COUNT; i++)
		region.rings[i].shared->tail = RING_BYTES_MIN * 12;
	region.header->pid = 1;
	region.header->region_id = 1;
	FUZZ_CHECK(renameat(dir.fd, name, dir.fd, REGION_NAME) == 0);
	region_close(&region);
}

static void check_recover(const uint8_t *bytes, size_t count, unsigned what)
{
	const enum otlp_signal signal = what & IS_LOGS	    ? OTLP_SIGNAL_LOGS
					: what & IS_METRICS ? OTLP_SIGNAL_METRICS
							    : OTLP_SIGNAL_TRACES;
	const char *const name = signal_name(signal);
	struct regions regions;
	struct recover_report report;
	struct data_name open_name, *names = NULL;
	struct data_dir signal_dir;
	size_t found = 0;

	regions_open(&regions, &dir);
	if (what & HAS_REGION) {
		make_region();
		FUZZ_CHECK(regions_discover(&regions) == 0 && regions.count == 1);
	}
	FUZZ_CHECK(data_dir_open(dir.fd, name, &signal_dir) == 0);
	data_name_make(name, 0, 1, &open_name);
	fuzz_put_file(signal_dir.fd, open_name.name, bytes, count);
	FUZZ_CHECK(recover_output(dir.fd, NULL, &regions, &report) == 0 && report.files == 1);
	for (unsigned i = 0; i < SIGNAL_COUNT && regions.sources != NULL; i++) {
		const struct ring_reader *reader = &source_ring(regions.sources, i)->reader;

		FUZZ_CHECK(reader->head % ENTRY_ALIGN_BYTES == 0 && reader->head == reader->read);
	}
	FUZZ_CHECK(data_dir_list(&signal_dir, DATA_ALL_KINDS, &names, &found) == 0 && found <= 1);
	FUZZ_CHECK((found == 1) == (report.batches > 0));
	if (found == 1) {
		FUZZ_CHECK(names[0].kind == DATA_SEALED && names[0].bytes == report.bytes &&
			   report.bytes <= count);
		FUZZ_CHECK(unlinkat(signal_dir.fd, names[0].name, 0) == 0);
	}
	free(names);
	data_dir_close(&signal_dir);
	regions_close(&regions);
	if (what & HAS_REGION)
		FUZZ_CHECK(unlinkat(dir.fd, REGION_NAME, 0) == 0 ||
			   unlinkat(dir.fd, REGION_NAME ".broken", 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;
	int fd;

	if (size < 1)
		return 0;
	if (dir.fd < 0)
		FUZZ_CHECK(runtime_open(&dir, fuzz_dir(), false) == 0 && guard_install() == 0);
	bytes = malloc(size);
	FUZZ_CHECK(bytes != NULL);
	memcpy(bytes, data + 1, size - 1);
	if (data[0] & MEND_CHECKSUM)
		mend(bytes, size - 1, data[0]);
	fuzz_put_file(dir.fd, "scanned", bytes, size - 1);
	fd = openat(dir.fd, "scanned", O_RDONLY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	check_scan(fd, size - 1);
	close(fd);
	check_recover(bytes, size - 1, data[0]);
	free(bytes);
	return 0;
}
