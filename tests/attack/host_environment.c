/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that is configured by its environment, and pushes one span. Linked without a shared
 * library of ours: a program with file capabilities finds none by its own paths.
 *
 * usage: host_environment [DIR]     DIR: the runtime directory as an option
 * Prints what the diagnostic function was told, a line each, then "kept: " and the last error.
 */
#include <stdio.h>

#include "tests/attack/host.h"

static void tell(void *context, int error, const char *text)
{
	(void)context;
	printf("%d %s\n", error, text);
}

int main(int argc, char **argv)
{
	struct otlp_library *library = NULL;
	struct otlp_options options;
	char text[1024];
	int rc;

	if (otlp_options_init(&options, sizeof(options)) < 0)
		return 2;
	options.runtime_dir = argc > 1 ? argv[1] : NULL;
	options.diagnostic = tell;
	rc = otlp_library_open(&library, &options);
	otlp_library_last_error(library, text, sizeof(text));
	printf("kept: %s\n", text);
	if (rc == OTLP_OK)
		rc = host_push(library);
	otlp_library_unref(library);
	return rc == OTLP_OK ? 0 : 1;
}
