/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the lines matters: by it a reader knows which times are of this boot. */
#include "writer/file/manifest_dump.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define DUMP_BYTES 65536u

int manifest_write_at(int fd, const char *bytes, size_t count, uint64_t at)
{
	while (count > 0) {
		ssize_t n = pwrite(fd, bytes, count, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		count -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

struct dump {
	int fd;
	struct manifest_image image;
	char buffer[DUMP_BYTES];
	size_t buffered;
	uint64_t written;
};

static int dump_flush(struct dump *dump)
{
	int rc = manifest_write_at(dump->fd, dump->buffer, dump->buffered, dump->written);

	dump->written += dump->buffered;
	dump->buffered = 0;
	return rc;
}

/* The line of this many bytes that was made behind what is buffered. */
static int dump_line(struct dump *dump, size_t bytes)
{
	int rc = manifest_image_apply(&dump->image, dump->buffer + dump->buffered, bytes);

	if (rc < 0)
		return rc;
	dump->buffered += bytes;
	return sizeof(dump->buffer) - dump->buffered < MANIFEST_LINE_BYTES_MAX ? dump_flush(dump)
									       : 0;
}

static char *dump_at(struct dump *dump)
{
	return dump->buffer + dump->buffered;
}

/* The entries of this boot, or those before it: the clock's line stands between. */
static int dump_entries(struct dump *dump, const struct manifest_image *image, bool is_of_this_boot)
{
	unsigned i;
	size_t k;
	int rc = 0;

	for (i = 0; i < image->signal_count; i++) {
		const struct manifest_signal *signal = &image->signals[i];

		for (k = 0; rc == 0 && k < signal->entry_count; k++)
			if (signal->entries[k].is_of_this_boot == is_of_this_boot)
				rc = dump_line(dump, manifest_line_entry(
							     &dump->image, dump_at(dump),
							     signal->name, &signal->entries[k]));
	}
	return rc;
}

static int dump_elsewhere(struct dump *dump, bool is_coming, const char *word, int64_t wall_s)
{
	return dump_line(dump, manifest_line_elsewhere(&dump->image, dump_at(dump), is_coming, word,
						       wall_s));
}

static int dump_lines(struct dump *dump, const struct manifest_image *image)
{
	unsigned i;
	int rc;

	rc = dump_line(dump, manifest_line_begin(&dump->image, dump_at(dump), image->id));
	for (i = 0; rc == 0 && i < image->signal_count; i++)
		rc = dump_line(dump, manifest_line_signal(&dump->image, dump_at(dump),
							  &image->signals[i]));
	if (rc == 0)
		rc = dump_entries(dump, image, false);
	if (rc == 0)
		rc = dump_line(dump, manifest_line_clock(&dump->image, dump_at(dump), image->boot,
							 image->clock_wall_s, image->clock_boot_s));
	if (rc == 0)
		rc = dump_entries(dump, image, true);
	/* In the order that leaves is_left as it is. */
	if (rc == 0 && image->has_left && !image->is_left)
		rc = dump_elsewhere(dump, false, image->left, image->left_s);
	if (rc == 0 && (image->has_come || image->has_left))
		rc = dump_elsewhere(dump, true, image->has_come ? image->came : "-", image->came_s);
	if (rc == 0 && image->is_left)
		rc = dump_elsewhere(dump, false, image->left, image->left_s);
	return rc == 0 ? dump_flush(dump) : rc;
}

int manifest_dump(const struct manifest_image *image, int fd, struct manifest_image *ret)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	int rc;

	if (dump == NULL)
		return -ENOMEM;
	dump->fd = fd;
	rc = dump_lines(dump, image);
	*ret = dump->image;
	free(dump);
	return rc;
}
