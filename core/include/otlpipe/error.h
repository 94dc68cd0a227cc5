/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Errors: one convention for the whole library.
 *
 * There is one set of codes, enum otlp_error: #OTLP_OK is 0, errors are negative. Each call that
 * can fail answers with one of them:
 *
 * - as an `int`; otlp_strerror() has its text;
 * - where it is a call that an SDK makes on an exporter (otlp_metric_exporter_…(),
 *   otlp_span_exporter_…() and otlp_log_exporter_…()), inside a struct otlp_sdk_result: `cause` is
 *   the code, `status` what the SDK wants to know.
 *
 * What a call gives out through a parameter named `ret` is set on success only. Calls that return a
 * handle, a value or nothing cannot fail; given NULL they return NULL, the value that is documented
 * with them, or do nothing. NULL where something is needed is #OTLP_ERR_INVALID, and never a crash.
 */
#ifndef OTLPIPE_ERROR_H
#define OTLPIPE_ERROR_H

#include <errno.h>

/**
 * The codes. Where an errno says the same thing the value is its negative. Values and names are
 * stable; later versions may add some.
 */
enum otlp_error {
	OTLP_OK = 0,			/**< Success. */
	OTLP_ERR_INVALID = -EINVAL,	/**< An argument or the data are wrong. */
	OTLP_ERR_NO_MEMORY = -ENOMEM,	/**< No memory in this process. */
	OTLP_ERR_ACCESS = -EACCES,	/**< The runtime directory is not accessible. */
	OTLP_ERR_NO_SPACE = -ENOSPC,	/**< No room for the rings in the runtime directory. */
	OTLP_ERR_TIMEOUT = -ETIMEDOUT,	/**< The deadline passed. */
	OTLP_ERR_TOO_LARGE = -EMSGSIZE, /**< A record is larger than its ring can carry. */
	OTLP_ERR_FULL = -ENOBUFS,	/**< Records were dropped and counted: do not retry. */
	OTLP_ERR_NO_WRITER = -ENOTCONN, /**< None is running: the records wait in the ring. */
	OTLP_ERR_SHUTDOWN = -ESHUTDOWN, /**< The library was shut down. */
	OTLP_ERR_LIMIT = -EDQUOT,	/**< A limit of the process or its cgroup; see
					     otlp_library_last_error(). */
	OTLP_ERR_ABI = -EPROTO /**< The shared memory, or the program, is of another version. */
};

/**
 * What an exporter answers its SDK. Each error is the SDK's failure. Source: trace/sdk.md,
 * metrics/sdk.md and logs/sdk.md, "Export".
 */
enum otlp_sdk_status {
	OTLP_SDK_SUCCESS = 0,	      /**< All was taken. */
	OTLP_SDK_INTERNAL_FAILURE = 1 /**< Something was not: the cause says why. */
};

/** The answer of an exporter to its SDK. */
struct otlp_sdk_result {
	enum otlp_sdk_status status; /**< #OTLP_SDK_SUCCESS exactly when cause is #OTLP_OK. */
	int cause;		     /**< An enum otlp_error. */
};

#endif
