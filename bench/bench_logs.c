/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the C library has for a log, beside push/L: the same text and attributes, as a program would
 * write them into a line (log_line.h).
 *
 *   fprintf/L  into a file, through stdio's buffer: it is lost with the process
 *   syslog/L   syslog(3): a datagram to /dev/log, a system call for each; only where there is one
 */
#include <errno.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "bench/log_line.h"
#include "bench/micro.h"

#define PATH	      "bench-logs.log"
#define FPRINTF_BURST 4096
#define SYSLOG_BURST  256

static FILE *file;

static int fprintf_setup(const struct bench *bench)
{
	(void)bench;
	file = fopen(PATH, "w");
	if (file == NULL)
		return -errno;
	/* It is not to stay, however this process ends. */
	return unlink(PATH) == 0 ? 0 : -errno;
}

static int64_t fprintf_burst(const struct bench *bench, uint64_t operations)
{
	const uint64_t started_ns = bench_cpu_ns();
	uint64_t elapsed_ns;
	int rc = 0;

	(void)bench;
	for (uint64_t i = 0; i < operations && rc >= 0; i++)
		rc = fprintf(file, LOG_LINE_FORMAT "\n", LOG_LINE_ARGUMENTS);
	elapsed_ns = bench_cpu_ns() - started_ns;
	/* Back to the start: a disk that fills up is another subject. */
	if (rc < 0 || fseek(file, 0, SEEK_SET) < 0)
		return -EIO;
	return (int64_t)elapsed_ns;
}

static void fprintf_teardown(const struct bench *bench)
{
	(void)bench;
	fclose(file);
}

static int syslog_setup(const struct bench *bench)
{
	(void)bench;
	if (access("/dev/log", W_OK) < 0)
		return -errno;
	openlog("otlpipe-bench", LOG_NDELAY, LOG_USER);
	return 0;
}

static int64_t syslog_burst(const struct bench *bench, uint64_t operations)
{
	const uint64_t started_ns = bench_cpu_ns();

	(void)bench;
	for (uint64_t i = 0; i < operations; i++)
		syslog(LOG_WARNING, LOG_LINE_FORMAT, LOG_LINE_ARGUMENTS);
	return (int64_t)(bench_cpu_ns() - started_ns);
}

static void syslog_teardown(const struct bench *bench)
{
	(void)bench;
	closelog();
}

const struct bench bench_logs_table[] = {
	{.name = "fprintf/L",
	 .setup = fprintf_setup,
	 .burst = fprintf_burst,
	 .teardown = fprintf_teardown,
	 .burst_operations = FPRINTF_BURST,
	 .operation_bytes = LOG_LINE_BYTES},
	{.name = "syslog/L",
	 .setup = syslog_setup,
	 .burst = syslog_burst,
	 .teardown = syslog_teardown,
	 .burst_operations = SYSLOG_BURST,
	 .operation_bytes = LOG_LINE_BYTES},
	{.name = NULL},
};
