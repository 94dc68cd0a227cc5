/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of a runtime directory as a process that can be sent a signal. Its pid is on its page,
 * and could be that of another process by now, or of another pid namespace; so the process must
 * have the writer's lock file open.
 */
#ifndef OTLPIPE_CLI_WRITER_FIND_H
#define OTLPIPE_CLI_WRITER_FIND_H

#include "shm/runtime.h"
#include "shm/status.h"

/**
 * Find it.
 *
 * @param path     of the directory, for messages
 * @param so_what  what follows if there is none, for the message
 * @param signal   what one sends it, by its name, for the message
 * @param ret      its page, as it is now
 * @return a descriptor of the process (pidfd), or negative and it was said
 */
int writer_find(const struct runtime_dir *dir, const char *path, const char *so_what,
		const char *signal, struct status_page *ret);

/** Send it a signal. @return TOOL_OK, or TOOL_FAILED and it was said */
int writer_tell(int pidfd, const char *path, uint32_t pid, int number, const char *signal);

#endif
