/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk's limit, as fio would measure it: blocks of 1 MiB into a file of the current directory.
 *
 *   uring  io_uring, O_DIRECT, registered buffers and file, 3 in flight, into space that was
 *          reserved with fallocate(): what the writer does, and nothing else
 *   write  write(2) through the page cache, fdatasync included
 *
 * Reserving is not in the time: the writer does it for the next file while it writes this one.
 *
 * usage: bench_disk uring|write MIB
 * One line of JSON on standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/report.h"

#define BLOCK_BYTES ((size_t)1 << 20)
#define IN_FLIGHT   3u

static uint8_t *buffers; /* IN_FLIGHT of them */

static void prepare(struct io_uring *ring, unsigned buffer, uint64_t offset)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_write_fixed(sqe, 0, buffers + buffer * BLOCK_BYTES, BLOCK_BYTES, offset,
				  (int)buffer);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data64(sqe, buffer);
}

static int write_uring(int fd, uint64_t blocks)
{
	const unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	struct iovec vectors[IN_FLIGHT];
	uint64_t prepared = 0, done = 0;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int rc;

	rc = io_uring_queue_init(2 * IN_FLIGHT, &ring, flags);
	if (rc == -EINVAL)
		rc = io_uring_queue_init(2 * IN_FLIGHT, &ring, 0);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		vectors[i] = (struct iovec){buffers + i * BLOCK_BYTES, BLOCK_BYTES};
	rc = io_uring_register_buffers(&ring, vectors, IN_FLIGHT);
	if (rc == 0)
		rc = io_uring_register_files(&ring, &fd, 1);
	for (unsigned i = 0; i < IN_FLIGHT && prepared < blocks && rc >= 0; i++)
		prepare(&ring, i, prepared++ * BLOCK_BYTES);
	while (done < blocks && rc >= 0) {
		rc = io_uring_submit_and_wait(&ring, 1);
		while (rc >= 0 && io_uring_peek_cqe(&ring, &cqe) == 0) {
			if (cqe->res != (int)BLOCK_BYTES)
				rc = cqe->res < 0 ? cqe->res : -EIO;
			done++;
			if (prepared < blocks)
				prepare(&ring, (unsigned)io_uring_cqe_get_data64(cqe),
					prepared++ * BLOCK_BYTES);
			io_uring_cqe_seen(&ring, cqe);
		}
	}
	io_uring_queue_exit(&ring);
	return rc < 0 ? rc : 0;
}

static int write_plain(int fd, uint64_t blocks)
{
	for (uint64_t i = 0; i < blocks; i++) {
		ssize_t written = write(fd, buffers + i % IN_FLIGHT * BLOCK_BYTES, BLOCK_BYTES);

		if (written != (ssize_t)BLOCK_BYTES)
			return written < 0 ? -errno : -EIO;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char name[] = "bench-disk-XXXXXX";
	double cpu_seconds;
	uint64_t blocks, started_ns;
	int fd, rc = 0, is_uring;

	if (argc != 3)
		return 2;
	is_uring = strcmp(argv[1], "uring") == 0;
	blocks = strtoull(argv[2], NULL, 10);
	fd = mkostemp(name, is_uring ? O_DIRECT : 0);
	if (fd < 0) {
		perror("bench_disk: O_DIRECT");
		return 1;
	}
	unlink(name);
	buffers = mmap(NULL, IN_FLIGHT * BLOCK_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffers == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < IN_FLIGHT * BLOCK_BYTES; i++)
		buffers[i] = (uint8_t)(i * 2654435761u >> 11);
	if (is_uring)
		rc = -posix_fallocate(fd, 0, (off_t)(blocks * BLOCK_BYTES));
	started_ns = report_now_ns();
	cpu_seconds = report_cpu_seconds(RUSAGE_SELF);
	if (rc == 0)
		rc = is_uring ? write_uring(fd, blocks) : write_plain(fd, blocks);
	if (rc == 0 && fdatasync(fd) < 0)
		rc = -errno;
	if (rc < 0) {
		fprintf(stderr, "bench_disk: %s\n", strerror(-rc));
		return 1;
	}
	printf("{\"bytes\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
	       (unsigned long long)(blocks * BLOCK_BYTES),
	       (double)(report_now_ns() - started_ns) * 1e-9,
	       report_cpu_seconds(RUSAGE_SELF) - cpu_seconds);
	return 0;
}
