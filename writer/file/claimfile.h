/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: what batches took from regions that were not there to be told when their file was
 * recovered. Kept beside the files, in .otlpipe-claims, until the regions come or are known to be
 * gone: without them their records would be written a second time.
 *
 *   head (32 bytes), then the claims (144 bytes each); little-endian
 *
 * The file is replaced whole, and not there where there is no claim.
 */
#ifndef OTLPIPE_WRITER_FILE_CLAIMFILE_H
#define OTLPIPE_WRITER_FILE_CLAIMFILE_H

#include <stddef.h>
#include <stdint.h>

#include "writer/file/batch.h"

#define CLAIMFILE_NAME	     ".otlpipe-claims"
#define CLAIMFILE_MAGIC	     UINT64_C(0x314d4941504c4f0a) /* "\nOLPAIM1" */
#define CLAIMFILE_VERSION    1
#define CLAIMFILE_CLAIMS_MAX ((size_t)1 << 18) /* 36 MiB of them */

struct claim {
	uint64_t runtime_id;   /* of the runtime directory whose writer wrote the batch */
	uint64_t made_unix_ns; /* when the file was recovered */
	struct batch_entry entry;
};

struct claimfile_head {
	uint64_t magic;
	uint16_t version;
	uint16_t reserved[3]; /* zero */
	uint64_t checksum;    /* XXH3-64 of the claims */
	uint64_t count;
};

static_assert(sizeof(struct claim) == 144, "file format");
static_assert(sizeof(struct claimfile_head) == 32, "file format");

/**
 * Read all of them.
 *
 * @param ret  the caller's to free(), NULL where there is none
 * @return 0, also where there is no such file; -EBADMSG: it is damaged, or no such file; -EPROTO:
 *         of another version; or the errno of what failed
 */
int claimfile_read(int out_dirfd, struct claim **ret, size_t *ret_count);

/** Durable when it returns; none of them: there is no file then. @return 0 or a negative errno */
int claimfile_write(int out_dirfd, const struct claim *claims, size_t count);

#endif
