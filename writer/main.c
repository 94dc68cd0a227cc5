/* SPDX-License-Identifier: Apache-2.0 */
/* otlpipe-writer. Everything is in writer.c; this is where the process begins. */
#include "base/descriptor.h"
#include "base/mode.h"
#include "writer/writer.h"

int main(int argc, char **argv)
{
	struct options options;
	int status;

	/* Nothing of ours may get the number of a standard stream that is closed. */
	if (descriptor_fill_standard() < 0)
		return 1;
	mode_take_umask();
	options_parse(&options, argc, argv);
	status = writer_run(&options);
	options_free_texts(&options);
	return status;
}
