/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system call for each record: write(2) to a file in the page cache, and a UNIX datagram socket
 * that nobody but this process reads, between the bursts. It carries bytes that are ready to go, so
 * what it costs to make them is not in here.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench_data.h"
#include "bench/micro.h"

#define WRITE_BURST	  4096
#define DATAGRAM_BURST	  8 /* fits into net.unix.max_dgram_qlen */
#define RECORD_BYTES_MAX  4096
#define SEND_BUFFER_BYTES (1 << 20)

static unsigned char record[RECORD_BYTES_MAX];
static int file = -1;
static int sockets[2] = {-1, -1};

static int write_setup(const struct bench *bench)
{
	char name[] = "bench-write-XXXXXX"; /* below the current directory, nameless at once */

	(void)bench;
	file = mkstemp(name);
	if (file < 0)
		return -errno;
	unlink(name);
	return 0;
}

static int64_t write_burst(const struct bench *bench, uint64_t operations)
{
	uint64_t started_ns;

	/* The same pages each time: what is measured is the call, not the disk. */
	if (lseek(file, 0, SEEK_SET) < 0)
		return -errno;
	started_ns = bench_now_ns();
	for (uint64_t i = 0; i < operations; i++) {
		ssize_t written = write(file, record, bench->operation_bytes);

		if (written != (ssize_t)bench->operation_bytes)
			return written < 0 ? -errno : -EIO;
	}
	return (int64_t)(bench_now_ns() - started_ns);
}

static void write_teardown(const struct bench *bench)
{
	(void)bench;
	close(file);
}

static int datagram_setup(const struct bench *bench)
{
	const int bytes = SEND_BUFFER_BYTES;

	(void)bench;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	return setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) < 0 ? -errno
											: 0;
}

static int64_t datagram_burst(const struct bench *bench, uint64_t operations)
{
	unsigned char received[RECORD_BYTES_MAX];
	uint64_t elapsed_ns, started_ns = bench_now_ns();

	for (uint64_t i = 0; i < operations; i++)
		if (send(sockets[0], record, bench->operation_bytes, MSG_DONTWAIT) < 0)
			return -errno;
	elapsed_ns = bench_now_ns() - started_ns;
	for (uint64_t i = 0; i < operations; i++)
		if (recv(sockets[1], received, sizeof(received), MSG_DONTWAIT) < 0)
			return -errno;
	return (int64_t)elapsed_ns;
}

static void datagram_teardown(const struct bench *bench)
{
	(void)bench;
	close(sockets[0]);
	close(sockets[1]);
}

#define WRITE(title, bytes)                                                  \
	{                                                                    \
		.name = title, .setup = write_setup, .burst = write_burst,   \
		.teardown = write_teardown, .burst_operations = WRITE_BURST, \
		.operation_bytes = bytes                                     \
	}
#define DATAGRAM(title, bytes)                                                     \
	{                                                                          \
		.name = title, .setup = datagram_setup, .burst = datagram_burst,   \
		.teardown = datagram_teardown, .burst_operations = DATAGRAM_BURST, \
		.operation_bytes = bytes                                           \
	}

const struct bench bench_calls_table[] = {
	WRITE("write/448", 448),
	WRITE("write/128", BENCH_PAYLOAD_BYTES),
	DATAGRAM("unix_datagram/448", 448),
	DATAGRAM("unix_datagram/128", BENCH_PAYLOAD_BYTES),
	{.name = NULL},
};
