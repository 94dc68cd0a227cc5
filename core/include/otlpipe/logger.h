/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A front for log statements, so that nobody fills in a struct otlp_log_record by hand. It is not
 * part of otlpipe.h: include it where a program logs.
 *
 *     static struct otlp_logger logger = {.severity_min = OTLP_SEVERITY_INFO};
 *
 *     otlp_library_open(&logger.library, NULL);
 *     OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "order taken", OTLP_KV("order.id", id));
 *     OTLP_LOGF(&logger, OTLP_SEVERITY_WARN, "%s: %u retries", host, retries);
 *
 * **Two forms**: OTLP_LOG() takes a text as it is and typed key-values, formats nothing, and is
 * async-signal-safe. OTLP_LOGF() formats its text as printf() does, and the compiler checks the
 * format; it is not for signal handlers.
 *
 * **What it costs**: a statement below the logger's severity_min is one load and one comparison;
 * its arguments are not looked at. Any other is one push, with no allocation and no system call
 * (the time comes from the vDSO, where the machine's clock has it). Nothing waits, and what could
 * not be taken is counted by the library, as otlp_library_export_logs() has it.
 *
 * **Keys** are string literals. **Values** of OTLP_KV() are of any C type that has a type of OTLP:
 * bool, integers, float and double, text that ends with a NUL, struct otlp_str, struct otlp_bytes,
 * struct otlp_value. An unsigned integer above INT64_MAX, which OTLP cannot hold, becomes a double.
 * In C before C23 `true` and `false` are of type int; a variable of type bool is a bool. OTLP_KV()
 * needs C11 or C++; in C99 the functions otlp_attr_int() and its like stand in its place.
 *
 * **Trace context**: each record takes that of its thread, which the program sets by
 * otlp_log_context_set(); the macros with `_IN` take one as an argument.
 */
#ifndef OTLPIPE_LOGGER_H
#define OTLPIPE_LOGGER_H

#include <stdarg.h>

#include <otlpipe/otlpipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Of the formatted form. */
enum otlp_logger_limit {
	/**
	 * Of a formatted text in bytes. What is longer is cut, between characters, and the record
	 * has the attribute otlpipe.body.cut_bytes then: how many bytes are missing.
	 */
	OTLP_LOGGER_BODY_BYTES_MAX = 1024,
	/** Attributes beside a formatted text; more are #OTLP_ERR_TOO_LARGE. */
	OTLP_LOGGER_ATTRIBUTES_MAX = 64
};

/** Which span a log record belongs to. */
struct otlp_log_context {
	uint8_t trace_id[16];	 /**< All zero: of no trace. */
	uint8_t span_id[8];	 /**< All zero: of no span. */
	uint32_t flags;		 /**< W3C trace flags. */
	const void *reserved[2]; /**< Must be zero. */
};

/**
 * What log statements go to. The program owns it, mostly as a static variable, and fills it in
 * before other threads use it; from then on only severity_min changes.
 */
struct otlp_logger {
	struct otlp_library *library;	      /**< Borrowed. NULL: nothing is logged. */
	const struct otlp_resource *resource; /**< Borrowed. NULL: the library's. */
	const struct otlp_scope *scope;	      /**< Borrowed. NULL: no scope. */
	/** An enum otlp_severity_number: what is below it is not logged. 0: all is. */
	uint32_t severity_min;
	const void *reserved[4]; /**< Must be zero. */
};

/**
 * Set the trace context of the calling thread, for the statements that are given none. Costs a
 * store. Any thread; async-signal-safe.
 *
 * @param context  borrowed until the thread sets another, and not changed meanwhile; NULL: none
 * @return the one that was set before, to be set again where spans nest; NULL: none
 */
OTLP_API const struct otlp_log_context *
otlp_log_context_set(const struct otlp_log_context *context);

/**
 * The trace context of the calling thread. Any thread; async-signal-safe.
 *
 * @return what otlp_log_context_set() was given last in this thread; NULL: none
 */
OTLP_API const struct otlp_log_context *otlp_log_context_get(void);

/**
 * Log a text and attributes now, whatever the logger's severity_min is: what OTLP_LOG() calls. Any
 * thread; async-signal-safe.
 *
 * @param logger      without a library it logs nothing
 * @param context     borrowed for the call; NULL: the thread's
 * @param severity    of the record
 * @param body        UTF-8, borrowed for the call
 * @param attributes  count of them, borrowed for the call; NULL only with count 0
 * @param count       of attributes
 * @return as otlp_library_export_logs(); #OTLP_ERR_INVALID where the logger has no library
 */
OTLP_API int otlp_logger_emit(const struct otlp_logger *logger,
			      const struct otlp_log_context *context,
			      enum otlp_severity_number severity, struct otlp_str body,
			      const struct otlp_attribute *attributes, size_t count);

/**
 * Format a text as printf() does and log it: what OTLP_LOGF() calls. It is formatted on the stack,
 * which takes 8 KiB of it. Bytes that are not UTF-8 are replaced by U+FFFD. Where printf() itself
 * fails, as for a wide character that has no bytes, the format is the text, and the record has the
 * attribute otlpipe.body.unformatted. Any thread; not from a signal handler.
 *
 * @param logger      without a library it logs nothing
 * @param context     borrowed for the call; NULL: the thread's
 * @param severity    of the record
 * @param attributes  count of them, borrowed for the call; NULL only with count 0
 * @param count       of attributes, up to #OTLP_LOGGER_ATTRIBUTES_MAX
 * @param format      of the text; errno is what it was, for %m
 * @return as otlp_library_export_logs(); #OTLP_ERR_INVALID where the logger has no library;
 *         #OTLP_ERR_TOO_LARGE for too many attributes, which the library does not count
 */
OTLP_API int otlp_logger_printf(const struct otlp_logger *logger,
				const struct otlp_log_context *context,
				enum otlp_severity_number severity,
				const struct otlp_attribute *attributes, size_t count,
				const char *format, ...) __attribute__((format(printf, 6, 7)));

/**
 * As otlp_logger_printf(), for a function of your own that takes a format. Any thread; not from a
 * signal handler.
 *
 * @param logger      without a library it logs nothing
 * @param context     borrowed for the call; NULL: the thread's
 * @param severity    of the record
 * @param attributes  count of them, borrowed for the call; NULL only with count 0
 * @param count       of attributes, up to #OTLP_LOGGER_ATTRIBUTES_MAX
 * @param format      of the text
 * @param arguments   of the format
 * @return as otlp_logger_printf()
 */
OTLP_API int
otlp_logger_vprintf(const struct otlp_logger *logger, const struct otlp_log_context *context,
		    enum otlp_severity_number severity, const struct otlp_attribute *attributes,
		    size_t count, const char *format, va_list arguments)
	__attribute__((format(printf, 6, 0)));

/** @cond INTERNAL */

static __inline__ bool otlp_logger_takes_(const struct otlp_logger *logger, uint32_t severity)
{
	return severity >= __atomic_load_n(&logger->severity_min, __ATOMIC_RELAXED);
}

static __inline__ struct otlp_attribute otlp_log_none_(void)
{
	struct otlp_attribute ret = {{NULL, 0}, {OTLP_VALUE_EMPTY, {{NULL, 0}}}};

	return ret;
}

static __inline__ struct otlp_attribute otlp_kv_bool_(struct otlp_str key, bool value)
{
	return otlp_attr_bool(key, value);
}

static __inline__ struct otlp_attribute otlp_kv_int_(struct otlp_str key, int64_t value)
{
	return otlp_attr_int(key, value);
}

static __inline__ struct otlp_attribute otlp_kv_uint_(struct otlp_str key, uint64_t value)
{
	return value <= INT64_MAX ? otlp_attr_int(key, (int64_t)value)
				  : otlp_attr_double(key, (double)value);
}

static __inline__ struct otlp_attribute otlp_kv_double_(struct otlp_str key, double value)
{
	return otlp_attr_double(key, value);
}

static __inline__ struct otlp_attribute otlp_kv_text_(struct otlp_str key, const char *value)
{
	return otlp_attr_str(key, otlp_str_from(value));
}

static __inline__ struct otlp_attribute otlp_kv_str_(struct otlp_str key, struct otlp_str value)
{
	return otlp_attr_str(key, value);
}

static __inline__ struct otlp_attribute otlp_kv_bytes_(struct otlp_str key, struct otlp_bytes value)
{
	return otlp_attr_bytes(key, value);
}

static __inline__ struct otlp_attribute otlp_kv_value_(struct otlp_str key, struct otlp_value value)
{
	struct otlp_attribute ret = {key, value};

	return ret;
}

#ifdef __cplusplus
}

/* Overloads, which have C++ linkage. Each type has its own, so that none is ambiguous. */
#define OTLP_KV_OVERLOAD_(type, name)                                                           \
	static inline struct otlp_attribute otlp_kv_(struct otlp_str otlp_key, type otlp_value) \
	{                                                                                       \
		return otlp_kv_##name##_(otlp_key, otlp_value);                                 \
	}

OTLP_KV_OVERLOAD_(bool, bool)
OTLP_KV_OVERLOAD_(char, int)
OTLP_KV_OVERLOAD_(signed char, int)
OTLP_KV_OVERLOAD_(unsigned char, int)
OTLP_KV_OVERLOAD_(short, int)
OTLP_KV_OVERLOAD_(unsigned short, int)
OTLP_KV_OVERLOAD_(int, int)
OTLP_KV_OVERLOAD_(unsigned int, int)
OTLP_KV_OVERLOAD_(long, int)
OTLP_KV_OVERLOAD_(unsigned long, uint)
OTLP_KV_OVERLOAD_(long long, int)
OTLP_KV_OVERLOAD_(unsigned long long, uint)
OTLP_KV_OVERLOAD_(float, double)
OTLP_KV_OVERLOAD_(double, double)
OTLP_KV_OVERLOAD_(const char *, text)
OTLP_KV_OVERLOAD_(struct otlp_str, str)
OTLP_KV_OVERLOAD_(struct otlp_bytes, bytes)
OTLP_KV_OVERLOAD_(struct otlp_value, value)
#undef OTLP_KV_OVERLOAD_

#define OTLP_KV_OF_(key, value) otlp_kv_(key, value)

extern "C" {
#else
#define OTLP_KV_OF_(key, value) \
	_Generic((value),                                                                      \
		bool: otlp_kv_bool_,                                                           \
		char: otlp_kv_int_,                                                            \
		signed char: otlp_kv_int_,                                                     \
		unsigned char: otlp_kv_int_,                                                   \
		short: otlp_kv_int_,                                                           \
		unsigned short: otlp_kv_int_,                                                  \
		int: otlp_kv_int_,                                                             \
		unsigned int: otlp_kv_int_,                                                    \
		long: otlp_kv_int_,                                                            \
		unsigned long: otlp_kv_uint_,                                                  \
		long long: otlp_kv_int_,                                                       \
		unsigned long long: otlp_kv_uint_,                                             \
		float: otlp_kv_double_,                                                        \
		double: otlp_kv_double_,                                                       \
		char *: otlp_kv_text_,                                                         \
		const char *: otlp_kv_text_,                                                   \
		struct otlp_str: otlp_kv_str_,                                                 \
		struct otlp_bytes: otlp_kv_bytes_,                                             \
		struct otlp_value: otlp_kv_value_)(key, value)
#endif

/* Stands behind or before the attributes of a statement, so that it may have none. */
#define OTLP_LOG_LIST_(...) __VA_ARGS__
#define OTLP_LOG_COUNT_	    (sizeof(otlp_items_) / sizeof(otlp_items_[0]) - 1)

#define OTLP_LOG_TYPED_(logger, context, severity, body, ...)                                      \
	do {                                                                                       \
		const struct otlp_logger *const otlp_logger_ = (logger);                           \
		if (otlp_logger_takes_(otlp_logger_, (uint32_t)(severity))) {                      \
			const struct otlp_attribute otlp_items_[] = {__VA_ARGS__};                 \
			(void)otlp_logger_emit(otlp_logger_, (context), (severity),                \
					       otlp_str_from(body), otlp_items_, OTLP_LOG_COUNT_); \
		}                                                                                  \
	} while (0)

/** @endcond */

/**
 * The least severity that is logged, from now on. Any thread; async-signal-safe.
 *
 * @param logger    whose
 * @param severity  what is below it is not logged; #OTLP_SEVERITY_UNSPECIFIED: all is
 */
static __inline__ void otlp_logger_set_severity_min(struct otlp_logger *logger,
						    enum otlp_severity_number severity)
{
	__atomic_store_n(&logger->severity_min, (uint32_t)severity, __ATOMIC_RELAXED);
}

/**
 * A key and a value for the macros below.
 *
 * @param key    a string literal
 * @param value  of a type that this page's head names
 */
#define OTLP_KV(key, value) OTLP_KV_OF_(OTLP_STR(key), value)

/**
 * Log a text with typed key-values. A statement; any thread; async-signal-safe.
 *
 *     OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "served", OTLP_KV("status", 200));
 *
 * @param logger    a pointer to a struct otlp_logger
 * @param severity  an enum otlp_severity_number
 * @param ...       the text, which ends with a NUL, then attributes, such as OTLP_KV() makes
 */
#define OTLP_LOG(logger, severity, ...) OTLP_LOG_IN(logger, NULL, severity, __VA_ARGS__)

/**
 * OTLP_LOG() in a trace context that is given. A statement; any thread; async-signal-safe.
 *
 * @param logger    a pointer to a struct otlp_logger
 * @param context   a pointer to a struct otlp_log_context; NULL: the thread's
 * @param severity  an enum otlp_severity_number
 * @param ...       the text, then attributes
 */
#define OTLP_LOG_IN(logger, context, severity, ...) \
	OTLP_LOG_TYPED_(logger, context, severity, __VA_ARGS__, otlp_log_none_())

/**
 * Log a formatted text. A statement; any thread; not from a signal handler.
 *
 *     OTLP_LOGF(&logger, OTLP_SEVERITY_ERROR, "%s: %m", path);
 *
 * @param logger    a pointer to a struct otlp_logger
 * @param severity  an enum otlp_severity_number
 * @param ...       a format of printf(), and its arguments
 */
#define OTLP_LOGF(logger, severity, ...) OTLP_LOGF_IN(logger, NULL, severity, (), __VA_ARGS__)

/**
 * Log a formatted text with key-values, in a trace context that is given. A statement; any thread;
 * not from a signal handler.
 *
 *     OTLP_LOGF_IN(&logger, NULL, OTLP_SEVERITY_WARN, (OTLP_KV("try", 3)), "%s: again", host);
 *
 * @param logger      a pointer to a struct otlp_logger
 * @param context     a pointer to a struct otlp_log_context; NULL: the thread's
 * @param severity    an enum otlp_severity_number
 * @param attributes  in parentheses, with commas between them; () are none
 * @param ...         a format of printf(), and its arguments
 */
#define OTLP_LOGF_IN(logger, context, severity, attributes, ...)                                 \
	do {                                                                                     \
		const struct otlp_logger *const otlp_logger_ = (logger);                         \
		if (otlp_logger_takes_(otlp_logger_, (uint32_t)(severity))) {                    \
			const struct otlp_attribute otlp_items_[] = {otlp_log_none_(),           \
								     OTLP_LOG_LIST_ attributes}; \
			(void)otlp_logger_printf(otlp_logger_, (context), (severity),            \
						 otlp_items_ + 1, OTLP_LOG_COUNT_, __VA_ARGS__); \
		}                                                                                \
	} while (0)

#ifdef __cplusplus
}
#endif

#endif
