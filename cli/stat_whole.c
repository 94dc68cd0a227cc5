/* SPDX-License-Identifier: Apache-2.0 */
/* The look of a command of the tool: by path, and with words for what goes wrong. */
#include <errno.h>

#include "cli/stat_look.h"
#include "cli/tool.h"

int stat_look(struct stat_view *view, const char *path)
{
	struct runtime_dir dir;
	const char *what;
	int rc, status = TOOL_OK;

	rc = runtime_path(view->path, sizeof(view->path), path);
	if (rc == 0)
		rc = runtime_open(&dir, view->path, false);
	if (rc == -ENOENT)
		return TOOL_OK;
	if (rc < 0)
		return tool_runtime_error(view->path, rc);
	rc = stat_look_dir(view, &dir, &what);
	if (rc < 0)
		status = tool_path_error(view->path, what, rc);
	runtime_close(&dir);
	return status;
}
