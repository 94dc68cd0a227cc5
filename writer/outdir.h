/* SPDX-License-Identifier: Apache-2.0 */
/* The output directory: made if missing, and locked so that one writer has it. */
#ifndef WRITER_OUTDIR_H
#define WRITER_OUTDIR_H

#include <stdbool.h>

struct outdir {
	int fd;
	int lock_fd;
};

/**
 * @param create  make it (0750) if it is missing
 * @return 0, -EBUSY: another writer has it; or the errno of what failed
 */
int outdir_open(struct outdir *ret, const char *path, bool create);
void outdir_close(struct outdir *outdir);

#endif
