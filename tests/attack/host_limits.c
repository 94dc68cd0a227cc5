/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host under a limit: it opens the library, or is a forked child whose first push it is, and
 * goes on when the limit is lifted.
 *
 * usage: host_limits open|child LIMIT      with $OTLPIPE_DIR
 *   LIMIT   none, fsize=BYTES, nofile, as=BYTES and memlock=BYTES (more than there is now), nproc,
 *           membarrier, wait (for a line on standard input: the limit is the test's to set)
 *
 * Prints a line of JSON: what the call returned, the last error's text, what a push and a flush
 * return then, the statistics, and how many pushes were refused before one was taken again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/attack/host.h"

#include "tests/unit/refuse.h"

static struct otlp_library *library;

/* A limit that was set, and what it was before. */
static int resource = -1;
static struct rlimit before;

static void limit(int which, rlim_t bytes)
{
	struct rlimit now;

	resource = which;
	EXPECT(getrlimit(which, &before) == 0);
	now = before;
	now.rlim_cur = bytes;
	EXPECT(setrlimit(which, &now) == 0);
}

/* A number of kB in /proc/self/status. */
static rlim_t status_bytes(const char *word)
{
	char line[256];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/self/status", "r");

	EXPECT(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, word, strlen(word)) == 0)
			kib = strtoul(line + strlen(word), NULL, 10);
	fclose(file);
	return (rlim_t)kib << 10;
}

static void take_all_descriptors(void)
{
	int fd = open("/dev/null", O_RDONLY);

	EXPECT(fd >= 0);
	limit(RLIMIT_NOFILE, (rlim_t)fd + 1);
	EXPECT(open("/dev/null", O_RDONLY) < 0 && errno == EMFILE);
}

static void set_limit(const char *what)
{
	const char *value = strchr(what, '=');
	const rlim_t bytes = value != NULL ? strtoul(value + 1, NULL, 10) : 0;
	char line[16];

	if (strncmp(what, "fsize=", 6) == 0) {
		limit(RLIMIT_FSIZE, bytes);
	} else if (strcmp(what, "nofile") == 0) {
		take_all_descriptors();
	} else if (strncmp(what, "as=", 3) == 0) {
		limit(RLIMIT_AS, status_bytes("VmSize:") + bytes);
	} else if (strncmp(what, "memlock=", 8) == 0) {
		EXPECT(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
		limit(RLIMIT_MEMLOCK, status_bytes("VmLck:") + bytes);
	} else if (strcmp(what, "nproc") == 0) {
		limit(RLIMIT_NPROC, 0);
	} else if (strcmp(what, "membarrier") == 0) {
		EXPECT(refuse(SYS_membarrier, ANY_ARGUMENT, 0, 0) == 0);
	} else if (strcmp(what, "wait") == 0) {
		EXPECT(write(STDERR_FILENO, "ready\n", 6) == 6);
		EXPECT(fgets(line, sizeof(line), stdin) != NULL);
	} else {
		EXPECT(strcmp(what, "none") == 0);
	}
}

static void lift_limit(const char *what)
{
	char line[16];

	if (resource >= 0)
		EXPECT(setrlimit((__rlimit_resource_t)resource, &before) == 0);
	resource = -1;
	if (strcmp(what, "wait") == 0) {
		EXPECT(write(STDERR_FILENO, "ready\n", 6) == 6);
		EXPECT(fgets(line, sizeof(line), stdin) != NULL);
	}
}

/* Push until one is taken. @return how many were not */
static unsigned push_until_taken(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	const time_t end = time(NULL) + 60;
	unsigned refused = 0;

	while (host_push(library) != OTLP_OK) {
		EXPECT(time(NULL) < end);
		refused++;
		nanosleep(&pause, NULL);
	}
	return refused;
}

static struct otlp_stats stats(void)
{
	struct otlp_stats ret;

	otlp_library_get_stats(library, &ret, sizeof(ret));
	return ret;
}

static void run_open(const char *what)
{
	char text[1024];
	int rc;

	set_limit(what);
	rc = otlp_library_open(&library, NULL);
	otlp_library_last_error(rc == OTLP_OK ? library : NULL, text, sizeof(text));
	lift_limit(what);
	printf("{\"result\":%d,\"text\":\"%s\"", rc, text);
	if (rc == OTLP_OK)
		printf(",\"refused\":%u,\"flush\":%d", push_until_taken(),
		       otlp_library_flush(library, INT64_C(10000000000)));
	printf("}\n");
	otlp_library_unref(library);
}

static void run_in_child(const char *what)
{
	struct otlp_stats then;
	char text[1024];
	int rc, flush_rc;
	unsigned refused;

	set_limit(what);
	rc = host_push(library);
	otlp_library_last_error(library, text, sizeof(text));
	flush_rc = otlp_library_flush(library, rc == OTLP_OK ? INT64_C(10000000000) : 0);
	then = stats();
	lift_limit(what);
	refused = push_until_taken();
	printf("{\"result\":%d,\"text\":\"%s\",\"flush\":%d,\"ring_error\":%d,\"ring_failures\":%u,"
	       "\"refused\":%u,\"dropped\":%llu,\"ring_error_then\":%d}\n",
	       rc, text, flush_rc, then.ring_error, then.ring_failures, refused,
	       (unsigned long long)stats().signals[OTLP_SIGNAL_TRACES].dropped_full,
	       stats().ring_error);
	otlp_library_unref(library);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "open") == 0) {
		run_open(argv[2]);
		return 0;
	}
	EXPECT(strcmp(argv[1], "child") == 0);
	EXPECT(otlp_library_open(&library, NULL) == OTLP_OK);
	pid = fork();
	EXPECT(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_in_child(argv[2]);
		return 0;
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	otlp_library_unref(library);
	if (WIFSIGNALED(status))
		fprintf(stderr, "the child was ended by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}
