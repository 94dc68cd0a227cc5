/* SPDX-License-Identifier: Apache-2.0 */
/* The output directory: made if missing, locked so that one writer has it, and its manifest. */
#ifndef OTLPIPE_WRITER_FILE_OUTDIR_H
#define OTLPIPE_WRITER_FILE_OUTDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/file/manifest.h"

struct outdir {
	int fd;
	int lock_fd;
	struct manifest *manifest;
};

/**
 * @param create   make it (0750) if it is missing
 * @param wait_ns  how long to wait for a writer that is going
 * @param path     may lead through symlinks, which are the caller's; nothing below it does
 * @return 0, -EBUSY: another writer has it; -EPERM: everybody may write in it; or the errno of
 *         what failed
 */
int outdir_open(struct outdir *ret, const char *path, bool create, int64_t wait_ns);
void outdir_close(struct outdir *outdir);

#endif
