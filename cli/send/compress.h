/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request as HTTP carries it: gzip or zstd. */
#ifndef OTLPIPE_CLI_SEND_COMPRESS_H
#define OTLPIPE_CLI_SEND_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/send/options.h"

/**
 * @param how  SEND_GZIP or SEND_ZSTD
 * @param ret  the caller's to free()
 * @return 0 or -ENOMEM
 */
int compress_body(enum send_compression how, const uint8_t *data, size_t bytes, uint8_t **ret,
		  size_t *ret_bytes);

#endif
