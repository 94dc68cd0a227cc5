/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a sender keeps its cursor in: replaced whole, so that a kill at any moment leaves
 * the old one or the new one, and locked, so that one sender at a time has it.
 */
#ifndef OTLPIPE_CLI_SEND_CURSOR_STORE_H
#define OTLPIPE_CLI_SEND_CURSOR_STORE_H

#include <limits.h>

#include "writer/file/cursor.h"

struct cursor_store {
	int dirfd;
	int lock_fd;
	char name[NAME_MAX + 1];
	char aside[NAME_MAX + 1]; /* written first, and then renamed */
	char *saved;		  /* the text that the file has */
	size_t saved_bytes;
};

/**
 * Take the lock and read the cursor; where there is no file it is empty.
 *
 * @param path  of the file; the directory must be there
 * @param ret   zeroed; to be freed by cursor_free()
 * @return 0; -EBUSY: another sender has it; what cursor_load() says; or the errno of what failed
 */
int cursor_store_open(struct cursor_store *store, const char *path, struct cursor *ret);
void cursor_store_close(struct cursor_store *store);

/**
 * Make it durable, if it differs from what the file has.
 *
 * @return 0; or a negative errno: the file has the old one, or the new one without a promise
 */
int cursor_store_save(struct cursor_store *store, const struct cursor *cursor);

#endif
