/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe send`: which destination, and then sender.c's. */
#include <errno.h>
#include <string.h>

#include "base/mode.h"
#include "cli/send/destination.h"
#include "cli/send/http.h"
#include "cli/send/kafka.h"
#include "cli/send/options.h"
#include "cli/send/sender.h"
#include "cli/tool.h"

static int open_kafka(struct send_destination **ret, const struct send_options *options)
{
	static const char *const compressions[] = {
		[SEND_PLAIN] = "compression.codec=none",
		[SEND_GZIP] = "compression.codec=gzip",
		[SEND_ZSTD] = "compression.codec=zstd",
	};
	const char *settings[SEND_KAFKA_MAX + 1];
	struct kafka_options kafka = {.url = options->to, .settings = settings};
	char text[SEND_TEXT_BYTES];
	int rc;

	if (options->compression != SEND_COMPRESSION_UNSET)
		settings[kafka.setting_count++] = compressions[options->compression];
	for (unsigned i = 0; i < options->kafka_count; i++)
		settings[kafka.setting_count++] = options->kafka[i];
	memcpy(kafka.topics, options->topics, sizeof(kafka.topics));
	rc = kafka_open(&kafka, ret, text);
	if (rc == -EINVAL)
		(void)tool_usage("%s", text);
	return rc;
}

static bool is_kafka(const struct send_options *options)
{
	return options->to != NULL && strncmp(options->to, KAFKA_SCHEME, strlen(KAFKA_SCHEME)) == 0;
}

int send_main(int argc, char **argv)
{
	struct send_destination *destination;
	struct send_options options;
	int status, rc = send_options_parse(&options, argc, argv);

	if (rc != 0)
		return rc - 1;
	mode_take_umask();
	rc = is_kafka(&options) ? open_kafka(&destination, &options)
				: http_open(&destination, &options);
	if (rc == -EINVAL)
		return TOOL_USAGE;
	if (rc < 0)
		return tool_path_error(options.path, "the destination cannot be opened", rc);
	status = sender_run(&options, destination);
	destination->ops->close(destination);
	return tool_finish(status);
}
