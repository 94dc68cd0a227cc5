/* SPDX-License-Identifier: Apache-2.0 */
/* An image as a whole new manifest, with nothing in it that is over. */
#ifndef OTLPIPE_WRITER_FILE_MANIFEST_DUMP_H
#define OTLPIPE_WRITER_FILE_MANIFEST_DUMP_H

#include "writer/file/manifest_image.h"

/** Write all of it. @return 0 or a negative errno */
int manifest_write_at(int fd, const char *bytes, size_t count, uint64_t at);

/**
 * Write the lines of an image into an empty file.
 *
 * @param ret  zeroed; the image that a reader of the file has, to be freed whatever comes back
 * @return 0 or a negative errno
 */
int manifest_dump(const struct manifest_image *image, int fd, struct manifest_image *ret);

#endif
