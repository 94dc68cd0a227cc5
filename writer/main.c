/* SPDX-License-Identifier: Apache-2.0 */
/* otlpipe-writer. Everything is in writer.c; this is where the process begins. */
#include "writer/writer.h"

int main(int argc, char **argv)
{
	struct options options;

	options_parse(&options, argc, argv);
	return writer_run(&options);
}
