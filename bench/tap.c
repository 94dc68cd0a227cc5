/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the region of this process that is open: there is one library at a time. */
#include "bench/tap.h"
#include "core/record/signal.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

static int attach_own(struct tap *ret, const struct runtime_dir *dir, DIR *entries, bool writable)
{
	const struct dirent *entry;

	while ((entry = readdir(entries)) != NULL) {
		uint64_t id;
		uint32_t pid;
		int rc;

		if (!region_parse_name(entry->d_name, &pid, &id) || pid != (uint32_t)getpid())
			continue;
		rc = region_attach(&ret->view, dir, entry->d_name, writable);
		if (rc < 0)
			return rc;
		if (!region_is_closed(&ret->view))
			return 0;
		/* Of a library before this one: without a writer nobody takes it away. */
		region_detach(&ret->view);
	}
	return -ENOENT;
}

int tap_open(struct tap *ret, const char *runtime_dir, bool writable)
{
	struct runtime_dir dir;
	DIR *entries;
	int rc;

	rc = runtime_open(&dir, runtime_dir, false);
	if (rc < 0)
		return rc;
	entries = opendir(runtime_dir);
	rc = entries != NULL ? attach_own(ret, &dir, entries, writable) : -errno;
	if (entries != NULL)
		closedir(entries);
	runtime_close(&dir);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < REGION_RINGS_MAX && rc == 0; i++)
		if (ret->view.rings[i].shared != NULL)
			rc = ring_reader_init(&ret->readers[i], ret->view.rings[i].shared,
					      ret->view.rings[i].data, ret->view.rings[i].bytes,
					      writable);
	if (rc < 0)
		region_detach(&ret->view);
	return rc;
}

void tap_close(struct tap *tap)
{
	region_detach(&tap->view);
}

uint64_t tap_fill(const struct tap *tap, enum otlp_signal signal)
{
	uint64_t bytes = 0;

	for (unsigned lane = 0; lane < REGION_LANES_MAX; lane++) {
		const struct ring_shared *shared =
			tap->view.rings[ring_number(signal, lane)].shared;
		uint64_t head;

		if (shared == NULL)
			break;
		head = atomic_load_relaxed_u64(&shared->head);
		bytes += atomic_load_relaxed_u64(&shared->tail) - head;
	}
	return bytes;
}

static int drain_ring(struct ring_reader *reader)
{
	struct ring_done done;
	int rc;

	ring_reader_get_done(reader, &done);
	rc = ring_reader_tail(reader, &done.position);
	if (rc < 0)
		return rc;
	reader->read = done.position;
	ring_reader_release(reader, &done);
	return 0;
}

int tap_drain(struct tap *tap, enum otlp_signal signal)
{
	int rc = 0;

	for (unsigned lane = 0; lane < REGION_LANES_MAX && rc == 0; lane++)
		if (tap->view.rings[ring_number(signal, lane)].shared != NULL)
			rc = drain_ring(&tap->readers[ring_number(signal, lane)]);
	return rc;
}
