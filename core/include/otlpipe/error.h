/* SPDX-License-Identifier: Apache-2.0 */
/* <otlpipe/error.h>: error codes of the library, and what an SDK is told. */
#ifndef OTLPIPE_ERROR_H
#define OTLPIPE_ERROR_H

#include <errno.h>

/*
 * Library calls return 0, or one of these negative values. Where an errno
 * says the same thing the value is -errno. otlp_strerror() has the texts. The
 * values and names are stable; later versions may add some.
 */
#define OTLP_ERROR_MAP(X)                                                                     \
	X(INVALID, -EINVAL, "invalid argument")                                               \
	X(NO_MEMORY, -ENOMEM, "out of memory")                                                \
	X(ACCESS, -EACCES, "the runtime directory is not accessible")                         \
	X(NO_SPACE, -ENOSPC, "no room for the shared ring")                                   \
	X(TIMEOUT, -ETIMEDOUT, "the deadline passed")                                         \
	X(TOO_LARGE, -EMSGSIZE, "a record is larger than the ring can carry")                 \
	X(FULL, -ENOBUFS, "the ring is full: records were dropped and counted, do not retry") \
	X(NO_WRITER, -ENOTCONN, "no writer is running: the records wait in the ring")         \
	X(SHUTDOWN, -ESHUTDOWN, "the library was shut down")                                  \
	X(ABI, -EPROTO, "the shared memory is of an incompatible version")

enum otlp_error {
#define OTLP_ERROR_ENUM(name, value, text) OTLP_ERR_##name = (value),
	OTLP_ERROR_MAP(OTLP_ERROR_ENUM)
#undef OTLP_ERROR_ENUM
		OTLP_OK = 0
};

/* What an exporter answers its SDK. Every enum otlp_error becomes INTERNAL_FAILURE. */
enum otlp_sdk_status { OTLP_SDK_SUCCESS = 0, OTLP_SDK_INTERNAL_FAILURE = 1 };

struct otlp_sdk_result {
	enum otlp_sdk_status status;
	int cause; /* the enum otlp_error behind a failure, for logs; OTLP_OK on success */
};

#endif
