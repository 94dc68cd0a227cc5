/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record: what a producer writes into the ring, once, and what the writer reads. One record is
 * one span, one metric with some of its points, or one log record. It stands alone but for its
 * resource and its scope: each is inline, or named by a reference into the region's append-only
 * table (res., scope: resource_ref, scope_ref, 0: none).
 *
 * A packed stream in native little-endian, without alignment and without offsets: a fixed head,
 * then everything in the order in which one forward pass writes and reads it. Its length comes from
 * the ring. u8..u64 are unsigned, [n] is n bytes, (…)* is repeated by the count in front of it.
 *
 *  span   0        1     2           3        4      6       8          16        24
 *         +--------+-----+-----------+--------+------+-------+----------+---------+-------------+
 *         | kind=1 | has | span kind | status | res. | scope | start ns | end ns  | trace id 16 |
 *         +--------+-----+-----------+--------+------+-------+----------+---------+-------------+
 *         40          48              56      60           64                68            72
 *         +-----------+---------------+-------+------------+-----------------+-------------+
 *         | span id 8 | parent span 8 | flags | name bytes | attribute count | event count |
 *         +-----------+---------------+-------+------------+-----------------+-------------+
 *         only with RECORD_HAS_EXTRA, 24 bytes more:
 *         | trace state bytes | status message bytes | link count
 *         | dropped attributes | dropped events | dropped links |          (u32 each)
 *         RECORD_HAS_RESOURCE: section [resource]   RECORD_HAS_SCOPE: section [scope]
 *         trace state, name, status message, attribute*, event*, link*
 *
 *  metric 0        1     2             3             4      6       8
 *         +--------+-----+-------------+-------------+------+-------+--------------------------+
 *         | kind=2 | has | metric type | temporality | res. | scope | name, description, unit: |
 *         +--------+-----+-------------+-------------+------+-------+ bytes, 3 x u32           |
 *         20               24            28                         +--------------------------+
 *         | metadata count | point count |
 *         +----------------+-------------+
 *         sections as above, name, description, unit, attribute* (metadata), point*
 *
 *  log    0        1     2          3       4      6       8         16            24
 *         +--------+-----+----------+-------+------+-------+---------+-------------+-------------+
 *         | kind=4 | has | severity | 0     | res. | scope | time ns | observed ns | trace id 16 |
 *         +--------+-----+----------+-------+------+-------+---------+-------------+-------------+
 *         40          48      52                56               60                  64
 *         +-----------+-------+---------------+----------------+---------------------+
 *         | span id 8 | flags | severity text | event name     | attribute count     | dropped
 *         |           |       | bytes         | bytes          |                     | attributes
 *         +-----------+-------+---------------+----------------+---------------------+
 *         sections as above, severity text, event name, with RECORD_HAS_BODY the body (an attribute
 *         without a key), attribute*
 *
 *  shaped span: a span's head, whose name bytes are the shape's reference and whose span kind is 0,
 *         then what a span has, without scope, name and attribute heads: trace state, status
 *         message, value*, event*, link*. A value is u32 bytes [bytes] for strings and bytes, u8
 *         for a bool, 8 bytes for an int or a double. The shape is an entry of the region's table:
 *         the record of a span with that scope, inline, name and kind, with those keys and empty
 *         values. So a shaped record's own scope_ref is 0.
 *
 *  shaped log: a log's head, whose event name bytes are the shape's reference and whose severity
 * and severity text bytes are 0, then what a log has, without scope, texts and attribute heads:
 *         with RECORD_HAS_BODY the body, value*. The shape is the record of a log with that scope,
 *         severity, severity text and event name, with those keys and empty values, without a body.
 *
 *  section    u32 bytes [bytes]
 *  resource   u32 schema url bytes, attribute count, dropped; schema url, attribute*
 *  scope      u32 name, version, schema url bytes, attribute count, dropped;
 *             the strings, attribute*
 *  event, link, point, exemplar: u32 bytes of what follows, their head (structs below), then
 *  event      name, attribute*
 *  link       trace state, attribute*
 *  point      the head of its kind, its arrays (buckets, bounds | positive, negative counts |
 *             quantile and value pairs), exemplar*, attribute*
 *  exemplar   attribute*
 *
 *  attribute: key and value; a value that stands in an array is one without a key
 *         short   | type:3 | 0:1 | key bytes:12 | field:16 |                   key, value
 *         long    | type:3 | 1:1 | 0:28         | u32 key bytes | u32 field |  key, value
 *     type is an enum otlp_value_type. field is the value's length in bytes for strings, bytes,
 *     arrays and key-value lists; for a bool it is the value, which takes no bytes; else 0.
 *     An int or a double takes 8 bytes. An array or list is u32 count, attribute*. Long is used for
 *     arrays and lists, and where a short field would not do, never otherwise: so that equal
 *     resources and scopes have equal bytes, which the writer groups by.
 */
#ifndef OTLPIPE_CORE_RECORD_RECORD_H
#define OTLPIPE_CORE_RECORD_RECORD_H

#include "base/bytes.h"
#include "core/record/signal.h"
#include <otlpipe/otlpipe.h>
#include <stdbool.h>

enum record_kind {
	RECORD_SPAN = 1,
	RECORD_METRIC = 2,
	RECORD_SHAPED_SPAN = 3,
	RECORD_LOG = 4,
	RECORD_SHAPED_LOG = 5
};

/* The bits of `has`. */
#define RECORD_HAS_RESOURCE 0x01u /* inline; resource_ref is 0 */
#define RECORD_HAS_SCOPE    0x02u /* inline; scope_ref is 0. An empty scope is not none */
#define RECORD_HAS_EXTRA    0x04u /* spans: struct record_span_extra follows the head */
#define RECORD_IS_MONOTONIC 0x08u /* sums */
#define RECORD_HAS_BODY	    0x10u /* logs: one that is not empty */

/* Span and link flags: W3C's eight bits and OTLP's two; the others must be zero on the wire. */
#define RECORD_SPAN_FLAGS 0x3ffu

/* LogRecordFlags: W3C's eight bits. */
#define RECORD_LOG_FLAGS 0xffu

/* DataPointFlags. */
#define RECORD_POINT_NO_VALUE 1u

struct record_span_head {
	uint8_t kind;
	uint8_t has;
	uint8_t span_kind;
	uint8_t status;
	uint16_t resource_ref;
	uint16_t scope_ref;
	uint64_t start_time_unix_ns;
	uint64_t end_time_unix_ns;
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t parent_span_id[8];
	uint32_t flags;
	uint32_t name_bytes;
	uint32_t attribute_count;
	uint32_t event_count;
} __attribute__((packed));

/* What most spans do not have. */
struct record_span_extra {
	uint32_t trace_state_bytes;
	uint32_t status_message_bytes;
	uint32_t link_count;
	uint32_t dropped_attribute_count;
	uint32_t dropped_event_count;
	uint32_t dropped_link_count;
} __attribute__((packed));

struct record_metric_head {
	uint8_t kind;
	uint8_t has;
	uint8_t metric_type;
	uint8_t temporality;
	uint16_t resource_ref;
	uint16_t scope_ref;
	uint32_t name_bytes;
	uint32_t description_bytes;
	uint32_t unit_bytes;
	uint32_t metadata_count;
	uint32_t point_count;
} __attribute__((packed));

struct record_log_head {
	uint8_t kind;
	uint8_t has;
	uint8_t severity_number;
	uint8_t reserved; /* 0 */
	uint16_t resource_ref;
	uint16_t scope_ref;
	uint64_t time_unix_ns;
	uint64_t observed_time_unix_ns;
	uint8_t trace_id[16]; /* zeros: none */
	uint8_t span_id[8];   /* zeros: none */
	uint32_t flags;
	uint32_t severity_text_bytes;
	uint32_t event_name_bytes;
	uint32_t attribute_count;
	uint32_t dropped_attribute_count;
} __attribute__((packed));

struct record_resource_head {
	uint32_t schema_url_bytes;
	uint32_t attribute_count;
	uint32_t dropped_attribute_count;
} __attribute__((packed));

struct record_scope_head {
	uint32_t name_bytes;
	uint32_t version_bytes;
	uint32_t schema_url_bytes;
	uint32_t attribute_count;
	uint32_t dropped_attribute_count;
} __attribute__((packed));

/* The heads from here on are preceded by the u32 of their bytes. */
struct record_event_head {
	uint64_t time_unix_ns;
	uint32_t name_bytes;
	uint32_t attribute_count;
	uint32_t dropped_attribute_count;
} __attribute__((packed));

struct record_link_head {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint32_t flags;
	uint32_t trace_state_bytes;
	uint32_t attribute_count;
	uint32_t dropped_attribute_count;
} __attribute__((packed));

struct record_exemplar_head {
	uint64_t time_unix_ns;
	uint64_t value; /* the bits of an int64 or a double */
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint32_t number_type; /* enum otlp_number_type, never NONE */
	uint32_t attribute_count;
} __attribute__((packed));

/* The bits of a histogram point's `what`. */
#define RECORD_HAS_SUM 1u
#define RECORD_HAS_MIN 2u
#define RECORD_HAS_MAX 4u

struct record_point_head {
	uint64_t start_time_unix_ns;
	uint64_t time_unix_ns;
	uint32_t flags;
	uint32_t what; /* numbers: enum otlp_number_type; histograms: RECORD_HAS_…; summaries: 0 */
	uint32_t exemplar_count;
	uint32_t attribute_count;
} __attribute__((packed));

struct record_number_head {
	struct record_point_head point;
	uint64_t value; /* the bits of an int64 or a double; NONE: 0 */
} __attribute__((packed));

struct record_histogram_head {
	struct record_point_head point;
	uint64_t count;
	double sum;
	double min;
	double max;
	uint32_t bucket_count;
	uint32_t bound_count;
} __attribute__((packed));

struct record_exp_histogram_head {
	struct record_point_head point;
	uint64_t count;
	double sum;
	double min;
	double max;
	uint64_t zero_count;
	double zero_threshold;
	int32_t scale;
	int32_t positive_offset;
	int32_t negative_offset;
	uint32_t positive_count;
	uint32_t negative_count;
} __attribute__((packed));

struct record_summary_head {
	struct record_point_head point;
	uint64_t count;
	double sum;
	uint32_t quantile_count;
} __attribute__((packed));

static_assert(sizeof(struct record_span_head) == 72, "record layout");
static_assert(offsetof(struct record_span_head, start_time_unix_ns) == 8, "record layout");
static_assert(offsetof(struct record_span_head, trace_id) == 24, "record layout");
static_assert(offsetof(struct record_span_head, flags) == 56, "record layout");
static_assert(sizeof(struct record_span_extra) == 24, "record layout");
static_assert(sizeof(struct record_metric_head) == 28, "record layout");
static_assert(sizeof(struct record_log_head) == 68, "record layout");
static_assert(offsetof(struct record_log_head, trace_id) == 24, "record layout");
static_assert(sizeof(struct record_resource_head) == 12, "record layout");
static_assert(sizeof(struct record_scope_head) == 20, "record layout");
static_assert(sizeof(struct record_event_head) == 20, "record layout");
static_assert(sizeof(struct record_link_head) == 40, "record layout");
static_assert(sizeof(struct record_exemplar_head) == 48, "record layout");
static_assert(sizeof(struct record_point_head) == 32, "record layout");
static_assert(sizeof(struct record_number_head) == 40, "record layout");
static_assert(sizeof(struct record_histogram_head) == 72, "record layout");
static_assert(sizeof(struct record_exp_histogram_head) == 100, "record layout");
static_assert(sizeof(struct record_summary_head) == 52, "record layout");

/* The attribute's first word. */
#define RECORD_ATTRIBUTE_TYPE	     0x7u
#define RECORD_ATTRIBUTE_LONG	     0x8u
#define RECORD_ATTRIBUTE_KEY_SHIFT   4
#define RECORD_ATTRIBUTE_KEY_MAX     0xfffu
#define RECORD_ATTRIBUTE_FIELD_SHIFT 16
#define RECORD_ATTRIBUTE_FIELD_MAX   0xffffu
#define RECORD_ATTRIBUTE_SHORT_BYTES 4u
#define RECORD_ATTRIBUTE_LONG_BYTES  12u

static_assert(RECORD_ATTRIBUTE_FIELD_MAX >> 4 == RECORD_ATTRIBUTE_KEY_MAX,
	      "one comparison for both");

/** Write an attribute's head, in the one form that is right for it. Returns where the key goes. */
static inline uint8_t *record_attribute_write(uint8_t *to, uint32_t type, size_t key_len,
					      size_t field)
{
	if (__builtin_expect((key_len | field >> 4) > RECORD_ATTRIBUTE_KEY_MAX, 0)) {
		to = bytes_store32(to, type | RECORD_ATTRIBUTE_LONG);
		to = bytes_store32(to, (uint32_t)key_len);
		return bytes_store32(to, (uint32_t)field);
	}
	return bytes_store32(to, type | (uint32_t)key_len << RECORD_ATTRIBUTE_KEY_SHIFT |
					 (uint32_t)field << RECORD_ATTRIBUTE_FIELD_SHIFT);
}

struct record_attribute {
	uint32_t type; /* enum otlp_value_type */
	uint32_t head_bytes;
	uint32_t key_bytes;
	uint32_t field;
	uint32_t value_bytes;
	const uint8_t *key;
	const uint8_t *value;
};

/**
 * The head of the attribute at `at`, all of whose bytes are known to be there: see record_parse().
 */
static inline void record_attribute_read(const uint8_t *at, struct record_attribute *ret)
{
	const uint32_t word = bytes_load32(at);

	ret->type = word & RECORD_ATTRIBUTE_TYPE;
	if (word & RECORD_ATTRIBUTE_LONG) {
		ret->head_bytes = RECORD_ATTRIBUTE_LONG_BYTES;
		ret->key_bytes = bytes_load32(at + 4);
		ret->field = bytes_load32(at + 8);
	} else {
		ret->head_bytes = RECORD_ATTRIBUTE_SHORT_BYTES;
		ret->key_bytes = word >> RECORD_ATTRIBUTE_KEY_SHIFT & RECORD_ATTRIBUTE_KEY_MAX;
		ret->field = word >> RECORD_ATTRIBUTE_FIELD_SHIFT;
	}
	if (ret->type == OTLP_VALUE_INT || ret->type == OTLP_VALUE_DOUBLE)
		ret->value_bytes = 8;
	else if (ret->type == OTLP_VALUE_BOOL || ret->type == OTLP_VALUE_EMPTY)
		ret->value_bytes = 0;
	else
		ret->value_bytes = ret->field;
	ret->key = at + ret->head_bytes;
	ret->value = ret->key + ret->key_bytes;
}

/*
 * The write side: in the host's process, async-signal-safe, no allocation, no lock, no system call.
 *
 * The size functions find every fault but one, text that is not UTF-8, without touching a byte of
 * text. They answer 0, OTLP_ERR_INVALID by rule 6 of the model (docs/model.md), or
 * OTLP_ERR_TOO_LARGE for more than OTLP_RECORD_BYTES_MAX. The write functions write exactly the
 * `bytes` of that size if the borrowed data stay as they are. If another thread changes them all
 * the same, they store nothing outside these bytes, and say so. They answer whether all text was
 * ASCII. Where it was not, the caller asks the text function, and gives the record up if that says
 * no: so the usual text is touched once. The measure functions do both checks at once, for what is
 * not in a hurry.
 *
 * inline_resource NULL: the record names a resource by reference instead. The span's own `resource`
 * is not looked at: the caller has chosen. Its scope is inline, but where the references have one
 * of a scope: then the size functions are given NULL for it. The measure and the text functions
 * look at the scope in any case.
 */

/* The references of a record, in one word: a resource's, 0 where it is inline, and a scope's, 0
 * where there is none or it is inline. */
#define RECORD_SCOPE_REF_SHIFT 16
#define RECORD_REFS(resource, scope) \
	((uint32_t)(resource) | (uint32_t)(scope) << RECORD_SCOPE_REF_SHIFT)

enum record_written {
	RECORD_CHANGED, /* not what was sized: another thread changed what it must not */
	RECORD_NOT_ASCII,
	RECORD_ASCII
};

int record_size_span(const struct otlp_span *span, const struct otlp_resource *inline_resource,
		     const struct otlp_scope *inline_scope, size_t *ret_bytes);
enum record_written record_write_span(uint8_t *to, const struct otlp_span *span,
				      const struct otlp_resource *inline_resource, uint32_t refs,
				      size_t bytes);
bool record_text_span(const struct otlp_span *span, const struct otlp_resource *inline_resource);
int record_measure_span(const struct otlp_span *span, const struct otlp_resource *inline_resource,
			size_t *ret_bytes);

int record_size_log(const struct otlp_log_record *log, const struct otlp_resource *inline_resource,
		    const struct otlp_scope *inline_scope, size_t *ret_bytes);
enum record_written record_write_log(uint8_t *to, const struct otlp_log_record *log,
				     const struct otlp_resource *inline_resource, uint32_t refs,
				     size_t bytes);
bool record_text_log(const struct otlp_log_record *log,
		     const struct otlp_resource *inline_resource);
int record_measure_log(const struct otlp_log_record *log,
		       const struct otlp_resource *inline_resource, size_t *ret_bytes);

/**
 * A metric record is a head and some points: the caller adds the points' bytes to the head's, up to
 * what its ring takes, and starts another record with the next point. ret_head_bytes is the same
 * for each record of the metric. scope NULL: none inline. metric->point_count is checked against a
 * missing array, and that is all: no points is the caller's business.
 */
int record_size_metric(const struct otlp_metric *metric, const struct otlp_scope *scope,
		       const struct otlp_resource *inline_resource, size_t *ret_head_bytes);
int record_size_point(const struct otlp_metric *metric, size_t index, size_t *ret_bytes);
enum record_written record_write_metric(uint8_t *to, const struct otlp_metric *metric,
					const struct otlp_scope *scope,
					const struct otlp_resource *inline_resource, uint32_t refs,
					size_t first_point, size_t point_count, size_t bytes);
/** Of the head and of all points. */
bool record_text_metric(const struct otlp_metric *metric, const struct otlp_scope *scope,
			const struct otlp_resource *inline_resource);
int record_measure_metric(const struct otlp_metric *metric, const struct otlp_scope *scope,
			  const struct otlp_resource *inline_resource, size_t *ret_head_bytes);
int record_measure_point(const struct otlp_metric *metric, size_t index, size_t *ret_bytes);

/*
 * Spans, or logs, of one shape. The shape is written once, from one of them; struct record_shape is
 * what a push needs to know of it, its arrays the caller's, with room for each attribute. What is
 * not of the shape is OTLP_ERR_INVALID. A span's scope, name, kind and keys, and a log's scope,
 * severity, severity text, event name and keys are not looked at: they are the shape's.
 */
struct record_shape {
	size_t count;	    /* of attributes */
	uint8_t *types;	    /* enum otlp_value_type */
	size_t text_count;  /* of those that are strings or bytes */
	uint16_t *texts;    /* which */
	size_t fixed_bytes; /* of all values, but for what is in the texts */
	size_t growth;	    /* record_shape_growth() */
};

/** What a whole record may have more than its shaped one, at most, with a shape of so many bytes.
 */
static inline size_t record_shape_growth(size_t shape_bytes, size_t attribute_count)
{
	/* What a value loses of its length, its attribute's head may gain; a bool has a byte at
	 * least.
	 */
	return shape_bytes + attribute_count * (size_t)RECORD_ATTRIBUTE_LONG_BYTES;
}

/** May a shaped record of so many bytes be whole more than OTLP_RECORD_BYTES_MAX? Then no reader
 * takes it. */
static inline bool record_shape_may_exceed(const struct record_shape *shape, size_t bytes)
{
	return bytes + shape->growth > OTLP_RECORD_BYTES_MAX;
}

int record_measure_shape(const struct otlp_span *span, struct record_shape *ret, size_t *ret_bytes);
bool record_write_shape(uint8_t *to, const struct otlp_span *span, size_t bytes);
int record_size_shaped(const struct otlp_span *span, const struct record_shape *shape,
		       const struct otlp_resource *inline_resource, size_t *ret_bytes);
enum record_written record_write_shaped(uint8_t *to, const struct otlp_span *span,
					const struct otlp_resource *inline_resource, uint32_t refs,
					uint32_t shape_ref, size_t bytes);

int record_measure_log_shape(const struct otlp_log_record *log, struct record_shape *ret,
			     size_t *ret_bytes);
bool record_write_log_shape(uint8_t *to, const struct otlp_log_record *log, size_t bytes);
int record_size_shaped_log(const struct otlp_log_record *log, const struct record_shape *shape,
			   const struct otlp_resource *inline_resource, size_t *ret_bytes);
enum record_written record_write_shaped_log(uint8_t *to, const struct otlp_log_record *log,
					    const struct otlp_resource *inline_resource,
					    uint32_t refs, uint32_t shape_ref, size_t bytes);

/** An entry of the region's table: the bytes of an inline resource's section, or of a scope's. */
int record_size_resource(const struct otlp_resource *resource, size_t *ret_bytes);
int record_measure_resource(const struct otlp_resource *resource, size_t *ret_bytes);
bool record_write_resource(uint8_t *to, const struct otlp_resource *resource, size_t bytes);
int record_size_scope(const struct otlp_scope *scope, size_t *ret_bytes);
bool record_write_scope(uint8_t *to, const struct otlp_scope *scope, size_t bytes);
bool record_text_scope(const struct otlp_scope *scope);

/*
 * The read side: in the writer. The bytes are a private copy, and hostile: any process that may
 * open the region may have written them.
 */
struct record_view {
	const uint8_t *bytes;
	size_t len;
	const uint8_t *read_end; /* bytes + room: what can be read, whatever it means */
	enum record_kind kind;
	enum otlp_signal signal; /* which ring it belongs into */
	uint32_t resource_ref;	 /* 0: the resource is inline */
	const uint8_t *resource; /* NULL: by reference */
	size_t resource_bytes;
	uint32_t scope_ref;   /* 0: the scope is inline, or there is none */
	const uint8_t *scope; /* NULL: by reference, or there is none */
	size_t scope_bytes;
	uint32_t item_count; /* 1 span or log record, or the points of a metric; never 0 */
	union {
		struct record_span_head span;
		struct record_metric_head metric;
		struct record_log_head log;
	} head;
	struct record_span_extra extra; /* spans; zeros if the record has none */
	const uint8_t *body;		/* what follows the sections */
};

/* What it is good to be able to read behind a record. */
#define RECORD_SLACK_BYTES 64u

/**
 * Check everything that the write side promises: each length, count, type, enum and depth, ids that
 * are not zero, that all text is UTF-8, and that the record ends where its contents end. Whoever
 * reads an accepted record may trust it. Short text is read in one width: what lies behind the
 * record may be read with it, and has no influence.
 *
 * @param room  what can be read there: len, or better RECORD_SLACK_BYTES more
 * @param ret   borrows bytes; says nothing where they are refused
 * @return 0 or -EBADMSG
 */
int record_parse(const uint8_t *bytes, size_t len, size_t room, struct record_view *ret);

/** The same for a resource that a record refers to, and for a scope. */
int record_parse_resource(const uint8_t *bytes, size_t len);
int record_parse_scope(const uint8_t *bytes, size_t len);

/** The same for a shape; the view is of the span, or the log, that it was made from. */
int record_parse_shape(const uint8_t *bytes, size_t len, struct record_view *ret);

/** The shape that a record refers to, 0 if it refers to none. Nothing has been checked yet. */
uint32_t record_shape_ref(const uint8_t *bytes, size_t len);

/** The attributes of a shape. */
static inline uint32_t record_shape_attribute_count(const struct record_view *shape)
{
	return shape->kind == RECORD_LOG ? shape->head.log.attribute_count
					 : shape->head.span.attribute_count;
}

/** The room that record_expand() may need. */
static inline size_t record_expand_bound(size_t len, const struct record_view *shape)
{
	return len + record_shape_growth(shape->len, record_shape_attribute_count(shape));
}

/**
 * Make the whole record of a shaped one, for record_parse() to check like any other.
 *
 * @param to  room for record_expand_bound() bytes
 * @return 0 or -EBADMSG, also where the shape is another signal's
 */
int record_expand(const uint8_t *bytes, size_t len, const struct record_view *shape, uint8_t *to,
		  size_t *ret_len);

#endif
