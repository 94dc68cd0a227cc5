/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the seed corpora of all fuzz targets: records and regions as a producer makes them, data
 * files that a writer wrote, and regions that producers left which were killed.
 *
 * usage: fuzz_seeds CORPUS_DIR RUNTIME_DIR [DATA_FILE | REGION_FILE]…
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "core/record/record.h"
#include "shm/region.h"
#include "shm/region_view.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_rings.h"
#include "tests/gen.h"

#define RECORD_SEEDS	 60u
#define DRAIN_SEEDS	 12u
#define SEED_BYTES_MAX	 ((size_t)32 << 10)
#define CONTROL_BYTES	 416u /* as in fuzz_drain.c */
#define TABLE_USED	 2048u
#define REGION_BODY_USED 4096u
#define IMAGE_BYTES	 (1 + FUZZ_RINGS * (CONTROL_BYTES + RING_BYTES_MIN) + TABLE_USED)

static const char *corpus;

static void seed_put(const char *target, const char *kind, unsigned index, const void *head,
		     size_t head_bytes, const void *bytes, size_t count)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", corpus, target);
	FUZZ_CHECK(mkdir(path, 0700) == 0 || access(path, W_OK) == 0);
	snprintf(path, sizeof(path), "%s/%s/%s-%u", corpus, target, kind, index);
	file = fopen(path, "w");
	FUZZ_CHECK(file != NULL);
	FUZZ_CHECK(fwrite(head, 1, head_bytes, file) == head_bytes);
	FUZZ_CHECK(fwrite(bytes, 1, count, file) == count);
	FUZZ_CHECK(fclose(file) == 0);
}

static uint8_t *make_span(struct gen *gen, const struct otlp_resource *resource, uint32_t reference,
			  size_t *ret_bytes)
{
	const struct otlp_span *span = gen_span(gen);
	uint8_t *record;

	FUZZ_CHECK(record_measure_span(span, resource, ret_bytes) == 0);
	record = malloc(*ret_bytes);
	FUZZ_CHECK(record != NULL);
	FUZZ_CHECK(record_write_span(record, span, resource, reference, *ret_bytes) !=
		   RECORD_CHANGED);
	return record;
}

static uint8_t *make_metric(struct gen *gen, const struct otlp_resource *resource,
			    uint32_t reference, size_t *ret_bytes)
{
	const struct otlp_metric *metric = gen_metric(gen);
	const struct otlp_scope *scope = gen_scope(gen);
	size_t bytes, point_bytes;
	uint8_t *record;

	FUZZ_CHECK(record_measure_metric(metric, scope, resource, &bytes) == 0);
	for (size_t i = 0; i < metric->point_count; i++) {
		FUZZ_CHECK(record_measure_point(metric, i, &point_bytes) == 0);
		bytes += point_bytes;
	}
	record = malloc(bytes);
	FUZZ_CHECK(record != NULL);
	FUZZ_CHECK(record_write_metric(record, metric, scope, resource, reference, 0,
				       metric->point_count, bytes) != RECORD_CHANGED);
	*ret_bytes = bytes;
	return record;
}

static uint8_t *make_log(struct gen *gen, const struct otlp_resource *resource, uint32_t reference,
			 size_t *ret_bytes)
{
	const struct otlp_log_record *log = gen_log(gen);
	uint8_t *record;

	FUZZ_CHECK(record_measure_log(log, resource, ret_bytes) == 0);
	record = malloc(*ret_bytes);
	FUZZ_CHECK(record != NULL);
	FUZZ_CHECK(record_write_log(record, log, resource, reference, *ret_bytes) !=
		   RECORD_CHANGED);
	return record;
}

/* Makes a record of the generator's next item; the caller frees it. */
static uint8_t *(*const make_record[SIGNAL_COUNT])(struct gen *gen,
						   const struct otlp_resource *resource,
						   uint32_t reference, size_t *ret_bytes) = {
	[OTLP_SIGNAL_TRACES] = make_span,
	[OTLP_SIGNAL_METRICS] = make_metric,
	[OTLP_SIGNAL_LOGS] = make_log,
};

static uint8_t *make_resource(struct gen *gen, size_t *ret_bytes)
{
	const struct otlp_resource *resource = gen_resource(gen);
	static const struct otlp_resource none;
	uint8_t *section;

	if (resource == NULL)
		resource = &none;
	FUZZ_CHECK(record_measure_resource(resource, ret_bytes) == 0);
	section = malloc(*ret_bytes);
	FUZZ_CHECK(section != NULL);
	FUZZ_CHECK(record_write_resource(section, resource, *ret_bytes));
	return section;
}

static void put_records(struct gen *gen)
{
	static const struct otlp_resource none;
	const uint8_t kinds[] = {0, 1};
	size_t bytes;

	for (unsigned i = 0; i < RECORD_SEEDS; i++) {
		const struct otlp_resource *resource = i & 2 ? gen_resource(gen) : NULL;
		uint8_t *record;

		if (i & 2 && resource == NULL)
			resource = &none;
		record = make_record[i % SIGNAL_COUNT](gen, resource, resource == NULL ? 65 : 0,
						       &bytes);
		if (bytes <= SEED_BYTES_MAX)
			seed_put("record", signal_rows[i % SIGNAL_COUNT].item_name, i, &kinds[0], 1,
				 record, bytes);
		free(record);
		if (i % 8 == 0) {
			record = make_resource(gen, &bytes);
			seed_put("record", "resource", i, &kinds[1], 1, record, bytes);
			free(record);
		}
		gen_reset(gen);
	}
}

#define SHAPE_ATTRIBUTES_MAX 256

/* A shape and a span of it; the caller frees both. False: the generator's span has no shape. */
static bool make_shaped(struct gen *gen, uint32_t shape_ref, uint8_t **ret_shape,
			size_t *ret_shape_bytes, uint8_t **ret_span, size_t *ret_span_bytes)
{
	static uint8_t types[SHAPE_ATTRIBUTES_MAX];
	static uint16_t texts[SHAPE_ATTRIBUTES_MAX];
	struct record_shape shape = {.types = types, .texts = texts};
	const struct otlp_span *span = gen_span(gen);

	if (span->attributes.count > SHAPE_ATTRIBUTES_MAX ||
	    record_measure_shape(span, &shape, ret_shape_bytes) < 0 ||
	    record_size_shaped(span, &shape, NULL, ret_span_bytes) < 0)
		return false;
	*ret_shape = malloc(*ret_shape_bytes);
	*ret_span = malloc(*ret_span_bytes);
	FUZZ_CHECK(*ret_shape != NULL && *ret_span != NULL);
	FUZZ_CHECK(record_write_shape(*ret_shape, span, *ret_shape_bytes));
	FUZZ_CHECK(record_write_shaped(*ret_span, span, NULL, 1, shape_ref, *ret_span_bytes) !=
		   RECORD_CHANGED);
	return true;
}

/* The same of a log. */
static bool make_shaped_log(struct gen *gen, uint32_t shape_ref, uint8_t **ret_shape,
			    size_t *ret_shape_bytes, uint8_t **ret_log, size_t *ret_log_bytes)
{
	static uint8_t types[SHAPE_ATTRIBUTES_MAX];
	static uint16_t texts[SHAPE_ATTRIBUTES_MAX];
	struct record_shape shape = {.types = types, .texts = texts};
	const struct otlp_log_record *log = gen_log(gen);

	if (log->attributes.count > SHAPE_ATTRIBUTES_MAX ||
	    record_measure_log_shape(log, &shape, ret_shape_bytes) < 0 ||
	    record_size_shaped_log(log, &shape, NULL, ret_log_bytes) < 0)
		return false;
	*ret_shape = malloc(*ret_shape_bytes);
	*ret_log = malloc(*ret_log_bytes);
	FUZZ_CHECK(*ret_shape != NULL && *ret_log != NULL);
	FUZZ_CHECK(record_write_log_shape(*ret_shape, log, *ret_shape_bytes));
	FUZZ_CHECK(record_write_shaped_log(*ret_log, log, NULL, 1, shape_ref, *ret_log_bytes) !=
		   RECORD_CHANGED);
	return true;
}

static bool (*const make_shaped_of[])(struct gen *gen, uint32_t shape_ref, uint8_t **ret_shape,
				      size_t *ret_shape_bytes, uint8_t **ret_record,
				      size_t *ret_record_bytes) = {make_shaped, make_shaped_log};
static const enum otlp_signal shaped_signals[] = {OTLP_SIGNAL_TRACES, OTLP_SIGNAL_LOGS};

static void put_shapes(struct gen *gen)
{
	for (unsigned i = 0; i < RECORD_SEEDS; i++) {
		uint8_t *shape, *span, *both;
		size_t shape_bytes, span_bytes;
		const uint8_t kind = 2;

		if (make_shaped_of[i % COUNT_OF(make_shaped_of)](gen, 1, &shape, &shape_bytes,
								 &span, &span_bytes)) {
			both = malloc(2 + shape_bytes + span_bytes);
			FUZZ_CHECK(both != NULL);
			both[0] = (uint8_t)shape_bytes;
			both[1] = (uint8_t)(shape_bytes >> 8);
			memcpy(both + 2, shape, shape_bytes);
			memcpy(both + 2 + shape_bytes, span, span_bytes);
			if (shape_bytes <= UINT16_MAX)
				seed_put("record", "shape", i, &kind, 1, both,
					 2 + shape_bytes + span_bytes);
			free(both);
			free(shape);
			free(span);
		}
		gen_reset(gen);
	}
}

/* In a region, the shape in its table. */
static void push_shaped(struct gen *gen, struct region *region, size_t which)
{
	struct ring *ring = &region->rings[shaped_signals[which]];
	const uint32_t reference = region->header->table_tail + 1;
	size_t shape_bytes, span_bytes;
	uint8_t *shape, *span;
	struct ring_claim claim;

	if (!make_shaped_of[which](gen, reference, &shape, &shape_bytes, &span, &span_bytes))
		return;
	if (shape_bytes < TABLE_USED && span_bytes <= ring->payload_bytes_max &&
	    region_table_add(region, shape, (uint32_t)shape_bytes) == reference &&
	    ring_claim(ring, (uint32_t)span_bytes, 1, &claim)) {
		memcpy(claim.payload, span, span_bytes);
		ring_commit(&claim);
	}
	free(shape);
	free(span);
}

/* Push a few, as a producer does it: some by reference, some given up, perhaps over the wrap. */
static void fill_region(struct gen *gen, struct region *region, bool wraps)
{
	size_t bytes;
	uint8_t *section = make_resource(gen, &bytes);
	uint32_t reference = region_table_add(region, section, (uint32_t)bytes);

	free(section);
	for (size_t i = 0; i < COUNT_OF(make_shaped_of); i++)
		push_shaped(gen, region, i);
	for (unsigned i = 0; i < 60; i++) {
		const enum otlp_signal signal = i % SIGNAL_COUNT;
		/* Of the spans each second one into their second lane. */
		struct ring *ring = &region->rings[i % (2 * SIGNAL_COUNT) == SIGNAL_COUNT
							   ? fuzz_ring_number(SIGNAL_COUNT)
							   : signal];
		uint8_t *record =
			make_record[signal](gen, NULL, reference != 0 ? reference : 1, &bytes);
		struct ring_claim claim;

		if (bytes <= ring->payload_bytes_max &&
		    ring_claim(ring, (uint32_t)bytes, 1, &claim)) {
			memcpy(claim.payload, record, bytes);
			if (i % 7 == 6)
				ring_abort(ring, &claim);
			else
				ring_commit(&claim);
		}
		free(record);
		gen_reset(gen);
		if (wraps && i == 30) {
			struct ring_reader reader;
			struct ring_done done = {0};

			/* What a writer would have given back. */
			FUZZ_CHECK(ring_reader_init(&reader, ring->shared, ring->data, ring->bytes,
						    true) == 0);
			FUZZ_CHECK(ring_reader_tail(&reader, &done.position) == 0);
			reader.read = done.position;
			ring_reader_release(&reader, &done);
		}
	}
}

static size_t append(uint8_t *to, size_t at, const void *from, size_t bytes)
{
	memcpy(to + at, from, bytes);
	return at + bytes;
}

/* All there is, twice, with the producer's death in between. */
static const uint8_t steps[] = {
	/* The ring is in the upper two bits: drain, look, close, release; die. */
	0x00, 0xff, 0xff, 0x40, 0xff, 0xff, 0x80, 0xff, 0xff, 0x08, 0,	  0,	0x01,
	0,    0,    0x41, 0,	0,    0x81, 0,	  0,	0x02, 0,    0,	  0x02, 0,
	0,    0x02, 0,	  0,	0x05, 0,    0,	  0x00, 0xff, 0xff, 0x40, 0xff, 0xff,
	0x80, 0xff, 0xff, 0x01, 0,    0,    0x41, 0,	0,    0x81, 0,	  0,	0x02,
	0,    0,    0x02, 0,	0,    0x02, 0,	  0,	0x08, 0,    0,
};

static void put_regions(struct gen *gen, const struct runtime_dir *dir)
{
	static const struct region_options options = {
		.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN,
			       RING_BYTES_MIN, [REGION_SIGNALS_MAX] = RING_BYTES_MIN},
		.program = "seeds"};

	gen_set_size(gen, GEN_SMALL);
	for (unsigned i = 0; i < DRAIN_SEEDS; i++) {
		struct region region;
		uint8_t image[IMAGE_BYTES + sizeof(steps)];
		uint8_t head[3];
		size_t at = 0;

		FUZZ_CHECK(region_create(&region, dir, &options) == 0);
		fill_region(gen, &region, i & 1);
		image[at++] = i & 2 ? 1 : 0;
		for (unsigned r = 0; r < FUZZ_RINGS; r++)
			at = append(image, at, region.rings[fuzz_ring_number(r)].shared,
				    CONTROL_BYTES);
		at = append(image, at, region.table, TABLE_USED);
		for (unsigned r = 0; r < FUZZ_RINGS; r++)
			at = append(image, at, region.rings[fuzz_ring_number(r)].data,
				    RING_BYTES_MIN);
		at = append(image, at, steps, sizeof(steps));
		seed_put("drain", "region", i, NULL, 0, image, at);
		head[0] = (uint8_t)(region.bytes / 512);
		head[1] = (uint8_t)(region.bytes / 512 >> 8);
		head[2] = (uint8_t)(i & 15);
		seed_put("region", "region", i, head, sizeof(head), region.header,
			 LAYOUT_PAGE_BYTES + REGION_BODY_USED);
		region_unlink(&region, dir);
		region_close(&region);
	}
}

/* What a real region holds up to a byte of its ring; where that ends inside an entry, the entry's
 * start. */
static uint64_t entries_end(const uint8_t *data, uint64_t tail, uint64_t limit)
{
	uint64_t at = 0, word, bytes;

	while (at < tail) {
		memcpy(&word, data + at, sizeof(word));
		bytes = entry_bytes(entry_payload_bytes(word));
		if (word == 0 || at + bytes > limit)
			break;
		at += bytes;
	}
	return at;
}

/* Each committed record, a shaped one behind its shape. */
static void put_region_records(const uint8_t *base, const struct region_header *header, unsigned r,
			       unsigned index)
{
	const struct ring_shared *shared = (const void *)(base + header->rings[r].control_offset);
	const uint8_t *data = base + header->rings[r].data_offset, *record, *shape;
	static const uint8_t kinds[] = {0, 2};
	uint64_t end = entries_end(data, shared->tail, header->rings[r].data_bytes), word;
	uint8_t head[3];
	unsigned count = 0;

	for (uint64_t at = 0; at < end && count < RECORD_SEEDS; count++) {
		const unsigned number = (index * REGION_RINGS_MAX + r) * RECORD_SEEDS + count;
		uint32_t bytes, reference;

		memcpy(&word, data + at, sizeof(word));
		bytes = entry_payload_bytes(word);
		record = data + at + ENTRY_HEADER_BYTES;
		at += entry_bytes(bytes);
		if (entry_state(word) != ENTRY_COMMITTED || bytes > SEED_BYTES_MAX)
			continue;
		reference = record_shape_ref(record, bytes);
		if (reference == 0) {
			seed_put("record", "real", number, &kinds[0], 1, record, bytes);
			continue;
		}
		shape = base + header->table_offset + reference - 1;
		memcpy(&word, shape, sizeof(word));
		head[0] = kinds[1];
		head[1] = (uint8_t)entry_payload_bytes(word);
		head[2] = (uint8_t)(entry_payload_bytes(word) >> 8);
		{
			const size_t shape_bytes = entry_payload_bytes(word);
			uint8_t *both = malloc(shape_bytes + bytes);

			FUZZ_CHECK(both != NULL && shape_bytes <= UINT16_MAX);
			memcpy(both, shape + ENTRY_HEADER_BYTES, shape_bytes);
			memcpy(both + shape_bytes, record, bytes);
			seed_put("record", "real", number, head, sizeof(head), both,
				 shape_bytes + bytes);
			free(both);
		}
	}
	FUZZ_CHECK(count > 0 || shared->tail == 0);
}

/* NULL: there is none with this number. */
static const struct ring_desc *desc_of(const struct region_header *header, unsigned number)
{
	for (unsigned r = 0; r < header->ring_count; r++)
		if (header->rings[r].number == number)
			return &header->rings[r];
	return NULL;
}

/* The same region with the rings of fuzz_drain, as far as those go. */
static void put_region_drain(const uint8_t *base, const struct region_header *header,
			     unsigned index)
{
	uint8_t image[IMAGE_BYTES + sizeof(steps)] = {0};
	size_t at = 0;

	image[at++] = index & 1; /* its producer is dead, or seems to live */
	for (unsigned r = 0; r < FUZZ_RINGS; r++) {
		const struct ring_desc *desc = desc_of(header, fuzz_ring_number(r));
		struct ring_shared shared = {0};

		if (desc != NULL) {
			memcpy(&shared, base + desc->control_offset, sizeof(shared));
			FUZZ_CHECK(shared.head == 0);
			shared.tail =
				entries_end(base + desc->data_offset, shared.tail, RING_BYTES_MIN);
		}
		at = append(image, at, &shared, CONTROL_BYTES);
	}
	at = append(image, at, base + header->table_offset, TABLE_USED);
	for (unsigned r = 0; r < FUZZ_RINGS; r++) {
		const struct ring_desc *desc = desc_of(header, fuzz_ring_number(r));

		if (desc != NULL) {
			const struct ring_shared *shared =
				(const void *)(base + desc->control_offset);
			const uint8_t *data = base + desc->data_offset;

			memcpy(image + at, data, entries_end(data, shared->tail, RING_BYTES_MIN));
		}
		at += RING_BYTES_MIN;
	}
	at = append(image, at, steps, sizeof(steps));
	seed_put("drain", "real", index, NULL, 0, image, at);
}

static void put_region_file(const char *path, unsigned index)
{
	const struct region_header *header;
	const uint8_t *base;
	uint8_t head[3];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && fstat(fd, &st) == 0);
	base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	FUZZ_CHECK(base != MAP_FAILED);
	close(fd);
	header = (const void *)base;
	FUZZ_CHECK(header->region_bytes == (uint64_t)st.st_size &&
		   header->ring_count >= SIGNAL_COUNT && header->ring_count <= REGION_RINGS_MAX);
	for (unsigned r = 0; r < header->ring_count; r++)
		put_region_records(base, header, r, index);
	put_region_drain(base, header, index * 2);
	put_region_drain(base, header, index * 2 + 1);
	head[0] = (uint8_t)(st.st_size / 512);
	head[1] = (uint8_t)(st.st_size / 512 >> 8);
	for (unsigned i = 0; i < 16; i += 5) {
		head[2] = (uint8_t)i;
		seed_put("region", "real", index * 16 + i, head, sizeof(head), base,
			 LAYOUT_PAGE_BYTES + REGION_BODY_USED);
	}
	munmap((void *)(uintptr_t)base, (size_t)st.st_size);
}

static void put_data_file(const char *path, unsigned index)
{
	const bool is_metrics = strstr(path, "/metrics/") != NULL;
	const bool is_logs = strstr(path, "/logs/") != NULL;
	uint8_t *bytes = malloc(SEED_BYTES_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t what;
	ssize_t n;

	FUZZ_CHECK(fd >= 0 && bytes != NULL);
	n = read(fd, bytes, SEED_BYTES_MAX);
	FUZZ_CHECK(n >= 0);
	close(fd);
	for (unsigned i = 0; i < 4; i++) {
		what = (uint8_t)(is_metrics | (is_logs ? 0x10 : 0) | (i & 1 ? 0x02 : 0) |
				 (i & 2 ? 0x0c : 0));
		seed_put("scan", "file", index * 8 + i, &what, 1, bytes, (size_t)n);
	}
	for (unsigned i = 0; i < 8; i++) {
		what = (uint8_t)(is_metrics | 0x02 | (i & 1 ? 0x04 : 0) | (i & 2 ? 0x08 : 0) |
				 (i & 4 ? 0x10 : 0) | (is_logs ? 0x40 : 0));
		if (is_logs && (i & 1) == 0 && (i & 4) == 0)
			what |= 0x80; /* as text */
		if ((i & 3) == 3)
			what |= 0x80; /* summary and trace */
		seed_put("tool", "file", index * 8 + i, &what, 1, bytes, (size_t)n);
	}
	for (unsigned i = 0; i < 2; i++) {
		what = (uint8_t)((is_metrics ? 1 : is_logs ? 2 : 0) | (i != 0 ? 0x04 : 0));
		seed_put("send", "file", index * 2 + i, &what, 1, bytes, (size_t)n);
	}
	free(bytes);
}

/* Lines as programs write them: of systemd's priorities, of the usual loggers for JSON, of text. */
static void put_lines(void)
{
	static const char *const lines[] = {
		"<3>disk failed",
		"<30>daemon: started\n<27>daemon: failed",
		"2026-11-28T09:15:44.123456789+01:00 INFO [main] order 17 taken",
		"{\"level\":30,\"time\":1795857344123,\"pid\":7,\"hostname\":\"h\",\"msg\":"
		"\"hello\"}",
		"{\"time\":\"2026-11-28T09:15:44.1Z\",\"level\":\"INFO\",\"msg\":\"served\",\"ms\":"
		"1.5}",
		"{\"ts\":1795857344.125,\"level\":\"warn\",\"logger\":\"a.b\",\"caller\":\"x.go:"
		"1\"}\n{}",
		"{\"@timestamp\":\"2026-11-28T09:15:44,1+0100\",\"log.level\":\"ERROR\","
		"\"message\":\"caf\\u00e9 "
		"\\ud83d\\ude00\",\"trace.id\":\"0123456789abcdef0123456789abcdef\","
		"\"span.id\":\"0123456789abcdef\",\"labels\":{\"a\":[1,null,true,{\"b\":[]}]}}",
		"<14>{\"severity_number\":17,\"body\":{\"k\":18446744073709551615},\"x\":-1e300}",
		"caf\xe9 \xff\xed\xa0\x80 \xf0\x9f\x98\x80",
		"{\"k\":\"\xff\",\"k\":2}",
		"",
	};

	for (unsigned i = 0; i < COUNT_OF(lines); i++) {
		const uint8_t how = 0; /* LOG_PARSE_LINE */

		seed_put("log", "line", i, &how, 1, lines[i], strlen(lines[i]));
	}
}

int main(int argc, char **argv)
{
	struct runtime_dir dir;
	struct gen *gen;

	if (argc < 3) {
		fprintf(stderr, "usage: fuzz_seeds CORPUS_DIR RUNTIME_DIR "
				"[DATA_FILE | REGION_FILE]…\n");
		return 2;
	}
	corpus = argv[1];
	FUZZ_CHECK(runtime_open(&dir, argv[2], true) == 0);
	gen = gen_new(1);
	gen_set_size(gen, GEN_TYPICAL);
	put_records(gen);
	put_shapes(gen);
	put_lines();
	put_regions(gen, &dir);
	gen_free(gen);
	runtime_close(&dir);
	for (int i = 3; i < argc; i++)
		if (strstr(argv[i], ".region") != NULL)
			put_region_file(argv[i], (unsigned)(i - 3));
		else
			put_data_file(argv[i], (unsigned)(i - 3));
	return 0;
}
