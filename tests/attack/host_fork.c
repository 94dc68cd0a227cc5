/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that forks workers, as servers do. Each worker pushes from several threads at once, from
 * its first moment on.
 *
 * usage: host_fork WORKERS THREADS PUSHES      with $OTLPIPE_DIR; PUSHES of each thread
 * Prints a line of JSON: what all workers together had accepted and dropped.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/attack/host.h"

#define THREADS_MAX 64

static struct otlp_library *library;
static pthread_barrier_t barrier;
static unsigned long pushes;

/* What a worker counts, by what the calls return and by the library. */
struct counts {
	uint64_t accepted, dropped;
};

static void *push_all(void *context)
{
	struct counts *counts = context;
	unsigned long i;

	pthread_barrier_wait(&barrier);
	for (i = 0; i < pushes; i++) {
		if (host_push(library) == OTLP_OK)
			counts->accepted++;
		else
			counts->dropped++;
	}
	return NULL;
}

static void run_worker(unsigned threads, struct counts *ret)
{
	static struct counts counts[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	struct otlp_stats stats;
	unsigned i;

	EXPECT(pthread_barrier_init(&barrier, NULL, threads) == 0);
	for (i = 0; i < threads; i++)
		EXPECT(pthread_create(&ids[i], NULL, push_all, &counts[i]) == 0);
	for (i = 0; i < threads; i++) {
		EXPECT(pthread_join(ids[i], NULL) == 0);
		ret->accepted += counts[i].accepted;
		ret->dropped += counts[i].dropped;
	}
	otlp_library_get_stats(library, &stats, sizeof(stats));
	EXPECT(stats.signals[OTLP_SIGNAL_TRACES].accepted == ret->accepted);
	EXPECT(stats.signals[OTLP_SIGNAL_TRACES].dropped_full == ret->dropped);
	otlp_library_unref(library);
}

int main(int argc, char **argv)
{
	unsigned workers, threads, i;
	uint64_t accepted = 0, dropped = 0;
	struct counts *counts;

	if (argc != 4)
		return 2;
	workers = (unsigned)strtoul(argv[1], NULL, 10);
	threads = (unsigned)strtoul(argv[2], NULL, 10);
	pushes = strtoul(argv[3], NULL, 10);
	EXPECT(threads <= THREADS_MAX);
	counts = mmap(NULL, workers * sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT(counts != MAP_FAILED);
	EXPECT(otlp_library_open(&library, NULL) == OTLP_OK);
	for (i = 0; i < workers; i++) {
		const pid_t pid = fork();

		EXPECT(pid >= 0);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			run_worker(threads, &counts[i]);
			_exit(0);
		}
	}
	for (i = 0; i < workers; i++) {
		int status;

		EXPECT(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	for (i = 0; i < workers; i++) {
		accepted += counts[i].accepted;
		dropped += counts[i].dropped;
	}
	printf("{\"accepted\":%llu,\"dropped\":%llu}\n", (unsigned long long)accepted,
	       (unsigned long long)dropped);
	otlp_library_unref(library);
	return 0;
}
