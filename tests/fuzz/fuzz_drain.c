/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's side of a region whose memory lies: the input is the memory of its rings and of
 * the resource table, and then a list of steps. A step drains, closes a batch, gives one back, or
 * is the liar's: a word changes, the file is cut, the lock goes. Whatever it does, positions only
 * grow, a batch holds what was reserved for it, and protobuf-c takes the batch.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "opentelemetry/proto/logs/v1/logs.pb-c.h"
#include "opentelemetry/proto/metrics/v1/metrics.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_rings.h"
#include "writer/source.h"

#define NAME		     "1-0000000000000001.region"
#define RING_BYTES	     RING_BYTES_MIN
#define CONTROL_BYTES	     416 /* of a ring's control, all that has a meaning */
#define TABLE_USED	     2048
#define TABLE_OFFSET	     (2 * LAYOUT_PAGE_BYTES)
#define DATA_OFFSET	     (TABLE_OFFSET + TABLE_BYTES)
#define REGION_BYTES	     (DATA_OFFSET + FUZZ_RINGS * RING_BYTES)
#define STEPS_MAX	     96
#define BATCHES_MAX	     4
#define BATCH_BYTES_MAX_HERE (UINT64_C(64) << 10)
#define HEAD_BYTES	     192u /* of a batch's ledger: any number would do */
#define IS_DEAD		     0x01

enum step {
	STEP_DRAIN,
	STEP_CLOSE,
	STEP_RELEASE,
	STEP_POKE_64,
	STEP_POKE_32,
	STEP_DIE,
	STEP_CUT,
	STEP_LIMIT,
	STEP_LOOK,
	STEP_COUNT
};

/* A batch that is on its way to the disk. */
struct in_flight {
	unsigned number; /* of its ring */
	struct ring_done done;
	bool is_final;
};

struct fixture {
	struct runtime_dir dir;
	uint8_t *map;
	int fd;
	uint8_t *record;
	uint8_t *whole; /* a shaped span made whole */
};

struct run {
	struct fixture *fixture;
	struct source *source;
	struct stage *stages[SIGNAL_COUNT];
	struct in_flight batches[BATCHES_MAX];
	unsigned batch_count;
};

static void fixture_open(struct fixture *fixture)
{
	FUZZ_CHECK(runtime_open(&fixture->dir, fuzz_dir(), false) == 0);
	fixture->record = malloc(DRAIN_RECORD_ROOM_BYTES);
	fixture->whole = malloc(DRAIN_WHOLE_ROOM_BYTES);
	FUZZ_CHECK(fixture->record != NULL && fixture->whole != NULL && guard_install() == 0);
}

static void put_header(struct region_header *header)
{
	memset(header, 0, sizeof(*header));
	header->magic = REGION_MAGIC;
	header->major = LAYOUT_MAJOR;
	header->header_bytes = sizeof(*header);
	header->region_id = header->pid = 1;
	header->region_bytes = REGION_BYTES;
	header->table_offset = TABLE_OFFSET;
	header->table_bytes = TABLE_BYTES;
	header->ring_count = FUZZ_RINGS;
	for (unsigned i = 0; i < FUZZ_RINGS; i++) {
		header->rings_used |= UINT32_C(1) << fuzz_ring_number(i);
		header->rings[i].number = fuzz_ring_number(i);
		header->rings[i].control_offset =
			LAYOUT_PAGE_BYTES + i * sizeof(struct ring_shared);
		header->rings[i].data_offset = DATA_OFFSET + i * RING_BYTES;
		header->rings[i].data_bytes = RING_BYTES;
	}
	header->producer_state = REGION_STATE_READY;
}

/* The file as the input says, with our own mapping of it, which is the liar's. */
static void fixture_fill(struct fixture *fixture, struct fuzz_input *input, bool is_dead)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = REGION_LOCK_PRODUCER,
			     .l_len = 1};

	fixture->fd = openat(fixture->dir.fd, NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fixture->fd >= 0 && posix_fallocate(fixture->fd, 0, REGION_BYTES) == 0);
	if (!is_dead)
		FUZZ_CHECK(fcntl(fixture->fd, F_OFD_SETLK, &lock) == 0);
	fixture->map = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fixture->fd, 0);
	FUZZ_CHECK(fixture->map != MAP_FAILED);
	put_header((struct region_header *)(void *)fixture->map);
	for (unsigned i = 0; i < FUZZ_RINGS; i++)
		fuzz_take(input, fixture->map + LAYOUT_PAGE_BYTES + i * sizeof(struct ring_shared),
			  CONTROL_BYTES);
	fuzz_take(input, fixture->map + TABLE_OFFSET, TABLE_USED);
	fuzz_take(input, fixture->map + DATA_OFFSET, FUZZ_RINGS * RING_BYTES);
}

static void fixture_empty(struct fixture *fixture)
{
	munmap(fixture->map, REGION_BYTES);
	if (fixture->fd >= 0)
		close(fixture->fd);
	FUZZ_CHECK(unlinkat(fixture->dir.fd, NAME, 0) == 0);
}

static const ProtobufCMessageDescriptor *const data_types[SIGNAL_COUNT] = {
	[OTLP_SIGNAL_TRACES] = &opentelemetry__proto__trace__v1__traces_data__descriptor,
	[OTLP_SIGNAL_METRICS] = &opentelemetry__proto__metrics__v1__metrics_data__descriptor,
	[OTLP_SIGNAL_LOGS] = &opentelemetry__proto__logs__v1__logs_data__descriptor,
};

/* What a stage encodes into. On the heap, where a byte too many is seen. */
static uint8_t *run_lent[SIGNAL_COUNT];

/* What the batch holds is OTLP of this signal, and fits in what was reserved. */
static void check_stage(struct stage *stage, enum otlp_signal signal)
{
	const size_t bound = stage_bytes_bound(stage);
	uint8_t *const lent = run_lent[signal], *copied = NULL;
	const uint8_t *begin = lent + HEAD_BYTES, *end;
	ProtobufCMessage *message;

	end = stage_write_in_place(stage, HEAD_BYTES);
	if (end == NULL) {
		begin = copied = malloc(bound != 0 ? bound : 1);
		FUZZ_CHECK(copied != NULL);
		end = stage_write(stage, copied);
	} else {
		FUZZ_CHECK(end <= lent + BATCH_BYTES_MAX_HERE);
	}
	FUZZ_CHECK((size_t)(end - begin) <= bound && stage_is_empty(stage));
	message = protobuf_c_message_unpack(data_types[signal], NULL, (size_t)(end - begin), begin);
	FUZZ_CHECK(message != NULL && message->n_unknown_fields == 0);
	protobuf_c_message_free_unpacked(message, NULL);
	free(copied);
	stage_lend(stage, lent, BATCH_BYTES_MAX_HERE);
}

static void step_drain(struct run *run, unsigned number, uint64_t quota)
{
	struct stage *const stage = run->stages[ring_signal(number)];
	const struct drain drain = {run->fixture->record, run->fixture->whole, BATCH_BYTES_MAX_HERE,
				    1 + quota};
	struct ring_reader *reader = &source_ring(run->source, number)->reader;
	const uint64_t before = reader->read;
	enum drain_end end = source_drain(run->source, number, &drain, stage, batch_head_bytes(1));

	FUZZ_CHECK(reader->read >= before && reader->read - reader->head <= reader->bytes);
	FUZZ_CHECK(reader->read % ENTRY_ALIGN_BYTES == 0);
	if (end == DRAIN_BROKEN)
		source_break(run->source);
	else if (end == DRAIN_FULL)
		FUZZ_CHECK(!stage_is_empty(stage));
}

static void step_close(struct run *run, unsigned number)
{
	const struct source_ring *ring = source_ring(run->source, number);
	struct in_flight *batch = &run->batches[run->batch_count];
	struct batch_entry entry;

	if (run->batch_count == BATCHES_MAX ||
	    (!source_has_taken(run->source, number) && !source_is_final_due(run->source, number)))
		return;
	source_take_entry(run->source, number, &entry);
	FUZZ_CHECK(entry.from <= entry.to && entry.to == ring->staged.position);
	check_stage(run->stages[ring_signal(number)], ring_signal(number));
	batch->number = number;
	batch->done = ring->staged;
	batch->is_final = (entry.flags & BATCH_ENTRY_FINAL) != 0;
	run->batch_count++;
	run->source->jobs++;
}

static void step_release(struct run *run)
{
	struct in_flight batch = run->batches[0];
	const struct ring_reader *reader = &source_ring(run->source, batch.number)->reader;
	const uint64_t before = reader->head;

	if (run->batch_count == 0)
		return;
	(void)source_release(run->source, batch.number, &batch.done, batch.is_final);
	FUZZ_CHECK(reader->head >= before && reader->head == batch.done.position);
	run->source->jobs--;
	memmove(&run->batches[0], &run->batches[1], --run->batch_count * sizeof(batch));
}

/* Somewhere that matters: a ring's control, the table's start, a ring's data, the header. */
static uint8_t *poke_at(struct run *run, uint16_t where, size_t bytes)
{
	static const struct {
		uint64_t offset, bytes;
	} places[] = {
		{LAYOUT_PAGE_BYTES, CONTROL_BYTES},
		{LAYOUT_PAGE_BYTES + sizeof(struct ring_shared), CONTROL_BYTES},
		{TABLE_OFFSET, TABLE_USED},
		{DATA_OFFSET, 2 * RING_BYTES},
		{0, LAYOUT_PAGE_BYTES},
	};
	const unsigned place = where % COUNT_OF(places);
	const uint64_t offset = where / COUNT_OF(places) * bytes;

	return run->fixture->map + places[place].offset +
	       offset % places[place].bytes / bytes * bytes;
}

static void step_cut(struct run *run, uint16_t where)
{
	/* Our own mapping is replaced before, the liar does not die of its lie. */
	FUZZ_CHECK(mmap(run->fixture->map, REGION_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	if (run->fixture->fd >= 0)
		FUZZ_CHECK(ftruncate(run->fixture->fd, where * (REGION_BYTES / UINT16_MAX)) == 0);
}

static void step_look(struct run *run, enum otlp_signal signal)
{
	FUZZ_CHECK((source_lanes(run->source, signal) & ~ring_bits(signal)) == 0);
	source_find_used(run->source);
	source_look(run->source, signal);
	(void)source_has_news(run->source);
	(void)source_wants_flush(run->source, signal);
	(void)source_wants_release(run->source, signal);
	(void)source_is_finished(run->source);
}

static void run_step(struct run *run, struct fuzz_input *input)
{
	const uint8_t kind = fuzz_take_u8(input);
	const unsigned number = fuzz_ring_number((kind >> 6) % FUZZ_RINGS);
	const uint16_t where = fuzz_take_u16(input);
	uint64_t value;

	switch ((enum step)((kind & 0x3f) % STEP_COUNT)) {
	case STEP_DRAIN:
		step_drain(run, number, where);
		break;
	case STEP_CLOSE:
		step_close(run, number);
		break;
	case STEP_RELEASE:
		step_release(run);
		break;
	case STEP_POKE_64:
		value = fuzz_take_u64(input);
		memcpy(poke_at(run, where, sizeof(value)), &value, sizeof(value));
		break;
	case STEP_POKE_32:
		value = fuzz_take_u16(input);
		memcpy(poke_at(run, where, sizeof(uint32_t)), &value, sizeof(uint32_t));
		break;
	case STEP_DIE:
		if (run->fixture->fd >= 0)
			close(run->fixture->fd);
		run->fixture->fd = -1;
		source_check_alive(run->source);
		break;
	case STEP_CUT:
		step_cut(run, where);
		break;
	case STEP_LIMIT:
		source_limit(run->source);
		break;
	default:
		step_look(run, ring_signal(number));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fixture fixture = {.dir = {.fd = -1}, .fd = -1};
	struct fuzz_input input = {data, size};
	struct run run = {.fixture = &fixture};
	const bool is_dead = (fuzz_take_u8(&input) & IS_DEAD) != 0;

	if (fixture.dir.fd < 0)
		fixture_open(&fixture);
	fixture_fill(&fixture, &input, is_dead);
	if (source_open(&run.source, &fixture.dir, NAME, 1) == 0) {
		for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
			run_lent[i] = malloc(BATCH_BYTES_MAX_HERE);
			FUZZ_CHECK(run_lent[i] != NULL && stage_open(&run.stages[i]) == 0);
			stage_lend(run.stages[i], run_lent[i], BATCH_BYTES_MAX_HERE);
		}
		source_check_alive(run.source);
		for (unsigned i = 0; i < STEPS_MAX && input.left > 0; i++)
			run_step(&run, &input);
		while (run.batch_count > 0)
			step_release(&run);
		for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
			stage_close(run.stages[i]);
			free(run_lent[i]);
		}
		source_close(run.source);
	}
	fixture_empty(&fixture);
	return 0;
}
