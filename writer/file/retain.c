/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: a pure policy (sort, plan), and a thread that lists, asks the policy and unlinks.
 *
 * Names come from data_dir_list, the same code that makes them. When to ask for a run, and what
 * to log about it, is left to the writer's main loop.
 */
#include "writer/file/retain.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "writer/file/datafile.h"

struct retain {
	struct data_dir dirs[RETAIN_SIGNALS_MAX];
	unsigned dir_count;
	struct retain_limits limits;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* All below under the mutex. */
	bool is_asked;
	bool is_running;
	bool is_stopping;
	struct retain_counts counts;
};

static int compare_in_signal(const void *a, const void *b)
{
	const struct retain_file *left = a, *right = b;

	if (left->signal != right->signal)
		return left->signal < right->signal ? -1 : 1;
	if (left->sequence != right->sequence)
		return left->sequence < right->sequence ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int compare_by_age(const void *a, const void *b)
{
	const struct retain_file *left = a, *right = b;

	if (left->mtime_ns != right->mtime_ns)
		return left->mtime_ns < right->mtime_ns ? -1 : 1;
	return compare_in_signal(a, b);
}

void retain_sort(struct retain_file *files, size_t count)
{
	if (count == 0)
		return;

	qsort(files, count, sizeof(*files), compare_in_signal);
	for (size_t i = count - 1; i > 0; i--)
		if (files[i - 1].signal == files[i].signal &&
		    files[i - 1].mtime_ns > files[i].mtime_ns)
			files[i - 1].mtime_ns = files[i].mtime_ns;
	/* Times now rise with the sequence, so sorting by them keeps each signal's order. */
	qsort(files, count, sizeof(*files), compare_by_age);
}

size_t retain_plan(const struct retain_file *files, size_t count,
		   const struct retain_limits *limits, int64_t now_ns, uint64_t free_bytes)
{
	uint64_t total_bytes = 0;
	size_t n;

	for (size_t i = 0; i < count; i++)
		total_bytes += files[i].bytes;

	for (n = 0; n < count; n++) {
		bool is_too_much = limits->total_bytes > 0 && total_bytes > limits->total_bytes;
		bool is_too_old =
			limits->age_ns > 0 && files[n].mtime_ns < now_ns &&
			(uint64_t)now_ns - (uint64_t)files[n].mtime_ns > (uint64_t)limits->age_ns;
		bool is_too_full = limits->free_bytes > 0 && free_bytes < limits->free_bytes;

		if (!is_too_much && !is_too_old && !is_too_full)
			break;
		total_bytes -= files[n].bytes;
		free_bytes += files[n].bytes;
	}
	return n;
}

struct collection {
	struct retain_file *files;
	size_t count;
};

static int collect_dir(const struct retain *retain, unsigned signal, struct collection *all)
{
	struct retain_file *files;
	struct data_name *names;
	size_t count;
	int rc;

	rc = data_dir_list(&retain->dirs[signal], DATA_SEALED | DATA_BAD, &names, &count);
	if (rc < 0 || count == 0)
		return rc;

	files = reallocarray(all->files, all->count + count, sizeof(*files));
	if (!files) {
		free(names);
		return -ENOMEM;
	}

	for (size_t i = 0; i < count; i++) {
		struct retain_file *file = &files[all->count + i];

		*file = (struct retain_file){
			.bytes = names[i].bytes,
			.mtime_ns = names[i].mtime_ns,
			.sequence = names[i].sequence,
			.signal = signal,
		};
		memcpy(file->name, names[i].name, sizeof(file->name));
	}
	free(names);
	all->files = files;
	all->count += count;
	return 0;
}

static bool is_stopping(struct retain *retain)
{
	bool stopping;

	pthread_mutex_lock(&retain->mutex);
	stopping = retain->is_stopping;
	pthread_mutex_unlock(&retain->mutex);
	return stopping;
}

/* Deletes one file; one that cannot be deleted does not hold up the others. */
static int remove_file(struct retain *retain, const struct retain_file *file)
{
	if (unlinkat(retain->dirs[file->signal].fd, file->name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;

	pthread_mutex_lock(&retain->mutex);
	retain->counts.removed_files++;
	retain->counts.removed_bytes += file->bytes;
	pthread_mutex_unlock(&retain->mutex);
	return 0;
}

static int run_plan(struct retain *retain, const struct collection *all)
{
	struct statvfs vfs;
	struct timespec now;
	size_t doomed;
	int rc = 0;

	if (fstatvfs(retain->dirs[0].fd, &vfs) < 0)
		return -errno;
	clock_gettime(CLOCK_REALTIME, &now);

	doomed = retain_plan(all->files, all->count, &retain->limits,
			     now.tv_sec * INT64_C(1000000000) + now.tv_nsec,
			     (uint64_t)vfs.f_bavail * vfs.f_frsize);
	for (size_t i = 0; i < doomed && !is_stopping(retain); i++) {
		int failed = remove_file(retain, &all->files[i]);

		if (failed < 0)
			rc = failed;
	}
	return rc;
}

static int run_once(struct retain *retain)
{
	struct collection all = {0};
	int rc = 0;

	for (unsigned signal = 0; rc == 0 && signal < retain->dir_count; signal++)
		rc = collect_dir(retain, signal, &all);
	if (rc == 0) {
		retain_sort(all.files, all.count);
		rc = run_plan(retain, &all);
	}
	free(all.files);
	return rc;
}

static void *run_thread(void *argument)
{
	struct retain *retain = argument;

	(void)pthread_setname_np(pthread_self(), "retain");

	pthread_mutex_lock(&retain->mutex);
	for (;;) {
		int rc;

		while (!retain->is_asked && !retain->is_stopping)
			pthread_cond_wait(&retain->changed, &retain->mutex);
		if (retain->is_stopping)
			break;
		retain->is_asked = false;
		retain->is_running = true;
		pthread_mutex_unlock(&retain->mutex);

		rc = run_once(retain);

		pthread_mutex_lock(&retain->mutex);
		retain->is_running = false;
		retain->counts.runs++;
		if (rc < 0) {
			retain->counts.failures++;
			retain->counts.last_error = rc;
		}
		pthread_cond_broadcast(&retain->changed);
	}
	pthread_mutex_unlock(&retain->mutex);
	return NULL;
}

static int start_thread(struct retain *retain)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&retain->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&retain->changed, &attr);
	pthread_condattr_destroy(&attr);

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

static void free_all(struct retain *retain)
{
	for (unsigned i = 0; i < retain->dir_count; i++)
		data_dir_close(&retain->dirs[i]);
	free(retain);
}

int retain_open(struct retain **ret, int out_dirfd, const char *const *signals,
		unsigned signal_count, const struct retain_limits *limits)
{
	struct retain *retain;
	int rc = 0;

	if (signal_count == 0 || signal_count > RETAIN_SIGNALS_MAX)
		return -EINVAL;

	retain = calloc(1, sizeof(*retain));
	if (!retain)
		return -ENOMEM;
	retain->limits = *limits;

	while (rc == 0 && retain->dir_count < signal_count) {
		rc = data_dir_open(out_dirfd, signals[retain->dir_count],
				   &retain->dirs[retain->dir_count]);
		if (rc == 0)
			retain->dir_count++;
	}
	if (rc == 0)
		rc = start_thread(retain);
	if (rc < 0) {
		free_all(retain);
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
	pthread_cond_broadcast(&retain->changed);
	pthread_mutex_unlock(&retain->mutex);

	pthread_join(retain->thread, NULL);
	pthread_cond_destroy(&retain->changed);
	pthread_mutex_destroy(&retain->mutex);
	free_all(retain);
}

void retain_request(struct retain *retain)
{
	pthread_mutex_lock(&retain->mutex);
	retain->is_asked = true;
	pthread_cond_broadcast(&retain->changed);
	pthread_mutex_unlock(&retain->mutex);
}

int retain_wait(struct retain *retain, int64_t timeout_ns)
{
	struct timespec until;
	int rc = 0;

	assert(timeout_ns >= 0);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ns / 1000000000;
	until.tv_nsec += timeout_ns % 1000000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}

	pthread_mutex_lock(&retain->mutex);
	while (rc == 0 && (retain->is_asked || retain->is_running))
		rc = pthread_cond_timedwait(&retain->changed, &retain->mutex, &until);
	pthread_mutex_unlock(&retain->mutex);
	return -rc;
}

void retain_counts(struct retain *retain, struct retain_counts *ret)
{
	pthread_mutex_lock(&retain->mutex);
	*ret = retain->counts;
	pthread_mutex_unlock(&retain->mutex);
}
