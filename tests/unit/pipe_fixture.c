/* SPDX-License-Identifier: Apache-2.0 */
/* A span's start time is its number; its region is in its span id. */
#include "tests/unit/pipe_fixture.h"

#include "core/record/signal.h"

#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "tests/unit/remove_tree.h"
#include "writer/file/dataname.h"
#include "writer/file/manifest_store.h"

#define TURNS_MAX 100000

static char shm_left[40];
static pid_t shm_owner;

/* What is on tmpfs goes also when a test fails. */
static void remove_shm(void)
{
	if (shm_owner == getpid() && shm_left[0] != '\0')
		(void)remove_tree(shm_left);
	shm_left[0] = '\0';
}

void pipe_open(struct pipe *pipe, unsigned regions, uint64_t ring_bytes)
{
	pipe_open_lanes(pipe, regions, ring_bytes, 1);
}

void pipe_open_lanes(struct pipe *pipe, unsigned regions, uint64_t lane_bytes, unsigned lanes)
{
	struct region_options options = {.program = "test"};

	memset(pipe, 0, sizeof(*pipe));
	pipe->lanes = lanes;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = RING_BYTES_MIN;
	for (unsigned lane = 0; lane < lanes; lane++)
		options.ring_bytes[ring_number(OTLP_SIGNAL_TRACES, lane)] = lane_bytes;
	strcpy(pipe->shm_path, "/dev/shm/otlpipe-test-XXXXXX");
	if (shm_owner == 0)
		assert_int_equal(atexit(remove_shm), 0);
	shm_owner = getpid();
	remove_shm();
	assert_non_null(mkdtemp(pipe->shm_path));
	strcpy(shm_left, pipe->shm_path);
	assert_int_equal(runtime_open(&pipe->dir, pipe->shm_path, false), 0);
	assert_int_equal(scratch_open(&pipe->out), 0);
	for (unsigned i = 0; i < regions; i++)
		assert_int_equal(region_create(&pipe->producers[i], &pipe->dir, &options), 0);
	regions_open(&pipe->regions, &pipe->dir);
	pipe->files.rotate_bytes = UINT64_C(1) << 20;
	pipe->drain.record = malloc(DRAIN_RECORD_ROOM_BYTES);
	assert_non_null(pipe->drain.record);
	pipe->drain.batch_bytes_max = 64 << 10;
	pipe->drain.quota_bytes = 16 << 10;
	pipe->now_ns = 1;
}

void pipe_close(struct pipe *pipe)
{
	regions_close(&pipe->regions);
	for (unsigned i = 0; i < PIPE_REGIONS_MAX; i++)
		if (pipe->producers[i].header != NULL)
			region_close(&pipe->producers[i]);
	free(pipe->drain.record);
	runtime_close(&pipe->dir);
	remove_shm();
	assert_int_equal(access(pipe->shm_path, F_OK), -1);
	assert_int_equal(scratch_close(&pipe->out), 0);
}

static void count_want_space(void *context)
{
	((struct pipe *)context)->want_space_calls++;
}

void pipe_open_queue(struct pipe *pipe)
{
	static uint64_t epoch;

	pipe->files.want_space = count_want_space;
	pipe->files.want_space_context = pipe;
	pipe->options.runtime = &pipe->dir;
	assert_int_equal(manifest_open(&pipe->manifest, pipe->out.fd), 0);
	pipe->files.manifest = pipe->manifest;
	memset(&pipe->status, 0, sizeof(pipe->status));
	assert_int_equal(iobuf_pool_open(&pipe->pool, IOBUF_COUNT + SIGNAL_COUNT,
					 pipe->drain.batch_bytes_max),
			 0);
	pipe->fault = fault_backend_new();
	assert_int_equal(io_open_backend(&pipe->io, &pipe->fault->backend), 0);
	assert_int_equal(file_destination_open(&pipe->file, OTLP_SIGNAL_TRACES, pipe->out.fd,
					       &pipe->files, pipe->io),
			 0);
	assert_int_equal(queue_open(&pipe->queue, OTLP_SIGNAL_TRACES, &pipe->options,
				    &pipe->file.destination, pipe->pool, &pipe->status, ++epoch),
			 0);
	assert_int_equal(regions_discover(&pipe->regions), 0);
}

int pipe_recover_output(struct pipe *pipe, struct recover_report *ret)
{
	struct manifest *manifest;
	int rc;

	rc = manifest_open(&manifest, pipe->out.fd);
	if (rc == 0)
		rc = recover_output(pipe->out.fd, manifest, &pipe->regions, ret);
	manifest_close(manifest);
	return rc;
}

void pipe_recover(struct pipe *pipe, struct recover_report *ret)
{
	regions_close(&pipe->regions);
	regions_open(&pipe->regions, &pipe->dir);
	assert_int_equal(regions_discover(&pipe->regions), 0);
	assert_int_equal(pipe_recover_output(pipe, ret), 0);
}

void pipe_close_queue(struct pipe *pipe)
{
	pipe->fault->is_held = false;
	io_close(pipe->io);
	queue_close(&pipe->queue);
	file_destination_close(&pipe->file);
	manifest_close(pipe->manifest);
	pipe->manifest = NULL;
	iobuf_pool_close(pipe->pool);
}

bool pipe_push(struct pipe *pipe, unsigned region, size_t bytes)
{
	static char text[256 << 10];
	const struct otlp_attribute attribute = {
		.key = {.ptr = "k", .len = 1},
		.value = {.type = OTLP_VALUE_STRING, .as.string = {.ptr = text, .len = bytes}}};
	struct otlp_span span = {.trace_id = {1}, .span_id = {1, (uint8_t)region}};
	struct otlp_resource resource = {0};
	struct ring_claim claim = {0};
	size_t record_bytes;

	memset(text, 'x', sizeof(text));
	assert_true(bytes <= sizeof(text) && pipe->pushed[region] < PIPE_SPANS_MAX);
	span.start_time_unix_ns = pipe->pushed[region];
	span.attributes.items = &attribute;
	span.attributes.count = 1;
	assert_int_equal(record_size_span(&span, &resource, span.scope, &record_bytes), 0);
	if (!ring_claim(&pipe->producers[region].rings[ring_number(OTLP_SIGNAL_TRACES, pipe->lane)],
			(uint32_t)record_bytes, 1, &claim))
		return false;
	assert_int_not_equal(record_write_span(claim.payload, &span, &resource, 0, record_bytes),
			     RECORD_CHANGED);
	ring_commit(&claim);
	pipe->pushed[region]++;
	return true;
}

void pipe_reap(struct pipe *pipe)
{
	struct io_result results[16];
	unsigned count = io_reap(pipe->io, results, COUNT_OF(results), 0);

	for (unsigned i = 0; i < count; i++)
		queue_complete(&results[i], pipe->now_ns);
}

void pipe_pump(struct pipe *pipe)
{
	for (unsigned i = 0; queue_pump(&pipe->queue, pipe->now_ns); i++)
		assert_true(i < TURNS_MAX);
}

/* @return false: it did not fit, and no batch could be closed */
static bool drain_lane(struct pipe *pipe, struct source *source, unsigned lane, bool *again)
{
	enum drain_end end = source_drain(source, ring_number(OTLP_SIGNAL_TRACES, lane),
					  &pipe->drain, pipe->queue.stage,
					  batch_head_bytes(PIPE_REGIONS_MAX * REGION_LANES_MAX));

	if (end == DRAIN_BROKEN)
		regions_break(&pipe->regions, source, "test");
	if (end == DRAIN_FULL && queue_close_batch(&pipe->queue, pipe->regions.sources) < 0)
		return false;
	*again |= end == DRAIN_FULL || end == DRAIN_QUOTA;
	return true;
}

void pipe_drain(struct pipe *pipe)
{
	struct source *source;
	bool again;

	do {
		again = false;
		for (source = pipe->regions.sources; source != NULL; source = source->next) {
			for (unsigned lane = 0; lane < pipe->lanes; lane++)
				if (!drain_lane(pipe, source, lane, &again))
					return;
			(void)source_drain(source, OTLP_SIGNAL_METRICS, &pipe->drain,
					   pipe->queue.stage, 0);
		}
	} while (again);
}

static bool source_is_released(const struct source *source)
{
	uint32_t bits = source->present & ring_bits(OTLP_SIGNAL_TRACES);

	for (; bits != 0 && !source->is_broken; bits &= bits - 1) {
		const struct ring_reader *reader = &source_ring(source, ring_first(bits))->reader;

		if (reader->head != atomic_load_relaxed_u64(&reader->shared->tail))
			return false;
	}
	return true;
}

static bool pipe_is_released(const struct pipe *pipe)
{
	const struct source *source;

	for (source = pipe->regions.sources; source != NULL; source = source->next)
		if (!source_is_released(source))
			return false;
	return queue_is_idle(&pipe->queue) &&
	       queue_count_parts(&pipe->queue, pipe->regions.sources) == 0;
}

void pipe_settle(struct pipe *pipe)
{
	unsigned turns = 0;

	while (!pipe_is_released(pipe) || queue_finish(&pipe->queue) < 0) {
		assert_true(++turns < TURNS_MAX);
		pipe_reap(pipe);
		pipe_drain(pipe);
		(void)queue_close_batch(&pipe->queue, pipe->regions.sources);
		pipe_pump(pipe);
		pipe->now_ns += 100000000;
	}
}

static void find_entries(struct pipe *pipe, const struct batch_head *head, const uint8_t *batch,
			 struct pipe_found *found)
{
	const struct batch_entry *entries = batch_entries(batch);

	for (uint32_t i = 0; i < head->entry_count; i++) {
		const struct batch_entry *entry = &entries[i];
		const unsigned lane = ring_lane(entry->ring);
		unsigned region = 0;

		assert_true(lane < pipe->lanes);
		while (region < PIPE_REGIONS_MAX &&
		       (pipe->producers[region].header == NULL ||
			pipe->producers[region].header->region_id != entry->region_id))
			region++;
		assert_true(region < PIPE_REGIONS_MAX);
		assert_int_equal(entry->from, found->next[region][lane]);
		assert_true(entry->to >= entry->from);
		assert_int_equal(entry->items_before, found->items[region][lane]);
		found->next[region][lane] = entry->to;
		found->items[region][lane] +=
			entry->written_items + entry->invalid_items + entry->lost_items;
		found->written += entry->written_items;
		found->lost += entry->lost_items;
		found->invalid += entry->invalid_items;
		found->torn += entry->torn_bytes;
		found->finals += (entry->flags & BATCH_ENTRY_FINAL) != 0;
		found->final_flags |= entry->flags;
	}
}

static void find_spans(const uint8_t *batch, size_t bytes, struct pipe_found *found)
{
	Opentelemetry__Proto__Trace__V1__TracesData *data;

	data = opentelemetry__proto__trace__v1__traces_data__unpack(NULL, bytes, batch);
	assert_non_null(data);
	for (size_t r = 0; r < data->n_resource_spans; r++) {
		for (size_t s = 0; s < data->resource_spans[r]->n_scope_spans; s++) {
			Opentelemetry__Proto__Trace__V1__ScopeSpans *scope =
				data->resource_spans[r]->scope_spans[s];

			for (size_t i = 0; i < scope->n_spans; i++) {
				unsigned region = scope->spans[i]->span_id.data[1];

				assert_true(region < PIPE_REGIONS_MAX);
				assert_true(scope->spans[i]->start_time_unix_nano < PIPE_SPANS_MAX);
				found->seen[region][scope->spans[i]->start_time_unix_nano]++;
			}
		}
	}
	opentelemetry__proto__trace__v1__traces_data__free_unpacked(data, NULL);
}

/* The file that an entry tells of, under whichever name. */
static const struct data_name *find_name(const struct data_name *names, size_t count,
					 uint64_t sequence)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].sequence == sequence)
			return &names[i];
	return NULL;
}

static void check_manifest(const struct pipe *pipe, const struct data_name *names, size_t count)
{
	struct manifest_image image = {0};
	const struct manifest_signal *signal;
	const struct data_name *name;

	assert_int_equal(manifest_load(&image, pipe->out.fd), 0);
	signal = manifest_image_signal(&image, "traces");
	assert_non_null(signal);
	for (size_t i = 0; i < signal->entry_count; i++) {
		const struct manifest_entry *entry = &signal->entries[i];

		name = find_name(names, count, entry->sequence);
		assert_non_null(name);
		assert_true(entry->state != MANIFEST_CUT);
		if (entry->state == MANIFEST_SEALED)
			assert_true(name->kind == DATA_SEALED ? name->bytes == entry->bytes
							      : name->bytes >= entry->bytes);
		if (entry->state == MANIFEST_BAD)
			assert_true(name->kind == DATA_BAD && name->trusted_bytes == entry->bytes);
		if (entry->state == MANIFEST_OPEN && name->kind == DATA_OPEN)
			assert_true(name->bytes >= entry->bytes);
	}
	for (size_t i = 0; i < count; i++)
		assert_non_null(manifest_signal_find(signal, names[i].sequence));
	manifest_image_free(&image);
}

void pipe_find(struct pipe *pipe, struct pipe_found *ret)
{
	struct data_name *names;
	struct data_dir dir;
	size_t count;

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(data_dir_open(pipe->out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_ALL_KINDS, &names, &count), 0);
	for (size_t i = 0; i < count; i++) {
		int fd = openat(dir.fd, names[i].name, O_RDONLY | O_CLOEXEC);
		struct batch_scan scan;
		struct batch_head head;
		uint64_t limit = names[i].kind == DATA_BAD ? names[i].trusted_bytes : UINT64_MAX;

		assert_true(fd >= 0);
		batch_scan_open(&scan, fd, limit);
		while (batch_scan_next(&scan, &head) == 0) {
			find_entries(pipe, &head, scan.bytes, ret);
			find_spans(scan.bytes, head.batch_bytes, ret);
			ret->batches++;
		}
		/* A sealed file has nothing behind its last batch. */
		if (names[i].kind == DATA_SEALED)
			assert_int_equal(scan.offset, names[i].bytes);
		batch_scan_close(&scan);
		close(fd);
		ret->files++;
	}
	check_manifest(pipe, names, count);
	free(names);
	data_dir_close(&dir);
}

void pipe_check_all_once(struct pipe *pipe)
{
	static struct pipe_found found;
	uint64_t pushed = 0;

	pipe_find(pipe, &found);
	for (unsigned region = 0; region < PIPE_REGIONS_MAX; region++) {
		pushed += pipe->pushed[region];
		for (uint32_t i = 0; i < PIPE_SPANS_MAX; i++)
			assert_int_equal(found.seen[region][i], i < pipe->pushed[region]);
	}
	assert_int_equal(found.written, pushed);
	assert_int_equal(found.lost, 0);
	assert_int_equal(found.invalid, 0);
}
