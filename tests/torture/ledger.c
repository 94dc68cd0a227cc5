/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger file, and the records that its slots stand for. Checking them is torture_check.c's. */
#include "tests/torture/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEDGER_BYTES (LEDGER_SLOTS_MAX * sizeof(uint64_t))

int ledger_open(struct ledger *ret, const char *path)
{
	void *map;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, LEDGER_BYTES) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	map = mmap(NULL, LEDGER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return -errno;
	ret->words = map;
	return 0;
}

void ledger_close(struct ledger *ledger)
{
	munmap(ledger->words, LEDGER_BYTES);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= UINT64_C(0x7fb5d329728ea185);
	x ^= x >> 27;
	x *= UINT64_C(0x81dadef4bc2dd44d);
	return x ^ x >> 33;
}

/* What a record has besides its text is below this. */
#define RECORD_REST_BYTES 256u

static size_t text_bytes_max(uint32_t slot)
{
	return slot < LEDGER_QUARTER_SLOT ? (size_t)2048 >> (slot / 2 % 4)
					  : ledger_ring_bytes(slot) / 4 - RECORD_REST_BYTES;
}

size_t ledger_text(uint32_t slot, uint64_t number, char ret[LEDGER_TEXT_BYTES_MAX])
{
	const size_t bytes_max = text_bytes_max(slot);
	uint64_t hash = mix(number * LEDGER_SLOTS_MAX + slot + 1);
	/* Mostly short, and every eighth as long as it may be. */
	size_t bytes = (hash & 7) == 0 ? (hash >> 8) % bytes_max : (hash >> 8) % (bytes_max / 8);
	size_t i;

	for (i = 0; i < bytes; i++)
		ret[i] = (char)('a' + ((hash >> (i & 31)) + i) % 26);
	return bytes;
}

/* With its shape, made for it alone, or with none. */
static int push_span(struct otlp_library *library, uint32_t slot, uint64_t number,
		     struct otlp_str text, bool is_shaped)
{
	struct otlp_attribute attribute = otlp_attr_int(OTLP_STR("slot"), slot);
	struct otlp_span span = {
		.name = text,
		.kind = OTLP_SPAN_KIND_INTERNAL,
		.start_time_unix_ns = number,
		.end_time_unix_ns = number + 1,
		.attributes = {.items = &attribute, .count = 1},
	};

	memcpy(span.trace_id, LEDGER_TRACE_MARK, 8);
	memcpy(span.trace_id + 8, &slot, sizeof(slot));
	memcpy(span.span_id, &number, sizeof(number));
	if (is_shaped) {
		struct otlp_shape *shape;
		int rc = otlp_shape_register(&span, &shape);

		if (rc < 0)
			return rc;
		rc = otlp_library_export_shaped(library, shape, &span, 1);
		otlp_shape_unref(shape);
		return rc;
	}
	return otlp_library_export_traces(library, &span, 1);
}

static int push_point(struct otlp_library *library, uint32_t slot, uint64_t number,
		      struct otlp_str text)
{
	struct otlp_attribute attribute = otlp_attr_str(OTLP_STR("text"), text);
	struct otlp_number_point point = {
		.point = {.attributes = {.items = &attribute, .count = 1},
			  .start_time_unix_ns = slot + UINT64_C(1),
			  .time_unix_ns = number},
		.value = {.type = OTLP_NUMBER_INT, .as = {.integer = (int64_t)number}},
	};
	struct otlp_metric metric = {
		.name = OTLP_STR("torture"),
		.type = OTLP_METRIC_GAUGE,
		.points = {.number = &point},
		.point_count = 1,
	};
	struct otlp_scope_metrics scope = {.metrics = &metric, .metric_count = 1};
	struct otlp_resource_metrics metrics = {.scope_metrics = &scope, .scope_metrics_count = 1};

	return otlp_library_export_metrics_ref(library, &metrics);
}

/* The body is the text; the number is in the span id and in the observed time. */
static int push_log(struct otlp_library *library, uint32_t slot, uint64_t number,
		    struct otlp_str text, bool is_shaped)
{
	struct otlp_attribute attribute = otlp_attr_int(OTLP_STR("slot"), slot);
	struct otlp_log_record log = {
		.observed_time_unix_ns = number,
		.severity_number = OTLP_SEVERITY_INFO,
		.body = otlp_value_str(text),
		.attributes = {.items = &attribute, .count = 1},
	};

	memcpy(log.trace_id, LEDGER_TRACE_MARK, 8);
	memcpy(log.trace_id + 8, &slot, sizeof(slot));
	memcpy(log.span_id, &number, sizeof(number));
	if (is_shaped) {
		struct otlp_log_shape *shape;
		int rc = otlp_log_shape_register(&log, &shape);

		if (rc < 0)
			return rc;
		rc = otlp_library_export_logs_shaped(library, shape, &log, 1);
		otlp_log_shape_unref(shape);
		return rc;
	}
	return otlp_library_export_logs(library, &log, 1);
}

static int push_any(struct otlp_library *library, uint32_t slot, uint64_t number, bool is_shaped)
{
	char bytes[LEDGER_TEXT_BYTES_MAX];
	struct otlp_str text = {bytes, ledger_text(slot, number, bytes)};

	switch (ledger_signal_of(slot)) {
	case OTLP_SIGNAL_METRICS:
		return is_shaped ? OTLP_ERR_INVALID : push_point(library, slot, number, text);
	case OTLP_SIGNAL_LOGS:
		return push_log(library, slot, number, text, is_shaped);
	default:
		return push_span(library, slot, number, text, is_shaped);
	}
}

int ledger_push(struct otlp_library *library, uint32_t slot, uint64_t number)
{
	return push_any(library, slot, number, false);
}

static int push_next(struct ledger *ledger, struct otlp_library *library, uint32_t slot,
		     bool is_shaped)
{
	uint64_t number = __atomic_load_n(&ledger->words[slot], __ATOMIC_RELAXED) + 1;
	int rc = push_any(library, slot, number, is_shaped);

	if (rc == OTLP_OK)
		__atomic_store_n(&ledger->words[slot], number, __ATOMIC_RELEASE);
	return rc;
}

int ledger_push_next(struct ledger *ledger, struct otlp_library *library, uint32_t slot)
{
	return push_next(ledger, library, slot, false);
}

int ledger_push_next_shaped(struct ledger *ledger, struct otlp_library *library, uint32_t slot)
{
	return push_next(ledger, library, slot, true);
}
