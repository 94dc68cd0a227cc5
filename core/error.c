/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the error codes, and the mapping of an errno to one of them. */
#include <otlpipe/otlpipe.h>

#include "core/error.h"

#define STRINGIFY_VALUE(x) #x
#define STRINGIFY(x)	   STRINGIFY_VALUE(x)

const char *otlp_strerror(int error)
{
	switch (error) {
	case OTLP_OK:
		return "success";
#define OTLP_ERROR_CASE(name, value, text) \
	case OTLP_ERR_##name:              \
		return text;
		OTLP_ERROR_MAP(OTLP_ERROR_CASE)
#undef OTLP_ERROR_CASE
	default:
		return "unknown error";
	}
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
	case EDQUOT:
	case EFBIG:
		return OTLP_ERR_NO_SPACE;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return OTLP_ERR_NO_MEMORY;
	case EPROTO:
	case EBADMSG:
		return OTLP_ERR_ABI;
	default:
		return OTLP_ERR_ACCESS;
	}
}
