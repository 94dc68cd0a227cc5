/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the error codes, and the mapping of an errno to one of them. */
#include <otlpipe/otlpipe.h>

#include "core/error.h"

#define STRINGIFY_VALUE(x) #x
#define STRINGIFY(x)	   STRINGIFY_VALUE(x)

const char *otlp_strerror(int error)
{
	switch ((enum otlp_error)error) {
	case OTLP_OK:
		return "success";
	case OTLP_ERR_INVALID:
		return "invalid argument";
	case OTLP_ERR_NO_MEMORY:
		return "out of memory";
	case OTLP_ERR_ACCESS:
		return "the runtime directory is not accessible";
	case OTLP_ERR_NO_SPACE:
		return "no room for the shared ring";
	case OTLP_ERR_TIMEOUT:
		return "the deadline passed";
	case OTLP_ERR_TOO_LARGE:
		return "a record is larger than the ring can carry";
	case OTLP_ERR_FULL:
		return "the ring is full: records were dropped and counted, do not retry";
	case OTLP_ERR_NO_WRITER:
		return "no writer is running: the records wait in the ring";
	case OTLP_ERR_SHUTDOWN:
		return "the library was shut down";
	case OTLP_ERR_LIMIT:
		return "a limit of the process or of its cgroup is reached";
	case OTLP_ERR_ABI:
		return "the shared memory, or the header that the program was built with, is of "
		       "another version";
	}
	return "unknown error";
}

const char *otlp_version(void)
{
	return STRINGIFY(OTLP_VERSION_MAJOR) "." STRINGIFY(OTLP_VERSION_MINOR) "." STRINGIFY(
		OTLP_VERSION_PATCH);
}

int error_from_errno(int negative_errno)
{
	switch (-negative_errno) {
	case 0:
		return OTLP_OK;
	case EINVAL:
		return OTLP_ERR_INVALID;
	case ENOSPC:
	case EDQUOT: /* of the file system */
		return OTLP_ERR_NO_SPACE;
	case ENOMEM:
		return OTLP_ERR_NO_MEMORY;
	case EAGAIN: /* locked memory */
	case EFBIG:
	case EMFILE:
	case ENFILE:
		return OTLP_ERR_LIMIT;
	case EPROTO:
	case EBADMSG:
		return OTLP_ERR_ABI;
	default:
		return OTLP_ERR_ACCESS;
	}
}
