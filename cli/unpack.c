/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip by zlib, zstd by writer/file/unzst.c. Both may be several members or frames one after the
 * other, as `cat a.gz b.gz` makes them.
 */
#include "cli/unpack.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "writer/file/unzst.h"

#define GZIP_MAGIC	 "\x1f\x8b"
#define GZIP_MAGIC_BYTES 2u
/* zlib: the largest window, and a gzip head. */
#define GZIP_WINDOW_BITS (15 + 16)

#define GROW_BYTES	 ((size_t)64 << 10)

struct unpack {
	enum packing packing;
	struct unzst zstd;
	z_stream gzip;
	bool is_inside; /* a member of gzip */
};

static bool begins(const uint8_t *first, size_t bytes, const char *magic, size_t magic_bytes)
{
	return bytes > 0 && memcmp(first, magic, bytes < magic_bytes ? bytes : magic_bytes) == 0;
}

enum packing packing_of(const uint8_t *first, size_t bytes)
{
	if (begins(first, bytes, GZIP_MAGIC, GZIP_MAGIC_BYTES))
		return PACKING_GZIP;
	if (begins(first, bytes, UNZST_MAGIC, UNZST_MAGIC_BYTES))
		return PACKING_ZSTD;
	return PACKING_NONE;
}

const char *packing_name(enum packing packing)
{
	static const char *const names[] = {
		[PACKING_NONE] = "plain", [PACKING_GZIP] = "gzip", [PACKING_ZSTD] = "zstd"};

	return names[packing];
}

struct unpack *unpack_open(enum packing packing)
{
	struct unpack *unpack = calloc(1, sizeof(*unpack));
	bool is_ready;

	if (unpack == NULL)
		return NULL;
	unpack->packing = packing;
	if (packing == PACKING_GZIP)
		is_ready = inflateInit2(&unpack->gzip, GZIP_WINDOW_BITS) == Z_OK;
	else
		is_ready = unzst_open(&unpack->zstd) == 0;
	if (is_ready)
		return unpack;
	free(unpack);
	return NULL;
}

void unpack_close(struct unpack *unpack)
{
	if (unpack == NULL)
		return;
	if (unpack->packing == PACKING_GZIP)
		(void)inflateEnd(&unpack->gzip);
	else
		unzst_close(&unpack->zstd);
	free(unpack);
}

static int gzip_step(struct unpack *unpack, const uint8_t *in, size_t in_bytes, size_t *ret_used,
		     uint8_t *out, size_t out_bytes, size_t *ret_made)
{
	z_stream *gzip = &unpack->gzip;
	const uInt in_room = in_bytes < UINT_MAX ? (uInt)in_bytes : UINT_MAX;
	const uInt out_room = out_bytes < UINT_MAX ? (uInt)out_bytes : UINT_MAX;
	int rc;

	gzip->next_in = (Bytef *)(uintptr_t)in;
	gzip->avail_in = in_room;
	gzip->next_out = out;
	gzip->avail_out = out_room;
	rc = inflate(gzip, Z_NO_FLUSH);
	*ret_used = in_room - gzip->avail_in;
	*ret_made = out_room - gzip->avail_out;
	if (*ret_used > 0 || *ret_made > 0)
		unpack->is_inside = true;
	if (rc == Z_STREAM_END) {
		unpack->is_inside = false;
		rc = inflateReset(gzip);
	}
	if (rc == Z_MEM_ERROR)
		return -ENOMEM;
	/* Z_BUF_ERROR: it wants more of either, which the caller sees by the counts. */
	return rc == Z_OK || rc == Z_BUF_ERROR ? 0 : -EPROTO;
}

int unpack_step(struct unpack *unpack, const uint8_t *in, size_t in_bytes, size_t *ret_used,
		uint8_t *out, size_t out_bytes, size_t *ret_made)
{
	if (unpack->packing == PACKING_GZIP)
		return gzip_step(unpack, in, in_bytes, ret_used, out, out_bytes, ret_made);
	return unzst_step(&unpack->zstd, in, in_bytes, ret_used, out, out_bytes, ret_made);
}

bool unpack_is_whole(const struct unpack *unpack)
{
	return unpack->packing == PACKING_GZIP ? !unpack->is_inside : !unpack->zstd.is_inside;
}

int unpack_all(enum packing packing, const uint8_t *in, size_t in_bytes, size_t bytes_max,
	       uint8_t **ret, size_t *ret_bytes)
{
	struct unpack *unpack = unpack_open(packing);
	uint8_t *out = NULL, *grown;
	size_t made = 0, room = 0, at = 0, used, count;
	int rc = unpack == NULL ? -ENOMEM : 0;

	while (rc == 0) {
		if (made == room) {
			/* Doubled, and not at once: a size may lie. */
			room = room < GROW_BYTES ? GROW_BYTES : room * 2;
			room = room < bytes_max ? room : bytes_max + 1;
			grown = made > bytes_max ? NULL : realloc(out, room);
			if (grown == NULL) {
				rc = made > bytes_max ? -EFBIG : -ENOMEM;
				break;
			}
			out = grown;
		}
		rc = unpack_step(unpack, in + at, in_bytes - at, &used, out + made, room - made,
				 &count);
		at += used;
		made += count;
		if (rc == 0 && at == in_bytes && made < room)
			rc = unpack_is_whole(unpack) ? 1 : -ENODATA;
	}
	unpack_close(unpack);
	if (rc < 0) {
		free(out);
		return rc;
	}
	*ret = out;
	*ret_bytes = made;
	return 0;
}
