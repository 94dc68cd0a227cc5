/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer whose records cost the writer as much as they can, and itself as little. It pushes
 * until it is told to end, as fast as there is room, and prints how often there was none.
 *
 *   costly collide RUNTIME_DIR
 *       resources that an unkeyed XXH3 puts into one bucket of 1,024
 *   costly resources RUNTIME_DIR
 *       two resources of 28 KiB in turn, by reference: spans of a few bytes
 *   costly flush RUNTIME_DIR
 *       a flush behind each span, which nobody waits for
 *   costly wake RUNTIME_DIR
 *       a flush of nothing after the other: news that are none
 *   costly shapes RUNTIME_DIR REGIONS RING_BYTES
 *       spans of a few bytes with a shape of 60 KiB, all of whose text is not ASCII; the last byte
 *       is no UTF-8, so that nothing of it is ever written. In so many regions in turn.
 */
#define XXH_INLINE_ALL
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include <otlpipe/otlpipe.h>

#include "core/record/record.h"
#include "shm/control.h"
#include "shm/region.h"

#define COLLIDING	4000u
#define RESOURCE_BYTES	(28u << 10)
#define SHAPE_KEY_BYTES (60u << 10)
#define WAKE_RING_BYTES (64u << 10)
#define PAUSE_US	200u

static volatile sig_atomic_t is_told;
static uint64_t full, pushed;

static void tell(int number)
{
	(void)number;
	is_told = 1;
}

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "costly: %s failed\n", what);
	exit(1);
}

/* What there was no room for is not pushed again: there is more where it came from. */
static void count(int rc)
{
	if (rc == OTLP_ERR_FULL) {
		full++;
		usleep(PAUSE_US);
	} else if (rc < 0) {
		fail("a push");
	} else {
		pushed++;
	}
}

static struct otlp_span span_of(const struct otlp_resource *resource,
				const struct otlp_scope *scope)
{
	return (struct otlp_span){
		.resource = resource, .scope = scope, .trace_id = {1}, .span_id = {1}};
}

static struct otlp_library *open_library(const char *dir)
{
	struct otlp_library *library;
	struct otlp_options options;

	otlp_options_init(&options, sizeof(options));
	options.runtime_dir = dir;
	if (otlp_library_open(&library, &options) < 0)
		fail("otlp_library_open");
	return library;
}

static void collide(struct otlp_library *library)
{
	static int64_t numbers[COLLIDING];
	size_t found = 0, i;

	for (int64_t number = 0; found < COLLIDING; number++) {
		const struct otlp_attribute attribute = otlp_attr_int(OTLP_STR("k"), number);
		const struct otlp_resource resource = {.attributes = {&attribute, 1, 0}};
		uint8_t bytes[64];
		size_t n;

		if (record_size_resource(&resource, &n) < 0 || n > sizeof(bytes) ||
		    !record_write_resource(bytes, &resource, n))
			fail("record_write_resource");
		if ((XXH3_64bits(bytes, n) & 1023) == 0)
			numbers[found++] = number;
	}
	for (i = 0; !is_told; i++) {
		const struct otlp_attribute attribute =
			otlp_attr_int(OTLP_STR("k"), numbers[i % COLLIDING]);
		const struct otlp_resource resource = {.attributes = {&attribute, 1, 0}};
		const struct otlp_span span = span_of(&resource, NULL);

		count(otlp_library_export_traces(library, &span, 1));
	}
}

static void resources(struct otlp_library *library)
{
	struct otlp_span_exporter *exporters[2];
	static char text[RESOURCE_BYTES];

	for (size_t i = 0; i < 2; i++) {
		const struct otlp_attribute attribute =
			otlp_attr_str(OTLP_STR("text"), (struct otlp_str){text, sizeof(text)});
		const struct otlp_resource resource = {.attributes = {&attribute, 1, 0}};

		memset(text, 'a' + (int)i, sizeof(text));
		if (otlp_library_span_exporter(library, &exporters[i]) < 0 ||
		    otlp_span_exporter_set_resource(exporters[i], &resource).cause < 0)
			fail("an exporter");
	}
	for (size_t i = 0; !is_told; i++) {
		const struct otlp_span span = span_of(NULL, NULL);

		count(otlp_span_exporter_export(exporters[i % 2], &span, 1).cause);
	}
	for (size_t i = 0; i < 2; i++)
		otlp_span_exporter_unref(exporters[i]);
}

/* One region, and what its flushes ask for: what is pushed, or what has its space back for long. */
static void wake(const char *path, bool pushes)
{
	static const struct region_options options = {
		.ring_bytes = {WAKE_RING_BYTES, RING_BYTES_MIN},
		.program = "costly",
	};
	const struct otlp_span span = span_of(NULL, NULL);
	static struct region region;
	static struct control control;
	struct runtime_dir dir;
	uint8_t record[256];
	size_t bytes;

	if (runtime_open(&dir, path, false) < 0 || region_create(&region, &dir, &options) < 0 ||
	    control_open(&control, &dir) < 0 ||
	    record_measure_span(&span, &(struct otlp_resource){0}, &bytes) < 0 ||
	    bytes > sizeof(record) ||
	    record_write_span(record, &span, &(struct otlp_resource){0}, 0, bytes) ==
		    RECORD_CHANGED)
		fail(path);
	for (uint64_t i = 0; !is_told; i++) {
		struct ring_shared *shared = region.rings[0].shared;
		struct ring_claim claim;

		if (pushes && !ring_claim(&region.rings[0], (uint32_t)bytes, 1, &claim)) {
			full++;
			continue;
		}
		if (pushes) {
			memcpy(claim.payload, record, bytes);
			ring_commit(&claim);
		}
		atomic_store_relaxed_u64(&shared->flush_to,
					 pushes ? atomic_load_relaxed_u64(&shared->tail) : i % 2);
		control_wake_writer(&control);
		pushed++;
	}
}

/* The shape's bytes, and those of a span of it. */
static size_t make_shape(uint8_t *shape, uint8_t *record, size_t *ret_record)
{
	static char key[SHAPE_KEY_BYTES];
	struct otlp_attribute attributes[] = {
		otlp_attr_bool((struct otlp_str){key, sizeof(key)}, true),
		otlp_attr_str(OTLP_STR("last"), OTLP_STR("x")),
	};
	uint16_t texts[2];
	uint8_t types[2];
	struct record_shape outline = {.types = types, .texts = texts};
	struct otlp_span span = span_of(NULL, NULL);
	size_t bytes;

	for (size_t i = 0; i < sizeof(key); i += 2)
		memcpy(key + i, "\xc3\xa4", 2);
	span.attributes.items = attributes;
	span.attributes.count = 2;
	if (record_measure_shape(&span, &outline, &bytes) < 0 ||
	    !record_write_shape(shape, &span, bytes) ||
	    record_size_shaped(&span, &outline, &(struct otlp_resource){0}, ret_record) < 0 ||
	    record_write_shaped(record, &span, &(struct otlp_resource){0}, 0, 1, *ret_record) ==
		    RECORD_CHANGED)
		fail("the shape");
	record[*ret_record - 1] = 0xff;
	return bytes;
}

static void shapes(const char *path, uint64_t region_count, uint64_t ring_bytes)
{
	const struct region_options options = {
		.ring_bytes = {ring_bytes, RING_BYTES_MIN},
		.program = "costly",
	};
	struct region *regions = calloc(region_count, sizeof(*regions));
	static uint8_t shape[2 * SHAPE_KEY_BYTES], record[256];
	struct runtime_dir dir;
	size_t shape_bytes, record_bytes;

	if (regions == NULL || runtime_open(&dir, path, false) < 0)
		fail(path);
	shape_bytes = make_shape(shape, record, &record_bytes);
	for (uint64_t i = 0; i < region_count; i++)
		/* The first entry of a table: the reference that the record has. */
		if (region_create(&regions[i], &dir, &options) < 0 ||
		    region_table_add(&regions[i], shape, (uint32_t)shape_bytes) != 1)
			fail("a region");
	while (!is_told) {
		bool any = false;

		for (uint64_t i = 0; i < region_count; i++) {
			struct ring_claim claim;

			if (!ring_claim(&regions[i].rings[0], (uint32_t)record_bytes, 1, &claim)) {
				full++;
				continue;
			}
			memcpy(claim.payload, record, record_bytes);
			ring_commit(&claim);
			pushed++;
			any = true;
		}
		if (!any)
			usleep(PAUSE_US);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct otlp_library *library);
	} modes[] = {{"collide", collide}, {"resources", resources}};
	struct otlp_library *library;
	size_t i;

	signal(SIGTERM, tell);
	if (argc == 5 && strcmp(argv[1], "shapes") == 0) {
		shapes(argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0));
		printf("{\"pushed\":%llu,\"full\":%llu}\n", (unsigned long long)pushed,
		       (unsigned long long)full);
		return 0;
	}
	if (argc == 3 && (strcmp(argv[1], "wake") == 0 || strcmp(argv[1], "flush") == 0)) {
		wake(argv[2], argv[1][0] == 'f');
		printf("{\"pushed\":%llu,\"full\":%llu}\n", (unsigned long long)pushed,
		       (unsigned long long)full);
		return 0;
	}
	for (i = 0; argc == 3 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) != 0)
			continue;
		library = open_library(argv[2]);
		modes[i].run(library);
		otlp_library_unref(library);
		printf("{\"pushed\":%llu,\"full\":%llu}\n", (unsigned long long)pushed,
		       (unsigned long long)full);
		return 0;
	}
	fprintf(stderr, "usage: see the head of costly.c\n");
	return 2;
}
