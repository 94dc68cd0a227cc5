/* SPDX-License-Identifier: Apache-2.0 */
/* A thin layer on libzstd's streams, so that its types and errors stay here. */
#include "writer/file/unzst.h"

#include <errno.h>
#include <zstd.h>
#include <zstd_errors.h>

int unzst_open(struct unzst *unzst)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();

	if (context == NULL)
		return -ENOMEM;
	/* Within its bounds, so it cannot be refused. */
	(void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, UNZST_WINDOW_LOG_MAX);
	*unzst = (struct unzst){.context = context};
	return 0;
}

void unzst_close(struct unzst *unzst)
{
	(void)ZSTD_freeDCtx(unzst->context); /* NULL is fine */
	unzst->context = NULL;
}

static int error_of(size_t code)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_frameParameter_windowTooLarge:
		return -EFBIG;
	case ZSTD_error_memory_allocation:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

int unzst_step(struct unzst *unzst, const uint8_t *in, size_t in_bytes, size_t *ret_used,
	       uint8_t *out, size_t out_bytes, size_t *ret_made)
{
	ZSTD_inBuffer from = {.src = in, .size = in_bytes};
	ZSTD_outBuffer to = {.dst = out, .size = out_bytes};
	size_t rc = ZSTD_decompressStream(unzst->context, &to, &from);

	*ret_used = from.pos;
	*ret_made = to.pos;
	if (ZSTD_isError(rc))
		return error_of(rc);
	/* 0: a frame has ended, and all of it is out. Behind it another one may begin. */
	if (rc == 0)
		unzst->is_inside = false;
	else if (from.pos > 0 || to.pos > 0)
		unzst->is_inside = true;
	return 0;
}

int unzst_content_bytes(const uint8_t *head, size_t bytes, uint64_t *ret)
{
	const unsigned long long content = ZSTD_getFrameContentSize(head, bytes);

	if (content == ZSTD_CONTENTSIZE_UNKNOWN || content == ZSTD_CONTENTSIZE_ERROR)
		return -EBADMSG;
	*ret = content;
	return 0;
}
