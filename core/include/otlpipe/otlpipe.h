/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The library handle and its exporters. Include this header: it includes the others.
 *
 * The model (an OtlpLibrary, exporters for metrics, spans and logs that share it, export by
 * reference) follows the exporter interfaces of the OpenTelemetry specification; docs/model.md has
 * its rules. The data are those of OTLP 1.x: data.h has the rules of borrowing them, error.h the
 * convention of errors.
 *
 * **Threads**: each function may be called from any thread at any time, with no lock of the
 * caller's.
 *
 * **Signals**: a function is async-signal-safe where it says so, and keeps errno then. The others
 * are not called from a signal handler.
 *
 * **fork()**: a handle goes on in the child, which gets rings of its own with its first push. That
 * push makes system calls, takes a millisecond or more, and needs 4 KiB of stack. Where it fails,
 * later pushes try again, 20 ms after it at first and 2 s at last; until then records are refused
 * and counted. The child's counters start at 0; a shutdown or an unref in it is nothing to the
 * parent. A child that shares its parent's memory, as of vfork(), calls nothing here.
 *
 * **Times** that are waited for are nanoseconds of the monotonic clock: 0 does not wait,
 * #OTLP_FOREVER has no deadline, and what is below that is #OTLP_ERR_INVALID.
 */
#ifndef OTLPIPE_H
#define OTLPIPE_H

#include <otlpipe/data.h>
#include <otlpipe/error.h>
#include <otlpipe/log.h>
#include <otlpipe/metric.h>
#include <otlpipe/span.h>
#include <otlpipe/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** For a parameter timeout_ns. */
enum otlp_timeout {
	OTLP_FOREVER = -1 /**< No deadline. */
};

/** The signals of OpenTelemetry, which options and statistics are indexed by. */
enum otlp_signal {
	OTLP_SIGNAL_TRACES = 0,	 /**< Spans. */
	OTLP_SIGNAL_METRICS = 1, /**< Data points. */
	OTLP_SIGNAL_LOGS = 2	 /**< Log records. */
};

/** The length of arrays over the signals. */
enum otlp_signal_limit {
	OTLP_SIGNAL_MAX = 4 /**< Room for signals that later versions know. */
};

/** Sizes of rings, records and shapes. */
enum otlp_limit {
	OTLP_SPAN_RING_BYTES_DEFAULT = 4 << 20,	  /**< Of #OTLP_SIGNAL_TRACES. */
	OTLP_METRIC_RING_BYTES_DEFAULT = 1 << 20, /**< Of #OTLP_SIGNAL_METRICS. */
	OTLP_LOG_RING_BYTES_DEFAULT = 1 << 20,	  /**< Of #OTLP_SIGNAL_LOGS. */
	OTLP_RING_BYTES_MIN = 4 << 10,		  /**< Less is rounded up to it. */
	OTLP_RING_BYTES_MAX = 1 << 30,		  /**< More is refused. */
	OTLP_RECORD_BYTES_MAX = 4 << 20, /**< Of one record, and at most a quarter of its ring. */
	OTLP_LANES_MAX = 8,		 /**< Parts of a ring. */
	OTLP_SHAPE_ATTRIBUTES_MAX = 1024 /**< Of a shape. */
};

/** One process's shared rings. Opaque; shared by reference count; used from any thread. */
struct otlp_library;
/** A metric exporter over a library. Opaque; shared by reference count; used from any thread. */
struct otlp_metric_exporter;
/** A span exporter over a library. Opaque; shared by reference count; used from any thread. */
struct otlp_span_exporter;
/** A log exporter over a library. Opaque; shared by reference count; used from any thread. */
struct otlp_log_exporter;
/** What many spans have in common. Opaque; shared by reference count; used from any thread. */
struct otlp_shape;
/** What many log records have in common. Opaque; shared by reference count; used from any thread.
 */
struct otlp_log_shape;

/**
 * Is told of what otlp_library_open() had to leave aside and went on without, such as an
 * $OTEL_RESOURCE_ATTRIBUTES that cannot be parsed, and of why it could make no rings: the library
 * itself never prints. Called by otlp_library_open() alone, in its thread, before it returns.
 *
 * @param context  diagnostic_context of the options
 * @param error    an enum otlp_error
 * @param text     one line without its end, UTF-8 where the paths in it are; valid for the call
 */
typedef void (*otlp_diagnostic_fn)(void *context, int error, const char *text);

/** How a library is opened. otlp_options_init() fills it in. */
struct otlp_options {
	uint32_t struct_bytes; /**< Set by otlp_options_init(): leave it as it is. */
	/**
	 * What otlp_metric_exporter_temporality() answers by. otlp_options_init() sets it from
	 * $OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE ("cumulative", "delta" or
	 * "lowmemory", in any case), else cumulative.
	 */
	enum otlp_temporality_preference temporality;
	/**
	 * The size of each ring in bytes, by enum otlp_signal. 0: $OTLPIPE_SPAN_RING_BYTES,
	 * $OTLPIPE_METRIC_RING_BYTES and $OTLPIPE_LOG_RING_BYTES ("8MiB"), else the default.
	 * Rounded up to a power of two. Those of signals that this version does not know must be 0.
	 */
	uint32_t ring_bytes[OTLP_SIGNAL_MAX];
	/**
	 * The runtime directory. NULL or "": $OTLPIPE_DIR, else /dev/shm/otlpipe-UID. Made with
	 * mode 0700 if missing (its last component alone). A relative one is meant from where the
	 * program is at open. Refused: one of somebody else, one that others may enter or write to
	 * (but for a group directory, mode 03770, that is named and that nobody but root, you or
	 * its owner can have made), a symbolic link, and one on a file system that cannot carry
	 * it (overlayfs, btrfs; docs/shared-memory.md). The diagnostic says which it was, and
	 * what to do. Borrowed for the call.
	 */
	const char *runtime_dir;
	/**
	 * The resource of what names none. NULL: from $OTEL_RESOURCE_ATTRIBUTES and
	 * $OTEL_SERVICE_NAME by the specification's rules (resource/sdk.md); without a name,
	 * service.name is "unknown_service:" and the program's name. Copied. Given here, it
	 * replaces that of the environment: an SDK has merged them.
	 */
	const struct otlp_resource *resource;
	otlp_diagnostic_fn diagnostic; /**< NULL: nobody is told. */
	void *diagnostic_context;      /**< The first argument of diagnostic. */
	/**
	 * Into how many lanes each ring is divided: 1, 2, 4 or 8. Threads that push at the same
	 * time use different ones, as far as there are. A lane is not smaller than 16 KiB: of a
	 * small ring there are fewer. 0: $OTLPIPE_LANES, else by the processors that the process
	 * may run on, and so that a lane has 128 KiB at least. Memory and the largest record are
	 * the same with any number. With 1 the records of all threads are in one order.
	 */
	uint32_t lanes;
	uint32_t reserved_1;	 /**< Must be zero. */
	const void *reserved[7]; /**< Must be zero. */
};

/**
 * Counters of one signal in this process since open (in a child: since the fork), never reset.
 * Whatever was exported before the shutdown is either in `accepted` or in one of `dropped_…`.
 */
struct otlp_signal_stats {
	uint64_t accepted;	    /**< Records: spans, data points, or log records. */
	uint64_t accepted_bytes;    /**< Of the ring that they took, padding included. */
	uint64_t dropped_full;	    /**< Records; also those for which there was no ring. */
	uint64_t dropped_too_large; /**< Records. */
	uint64_t dropped_invalid;   /**< Records. */
	uint64_t reserved[11];	    /**< Zero; later versions count more. */
};

/** Counters of this process. */
struct otlp_stats {
	struct otlp_signal_stats signals[OTLP_SIGNAL_MAX]; /**< By enum otlp_signal. */
	uint64_t rejected_after_shutdown;		   /**< Export calls. */
	/**
	 * An enum otlp_error: why this process has no ring, or could make no new one, when that was
	 * tried last. 0: it has, or nothing was pushed yet.
	 */
	int32_t ring_error;
	uint32_t ring_failures; /**< How often in a row that failed. */
};

/**
 * Fill in the defaults. Call it first, then change what you need. Any thread; not from a signal
 * handler.
 *
 * @param options       yours; every byte of it is set
 * @param struct_bytes  sizeof(struct otlp_options) as your program was compiled: so a library of
 *                      another version knows which fields there are
 * @return 0, or #OTLP_ERR_INVALID (options is NULL) or #OTLP_ERR_ABI (a program that was built
 *         for version 0.1; otlp_library_open() refuses such options too)
 */
OTLP_API int otlp_options_init(struct otlp_options *options, size_t struct_bytes);

/**
 * Make this process's shared rings and announce them to the writer. Works also while no writer
 * runs: what is pushed waits in the rings. Any thread; not from a signal handler.
 *
 * @param ret      set on success only; give it back with otlp_library_unref()
 * @param options  borrowed for the call; NULL: the defaults
 * @return 0, or #OTLP_ERR_INVALID (ret is NULL, an option, the resource), #OTLP_ERR_TOO_LARGE (the
 *         resource), #OTLP_ERR_ACCESS (the runtime directory), #OTLP_ERR_NO_SPACE (the rings'
 *         space is reserved whole), #OTLP_ERR_LIMIT (descriptors, file size, locked memory, the
 *         memory of the cgroup), #OTLP_ERR_NO_MEMORY, #OTLP_ERR_ABI (the directory is in use by
 *         an incompatible version, or the options are those of a program built for version 0.1);
 *         otlp_library_last_error() of NULL says more
 */
OTLP_API int otlp_library_open(struct otlp_library **ret, const struct otlp_options *options);

/**
 * What went wrong last, in words: where, for which user, what the system said, which limit it was,
 * and what to do about it. Any thread; not from a signal handler.
 *
 * @param library    its newest failure to make rings, in a forked child say, or to take a record
 *                   for its size; else what otlp_library_open() went on without. In a child: what
 *                   has been since the fork. NULL: the newest otlp_library_open() of this process
 *                   that failed
 * @param ret        set to one line without its end, terminated, cut off where it does not fit;
 *                   UTF-8 where the paths in it are. May be NULL
 * @param ret_bytes  of ret; 1024 are enough for all texts
 * @return the length of the whole text; 0: nothing went wrong
 */
OTLP_API size_t otlp_library_last_error(struct otlp_library *library, char *ret, size_t ret_bytes);

/**
 * Take one more reference. Any thread; async-signal-safe.
 *
 * @param library  NULL is fine
 * @return library; give each reference back with otlp_library_unref()
 */
OTLP_API struct otlp_library *otlp_library_ref(struct otlp_library *library);

/**
 * Give a reference back. The last one, exporters' included, closes the rings; it does not wait:
 * what is in them stays for the writer. Any thread; not from a signal handler.
 *
 * @param library  NULL is fine
 */
OTLP_API void otlp_library_unref(struct otlp_library *library);

/**
 * Export metrics by reference: copy the borrowed metrics into shared memory, once, with no
 * allocation, no lock and no system call, with two exceptions: a rare wake-up of the writer, and,
 * while a ring is more than half full, a check every 100 ms at most that its runtime directory is
 * still there. Never waits: where there is no room the newest records are dropped and counted. Any
 * thread; async-signal-safe.
 *
 * A metric is taken or refused whole, but for room: one that is larger than a record goes into
 * several, cut between data points, and then each point counts on its own.
 *
 * @param library  one that is open
 * @param metrics  borrowed for the call; without a scope, metric or point there is nothing to do,
 *                 which is a success
 * @return 0, or #OTLP_ERR_FULL, #OTLP_ERR_TOO_LARGE or #OTLP_ERR_INVALID: the first refusal (the
 *         records that could not be taken were dropped and counted, the others were taken);
 *         #OTLP_ERR_SHUTDOWN (none was, the call was counted); in a forked child that cannot make
 *         its rings #OTLP_ERR_ACCESS, #OTLP_ERR_NO_SPACE, #OTLP_ERR_LIMIT, #OTLP_ERR_NO_MEMORY or
 *         #OTLP_ERR_ABI (none was, they count as dropped_full; later pushes try again)
 */
OTLP_API int otlp_library_export_metrics_ref(struct otlp_library *library,
					     const struct otlp_resource_metrics *metrics);

/**
 * Export finished spans by reference, as otlp_library_export_metrics_ref(): each span is taken or
 * refused on its own. Any thread; async-signal-safe.
 *
 * @param library  one that is open
 * @param spans    count of them, borrowed for the call; NULL only with count 0
 * @param count    of spans; 0 is a success
 * @return as otlp_library_export_metrics_ref()
 */
OTLP_API int otlp_library_export_traces(struct otlp_library *library, const struct otlp_span *spans,
					size_t count);

/**
 * Export log records by reference, as otlp_library_export_metrics_ref(): each record is taken or
 * refused on its own. Any thread; async-signal-safe.
 *
 * @param library  one that is open
 * @param records  count of them, borrowed for the call; NULL only with count 0
 * @param count    of records; 0 is a success
 * @return as otlp_library_export_metrics_ref()
 */
OTLP_API int otlp_library_export_logs(struct otlp_library *library,
				      const struct otlp_log_record *records, size_t count);

/**
 * Register what many spans have in common, once per kind of span: scope, name, span kind, and the
 * keys and value types of their attributes, in order. A push of such a span then carries its values
 * alone: a third less bytes, and a quarter less time. Events, links, status and everything else
 * stay as they are. Any thread; not from a signal handler.
 *
 * The shape outlives a fork and a restarted writer, and belongs to no library: several may use it.
 *
 * @param example  borrowed for the call; its values are not looked at. Their types: strings, bools,
 *                 integers, doubles, bytes
 * @param ret      set on success only; give it back with otlp_shape_unref(), when nobody pushes
 *                 with it any more
 * @return 0, or #OTLP_ERR_INVALID (NULL, another type, text that is not UTF-8), #OTLP_ERR_TOO_LARGE
 *         (more than #OTLP_SHAPE_ATTRIBUTES_MAX attributes, or #OTLP_RECORD_BYTES_MAX),
 *         #OTLP_ERR_NO_MEMORY
 */
OTLP_API int otlp_shape_register(const struct otlp_span *example, struct otlp_shape **ret);

/**
 * Take one more reference. Any thread; async-signal-safe.
 *
 * @param shape  NULL is fine
 * @return shape; give each reference back with otlp_shape_unref()
 */
OTLP_API struct otlp_shape *otlp_shape_ref(struct otlp_shape *shape);

/**
 * Give a reference back. Any thread; not from a signal handler.
 *
 * @param shape  NULL is fine
 */
OTLP_API void otlp_shape_unref(struct otlp_shape *shape);

/**
 * otlp_library_export_traces() for spans that are all of one shape. What is written is the same,
 * field by field. A span with another number of attributes or other value types is refused as
 * invalid; its name, kind, scope and keys must be the shape's, and are not compared. Any thread;
 * async-signal-safe.
 *
 * A region has room for some 64 KiB of shapes and resources; when that is used up, spans are pushed
 * whole, and nothing else changes.
 *
 * @param library  one that is open
 * @param shape    borrowed for the call; NULL: none
 * @param spans    count of them, borrowed for the call; NULL only with count 0
 * @param count    of spans; 0 is a success
 * @return as otlp_library_export_metrics_ref()
 */
OTLP_API int otlp_library_export_shaped(struct otlp_library *library, struct otlp_shape *shape,
					const struct otlp_span *spans, size_t count);

/**
 * Register what many log records have in common, once per log statement: scope, severity, its text,
 * event name, and the keys and value types of the attributes, in order. A push of such a record
 * then carries its body and values alone: with 128 bytes of text and 4 attributes a sixth less
 * bytes, and a quarter less instructions. Any thread; not from a signal handler.
 *
 * The shape outlives a fork and a restarted writer, and belongs to no library: several may use it.
 *
 * @param example  borrowed for the call; its body and its values are not looked at. Types of the
 *                 values: strings, bools, integers, doubles, bytes; the body is of any
 * @param ret      set on success only; give it back with otlp_log_shape_unref(), when nobody pushes
 *                 with it any more
 * @return as otlp_shape_register()
 */
OTLP_API int otlp_log_shape_register(const struct otlp_log_record *example,
				     struct otlp_log_shape **ret);

/**
 * Take one more reference. Any thread; async-signal-safe.
 *
 * @param shape  NULL is fine
 * @return shape; give each reference back with otlp_log_shape_unref()
 */
OTLP_API struct otlp_log_shape *otlp_log_shape_ref(struct otlp_log_shape *shape);

/**
 * Give a reference back. Any thread; not from a signal handler.
 *
 * @param shape  NULL is fine
 */
OTLP_API void otlp_log_shape_unref(struct otlp_log_shape *shape);

/**
 * otlp_library_export_logs() for records that are all of one shape. What is written is the same,
 * field by field. A record with another number of attributes or other value types is refused as
 * invalid; its scope, severity, severity text, event name and keys must be the shape's, and are not
 * compared. Where a region has no more room for shapes, records are pushed whole, as with
 * otlp_library_export_shaped(). Any thread; async-signal-safe.
 *
 * @param library  one that is open
 * @param shape    borrowed for the call; NULL: none
 * @param records  count of them, borrowed for the call; NULL only with count 0
 * @param count    of records; 0 is a success
 * @return as otlp_library_export_metrics_ref()
 */
OTLP_API int otlp_library_export_logs_shaped(struct otlp_library *library,
					     struct otlp_log_shape *shape,
					     const struct otlp_log_record *records, size_t count);

/**
 * Wait until the writer has written all that was accepted before the call: it is in a file then
 * (and on the disk as far as the writer's --sync says). Any thread; not from a signal handler.
 *
 * @param library     one that is open, or was shut down
 * @param timeout_ns  nanoseconds of the monotonic clock; 0: only look; #OTLP_FOREVER: no deadline
 * @return 0, also where there is nothing to write; #OTLP_ERR_INVALID (NULL, or a timeout below
 *         #OTLP_FOREVER); #OTLP_ERR_TIMEOUT; at once #OTLP_ERR_NO_WRITER, also when the writer dies
 *         meanwhile, and once for records that it gave up with their ring, which it found damaged;
 *         #OTLP_ERR_ACCESS where the runtime directory cannot be looked at any more; in a forked
 *         child that cannot make its rings what its pushes return
 */
OTLP_API int otlp_library_flush(struct otlp_library *library, int64_t timeout_ns);

/**
 * Ask a writer that is a flight recorder (`otlpipe-writer --mode flight-recorder`) to put on the
 * disk what it holds: the last of all programs of the runtime directory, with everything that this
 * thread pushed before the call. It is asked and not waited for: the snapshot is on the disk a
 * little later, and `otlpipe stat` says how it ended. Asked for again before it has begun, it is
 * still one. Where no writer runs, the next flight recorder takes it; a writer that writes all
 * anyway has nothing to do. A writer begins no more than one a second for its programs.
 *
 * It never blocks. It makes a system call where the writer sleeps. The ask and the records stand in
 * shared memory, which outlives the program: a handler of SIGABRT or SIGSEGV may ask. Any thread;
 * async-signal-safe.
 *
 * @param library  one that is open, or was shut down
 * @return 0; #OTLP_ERR_INVALID (NULL); #OTLP_ERR_TIMEOUT: another thread of a forked child is just
 *         making its rings, ask again; in a forked child that cannot make its rings what its
 *         pushes return
 */
OTLP_API int otlp_library_snapshot(struct otlp_library *library);

/**
 * Take no more records, then flush. Exporters stay valid and fail from now on. A second call
 * succeeds and does nothing. References are given back as ever. Any thread; not from a signal
 * handler.
 *
 * @param library     one that is open, or was shut down
 * @param timeout_ns  as for otlp_library_flush()
 * @return what otlp_library_flush() returns: the library is shut down in any case but
 *         #OTLP_ERR_INVALID
 */
OTLP_API int otlp_library_shutdown(struct otlp_library *library, int64_t timeout_ns);

/**
 * Read this process's counters. Any thread; not from a signal handler.
 *
 * @param library       one that is open, or was shut down
 * @param ret           yours; set on success only
 * @param struct_bytes  sizeof(struct otlp_stats) as your program was compiled: that many bytes of
 *                      ret are set
 * @return 0, or #OTLP_ERR_INVALID (library or ret is NULL)
 */
OTLP_API int otlp_library_get_stats(struct otlp_library *library, struct otlp_stats *ret,
				    size_t struct_bytes);

/**
 * Make a metric exporter. It shares the library, holds a reference, and never ends it. Any thread;
 * not from a signal handler.
 *
 * @param library  one that is open
 * @param ret      set on success only; give it back with otlp_metric_exporter_unref()
 * @return 0, or #OTLP_ERR_INVALID (NULL), #OTLP_ERR_SHUTDOWN (the library was), #OTLP_ERR_NO_MEMORY
 */
OTLP_API int otlp_library_metric_exporter(struct otlp_library *library,
					  struct otlp_metric_exporter **ret);

/**
 * Make a span exporter. It shares the library, holds a reference, and never ends it. Any thread;
 * not from a signal handler.
 *
 * @param library  one that is open
 * @param ret      set on success only; give it back with otlp_span_exporter_unref()
 * @return 0, or #OTLP_ERR_INVALID (NULL), #OTLP_ERR_SHUTDOWN (the library was), #OTLP_ERR_NO_MEMORY
 */
OTLP_API int otlp_library_span_exporter(struct otlp_library *library,
					struct otlp_span_exporter **ret);

/**
 * Make a log exporter. It shares the library, holds a reference, and never ends it. Any thread;
 * not from a signal handler.
 *
 * @param library  one that is open
 * @param ret      set on success only; give it back with otlp_log_exporter_unref()
 * @return 0, or #OTLP_ERR_INVALID (NULL), #OTLP_ERR_SHUTDOWN (the library was), #OTLP_ERR_NO_MEMORY
 */
OTLP_API int otlp_library_log_exporter(struct otlp_library *library,
				       struct otlp_log_exporter **ret);

/**
 * Export metrics: otlp_library_export_metrics_ref(). Any thread; async-signal-safe. Source:
 * metrics/sdk.md, "Export(batch)" of MetricExporter.
 *
 * @param exporter  one exporter may serve many readers
 * @param metrics   borrowed for the call
 * @return #OTLP_SDK_SUCCESS if all was taken; else the cause is what
 *         otlp_library_export_metrics_ref() returns
 */
OTLP_API struct otlp_sdk_result
otlp_metric_exporter_export(struct otlp_metric_exporter *exporter,
			    const struct otlp_resource_metrics *metrics);

/**
 * Wait until what was exported is written: otlp_library_flush(). Any thread; not from a signal
 * handler. Source: metrics/sdk.md, "ForceFlush()" of MetricExporter.
 *
 * @param exporter    the exporter
 * @param timeout_ns  as for otlp_library_flush()
 * @return #OTLP_SDK_SUCCESS; else the cause is what otlp_library_flush() returns
 */
OTLP_API struct otlp_sdk_result
otlp_metric_exporter_force_flush(struct otlp_metric_exporter *exporter, int64_t timeout_ns);

/**
 * Succeed, and leave the library and every other user of it alone; this exporter goes on too. Any
 * thread; async-signal-safe. Source: metrics/sdk.md, "Shutdown()" of MetricExporter.
 *
 * @param exporter    the exporter
 * @param timeout_ns  nothing is waited for; below #OTLP_FOREVER it is refused
 * @return #OTLP_SDK_SUCCESS; else the cause is #OTLP_ERR_INVALID
 */
OTLP_API struct otlp_sdk_result otlp_metric_exporter_shutdown(struct otlp_metric_exporter *exporter,
							      int64_t timeout_ns);

/**
 * The temporality that a kind of instrument reports in, by the preference in the options. Any
 * thread; async-signal-safe. Source: metrics/sdk_exporters/otlp.md, "Additional Configuration".
 *
 * @param exporter  the exporter
 * @param kind      of the instrument
 * @return delta or cumulative; #OTLP_TEMPORALITY_UNSPECIFIED where kind is none or exporter is NULL
 */
OTLP_API enum otlp_temporality
otlp_metric_exporter_temporality(const struct otlp_metric_exporter *exporter,
				 enum otlp_instrument_kind kind);

/**
 * The preference itself, for SDKs whose exporters answer with that. Any thread; async-signal-safe.
 *
 * @param exporter  the exporter
 * @return what the library was opened with; #OTLP_PREFER_CUMULATIVE, the specification's default,
 *         where exporter is NULL
 */
OTLP_API enum otlp_temporality_preference
otlp_metric_exporter_temporality_preference(const struct otlp_metric_exporter *exporter);

/**
 * Take one more reference. Any thread; async-signal-safe.
 *
 * @param exporter  NULL is fine
 * @return exporter; give each reference back with otlp_metric_exporter_unref()
 */
OTLP_API struct otlp_metric_exporter *
otlp_metric_exporter_ref(struct otlp_metric_exporter *exporter);

/**
 * Give a reference back. The last one gives its reference to the library back. Any thread; not from
 * a signal handler.
 *
 * @param exporter  NULL is fine
 */
OTLP_API void otlp_metric_exporter_unref(struct otlp_metric_exporter *exporter);

/**
 * Export finished spans: otlp_library_export_traces(). Any thread; async-signal-safe. Source:
 * trace/sdk.md, "Export(batch)" of Span Exporter.
 *
 * @param exporter  one exporter may serve many tracer providers
 * @param spans     count of them, borrowed for the call; NULL only with count 0
 * @param count     of spans; 0 is a success
 * @return #OTLP_SDK_SUCCESS if all were taken; else the cause is what otlp_library_export_traces()
 *         returns
 */
OTLP_API struct otlp_sdk_result otlp_span_exporter_export(struct otlp_span_exporter *exporter,
							  const struct otlp_span *spans,
							  size_t count);

/**
 * Export finished spans of one shape: otlp_library_export_shaped(). Any thread; async-signal-safe.
 *
 * @param exporter  the exporter
 * @param shape     borrowed for the call; NULL: none
 * @param spans     count of them, borrowed for the call; NULL only with count 0
 * @param count     of spans; 0 is a success
 * @return #OTLP_SDK_SUCCESS if all were taken; else the cause is what otlp_library_export_shaped()
 *         returns
 */
OTLP_API struct otlp_sdk_result
otlp_span_exporter_export_shaped(struct otlp_span_exporter *exporter, struct otlp_shape *shape,
				 const struct otlp_span *spans, size_t count);

/**
 * Set the resource of what this exporter exports from now on, where a span names none. Those that
 * it replaces are kept, for threads that are at it, until the exporter ends: it is meant to be set
 * now and then, not for each span. Any thread; not from a signal handler.
 *
 * @param exporter  the exporter
 * @param resource  copied
 * @return #OTLP_SDK_SUCCESS; else the cause is #OTLP_ERR_INVALID, #OTLP_ERR_TOO_LARGE or
 *         #OTLP_ERR_NO_MEMORY, and nothing has changed
 */
OTLP_API struct otlp_sdk_result
otlp_span_exporter_set_resource(struct otlp_span_exporter *exporter,
				const struct otlp_resource *resource);

/**
 * Wait until what was exported is written: otlp_library_flush(). Any thread; not from a signal
 * handler. Source: trace/sdk.md, "ForceFlush()" of Span Exporter.
 *
 * @param exporter    the exporter
 * @param timeout_ns  as for otlp_library_flush()
 * @return #OTLP_SDK_SUCCESS; else the cause is what otlp_library_flush() returns
 */
OTLP_API struct otlp_sdk_result otlp_span_exporter_force_flush(struct otlp_span_exporter *exporter,
							       int64_t timeout_ns);

/**
 * Succeed, and leave the library and every other user of it alone; this exporter goes on too. Any
 * thread; async-signal-safe. Source: trace/sdk.md, "Shutdown()" of Span Exporter.
 *
 * @param exporter    the exporter
 * @param timeout_ns  nothing is waited for; below #OTLP_FOREVER it is refused
 * @return #OTLP_SDK_SUCCESS; else the cause is #OTLP_ERR_INVALID
 */
OTLP_API struct otlp_sdk_result otlp_span_exporter_shutdown(struct otlp_span_exporter *exporter,
							    int64_t timeout_ns);

/**
 * Take one more reference. Any thread; async-signal-safe.
 *
 * @param exporter  NULL is fine
 * @return exporter; give each reference back with otlp_span_exporter_unref()
 */
OTLP_API struct otlp_span_exporter *otlp_span_exporter_ref(struct otlp_span_exporter *exporter);

/**
 * Give a reference back. The last one gives its reference to the library back. Any thread; not from
 * a signal handler.
 *
 * @param exporter  NULL is fine
 */
OTLP_API void otlp_span_exporter_unref(struct otlp_span_exporter *exporter);

/**
 * Export log records: otlp_library_export_logs(). Any thread; async-signal-safe. Source:
 * logs/sdk.md, "Export" of LogRecordExporter.
 *
 * @param exporter  one exporter may serve many logger providers
 * @param records   count of them, borrowed for the call; NULL only with count 0
 * @param count     of records; 0 is a success
 * @return #OTLP_SDK_SUCCESS if all were taken; else the cause is what otlp_library_export_logs()
 *         returns
 */
OTLP_API struct otlp_sdk_result otlp_log_exporter_export(struct otlp_log_exporter *exporter,
							 const struct otlp_log_record *records,
							 size_t count);

/**
 * Export log records of one shape: otlp_library_export_logs_shaped(). Any thread;
 * async-signal-safe.
 *
 * @param exporter  the exporter
 * @param shape     borrowed for the call; NULL: none
 * @param records   count of them, borrowed for the call; NULL only with count 0
 * @param count     of records; 0 is a success
 * @return #OTLP_SDK_SUCCESS if all were taken; else the cause is what
 *         otlp_library_export_logs_shaped() returns
 */
OTLP_API struct otlp_sdk_result
otlp_log_exporter_export_shaped(struct otlp_log_exporter *exporter, struct otlp_log_shape *shape,
				const struct otlp_log_record *records, size_t count);

/**
 * Set the resource of what this exporter exports from now on, where a record names none; as
 * otlp_span_exporter_set_resource(). Any thread; not from a signal handler.
 *
 * @param exporter  the exporter
 * @param resource  copied
 * @return #OTLP_SDK_SUCCESS; else the cause is #OTLP_ERR_INVALID, #OTLP_ERR_TOO_LARGE or
 *         #OTLP_ERR_NO_MEMORY, and nothing has changed
 */
OTLP_API struct otlp_sdk_result
otlp_log_exporter_set_resource(struct otlp_log_exporter *exporter,
			       const struct otlp_resource *resource);

/**
 * Wait until what was exported is written: otlp_library_flush(). Any thread; not from a signal
 * handler. Source: logs/sdk.md, "ForceFlush" of LogRecordExporter.
 *
 * @param exporter    the exporter
 * @param timeout_ns  as for otlp_library_flush()
 * @return #OTLP_SDK_SUCCESS; else the cause is what otlp_library_flush() returns
 */
OTLP_API struct otlp_sdk_result otlp_log_exporter_force_flush(struct otlp_log_exporter *exporter,
							      int64_t timeout_ns);

/**
 * Succeed, and leave the library and every other user of it alone; this exporter goes on too. Any
 * thread; async-signal-safe. Source: logs/sdk.md, "Shutdown" of LogRecordExporter.
 *
 * @param exporter    the exporter
 * @param timeout_ns  nothing is waited for; below #OTLP_FOREVER it is refused
 * @return #OTLP_SDK_SUCCESS; else the cause is #OTLP_ERR_INVALID
 */
OTLP_API struct otlp_sdk_result otlp_log_exporter_shutdown(struct otlp_log_exporter *exporter,
							   int64_t timeout_ns);

/**
 * Take one more reference. Any thread; async-signal-safe.
 *
 * @param exporter  NULL is fine
 * @return exporter; give each reference back with otlp_log_exporter_unref()
 */
OTLP_API struct otlp_log_exporter *otlp_log_exporter_ref(struct otlp_log_exporter *exporter);

/**
 * Give a reference back. The last one gives its reference to the library back. Any thread; not from
 * a signal handler.
 *
 * @param exporter  NULL is fine
 */
OTLP_API void otlp_log_exporter_unref(struct otlp_log_exporter *exporter);

/**
 * The text of an error. Any thread; async-signal-safe.
 *
 * @param error  an enum otlp_error
 * @return a constant text, never NULL; "unknown error" for what is none
 */
OTLP_API const char *otlp_strerror(int error);

/**
 * The version of the library that was loaded. Any thread; async-signal-safe.
 *
 * @return a constant text, "major.minor.patch"
 */
OTLP_API const char *otlp_version(void);

#ifdef __cplusplus
}
#endif

#endif
