/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <otlpipe/otlpipe.h>: the library handle and its exporters. Include this one.
 *
 * The model (an OtlpLibrary, an OtlpMetricExporter and an OtlpSpanExporter that
 * share it, export by reference) follows the exporter interfaces of the
 * OpenTelemetry specification: trace/sdk.md "Span Exporter", metrics/sdk.md
 * "MetricExporter". The data are those of OTLP 1.x.
 *
 * Thread safety: every function here may be called from any thread at any time,
 * with no lock of the caller's. Signal safety: the export functions and
 * otlp_strerror() are async-signal-safe once the library is open, and keep
 * errno; all others are not, and are not called from a handler.
 *
 * NULL: a handle that is NULL gives OTLP_ERR_INVALID, or NULL, or nothing; it
 * never crashes.
 *
 * fork(): a handle goes on in the child, which gets rings of its own with its
 * first push. That push makes system calls, takes a millisecond or more, and needs
 * 4 KiB of stack. Where it fails, later pushes try again, 20 ms after it at first
 * and 2 s at last; until then records are refused and counted. The child's
 * counters start at 0; a shutdown or an unref in it is nothing to the parent. A child that shares
 * its parent's memory, as of vfork(), calls nothing here.
 */
#ifndef OTLPIPE_H
#define OTLPIPE_H

#include <otlpipe/data.h>
#include <otlpipe/error.h>
#include <otlpipe/metric.h>
#include <otlpipe/span.h>
#include <otlpipe/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OTLP_API __attribute__((visibility("default")))

/* Wait for ever, where a call takes a timeout. What is below it is refused. */
enum otlp_timeout { OTLP_FOREVER = -1 };

/* Signals: what options and statistics are indexed by. */
enum otlp_signal { OTLP_SIGNAL_TRACES = 0, OTLP_SIGNAL_METRICS = 1 };

/* Room for signals that later versions know. */
enum otlp_signal_limit { OTLP_SIGNAL_MAX = 4 };

/* All opaque, all shared by reference count, all usable from any thread. */
struct otlp_library;
struct otlp_metric_exporter;
struct otlp_span_exporter;
struct otlp_shape;

/* Ring sizes. A record may take a quarter of its ring, and OTLP_RECORD_BYTES_MAX at most. */
enum otlp_limit {
	OTLP_SPAN_RING_BYTES_DEFAULT = 4 << 20,
	OTLP_METRIC_RING_BYTES_DEFAULT = 1 << 20,
	OTLP_RING_BYTES_MIN = 4 << 10,
	OTLP_RING_BYTES_MAX = 1 << 30,
	OTLP_RECORD_BYTES_MAX = 4 << 20,
	/* A shape has so many attributes at most. */
	OTLP_SHAPE_ATTRIBUTES_MAX = 1024
};

/*
 * Told of what open() had to leave aside and went on without, such as an
 * $OTEL_RESOURCE_ATTRIBUTES that cannot be parsed, and of why it could make no
 * rings: the library itself never prints. Called by otlp_library_open() alone,
 * in its thread, before it returns.
 *
 * @param error  an enum otlp_error
 * @param text   one line without its end, UTF-8 where the paths in it are; valid for the call
 */
typedef void (*otlp_diagnostic_fn)(void *context, int error, const char *text);

struct otlp_options {
	uint32_t struct_bytes; /* set by otlp_options_init() */
	/* What otlp_metric_exporter_temporality() answers. otlp_options_init() sets it from
	 * $OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE, else cumulative. */
	enum otlp_temporality_preference temporality;
	/* By enum otlp_signal. 0: the default; rounded up to a power of two. Those of signals that
	 * this version does not know must be 0. */
	uint32_t ring_bytes[OTLP_SIGNAL_MAX];
	/* NULL or "": $OTLPIPE_DIR, else /dev/shm/otlpipe-<uid>. Made with mode 0700 if missing
	 * (its last component alone). A relative one is meant from where the program is at open.
	 * Refused: one of somebody else, one that others may enter or write to (but for a group
	 * directory, mode 03770), and a symbolic link. */
	const char *runtime_dir;
	/* NULL: from $OTEL_RESOURCE_ATTRIBUTES and $OTEL_SERVICE_NAME by the specification's
	 * rules (resource/sdk.md); without a name, service.name is unknown_service:<program>.
	 * Copied. Given here, it replaces that of the environment: an SDK has merged them. */
	const struct otlp_resource *resource;
	otlp_diagnostic_fn diagnostic; /* NULL: nobody is told */
	void *diagnostic_context;
	const void *reserved[8]; /* must be zero */
};

/*
 * Counters of this process since open (in a child: since the fork), never reset. Whatever was
 * exported before the shutdown is in exactly one of the first or the last three of a signal.
 */
struct otlp_signal_stats {
	uint64_t accepted;	    /* records: spans, or data points */
	uint64_t accepted_bytes;    /* of the ring that they took, padding included */
	uint64_t dropped_full;	    /* records; also those for which there was no ring */
	uint64_t dropped_too_large; /* records */
	uint64_t dropped_invalid;   /* records */
	uint64_t reserved[11];	    /* zero; later versions count more */
};

struct otlp_stats {
	struct otlp_signal_stats signals[OTLP_SIGNAL_MAX]; /* by enum otlp_signal */
	uint64_t rejected_after_shutdown;		   /* export calls */
};

/**
 * Fill in the defaults. Call it first, then change what you need.
 *
 * @param struct_bytes  sizeof(struct otlp_options), as your program was compiled: so a library of
 *                      another version knows which fields there are
 */
OTLP_API void otlp_options_init(struct otlp_options *options, size_t struct_bytes);

/**
 * Make this process's shared rings and announce them to the writer. Works also
 * while no writer runs: what is pushed waits in the rings.
 *
 * @param ret      set on success only; give it back with otlp_library_unref()
 * @param options  borrowed for the call; NULL: the defaults
 * @return 0, or OTLP_ERR_INVALID (an option, the resource), _TOO_LARGE (the
 *         resource), _ACCESS (the runtime directory), _NO_SPACE (the rings'
 *         space is reserved whole), _NO_MEMORY, _ABI (the directory is in use
 *         by an incompatible version)
 */
OTLP_API int otlp_library_open(struct otlp_library **ret, const struct otlp_options *options);

/** One more reference; returns its argument. */
OTLP_API struct otlp_library *otlp_library_ref(struct otlp_library *library);

/**
 * Give a reference back. The last one, exporters' included, closes the rings;
 * it does not wait: what is in them stays for the writer. NULL is fine.
 */
OTLP_API void otlp_library_unref(struct otlp_library *library);

/**
 * Export by reference: copy the borrowed metrics into shared memory, once,
 * with no allocation, no lock and no system call but a rare wake-up.
 *
 * A metric is taken or refused whole, but for room: one that is larger than a
 * record goes into several, cut between data points, and then each point counts
 * on its own. Never waits: where there is no room the newest are dropped.
 *
 * @param metrics  borrowed for the call; without a scope, metric or point there
 *                 is nothing to do, which is a success
 * @return 0, or OTLP_ERR_FULL, _TOO_LARGE or _INVALID: the first refusal (the
 *         records that could not be taken were dropped and counted, the others
 *         were taken); _SHUTDOWN (none was, the call was counted); in a forked
 *         child that cannot make its rings _ACCESS, _NO_SPACE, _NO_MEMORY or
 *         _ABI (none was, they count as dropped_full; later pushes try again)
 */
OTLP_API int otlp_library_export_metrics_ref(struct otlp_library *library,
					     const struct otlp_resource_metrics *metrics);

/**
 * The same for finished spans, each of which is taken or refused on its own.
 *
 * @param spans  count of them, borrowed for the call; NULL is fine for none
 */
OTLP_API int otlp_library_export_traces(struct otlp_library *library, const struct otlp_span *spans,
					size_t count);

/**
 * Register what many spans have in common, once per kind of span: scope, name,
 * span kind, and the keys and value types of their attributes, in order. A push
 * of such a span then carries its values alone: a third less bytes, and a quarter
 * less time. Events, links, status and everything else stay as they are.
 *
 * Not for a signal handler. The shape outlives a fork and a restarted writer,
 * and belongs to no library: several may use it.
 *
 * @param example  borrowed for the call; its values are not looked at. Types:
 *                 strings, bools, integers, doubles, bytes
 * @param ret      set on success; give it back with otlp_shape_unref(), when
 *                 nobody pushes with it any more
 * @return 0, or OTLP_ERR_INVALID, _TOO_LARGE, _NO_MEMORY
 */
OTLP_API int otlp_shape_register(const struct otlp_span *example, struct otlp_shape **ret);
OTLP_API struct otlp_shape *otlp_shape_ref(struct otlp_shape *shape);
OTLP_API void otlp_shape_unref(struct otlp_shape *shape); /* NULL is fine */

/**
 * otlp_library_export_traces() for spans that are all of this shape. What is
 * written is the same, field by field. A span with another number of attributes
 * or other value types is refused as invalid; its name, kind, scope and keys
 * must be the shape's, and are not compared.
 *
 * The region has room for some 64 KiB of shapes and resources; when that is
 * used up, spans are pushed whole, and nothing else changes.
 *
 * @param shape  NULL: none
 */
OTLP_API int otlp_library_export_shaped(struct otlp_library *library, struct otlp_shape *shape,
					const struct otlp_span *spans, size_t count);

/**
 * Wait until the writer has written all that was accepted before the call: it
 * is in a file then (and on the disk as far as the writer's --sync says).
 *
 * @param timeout_ns  nanoseconds of the monotonic clock; 0: only look;
 *                    OTLP_FOREVER: no deadline
 * @return 0, also where there is nothing to write; OTLP_ERR_TIMEOUT; at once
 *         OTLP_ERR_NO_WRITER, also when the writer dies meanwhile, and once for
 *         records that it gave up with their ring, which it found damaged;
 *         _ACCESS where the runtime directory cannot be looked at any more; in
 *         a forked child that cannot make its rings what its pushes return
 */
OTLP_API int otlp_library_flush(struct otlp_library *library, int64_t timeout_ns);

/**
 * Take no more records, then flush. Exporters stay valid and fail from now on.
 * A second call succeeds and does nothing. References are given back as ever.
 *
 * @return what otlp_library_flush() returns; the library is shut down in any case
 */
OTLP_API int otlp_library_shutdown(struct otlp_library *library, int64_t timeout_ns);

/**
 * @param struct_bytes  sizeof(struct otlp_stats) of your program; that many
 *                      bytes of ret are set
 */
OTLP_API void otlp_library_get_stats(struct otlp_library *library, struct otlp_stats *ret,
				     size_t struct_bytes);

/**
 * Exporters share the library and never end it: each holds a reference.
 *
 * @param ret  set on success only; give it back with its _unref()
 * @return 0, or OTLP_ERR_SHUTDOWN when the library was shut down, _NO_MEMORY, _INVALID
 */
OTLP_API int otlp_library_metric_exporter(struct otlp_library *library,
					  struct otlp_metric_exporter **ret);
OTLP_API int otlp_library_span_exporter(struct otlp_library *library,
					struct otlp_span_exporter **ret);

/*
 * PushMetricExporter (metrics/sdk.md "MetricExporter"). A result's cause is what the library's
 * call of the same name returns. The temporality is that of metrics/sdk_exporters/otlp.md for
 * the preference in the options; UNSPECIFIED for what is no kind of instrument.
 */
OTLP_API struct otlp_sdk_result
otlp_metric_exporter_export(struct otlp_metric_exporter *exporter,
			    const struct otlp_resource_metrics *metrics);
OTLP_API struct otlp_sdk_result
otlp_metric_exporter_force_flush(struct otlp_metric_exporter *exporter, int64_t timeout_ns);
/** Succeeds and leaves the library and every other user of it alone. */
OTLP_API struct otlp_sdk_result otlp_metric_exporter_shutdown(struct otlp_metric_exporter *exporter,
							      int64_t timeout_ns);
OTLP_API enum otlp_temporality
otlp_metric_exporter_temporality(const struct otlp_metric_exporter *exporter,
				 enum otlp_instrument_kind kind);
OTLP_API struct otlp_metric_exporter *
otlp_metric_exporter_ref(struct otlp_metric_exporter *exporter);
OTLP_API void otlp_metric_exporter_unref(struct otlp_metric_exporter *exporter);

/* SpanExporter (trace/sdk.md "Span Exporter"). A result's cause as above. */
OTLP_API struct otlp_sdk_result otlp_span_exporter_export(struct otlp_span_exporter *exporter,
							  const struct otlp_span *spans,
							  size_t count);
/** The same for spans of one shape: see otlp_library_export_shaped(). */
OTLP_API struct otlp_sdk_result
otlp_span_exporter_export_shaped(struct otlp_span_exporter *exporter, struct otlp_shape *shape,
				 const struct otlp_span *spans, size_t count);
/**
 * The resource of what this exporter exports from now on, where a span names
 * none; copied. Those that it replaces are kept, for threads that are at it,
 * until the exporter ends: it is meant to be set now and then, not for each span.
 *
 * @return 0, or OTLP_ERR_INVALID, _TOO_LARGE, _NO_MEMORY: nothing has changed
 */
OTLP_API int otlp_span_exporter_set_resource(struct otlp_span_exporter *exporter,
					     const struct otlp_resource *resource);
OTLP_API struct otlp_sdk_result otlp_span_exporter_force_flush(struct otlp_span_exporter *exporter,
							       int64_t timeout_ns);
/** Succeeds and leaves the library and every other user of it alone. */
OTLP_API struct otlp_sdk_result otlp_span_exporter_shutdown(struct otlp_span_exporter *exporter,
							    int64_t timeout_ns);
OTLP_API struct otlp_span_exporter *otlp_span_exporter_ref(struct otlp_span_exporter *exporter);
OTLP_API void otlp_span_exporter_unref(struct otlp_span_exporter *exporter);

/** Text for an enum otlp_error; never NULL, never freed. */
OTLP_API const char *otlp_strerror(int error);

/** "major.minor.patch" of the library that was loaded. */
OTLP_API const char *otlp_version(void);

#ifdef __cplusplus
}
#endif

#endif
