/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that is configured by its environment, and pushes one span. Linked without a shared
 * library of ours: a program with file capabilities finds none by its own paths.
 *
 * usage: host_environment [DIR [UID]]     DIR: the runtime directory as an option
 * Prints what the diagnostic function was told, a line each, then "kept: " and the last error.
 * With UID it is a master: it pushes nothing, and a worker that becomes that user does. Then
 * "worker: " and the worker's last error follow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/attack/host.h"

static void tell(void *context, int error, const char *text)
{
	(void)context;
	printf("%d %s\n", error, text);
}

/* A worker as servers have them: forked by root, and soon a user without rights. */
static int push_as(struct otlp_library *library, uid_t uid)
{
	char text[1024];
	pid_t pid;
	int status, rc;

	fflush(stdout);
	pid = fork();
	EXPECT(pid >= 0);
	if (pid == 0) {
		EXPECT(setresuid(uid, uid, uid) == 0);
		rc = host_push(library);
		otlp_library_last_error(library, text, sizeof(text));
		printf("worker: %s\n", text);
		fflush(stdout);
		_exit(rc == OTLP_OK ? 0 : 1);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status) == 0 ? OTLP_OK : OTLP_ERR_ACCESS;
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
	if (rc == OTLP_OK && argc > 2)
		rc = push_as(library, (uid_t)strtoul(argv[2], NULL, 10));
	else if (rc == OTLP_OK)
		rc = host_push(library);
	otlp_library_unref(library);
	return rc == OTLP_OK ? 0 : 1;
}
