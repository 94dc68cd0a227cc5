/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library handle: open, share, flush, shut down. The push itself is
 * core/push.c, the process's shared memory core/producer.c.
 */
#include "core/library.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/displaced.h"
#include "core/error.h"
#include "core/explain.h"
#include "core/options.h"
#include "core/push.h"

/* How long a flush waits before it looks whether the writer still lives. */
#define FLUSH_SLICE_NS INT64_C(50000000)
/* And how long while another thread makes the region. */
#define FLUSH_STEP_NS 1000000

/* The newest open that failed in this process. */
static struct last_error open_error;

static void keep(struct last_error *error, const struct telling *telling)
{
	struct last_error_writer writer;
	struct text *text = last_error_begin(&writer, error);

	if (text == NULL)
		return;
	text_add(text, telling->lines);
	last_error_end(&writer);
}

static void tell_failure(const struct otlp_options *options, const char *path,
			 const struct failure *failure, int error)
{
	char line[RUNTIME_TEXT_BYTES_MAX];
	struct explain_facts facts;
	struct text text;

	/* Of a directory there is more to say where stdio may be used. */
	if (path[0] != '\0' &&
	    (failure->step == FAILURE_DIRECTORY || failure->step == FAILURE_FILESYSTEM) &&
	    explain_code(failure, error) == OTLP_ERR_ACCESS) {
		runtime_explain(line, sizeof(line), path, error);
	} else {
		explain_look(&facts, path, failure, error);
		text_begin(&text, line, sizeof(line));
		explain_region(&text, path, failure, error, &facts);
	}
	options_tell(options, explain_code(failure, error), line);
}

static int library_init(struct otlp_library *library, const struct otlp_options *options)
{
	struct region_options region = {.program = program_invocation_short_name};
	struct failure failure;
	int rc;

	rc = options_rings(options, region.ring_bytes);
	if (rc < 0)
		return rc;
	library->references = 1;
	library->temporality = options->temporality;
	options_check_environment(options);
	options_budget(options, &region.budget);
	if (options->resource != NULL)
		rc = resource_new(&library->resource, options->resource);
	else
		rc = resource_new_from_environment(&library->resource, options);
	if (rc < 0) {
		options_tell(options, rc,
			     rc == OTLP_ERR_NO_MEMORY	? "no memory for the resource"
			     : rc == OTLP_ERR_TOO_LARGE ? "the resource is too large"
							: "the resource is invalid");
		return rc;
	}
	rc = producer_open(&library->producer, options->runtime_dir, &region, &failure);
	if (rc == 0)
		return 0;
	tell_failure(options, library->producer.path, &failure, rc);
	return explain_code(&failure, rc);
}

static_assert(_Alignof(struct otlp_library) <= _Alignof(max_align_t), "calloc() aligns it");

int otlp_library_open(struct otlp_library **ret, const struct otlp_options *options)
{
	struct otlp_library *library = NULL;
	struct telling telling;
	struct otlp_options checked;
	int rc;

	if (ret == NULL)
		return OTLP_ERR_INVALID;
	telling_begin(&telling);
	rc = options_read(&checked, options, &telling);
	if (rc == 0) {
		library = calloc(1, sizeof(*library));
		if (library == NULL) {
			rc = OTLP_ERR_NO_MEMORY;
			options_tell(&checked, rc, "no memory for a library");
		}
	}
	if (rc == 0) {
		rc = library_init(library, &checked);
		if (rc < 0)
			resource_free(library->resource);
	}
	if (rc < 0) {
		free(library);
		keep(&open_error, &telling);
		return rc;
	}
	if (telling.text.used > 0)
		keep(&library->producer.page->last_error, &telling);
	*ret = library;
	return OTLP_OK;
}

size_t otlp_library_last_error(struct otlp_library *library, char *ret, size_t ret_bytes)
{
	struct last_error *error =
		library != NULL ? &library->producer.page->last_error : &open_error;

	return last_error_get(error, ret, ret != NULL ? ret_bytes : 0);
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

int library_export_logs(struct otlp_library *library, struct resource *resource,
			const struct otlp_log_record *records, size_t count)
{
	return library_rejects(library) ? OTLP_ERR_SHUTDOWN
					: push_logs(&library->producer, resource, records, count);
}

int library_export_shaped_logs(struct otlp_library *library, struct resource *resource,
			       struct otlp_log_shape *shape, const struct otlp_log_record *records,
			       size_t count)
{
	return library_rejects(library)
		       ? OTLP_ERR_SHUTDOWN
		       : push_shaped_logs(&library->producer, resource, shape, records, count);
}

int otlp_library_export_logs_shaped(struct otlp_library *library, struct otlp_log_shape *shape,
				    const struct otlp_log_record *records, size_t count)
{
	if (library == NULL)
		return OTLP_ERR_INVALID;
	return library_export_shaped_logs(library, library->resource, shape, records, count);
}

int otlp_library_export_logs(struct otlp_library *library, const struct otlp_log_record *records,
			     size_t count)
{
	if (library == NULL)
		return OTLP_ERR_INVALID;
	return library_export_logs(library, library->resource, records, count);
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

/* One position in each ring of each region of this process, and whether the writer is there. */
struct flush_target {
	uint64_t positions[PRODUCER_REGIONS_MAX][REGION_RINGS_MAX];
	uint32_t region_count;
};

static bool ring_is_written(const struct ring *ring, uint64_t position)
{
	return (int64_t)(position - atomic_load_relaxed_u64(&ring->shared->head)) <= 0;
}

static bool flush_is_written(const struct region *region, const uint64_t *positions)
{
	uint32_t number;

	for (number = 0; number < REGION_RINGS_MAX; number++)
		if (region->rings[number].shared != NULL &&
		    !ring_is_written(&region->rings[number], positions[number]))
			return false;
	return true;
}

/* Will nobody write what is left in it? One whose name is gone is its own writer's alone. */
static bool flush_is_given_up(const struct producer *producer, uint32_t index,
			      const uint64_t *epoch)
{
	const struct region *region = &producer->regions[index];

	return region_is_abandoned(region) || (epoch != NULL && displaced_is(producer, index) &&
					       region_writer_epoch(region) != *epoch);
}

/* epoch: of the writer that is there, or NULL where that is not known */
static bool flush_is_done(const struct producer *producer, const struct flush_target *target,
			  const uint64_t *epoch)
{
	uint32_t i;

	/* What is in a region that the writer gave up stays there: flush_result(). */
	for (i = 0; i < target->region_count; i++)
		if (!flush_is_written(&producer->regions[i], target->positions[i]) &&
		    !flush_is_given_up(producer, i, epoch))
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
	uint32_t i, number;

	for (i = 0; i < target->region_count; i++) {
		const struct ring *rings = producer->regions[i].rings;

		for (number = 0; number < REGION_RINGS_MAX; number++)
			if (rings[number].shared != NULL &&
			    !ring_is_written(&rings[number], target->positions[i][number]) &&
			    flush_tell(&producer->page->told[i][number],
				       target->positions[i][number]))
				result = OTLP_ERR_NO_WRITER;
	}
	return result;
}

/* Ask the writer for everything up to the tails of now. */
static void flush_request(struct producer *producer, struct flush_target *target)
{
	uint32_t i, number;

	target->region_count = producer_region_count(producer);
	for (i = 0; i < target->region_count; i++) {
		for (number = 0; number < REGION_RINGS_MAX; number++) {
			struct ring_shared *shared = producer->regions[i].rings[number].shared;
			uint64_t tail, asked;

			if (shared == NULL)
				continue;
			tail = atomic_load_relaxed_u64(&shared->tail);
			target->positions[i][number] = tail;
			do {
				asked = atomic_load_relaxed_u64(&shared->flush_to);
			} while ((int64_t)(tail - asked) > 0 &&
				 !atomic_cas_relaxed_u64(&shared->flush_to, asked, tail));
		}
	}
	/* PAIR(deep-sleep): with deep_announce() of a writer: it sees what we asked for, or
	 * producer_end_deep_sleeps() sees that it sleeps. */
	atomic_fence_full();
}

/* How long a flush may still wait, at most for one slice; 0: no longer. */
static int64_t flush_slice(int64_t start_ns, int64_t timeout_ns)
{
	int64_t left;

	if (timeout_ns < 0)
		return FLUSH_SLICE_NS;
	left = timeout_ns - (clock_monotonic_ns() - start_ns);
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
	int64_t start = clock_monotonic_ns();
	bool has_epoch = false;
	uint64_t epoch;
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
		if (flush_is_done(producer, &target, has_epoch ? &epoch : NULL))
			return flush_result(producer, &target);
		rc = producer_has_writer(producer);
		if (rc <= 0)
			return rc < 0 ? error_from_errno(rc) : OTLP_ERR_NO_WRITER;
		/* Asked for once there is a writer: it says so in its page before. */
		has_epoch = atomic_load_relaxed_u32(&producer->page->displaced) != 0 &&
			    displaced_epoch(producer, &epoch) == 0;
		slice = flush_slice(start, timeout_ns);
		if (slice == 0)
			return OTLP_ERR_TIMEOUT;
		control_wake_writer(&producer->control);
		producer_end_deep_sleeps(producer, target.region_count);
		control_wait_flushed(&producer->control, seen, slice);
	}
}

int otlp_library_snapshot(struct otlp_library *library)
{
	struct producer *producer;
	struct region *region;
	int rc;

	if (library == NULL)
		return OTLP_ERR_INVALID;
	producer = &library->producer;
	rc = producer_retry(producer);
	if (rc < 0)
		return rc == -EALREADY ? OTLP_ERR_TIMEOUT : rc;
	/* The newest: older ones may have been given up. A forked child that has not pushed has
	 * none yet, and others have records. */
	region = producer_region(producer, &rc);
	if (region == NULL)
		return rc == OTLP_ERR_FULL ? OTLP_ERR_TIMEOUT : rc;
	region_ask_snapshot(region);
	/* PAIR(deep-sleep): with deep_announce() of a writer: it sees what we asked for, or
	 * producer_end_deep_sleeps() sees that it sleeps. */
	atomic_fence_full();
	control_wake_writer(&producer->control);
	producer_end_deep_sleeps(producer, producer_region_count(producer));
	return OTLP_OK;
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
