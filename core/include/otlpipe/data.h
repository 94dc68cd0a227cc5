/* SPDX-License-Identifier: Apache-2.0 */
/* <otlpipe/data.h>: borrowed telemetry data. */
#ifndef OTLPIPE_DATA_H
#define OTLPIPE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The borrow rule, stated once for every struct of this library: the caller
 * owns each struct, array and byte; a call reads them while it runs and keeps
 * no pointer after it returns. Strings are UTF-8, need no terminating NUL, and
 * {NULL, 0} is the empty string. Times are nanoseconds since the Unix epoch.
 * Zero means absent, and reserved fields must be zero. Enum values are those
 * of OTLP, so that encoding copies them.
 *
 * No other thread changes the data during the call. A NULL pointer with a count
 * or a length, text that is not UTF-8, a reserved field that is set, or an enum
 * value that is none is OTLP_ERR_INVALID, and the record is refused whole.
 * Source: opentelemetry-proto 1.x, common.proto and resource.proto.
 */
struct otlp_str {
	const char *ptr;
	size_t len; /* bytes */
};

/* A string literal as a borrowed string, its length known at compile time. */
#ifdef __cplusplus
#define OTLP_STR(literal) (otlp_str{"" literal, sizeof(literal) - 1})
#else
#define OTLP_STR(literal) ((struct otlp_str){"" literal, sizeof(literal) - 1})
#endif

/* The same for static initialisers. */
#define OTLP_STR_INIT(literal)                  \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	}

struct otlp_bytes {
	const uint8_t *ptr;
	size_t len; /* bytes */
};

enum otlp_value_type {
	OTLP_VALUE_EMPTY = 0,
	OTLP_VALUE_STRING,
	OTLP_VALUE_BOOL,
	OTLP_VALUE_INT,
	OTLP_VALUE_DOUBLE,
	OTLP_VALUE_ARRAY,
	OTLP_VALUE_KVLIST,
	OTLP_VALUE_BYTES
};

/*
 * How deep values may nest: a scalar has depth 1, an array or a list one more than the deepest of
 * its items. Deeper data are refused with OTLP_ERR_INVALID. Decoders have limits too: protobuf's
 * usual one is 100 messages, and each level here takes up to three.
 */
enum otlp_value_limit { OTLP_VALUE_DEPTH_MAX = 16 };

struct otlp_attribute;
struct otlp_value;

struct otlp_array {
	const struct otlp_value *items;
	size_t count;
};

struct otlp_kvlist {
	const struct otlp_attribute *items;
	size_t count;
};

union otlp_value_content {
	struct otlp_str string;
	bool boolean;
	int64_t integer;
	double real;
	struct otlp_bytes bytes;
	struct otlp_array array;
	struct otlp_kvlist kvlist;
};

struct otlp_value {
	enum otlp_value_type type;
	union otlp_value_content as;
};

struct otlp_attribute {
	struct otlp_str key;
	struct otlp_value value;
};

struct otlp_attributes {
	const struct otlp_attribute *items;
	size_t count;
	/* Attributes that the caller left out. OTLP has no field for it on data points, exemplars
	 * and metric metadata: there it is not carried. */
	uint32_t dropped;
};

struct otlp_resource {
	struct otlp_attributes attributes;
	struct otlp_str schema_url;
	const void *reserved[4];
};

/* InstrumentationScope. */
struct otlp_scope {
	struct otlp_str name;
	struct otlp_str version;
	struct otlp_str schema_url;
	struct otlp_attributes attributes;
	const void *reserved[2];
};

/* Attributes in one line, also from C++. */
static inline struct otlp_attribute otlp_attr_str(struct otlp_str key, struct otlp_str value)
{
	struct otlp_attribute a = {key, {OTLP_VALUE_STRING, {value}}};
	return a;
}

static inline struct otlp_attribute otlp_attr_int(struct otlp_str key, int64_t value)
{
	struct otlp_attribute a = {key, {OTLP_VALUE_INT, {{0, 0}}}};
	a.value.as.integer = value;
	return a;
}

static inline struct otlp_attribute otlp_attr_double(struct otlp_str key, double value)
{
	struct otlp_attribute a = {key, {OTLP_VALUE_DOUBLE, {{0, 0}}}};
	a.value.as.real = value;
	return a;
}

static inline struct otlp_attribute otlp_attr_bool(struct otlp_str key, bool value)
{
	struct otlp_attribute a = {key, {OTLP_VALUE_BOOL, {{0, 0}}}};
	a.value.as.boolean = value;
	return a;
}

#endif
