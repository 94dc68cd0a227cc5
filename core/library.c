/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library handle: open, share, flush, shut down. The push itself is
 * core/push.c, the process's shared memory core/producer.c.
 */
#include "core/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/error.h"
#include "core/push.h"

/* How long a flush waits before it looks whether the writer still lives. */
#define FLUSH_SLICE_NS INT64_C(50000000)
/* And how long while another thread makes the region. */
#define FLUSH_STEP_NS 1000000

/* @return false: it says something that is none */
static bool temporality_from_environment(enum otlp_temporality_preference *ret)
{
	const char *text = secure_getenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");

	*ret = OTLP_PREFER_CUMULATIVE;
	if (text == NULL || text[0] == '\0' || strcasecmp(text, "cumulative") == 0)
		return true;
	if (strcasecmp(text, "delta") == 0)
		*ret = OTLP_PREFER_DELTA;
	else if (strcasecmp(text, "lowmemory") == 0)
		*ret = OTLP_PREFER_LOW_MEMORY;
	else
		return false;
	return true;
}

/*
 * The options of version 0.2. A shorter struct is one of 0.1, whose fields stand elsewhere, or was
 * not initialised. Later versions add fields behind it, or take reserved ones.
 */
#define OPTIONS_BYTES_MIN 120

static_assert(sizeof(struct otlp_options) >= OPTIONS_BYTES_MIN, "options only grow");

int otlp_options_init(struct otlp_options *options, size_t struct_bytes)
{
	struct otlp_options defaults = {.struct_bytes = (uint32_t)struct_bytes};

	if (options == NULL)
		return OTLP_ERR_INVALID;
	(void)temporality_from_environment(&defaults.temporality);
	/* A program built against another version has a shorter or a longer struct. */
	memset(options, 0, struct_bytes);
	memcpy(options, &defaults,
	       struct_bytes < sizeof(defaults) ? struct_bytes : sizeof(defaults));
	return struct_bytes < OPTIONS_BYTES_MIN ? OTLP_ERR_ABI : OTLP_OK;
}

static bool is_zero(const void *from, size_t count)
{
	const uint8_t *bytes = from;
	size_t i;

	for (i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* Take the caller's struct over, of whatever version; what we do not know must be zero. */
static int options_read(struct otlp_options *ret, const struct otlp_options *options)
{
	size_t bytes;
	int rc;

	rc = otlp_options_init(ret, sizeof(*ret));
	if (rc < 0 || options == NULL)
		return rc;
	bytes = options->struct_bytes;
	if (bytes < OPTIONS_BYTES_MIN)
		return OTLP_ERR_ABI;
	if (bytes > sizeof(*ret) && !is_zero(options + 1, bytes - sizeof(*ret)))
		return OTLP_ERR_INVALID;
	memcpy(ret, options, bytes < sizeof(*ret) ? bytes : sizeof(*ret));
	if (!is_zero(ret->reserved, sizeof(ret->reserved)) ||
	    (unsigned)ret->temporality > OTLP_PREFER_LOW_MEMORY)
		return OTLP_ERR_INVALID;
	return 0;
}

static int ring_bytes_from_option(uint32_t option, uint32_t fallback, uint64_t *ret)
{
	uint64_t bytes = RING_BYTES_MIN;

	if (option == 0)
		option = fallback;
	if (option > OTLP_RING_BYTES_MAX)
		return OTLP_ERR_INVALID;
	while (bytes < option)
		bytes *= 2;
	*ret = bytes;
	return 0;
}

static int ring_bytes_from_options(const struct otlp_options *options, uint64_t *ret)
{
	size_t signal;
	int rc = 0;

	for (signal = 0; rc == 0 && signal < OTLP_SIGNAL_MAX; signal++) {
		const uint32_t option = options->ring_bytes[signal];

		if (signal < SIGNAL_COUNT)
			rc = ring_bytes_from_option(option, signal_rows[signal].ring_bytes_default,
						    &ret[signal]);
		else if (option != 0) /* of a signal that this version does not have */
			rc = OTLP_ERR_INVALID;
	}
	return rc;
}

static_assert(OTLP_RING_BYTES_MIN == RING_BYTES_MIN, "the public limits are the layout's");
static_assert(OTLP_RING_BYTES_MAX == RING_BYTES_MAX, "the public limits are the layout's");
static_assert(OTLP_RECORD_BYTES_MAX == RING_PAYLOAD_BYTES_MAX,
	      "the public limits are the layout's");

/* What otlp_options_init() could tell nobody. */
static void library_check_environment(const struct otlp_options *options)
{
	enum otlp_temporality_preference unused;

	if (!temporality_from_environment(&unused) && options->diagnostic != NULL)
		options->diagnostic(options->diagnostic_context, OTLP_ERR_INVALID,
				    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is none of "
				    "cumulative, delta, lowmemory and is left aside");
}

static int library_init(struct otlp_library *library, const struct otlp_options *options)
{
	struct region_options region = {.program = program_invocation_short_name};
	int rc;

	rc = ring_bytes_from_options(options, region.ring_bytes);
	if (rc < 0)
		return rc;
	library->references = 1;
	library->temporality = options->temporality;
	library_check_environment(options);
	if (options->resource != NULL)
		rc = resource_new(&library->resource, options->resource);
	else
		rc = resource_new_from_environment(&library->resource, options);
	if (rc < 0)
		return rc;
	rc = producer_open(&library->producer, options->runtime_dir, &region);
	if (rc == 0)
		return 0;
	if (options->diagnostic != NULL) {
		char text[RUNTIME_TEXT_BYTES_MAX];

		if (library->producer.path[0] != '\0')
			runtime_explain(text, sizeof(text), library->producer.path, rc);
		else
			snprintf(text, sizeof(text), "the runtime directory: %s", strerror(-rc));
		options->diagnostic(options->diagnostic_context, error_from_errno(rc), text);
	}
	return error_from_errno(rc);
}

int otlp_library_open(struct otlp_library **ret, const struct otlp_options *options)
{
	struct otlp_library *library;
	struct otlp_options checked;
	int rc;

	if (ret == NULL)
		return OTLP_ERR_INVALID;
	rc = options_read(&checked, options);
	if (rc < 0)
		return rc;
	library = aligned_alloc(LAYOUT_LINE_BYTES, sizeof(*library));
	if (library == NULL)
		return OTLP_ERR_NO_MEMORY;
	memset(library, 0, sizeof(*library));
	rc = library_init(library, &checked);
	if (rc < 0) {
		resource_free(library->resource);
		free(library);
		return rc;
	}
	*ret = library;
	return OTLP_OK;
}

struct otlp_library *otlp_library_ref(struct otlp_library *library)
{
	if (library != NULL)
		atomic_add_relaxed_u32(&library->references, 1);
	return library;
}

void otlp_library_unref(struct otlp_library *library)
{
	/* PAIR(library-references) PAIR(library-references): both ends are here, in the
	 * threads that give back: all of their uses come before the last one's free. */
	if (library == NULL || atomic_sub_acq_rel_u32(&library->references, 1) != 1)
		return;
	producer_close(&library->producer);
	resource_free(library->resource);
	free(library);
}

/* An export call on a library that was shut down: fails, is counted, nothing else. */
static bool library_rejects(struct otlp_library *library)
{
	struct producer_counters *counters = &library->producer.page->counters;

	if (__builtin_expect(atomic_load_relaxed_u32(&library->is_shut_down) == 0, 1))
		return false;
	atomic_add_relaxed_u64(&counters->rejected_after_shutdown, 1);
	return true;
}

int library_export_spans(struct otlp_library *library, struct resource *resource,
			 struct otlp_shape *shape, const struct otlp_span *spans, size_t count)
{
	return library_rejects(library)
		       ? OTLP_ERR_SHUTDOWN
		       : push_spans(&library->producer, resource, shape, spans, count);
}

int otlp_library_export_traces(struct otlp_library *library, const struct otlp_span *spans,
			       size_t count)
{
	if (library == NULL)
		return OTLP_ERR_INVALID;
	return library_export_spans(library, library->resource, NULL, spans, count);
}

int otlp_library_export_shaped(struct otlp_library *library, struct otlp_shape *shape,
			       const struct otlp_span *spans, size_t count)
{
	if (library == NULL)
		return OTLP_ERR_INVALID;
	return library_export_spans(library, library->resource, shape, spans, count);
}

int otlp_library_export_metrics_ref(struct otlp_library *library,
				    const struct otlp_resource_metrics *metrics)
{
	if (library == NULL)
		return OTLP_ERR_INVALID;
	if (library_rejects(library))
		return OTLP_ERR_SHUTDOWN;
	return metrics == NULL ? OTLP_ERR_INVALID
			       : push_metrics(&library->producer, library->resource, metrics);
}

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* One position in each ring of each region of this process, and whether the writer is there. */
struct flush_target {
	uint64_t positions[PRODUCER_REGIONS_MAX][SIGNAL_COUNT];
	uint32_t region_count;
};

static bool ring_is_written(const struct ring *ring, uint64_t position)
{
	return (int64_t)(position - atomic_load_relaxed_u64(&ring->shared->head)) <= 0;
}

static bool flush_is_written(const struct region *region, const uint64_t *positions)
{
	uint32_t signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (!ring_is_written(&region->rings[signal], positions[signal]))
			return false;
	return true;
}

static bool flush_is_done(const struct producer *producer, const struct flush_target *target)
{
	uint32_t i;

	/* What is in a region that the writer gave up stays there: flush_result(). */
	for (i = 0; i < target->region_count; i++)
		if (!flush_is_written(&producer->regions[i], target->positions[i]) &&
		    !region_is_abandoned(&producer->regions[i]))
			return false;
	return true;
}

/* Nobody will write what is before this position: has no flush said so yet? */
static bool flush_tell(uint64_t *told, uint64_t position)
{
	uint64_t before;

	do {
		before = atomic_load_relaxed_u64(told);
		if ((int64_t)(position - before) <= 0)
			return false;
	} while (!atomic_cas_relaxed_u64(told, before, position));
	return true;
}

/* The end of a flush: one of them tells of records that nobody will write. */
static int flush_result(struct producer *producer, const struct flush_target *target)
{
	int result = OTLP_OK;
	uint32_t i, signal;

	for (i = 0; i < target->region_count; i++) {
		const struct ring *rings = producer->regions[i].rings;

		for (signal = 0; signal < SIGNAL_COUNT; signal++)
			if (!ring_is_written(&rings[signal], target->positions[i][signal]) &&
			    flush_tell(&producer->page->told[i][signal],
				       target->positions[i][signal]))
				result = OTLP_ERR_NO_WRITER;
	}
	return result;
}

/* Ask the writer for everything up to the tails of now. */
static void flush_request(struct producer *producer, struct flush_target *target)
{
	uint32_t i, signal;

	target->region_count = producer_region_count(producer);
	for (i = 0; i < target->region_count; i++) {
		for (signal = 0; signal < SIGNAL_COUNT; signal++) {
			struct ring_shared *shared = producer->regions[i].rings[signal].shared;
			uint64_t tail = atomic_load_relaxed_u64(&shared->tail);
			uint64_t asked;

			target->positions[i][signal] = tail;
			do {
				asked = atomic_load_relaxed_u64(&shared->flush_to);
			} while ((int64_t)(tail - asked) > 0 &&
				 !atomic_cas_relaxed_u64(&shared->flush_to, asked, tail));
		}
	}
}

/* How long a flush may still wait, at most for one slice; 0: no longer. */
static int64_t flush_slice(int64_t start_ns, int64_t timeout_ns)
{
	int64_t left;

	if (timeout_ns < 0)
		return FLUSH_SLICE_NS;
	left = timeout_ns - (monotonic_ns() - start_ns);
	if (left <= 0)
		return 0;
	return left < FLUSH_SLICE_NS ? left : FLUSH_SLICE_NS;
}

/* Have the region that there should be, for what is pushed after this. */
static int flush_prepare(struct producer *producer, int64_t start_ns, int64_t timeout_ns)
{
	int rc;

	while ((rc = producer_retry(producer)) == -EALREADY) {
		struct timespec pause = {.tv_nsec = FLUSH_STEP_NS};

		if (flush_slice(start_ns, timeout_ns) == 0)
			return OTLP_ERR_TIMEOUT;
		nanosleep(&pause, NULL);
	}
	return rc;
}

int otlp_library_flush(struct otlp_library *library, int64_t timeout_ns)
{
	struct flush_target target;
	struct producer *producer;
	int64_t start = monotonic_ns();
	int rc;

	if (library == NULL || timeout_ns < OTLP_FOREVER)
		return OTLP_ERR_INVALID;
	producer = &library->producer;
	rc = flush_prepare(producer, start, timeout_ns);
	if (rc < 0)
		return rc;
	flush_request(producer, &target);
	for (;;) {
		int64_t slice;
		uint32_t seen;

		if (target.region_count == 0)
			return OTLP_OK;
		seen = control_flushed(&producer->control);
		if (flush_is_done(producer, &target))
			return flush_result(producer, &target);
		rc = producer_has_writer(producer);
		if (rc <= 0)
			return rc < 0 ? error_from_errno(rc) : OTLP_ERR_NO_WRITER;
		slice = flush_slice(start, timeout_ns);
		if (slice == 0)
			return OTLP_ERR_TIMEOUT;
		control_wake_writer(&producer->control);
		control_wait_flushed(&producer->control, seen, slice);
	}
}

int otlp_library_shutdown(struct otlp_library *library, int64_t timeout_ns)
{
	if (library == NULL || timeout_ns < OTLP_FOREVER)
		return OTLP_ERR_INVALID;
	if (!atomic_cas_relaxed_u32(&library->is_shut_down, 0, 1))
		return OTLP_OK;
	return otlp_library_flush(library, timeout_ns);
}

int otlp_library_get_stats(struct otlp_library *library, struct otlp_stats *ret,
			   size_t struct_bytes)
{
	struct otlp_stats stats;

	if (library == NULL || ret == NULL)
		return OTLP_ERR_INVALID;
	producer_get_stats(&library->producer, &stats);
	memset(ret, 0, struct_bytes);
	memcpy(ret, &stats, struct_bytes < sizeof(stats) ? struct_bytes : sizeof(stats));
	return OTLP_OK;
}
