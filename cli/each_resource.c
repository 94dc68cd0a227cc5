/* SPDX-License-Identifier: Apache-2.0 */
/* What read.c hands out, as views, for the commands that look into records. */
#include "cli/each_resource.h"

#include <errno.h>

#include "cli/read.h"
#include "cli/tool.h"

static bool is_about_bytes(int error)
{
	return error == -EBADMSG || error == -ELOOP || error == -EILSEQ;
}

static int hand_out(void *context, const struct read_item *item)
{
	struct each_resource *each = context;
	const struct view_bytes data = {item->data, item->bytes};
	const int rc = each->resource(each->context, item->signal, data);

	if (rc >= 0 || is_about_bytes(rc))
		return rc < 0 ? rc : 0;
	each->error = rc;
	return READ_STOP;
}

int each_resource_of(struct each_resource *each, const char *path)
{
	char *paths[] = {(char *)(uintptr_t)path};

	if (each->error != 0)
		return TOOL_OK;
	return read_paths(paths, 1, &(struct read_options){.signal = each->signal}, hand_out, each);
}
