/* SPDX-License-Identifier: Apache-2.0 */
/* In one go, at the libraries' fastest useful level: the other end has to keep up too. */
#include "cli/send/compress.h"

#include <errno.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#define GZIP_LEVEL	 1
#define GZIP_WINDOW_BITS (15 + 16) /* with gzip's head */
#define GZIP_MEMORY	 8
#define ZSTD_LEVEL	 1

static int by_gzip(const uint8_t *data, size_t bytes, uint8_t **ret, size_t *ret_bytes)
{
	z_stream stream = {0};
	uint8_t *to;
	size_t room;
	int rc;

	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	room = deflateBound(&stream, bytes);
	to = malloc(room);
	if (to == NULL) {
		deflateEnd(&stream);
		return -ENOMEM;
	}
	stream.next_in = (uint8_t *)(uintptr_t)data;
	stream.avail_in = (uInt)bytes; /* SEND_REQUEST_BYTES_MAX and more fit */
	stream.next_out = to;
	stream.avail_out = (uInt)room;
	rc = deflate(&stream, Z_FINISH);
	*ret_bytes = stream.total_out;
	deflateEnd(&stream);
	if (rc != Z_STREAM_END) {
		free(to);
		return -ENOMEM;
	}
	*ret = to;
	return 0;
}

static int by_zstd(const uint8_t *data, size_t bytes, uint8_t **ret, size_t *ret_bytes)
{
	const size_t room = ZSTD_compressBound(bytes);
	uint8_t *to = malloc(room);
	size_t n;

	if (to == NULL)
		return -ENOMEM;
	n = ZSTD_compress(to, room, data, bytes, ZSTD_LEVEL);
	if (ZSTD_isError(n)) {
		free(to);
		return -ENOMEM;
	}
	*ret = to;
	*ret_bytes = n;
	return 0;
}

int compress_body(enum send_compression how, const uint8_t *data, size_t bytes, uint8_t **ret,
		  size_t *ret_bytes)
{
	return how == SEND_GZIP ? by_gzip(data, bytes, ret, ret_bytes)
				: by_zstd(data, bytes, ret, ret_bytes);
}
