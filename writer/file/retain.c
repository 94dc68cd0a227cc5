/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of retention. What a run does is retain_run.c's; when to ask for one is left to the
 * writer's main loop.
 */
#include "writer/file/retain.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct retain {
	struct retain_run run; /* the thread's */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* All below under the mutex. */
	bool is_asked;
	bool is_stopping;
	struct retain_counts counts;
	struct retain_limits limits; /* of the next run */
};

static bool is_stopping(void *context)
{
	struct retain *retain = context;
	bool stopping;

	pthread_mutex_lock(&retain->mutex);
	stopping = retain->is_stopping;
	pthread_mutex_unlock(&retain->mutex);
	return stopping;
}

static void *run_thread(void *argument)
{
	struct retain *retain = argument;

	(void)pthread_setname_np(pthread_self(), "retain");
	pthread_mutex_lock(&retain->mutex);
	for (;;) {
		while (!retain->is_asked && !retain->is_stopping)
			pthread_cond_wait(&retain->changed, &retain->mutex);
		if (retain->is_stopping)
			break;
		retain->is_asked = false;
		retain_run_set_limits(&retain->run, &retain->limits);
		pthread_mutex_unlock(&retain->mutex);

		(void)retain_run(&retain->run);

		pthread_mutex_lock(&retain->mutex);
		retain->counts = retain->run.counts;
	}
	pthread_mutex_unlock(&retain->mutex);
	return NULL;
}

static int start_thread(struct retain *retain)
{
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&retain->mutex, NULL);
	pthread_cond_init(&retain->changed, NULL);

	/* Inherited: a signal must reach the main loop, which waits for it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&retain->thread, NULL, run_thread, retain);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return 0;

	pthread_cond_destroy(&retain->changed);
	pthread_mutex_destroy(&retain->mutex);
	return -rc;
}

int retain_open(struct retain **ret, int out_dirfd, struct manifest *manifest,
		const char *const *signals, unsigned signal_count,
		const struct retain_limits *limits)
{
	struct retain *retain;
	int rc;

	if (signal_count == 0 || signal_count > RETAIN_SIGNALS_MAX)
		return -EINVAL;

	retain = calloc(1, sizeof(*retain));
	if (!retain)
		return -ENOMEM;
	retain->limits = *limits;
	rc = retain_run_open(&retain->run, out_dirfd, manifest, signals, signal_count, limits);
	if (rc == 0) {
		retain->run.is_stopping = is_stopping;
		retain->run.context = retain;
		rc = start_thread(retain);
		if (rc < 0)
			retain_run_close(&retain->run);
	}
	if (rc < 0) {
		free(retain);
		return rc;
	}

	*ret = retain;
	return 0;
}

void retain_close(struct retain *retain)
{
	if (!retain)
		return;

	pthread_mutex_lock(&retain->mutex);
	retain->is_stopping = true;
	pthread_cond_signal(&retain->changed);
	pthread_mutex_unlock(&retain->mutex);

	pthread_join(retain->thread, NULL);
	pthread_cond_destroy(&retain->changed);
	pthread_mutex_destroy(&retain->mutex);
	retain_run_close(&retain->run);
	free(retain);
}

void retain_request(struct retain *retain)
{
	pthread_mutex_lock(&retain->mutex);
	retain->is_asked = true;
	pthread_cond_signal(&retain->changed);
	pthread_mutex_unlock(&retain->mutex);
}

void retain_counts(struct retain *retain, struct retain_counts *ret)
{
	pthread_mutex_lock(&retain->mutex);
	*ret = retain->counts;
	pthread_mutex_unlock(&retain->mutex);
}

void retain_set_limits(struct retain *retain, const struct retain_limits *limits)
{
	pthread_mutex_lock(&retain->mutex);
	retain->limits = *limits;
	pthread_mutex_unlock(&retain->mutex);
}
