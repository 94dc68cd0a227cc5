/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe send`: which destination, and then sender.c's. */
#include <errno.h>

#include "base/mode.h"
#include "cli/send/destination.h"
#include "cli/send/http.h"
#include "cli/send/options.h"
#include "cli/send/sender.h"
#include "cli/tool.h"

int send_main(int argc, char **argv)
{
	struct send_destination *destination;
	struct send_options options;
	int status, rc = send_options_parse(&options, argc, argv);

	if (rc != 0)
		return rc - 1;
	mode_take_umask();
	rc = http_open(&destination, &options);
	if (rc == -EINVAL)
		return TOOL_USAGE;
	if (rc < 0)
		return tool_path_error(options.path, "the destination cannot be opened", rc);
	status = sender_run(&options, destination);
	destination->ops->close(destination);
	return tool_finish(status);
}
