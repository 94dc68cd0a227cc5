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
enum otlp_error {
	OTLP_OK = 0,
	OTLP_ERR_INVALID = -EINVAL,	/* an argument, or the data */
	OTLP_ERR_NO_MEMORY = -ENOMEM,	/* memory or descriptors */
	OTLP_ERR_ACCESS = -EACCES,	/* the runtime directory is not accessible */
	OTLP_ERR_NO_SPACE = -ENOSPC,	/* for the rings, in the runtime directory */
	OTLP_ERR_TIMEOUT = -ETIMEDOUT,	/* the deadline passed */
	OTLP_ERR_TOO_LARGE = -EMSGSIZE, /* a record is larger than its ring can carry */
	OTLP_ERR_FULL = -ENOBUFS,	/* records were dropped and counted: do not retry */
	OTLP_ERR_NO_WRITER = -ENOTCONN, /* none is running: the records wait in the ring */
	OTLP_ERR_SHUTDOWN = -ESHUTDOWN, /* the library was shut down */
	OTLP_ERR_ABI = -EPROTO /* the shared memory, or the program, is of another version */
};

/* What an exporter answers its SDK. Every enum otlp_error becomes INTERNAL_FAILURE. */
enum otlp_sdk_status { OTLP_SDK_SUCCESS = 0, OTLP_SDK_INTERNAL_FAILURE = 1 };

struct otlp_sdk_result {
	enum otlp_sdk_status status;
	int cause; /* the enum otlp_error behind a failure, for logs; OTLP_OK on success */
};

#endif
