/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/region_fixture.h"

unsigned count_regions(void)
{
	DIR *dir = opendir(shm_fixture_path);
	struct dirent *entry;
	unsigned count = 0;
	uint32_t pid;
	uint64_t id;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += region_parse_name(entry->d_name, &pid, &id);
	closedir(dir);
	return count;
}

bool find_region_of(pid_t of, char ret[REGION_NAME_BYTES_MAX])
{
	DIR *dir = opendir(shm_fixture_path);
	struct dirent *entry;
	bool found = false;
	uint32_t pid;
	uint64_t id;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (!region_parse_name(entry->d_name, &pid, &id) || pid != (uint32_t)of)
			continue;
		strcpy(ret, entry->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}

bool fixture_next_record(struct ring_reader *reader, struct ring_entry *ret)
{
	uint64_t tail;

	assert_int_equal(ring_reader_tail(reader, &tail), 0);
	for (;;) {
		assert_int_equal(ring_reader_peek(reader, tail, false, ret), 0);
		if (ret->kind == RING_ENTRY_NONE || ret->kind == RING_ENTRY_BUSY)
			return false;
		ring_reader_next(reader, ret);
		if (ret->kind == RING_ENTRY_RECORD)
			return true;
	}
}

static uint64_t count_ring_items(const struct region_view *view, unsigned number)
{
	struct ring_reader reader;
	struct ring_entry entry;
	uint64_t count = 0;

	assert_int_equal(ring_reader_init(&reader, view->rings[number].shared,
					  view->rings[number].data, view->rings[number].bytes,
					  false),
			 0);
	while (fixture_next_record(&reader, &entry)) {
		struct record_view record;

		assert_int_equal(record_parse(entry.payload, entry.payload_bytes,
					      entry.payload_bytes, &record),
				 0);
		count += record.item_count;
	}
	return count;
}

uint64_t count_items(const char *region, enum otlp_signal signal)
{
	struct region_view view;
	uint64_t count = 0;
	unsigned lane;

	assert_int_equal(region_attach(&view, &shm_fixture_dir, region, false), 0);
	for (lane = 0; lane < REGION_LANES_MAX; lane++)
		if (view.rings[ring_number(signal, lane)].shared != NULL)
			count += count_ring_items(&view, ring_number(signal, lane));
	region_detach(&view);
	return count;
}
