/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_testing.h"

#include "tests/unit/remove_tree.h"

int scratch_open(struct scratch *ret)
{
	strcpy(ret->path, "scratch-XXXXXX");
	if (!mkdtemp(ret->path))
		return -errno;
	ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0 ? -errno : 0;
}

int scratch_close(struct scratch *scratch)
{
	close(scratch->fd);
	return remove_tree(scratch->path);
}

int run_in_child(int (*body)(void *), void *context)
{
	struct rlimit no_core = {0};
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_CORE, &no_core);
		_exit(body(context));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}
