/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Borrowed telemetry data: what spans, metrics and resources are made of.
 *
 * **The borrow rule**, stated once for every struct of this library: the caller owns each struct,
 * array and byte. A call reads them while it runs, and keeps no pointer after it returns. No other
 * thread changes them during the call. If one does, the call follows the pointers and lengths that
 * it finds, so what they point to must be there; it stores nothing outside the room that it has
 * taken, and the record is refused as invalid, or holds what was read.
 *
 * **Text** is UTF-8 with its length in bytes. It needs no terminating NUL and may contain one;
 * {NULL, 0} is the empty text. **Times** are nanoseconds since the Unix epoch. **Zero means
 * absent**, so that a struct that is all zero is an empty one.
 *
 * **Reserved fields must be zero**: later versions give them a meaning. Those of options, spans and
 * metrics are checked, and those of resources and scopes that the library keeps: one that is set is
 * #OTLP_ERR_INVALID. Those of anything else (events, links, points, exemplars, the groups of
 * metrics, the scope and the resource of a span) are not looked at, as that would cost each push.
 *
 * **Bad data** are #OTLP_ERR_INVALID, and the record is refused whole: a NULL pointer with a count
 * or a length, text that is not UTF-8, an enum value that is none. Other records of the same call
 * are taken.
 *
 * Enum values are those of OTLP where OTLP has them, so that encoding copies them.
 *
 * Source: opentelemetry-proto 1.x, common.proto and resource.proto.
 */
#ifndef OTLPIPE_DATA_H
#define OTLPIPE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Marks what the library exports. */
#define OTLP_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/** Borrowed text, UTF-8. */
struct otlp_str {
	const char *ptr; /**< NULL only with len 0. */
	size_t len;	 /**< In bytes. */
};

/** Borrowed bytes of any content. */
struct otlp_bytes {
	const uint8_t *ptr; /**< NULL only with len 0. */
	size_t len;	    /**< In bytes. */
};

/** What an otlp_value is. Source: common.proto, AnyValue. */
enum otlp_value_type {
	OTLP_VALUE_EMPTY = 0,  /**< No value: AnyValue without a field. */
	OTLP_VALUE_STRING = 1, /**< as.string, UTF-8. */
	OTLP_VALUE_BOOL = 2,   /**< as.boolean. */
	OTLP_VALUE_INT = 3,    /**< as.integer, signed, 64 bits. */
	OTLP_VALUE_DOUBLE = 4, /**< as.real. */
	OTLP_VALUE_ARRAY = 5,  /**< as.array: values of any type. */
	OTLP_VALUE_KVLIST = 6, /**< as.kvlist: attributes of any type. */
	OTLP_VALUE_BYTES = 7   /**< as.bytes. */
};

/** The limit of nesting. */
enum otlp_value_limit {
	/**
	 * How deep values may nest: a scalar has depth 1, an array or a list one more than the
	 * deepest of its items. Deeper data are refused with #OTLP_ERR_INVALID. Decoders have
	 * limits too: protobuf's usual one is 100 messages, and each level here takes up to three.
	 */
	OTLP_VALUE_DEPTH_MAX = 16
};

struct otlp_attribute;
struct otlp_value;

/** Borrowed values, in order. Source: common.proto, ArrayValue. */
struct otlp_array {
	const struct otlp_value *items; /**< count of them; NULL only with count 0. */
	size_t count;			/**< Of values. */
};

/** Borrowed attributes as one value. Source: common.proto, KeyValueList. */
struct otlp_kvlist {
	const struct otlp_attribute *items; /**< count of them; NULL only with count 0. */
	size_t count;			    /**< Of attributes. */
};

/** The content of an otlp_value; its type says which member counts. */
union otlp_value_content {
	struct otlp_str string;	   /**< #OTLP_VALUE_STRING. */
	bool boolean;		   /**< #OTLP_VALUE_BOOL. */
	int64_t integer;	   /**< #OTLP_VALUE_INT. */
	double real;		   /**< #OTLP_VALUE_DOUBLE. */
	struct otlp_bytes bytes;   /**< #OTLP_VALUE_BYTES. */
	struct otlp_array array;   /**< #OTLP_VALUE_ARRAY. */
	struct otlp_kvlist kvlist; /**< #OTLP_VALUE_KVLIST. */
};

/**
 * One value. It has no reserved room, because a usual span has eight of them: it grows by new
 * types. Source: common.proto, AnyValue.
 */
struct otlp_value {
	enum otlp_value_type type;   /**< Which member of `as` counts. */
	union otlp_value_content as; /**< The content. */
};

/** A key and its value. Keys of one record should differ. Source: common.proto, KeyValue. */
struct otlp_attribute {
	struct otlp_str key;	 /**< UTF-8. */
	struct otlp_value value; /**< Of any type. */
};

/** The attributes of one thing. */
struct otlp_attributes {
	const struct otlp_attribute *items; /**< count of them; NULL only with count 0. */
	size_t count;			    /**< Of attributes. */
	/**
	 * How many attributes the caller left out. OTLP has no field for it on data points,
	 * exemplars and metric metadata: there it is not carried.
	 */
	uint32_t dropped;
};

/** Who made the telemetry. Source: resource.proto, Resource. */
struct otlp_resource {
	struct otlp_attributes attributes; /**< Such as service.name. */
	struct otlp_str schema_url;	   /**< Of the attributes; empty: none. */
	const void *reserved[4];	   /**< Must be zero. */
};

/** The instrumentation library. Source: common.proto, InstrumentationScope. */
struct otlp_scope {
	struct otlp_str name;		   /**< Of the library. */
	struct otlp_str version;	   /**< Of the library. */
	struct otlp_str schema_url;	   /**< Of the records in this scope; empty: none. */
	struct otlp_attributes attributes; /**< Of the scope itself. */
	const void *reserved[2];	   /**< Must be zero. */
};

/** A string literal as a borrowed text, its length known at compile time. */
#ifdef __cplusplus
#define OTLP_STR(literal) (otlp_str{"" literal, sizeof(literal) - 1})
#else
#define OTLP_STR(literal) ((struct otlp_str){"" literal, sizeof(literal) - 1})
#endif

/** The same for static initialisers. */
#define OTLP_STR_INIT(literal)                  \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	}

/**
 * A text that ends with a NUL, as a borrowed text. For literals, OTLP_STR() knows the length.
 * Any thread; async-signal-safe.
 *
 * @param text  UTF-8, borrowed: what is returned points to it; NULL: the empty text
 * @return the text up to its NUL
 */
OTLP_API struct otlp_str otlp_str_from(const char *text);

/**
 * A value of type #OTLP_VALUE_STRING. Any thread; async-signal-safe.
 *
 * @param text  UTF-8, borrowed: the value points to it
 * @return the value
 */
OTLP_API struct otlp_value otlp_value_str(struct otlp_str text);

/**
 * A value of type #OTLP_VALUE_INT. Any thread; async-signal-safe.
 *
 * @param integer  any
 * @return the value
 */
OTLP_API struct otlp_value otlp_value_int(int64_t integer);

/**
 * A value of type #OTLP_VALUE_DOUBLE. Any thread; async-signal-safe.
 *
 * @param real  any, NaN and the infinities too
 * @return the value
 */
OTLP_API struct otlp_value otlp_value_double(double real);

/**
 * A value of type #OTLP_VALUE_BOOL. Any thread; async-signal-safe.
 *
 * @param boolean  true or false
 * @return the value
 */
OTLP_API struct otlp_value otlp_value_bool(bool boolean);

/**
 * A value of type #OTLP_VALUE_BYTES. Any thread; async-signal-safe.
 *
 * @param bytes  borrowed: the value points to them
 * @return the value
 */
OTLP_API struct otlp_value otlp_value_bytes(struct otlp_bytes bytes);

/**
 * A value of type #OTLP_VALUE_ARRAY. Any thread; async-signal-safe.
 *
 * @param items  count of them, borrowed: the value points to them; NULL only with count 0
 * @param count  of items
 * @return the value
 */
OTLP_API struct otlp_value otlp_value_array(const struct otlp_value *items, size_t count);

/**
 * A value of type #OTLP_VALUE_KVLIST. Any thread; async-signal-safe.
 *
 * @param items  count of them, borrowed: the value points to them; NULL only with count 0
 * @param count  of items
 * @return the value
 */
OTLP_API struct otlp_value otlp_value_kvlist(const struct otlp_attribute *items, size_t count);

/**
 * An attribute whose value is otlp_value_str(). Any thread; async-signal-safe.
 *
 * @param key    UTF-8, borrowed: the attribute points to it
 * @param value  UTF-8, borrowed: the attribute points to it
 * @return the attribute
 */
OTLP_API struct otlp_attribute otlp_attr_str(struct otlp_str key, struct otlp_str value);

/**
 * An attribute whose value is otlp_value_int(). Any thread; async-signal-safe.
 *
 * @param key    UTF-8, borrowed: the attribute points to it
 * @param value  any
 * @return the attribute
 */
OTLP_API struct otlp_attribute otlp_attr_int(struct otlp_str key, int64_t value);

/**
 * An attribute whose value is otlp_value_double(). Any thread; async-signal-safe.
 *
 * @param key    UTF-8, borrowed: the attribute points to it
 * @param value  any, NaN and the infinities too
 * @return the attribute
 */
OTLP_API struct otlp_attribute otlp_attr_double(struct otlp_str key, double value);

/**
 * An attribute whose value is otlp_value_bool(). Any thread; async-signal-safe.
 *
 * @param key    UTF-8, borrowed: the attribute points to it
 * @param value  true or false
 * @return the attribute
 */
OTLP_API struct otlp_attribute otlp_attr_bool(struct otlp_str key, bool value);

/**
 * An attribute whose value is otlp_value_bytes(). Any thread; async-signal-safe.
 *
 * @param key    UTF-8, borrowed: the attribute points to it
 * @param value  borrowed: the attribute points to them
 * @return the attribute
 */
OTLP_API struct otlp_attribute otlp_attr_bytes(struct otlp_str key, struct otlp_bytes value);

/**
 * An attribute whose value is otlp_value_array(). Any thread; async-signal-safe.
 *
 * @param key    UTF-8, borrowed: the attribute points to it
 * @param items  count of them, borrowed: the attribute points to them; NULL only with count 0
 * @param count  of items
 * @return the attribute
 */
OTLP_API struct otlp_attribute otlp_attr_array(struct otlp_str key, const struct otlp_value *items,
					       size_t count);

/**
 * An attribute whose value is otlp_value_kvlist(). Any thread; async-signal-safe.
 *
 * @param key    UTF-8, borrowed: the attribute points to it
 * @param items  count of them, borrowed: the attribute points to them; NULL only with count 0
 * @param count  of items
 * @return the attribute
 */
OTLP_API struct otlp_attribute otlp_attr_kvlist(struct otlp_str key,
						const struct otlp_attribute *items, size_t count);

/*
 * The bodies of the functions above, for compilers to inline where they optimise. The library
 * exports the same functions, for whoever does not, who takes an address, or who reads declarations
 * alone, such as a binding generator. A program that defines OTLP_NO_INLINE calls the exported
 * ones.
 */
#if defined(__OPTIMIZE__) && !defined(OTLP_NO_INLINE) || defined(OTLP_INLINE)

#ifndef OTLP_INLINE
#define OTLP_INLINE extern __inline__ __attribute__((gnu_inline, always_inline))
#endif

OTLP_INLINE struct otlp_str otlp_str_from(const char *text)
{
	struct otlp_str ret = {text, 0};

	if (text != NULL)
		ret.len = __builtin_strlen(text);
	return ret;
}

OTLP_INLINE struct otlp_value otlp_value_str(struct otlp_str text)
{
	struct otlp_value ret = {OTLP_VALUE_STRING, {text}};

	return ret;
}

OTLP_INLINE struct otlp_value otlp_value_int(int64_t integer)
{
	struct otlp_value ret = {OTLP_VALUE_INT, {{NULL, 0}}};

	ret.as.integer = integer;
	return ret;
}

OTLP_INLINE struct otlp_value otlp_value_double(double real)
{
	struct otlp_value ret = {OTLP_VALUE_DOUBLE, {{NULL, 0}}};

	ret.as.real = real;
	return ret;
}

OTLP_INLINE struct otlp_value otlp_value_bool(bool boolean)
{
	struct otlp_value ret = {OTLP_VALUE_BOOL, {{NULL, 0}}};

	ret.as.boolean = boolean;
	return ret;
}

OTLP_INLINE struct otlp_value otlp_value_bytes(struct otlp_bytes bytes)
{
	struct otlp_value ret = {OTLP_VALUE_BYTES, {{NULL, 0}}};

	ret.as.bytes = bytes;
	return ret;
}

OTLP_INLINE struct otlp_value otlp_value_array(const struct otlp_value *items, size_t count)
{
	struct otlp_value ret = {OTLP_VALUE_ARRAY, {{NULL, 0}}};

	ret.as.array.items = items;
	ret.as.array.count = count;
	return ret;
}

OTLP_INLINE struct otlp_value otlp_value_kvlist(const struct otlp_attribute *items, size_t count)
{
	struct otlp_value ret = {OTLP_VALUE_KVLIST, {{NULL, 0}}};

	ret.as.kvlist.items = items;
	ret.as.kvlist.count = count;
	return ret;
}

OTLP_INLINE struct otlp_attribute otlp_attr_str(struct otlp_str key, struct otlp_str value)
{
	struct otlp_attribute ret = {key, otlp_value_str(value)};

	return ret;
}

OTLP_INLINE struct otlp_attribute otlp_attr_int(struct otlp_str key, int64_t value)
{
	struct otlp_attribute ret = {key, otlp_value_int(value)};

	return ret;
}

OTLP_INLINE struct otlp_attribute otlp_attr_double(struct otlp_str key, double value)
{
	struct otlp_attribute ret = {key, otlp_value_double(value)};

	return ret;
}

OTLP_INLINE struct otlp_attribute otlp_attr_bool(struct otlp_str key, bool value)
{
	struct otlp_attribute ret = {key, otlp_value_bool(value)};

	return ret;
}

OTLP_INLINE struct otlp_attribute otlp_attr_bytes(struct otlp_str key, struct otlp_bytes value)
{
	struct otlp_attribute ret = {key, otlp_value_bytes(value)};

	return ret;
}

OTLP_INLINE struct otlp_attribute otlp_attr_array(struct otlp_str key,
						  const struct otlp_value *items, size_t count)
{
	struct otlp_attribute ret = {key, otlp_value_array(items, count)};

	return ret;
}

OTLP_INLINE struct otlp_attribute otlp_attr_kvlist(struct otlp_str key,
						   const struct otlp_attribute *items, size_t count)
{
	struct otlp_attribute ret = {key, otlp_value_kvlist(items, count)};

	return ret;
}

#undef OTLP_INLINE
#endif

#ifdef __cplusplus
}
#endif

#endif
