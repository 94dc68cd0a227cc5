/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the extension share. An export call reads Python objects
 * into borrowed structs of the public headers, one record at a time, and gives
 * each to the library at once: there is no protobuf and no dict in between.
 *
 * Python code can run in the middle of that (a property, a mapping of the
 * user's, a finaliser). So each object that a borrowed struct points into is
 * held by a reference of its own until the library has copied the record.
 *
 * Functions that return int return 0, or -1 with a Python exception set.
 */
#ifndef OTLPIPE_PYTHON_SRC_NATIVE_H
#define OTLPIPE_PYTHON_SRC_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <otlpipe/otlpipe.h>

/* Attributes of Python objects, interned once: a comparison by address finds them. */
#define NAME_MAP(X)                \
	X(_attributes)             \
	X(_context)                \
	X(_description)            \
	X(_dict)                   \
	X(_dq)                     \
	X(_end_time)               \
	X(_events)                 \
	X(_instrumentation_scope)  \
	X(_kind)                   \
	X(_links)                  \
	X(_name)                   \
	X(_parent)                 \
	X(_resource)               \
	X(_start_time)             \
	X(_status)                 \
	X(_status_code)            \
	X(_timestamp)              \
	X(aggregation_temporality) \
	X(attributes)              \
	X(body)                    \
	X(bucket_counts)           \
	X(code)                    \
	X(context)                 \
	X(count)                   \
	X(data)                    \
	X(data_points)             \
	X(description)             \
	X(dropped)                 \
	X(dropped_attributes)      \
	X(dropped_events)          \
	X(dropped_links)           \
	X(end_time)                \
	X(event_name)              \
	X(events)                  \
	X(exemplars)               \
	X(explicit_bounds)         \
	X(filtered_attributes)     \
	X(flags)                   \
	X(instrumentation_scope)   \
	X(is_monotonic)            \
	X(is_remote)               \
	X(kind)                    \
	X(links)                   \
	X(log_record)              \
	X(max)                     \
	X(metrics)                 \
	X(min)                     \
	X(name)                    \
	X(negative)                \
	X(observed_timestamp)      \
	X(offset)                  \
	X(parent)                  \
	X(positive)                \
	X(resource)                \
	X(resource_metrics)        \
	X(scale)                   \
	X(schema_url)              \
	X(scope)                   \
	X(scope_metrics)           \
	X(severity_number)         \
	X(severity_text)           \
	X(span_id)                 \
	X(start_time)              \
	X(start_time_unix_nano)    \
	X(status)                  \
	X(status_code)             \
	X(sum)                     \
	X(time_unix_nano)          \
	X(timestamp)               \
	X(trace_flags)             \
	X(trace_id)                \
	X(trace_state)             \
	X(unit)                    \
	X(value)                   \
	X(version)                 \
	X(zero_count)              \
	X(zero_threshold)

/*
 * Types of the SDK, bound by otlpipe/_sdk.py after it has checked, on an object
 * of each, that its private fields hold what its public properties say. An
 * object of exactly such a type is read by its fields; any other, a subclass
 * too, by its public properties.
 */
#define SDK_TYPE_MAP(X)       \
	X(bounded_attributes) \
	X(bounded_list)       \
	X(event)              \
	X(link)               \
	X(readable_span)      \
	X(recording_span)     \
	X(span_context)       \
	X(status_type)        \
	X(trace_state_type)

/* Types that an object is an instance of, and enum members by their value. */
#define SDK_OTHER_MAP(X)         \
	X(gauge)                 \
	X(sum_type)              \
	X(histogram)             \
	X(exponential_histogram) \
	X(span_kinds)            \
	X(severity_numbers)      \
	X(status_codes)

/* Room for any text of otlp_library_last_error(). */
#define LAST_ERROR_BYTES  1024

#define SPAN_KIND_COUNT	  5
#define STATUS_CODE_COUNT 3
#define SEVERITY_COUNT	  (OTLP_SEVERITY_FATAL4 + 1)

struct state {
#define STATE_NAME(name) PyObject *name;
	struct {
		NAME_MAP(STATE_NAME)
	} names;
	struct {
		SDK_TYPE_MAP(STATE_NAME)
		SDK_OTHER_MAP(STATE_NAME)
	} sdk; /* each may be NULL: the SDK was not found, or is another than we know */
#undef STATE_NAME
	PyObject *sequence; /* collections.abc.Sequence */
	PyObject *mapping;  /* collections.abc.Mapping */
	PyObject *sixty_four;
	PyObject *error; /* otlpipe.OtlpError */
	PyObject *library_type;
	PyObject *span_exporter_type;
	PyObject *metric_exporter_type;
	PyObject *log_exporter_type;
};

/* memory.c: what borrowed structs stand in and point into, given back all at once. */
struct memory_chunk;

struct memory {
	struct memory_chunk *chunk; /* the newest and largest; NULL: none yet */
	size_t used_bytes;	    /* of it */
	PyObject **held;
	size_t held_count;
	size_t held_capacity;
};

/** Zeroed and aligned for any struct of the public headers; NULL with MemoryError set. */
void *memory_take(struct memory *memory, size_t count, size_t item_bytes);
/** Takes over the reference, in any case. NULL in, an exception set: -1. */
int memory_hold(struct memory *memory, PyObject *object);
/** The same for a borrowed reference. */
int memory_hold_too(struct memory *memory, PyObject *object);
/** Everything that was taken and held since the last one; keeps its largest chunk. */
void memory_reset(struct memory *memory);
void memory_free(struct memory *memory);

/* outcome.c: what came of one export call. */
struct outcome {
	int cause; /* the first enum otlp_error */
	size_t refused_count;
	PyObject *failures; /* list of str, or NULL */
	PyObject *notes;    /* list of str, or NULL: left out, but its record was taken */
};

/** The exception that is set becomes a failure's text; -1 if it is not an Exception: pass it on. */
int outcome_refuse(struct outcome *outcome, const char *what, PyObject *name, size_t count);
/** The library said no; it has a text for that, or NULL. */
int outcome_fail(struct outcome *outcome, const char *what, PyObject *name, int cause,
		 const char *text, size_t count);
int outcome_note(struct outcome *outcome, PyObject *text); /* takes over the reference */
/* None, or (cause, refused, failures, notes). NULL in case of an exception. Frees what it holds. */
PyObject *outcome_finish(struct outcome *outcome, int rc);

/* One thing that is being read: of which interpreter, into which memory. */
struct reader {
	const struct state *state;
	struct memory *memory;
	struct outcome *outcome;
	/* Text may come from the environment, as a resource's does: what is not UTF-8 there does
	 * not refuse the record, but is replaced by U+FFFD and noted. */
	bool repairs_text;
	size_t repaired_count; /* notes of that */
	/* A log's body is the message itself: what OTLP has no form for goes in as its str(). */
	bool spells_values;
};

/* value.c: the values of attributes, and a log's body. */
PyObject *read_field(struct reader *reader, PyObject *object, PyObject *name); /* borrowed */
PyObject *read_field_or_none(struct reader *reader, PyObject *object, PyObject *name);
int read_str(struct otlp_str *ret, PyObject *object, const char *what); /* None is empty */
int read_u64(uint64_t *ret, PyObject *object, const char *what);	/* None is 0 */
int read_u32(uint32_t *ret, PyObject *object, const char *what);	/* None is 0 */
int read_number(struct otlp_number *ret, PyObject *object);
int read_trace_id(const struct state *state, uint8_t ret[16], PyObject *object);
int read_span_id(uint8_t ret[8], PyObject *object);
int read_attributes(struct reader *reader, struct otlp_attributes *ret, PyObject *object);
int read_body(struct reader *reader, struct otlp_value *ret, PyObject *object);
/** The place of an enum member in its enum, or the number that it has or is. */
int read_enum(struct reader *reader, long *ret, PyObject *object, PyObject *members, long count);
/* A tuple of the items, held: a tuple as it is, anything else that can be iterated copied. */
PyObject *read_items(struct reader *reader, PyObject *object, size_t *ret_count);

/** span.c, metric.c, log.c: whole records. */
int read_resource(struct reader *reader, struct otlp_resource *ret, PyObject *object);
int read_scope(struct reader *reader, struct otlp_scope *ret, PyObject *object);
/** ret->scope and ret->resource are the caller's: their objects are given back, borrowed. */
int read_span(struct reader *reader, struct otlp_span *ret, PyObject *object, PyObject **ret_scope,
	      PyObject **ret_resource);
int read_metric(struct reader *reader, struct otlp_metric *ret, PyObject *object);
/** As read_span(). */
int read_log_record(struct reader *reader, struct otlp_log_record *ret, PyObject *object,
		    PyObject **ret_scope, PyObject **ret_resource);
/* What a log record is called in an error: its event, else its logger. Borrowed; NULL: nothing. */
PyObject *read_log_name(struct reader *reader, PyObject *object);

/* exporter.c, library.c: the types. */
extern PyType_Spec exporter_span_spec;
extern PyType_Spec exporter_metric_spec;
extern PyType_Spec exporter_log_spec;
extern PyType_Spec library_spec;

PyObject *exporter_new_span(const struct state *state, struct otlp_library *library);
PyObject *exporter_new_metric(const struct state *state, struct otlp_library *library);
PyObject *exporter_new_log(const struct state *state, struct otlp_library *library);
PyObject *exporter_export_spans(PyObject *exporter, PyObject *spans);
PyObject *exporter_export_metrics(PyObject *exporter, PyObject *metrics_data);
PyObject *exporter_export_logs(PyObject *exporter, PyObject *records);

/* handle.c */
/* Waits without the interpreter's lock, in slices, so that Ctrl-C ends it. */
PyObject *handle_wait(struct otlp_library *library, int64_t timeout_ns);
/* otlp_library_last_error() as a str; NULL: the newest open of this process that failed. */
PyObject *handle_last_error(struct otlp_library *library);
/* Sets otlpipe.OtlpError; returns NULL. */
PyObject *handle_error(const struct state *state, int error, const char *detail);

#endif
