/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many regions of one process, in which nothing happens. It prints a line when
 * they are there, and waits to be killed.
 *
 * usage: crowd RUNTIME_DIR COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/region.h"

int main(int argc, char **argv)
{
	const struct region_options options = {
		.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN},
		.program = "crowd",
	};
	struct runtime_dir dir;
	struct region *regions;
	long count, i;
	int rc;

	if (argc != 3 || (count = strtol(argv[2], NULL, 10)) <= 0) {
		fprintf(stderr, "usage: crowd RUNTIME_DIR COUNT\n");
		return 2;
	}
	regions = calloc((size_t)count, sizeof(*regions));
	rc = regions == NULL ? -1 : runtime_open(&dir, argv[1], true);
	for (i = 0; rc == 0 && i < count; i++)
		rc = region_create(&regions[i], &dir, &options);
	if (rc < 0) {
		fprintf(stderr, "crowd: %s\n", strerror(-rc));
		return 1;
	}
	puts("there");
	fflush(stdout);
	for (;;)
		pause();
}
