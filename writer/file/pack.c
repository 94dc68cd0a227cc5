/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that compresses: which files, in which order, and what is said. */
#include "writer/file/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "writer/file/pack_file.h"

#define LOWEST_PRIORITY 19
/*
 * linux/ioprio.h, which is not everywhere. The lowest of the usual priorities and not the idle one:
 * retention may wait for a step of this thread.
 */
#define IOPRIO_THREAD 1
#define IOPRIO_LOWEST (2 << 13 | 7)

struct pack {
	int out_dirfd;
	struct manifest *manifest;
	struct pack_options options; /* its keep_free_bytes: under the mutex */
	char signals[PACK_SIGNALS_MAX][DATA_SIGNAL_BYTES_MAX + 1];
	unsigned signal_count;
	uint64_t next[PACK_SIGNALS_MAX]; /* files with smaller numbers were tried */
	int said_error;			 /* the last one that the log has; 0: all is well */
	bool said_full;			 /* the log has that the disk is full */
	bool met_full;			 /* and it was in this run */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* All below under the mutex. */
	bool is_asked;
	bool is_stopping;
	struct pack_counts counts;
};

static bool is_stopping(void *context)
{
	struct pack *pack = context;
	bool stopping;

	pthread_mutex_lock(&pack->mutex);
	stopping = pack->is_stopping;
	pthread_mutex_unlock(&pack->mutex);
	return stopping;
}

static bool is_full(int rc)
{
	return rc == -ENOSPC || rc == -EDQUOT;
}

/*
 * Once for each kind of error, until a file could be compressed; but of a full disk until a run has
 * not met it, as a small file finds room where a large one does not.
 */
static void say(struct pack *pack, const char *signal, const char *name, int rc)
{
	pack->met_full |= is_full(rc);
	if (is_full(rc) ? pack->said_full : pack->said_error == rc)
		return;
	if (!is_full(rc))
		pack->said_error = rc;
	pack->said_full |= is_full(rc);
	if (is_full(rc))
		log_line("%s/%s stays uncompressed: the disk has no room for it beside --min-free; "
			 "it is tried again when files are sealed",
			 signal, name);
	else
		log_line("%s/%s stays uncompressed: %s", signal, name,
			 rc == -EUCLEAN ? "what was compressed does not read back as it was"
					: strerror(-rc));
}

/* While it is compressed it is there twice, and nobody knows how small it becomes. */
static bool has_room(struct pack *pack, const struct data_dir *dir, uint64_t bytes)
{
	struct statvfs vfs;
	uint64_t free_bytes, keep_bytes;

	pthread_mutex_lock(&pack->mutex);
	keep_bytes = pack->options.keep_free_bytes;
	pthread_mutex_unlock(&pack->mutex);
	if (fstatvfs(dir->fd, &vfs) < 0)
		return true;
	free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return free_bytes > keep_bytes && free_bytes - keep_bytes > bytes;
}

static void count(struct pack *pack, int rc, uint64_t plain_bytes, uint64_t packed_bytes)
{
	pthread_mutex_lock(&pack->mutex);
	pack->counts.files += rc == 0;
	pack->counts.plain_bytes += rc == 0 ? plain_bytes : 0;
	pack->counts.packed_bytes += rc == 0 ? packed_bytes : 0;
	pack->counts.failures += rc < 0 && rc != -ECANCELED;
	pthread_mutex_unlock(&pack->mutex);
}

/* @return 0: on with the next one; negative: no more for now */
static int pack_one(struct pack *pack, const struct data_dir *dir, const struct data_name *name)
{
	struct manifest_entry entry;
	uint64_t packed_bytes = 0;
	int rc = 0;

	if (!manifest_find(pack->manifest, dir->signal, name->sequence, &entry) ||
	    entry.state != MANIFEST_SEALED)
		return 0;
	if (!has_room(pack, dir, entry.bytes))
		rc = -ENOSPC;
	if (rc == 0)
		rc = pack_file(dir, name, entry.bytes, pack->options.level, is_stopping, pack,
			       &packed_bytes);
	count(pack, rc, entry.bytes, packed_bytes);
	if (rc == 0)
		pack->said_error = 0;
	if (rc < 0 && rc != -ECANCELED)
		say(pack, dir->signal, name->name, rc);
	return is_full(rc) || rc == -ECANCELED ? rc : 0;
}

/* @return as pack_one() */
static int pack_signal(struct pack *pack, unsigned signal)
{
	struct data_name *names = NULL;
	struct data_dir dir;
	size_t count = 0;
	int rc = data_dir_open(pack->out_dirfd, pack->signals[signal], &dir);

	if (rc < 0) {
		say(pack, pack->signals[signal], "", rc);
		return 0;
	}
	rc = data_dir_list(&dir, DATA_SEALED, &names, &count);
	if (rc < 0)
		say(pack, dir.signal, "", rc);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (names[i].sequence < pack->next[signal])
			continue;
		rc = pack_one(pack, &dir, &names[i]);
		if (rc == 0)
			pack->next[signal] = names[i].sequence + 1;
	}
	free(names);
	data_dir_close(&dir);
	return rc;
}

static void run(struct pack *pack)
{
	pack->met_full = false;
	for (unsigned signal = 0; signal < pack->signal_count && !is_stopping(pack); signal++)
		(void)pack_signal(pack, signal);
	pack->said_full = pack->met_full;
}

static void *run_thread(void *argument)
{
	struct pack *pack = argument;

	(void)pthread_setname_np(pthread_self(), "pack");
	/* Both count for this thread alone; where they are refused it runs like any other. */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LOWEST_PRIORITY);
	(void)syscall(SYS_ioprio_set, IOPRIO_THREAD, 0, IOPRIO_LOWEST);
	pthread_mutex_lock(&pack->mutex);
	for (;;) {
		while (!pack->is_asked && !pack->is_stopping)
			pthread_cond_wait(&pack->changed, &pack->mutex);
		if (pack->is_stopping)
			break;
		pack->is_asked = false;
		pthread_mutex_unlock(&pack->mutex);

		run(pack);

		pthread_mutex_lock(&pack->mutex);
		pack->counts.runs++;
	}
	pthread_mutex_unlock(&pack->mutex);
	return NULL;
}

static int start_thread(struct pack *pack)
{
	sigset_t all, before;
	int rc;

	/* Inherited: a signal must reach the main loop, which waits for it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&pack->thread, NULL, run_thread, pack);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

int pack_open(struct pack **ret, int out_dirfd, struct manifest *manifest,
	      const char *const *signals, unsigned signal_count, const struct pack_options *options)
{
	struct pack *pack;
	int rc;

	if (signal_count > PACK_SIGNALS_MAX)
		return -EINVAL;
	pack = calloc(1, sizeof(*pack));
	if (pack == NULL)
		return -ENOMEM;
	pack->manifest = manifest;
	pack->options = *options;
	pack->signal_count = signal_count;
	/* Files of an earlier writer, whatever it has left. */
	pack->is_asked = true;
	for (unsigned i = 0; i < signal_count; i++)
		strncpy(pack->signals[i], signals[i], DATA_SIGNAL_BYTES_MAX);
	pack->out_dirfd = fcntl(out_dirfd, F_DUPFD_CLOEXEC, 0);
	rc = pack->out_dirfd < 0 ? -errno : 0;
	pthread_mutex_init(&pack->mutex, NULL);
	pthread_cond_init(&pack->changed, NULL);
	if (rc == 0)
		rc = start_thread(pack);
	if (rc == 0) {
		*ret = pack;
		return 0;
	}
	pthread_cond_destroy(&pack->changed);
	pthread_mutex_destroy(&pack->mutex);
	if (pack->out_dirfd >= 0)
		close(pack->out_dirfd);
	free(pack);
	return rc;
}

void pack_close(struct pack *pack)
{
	if (pack == NULL)
		return;
	pthread_mutex_lock(&pack->mutex);
	pack->is_stopping = true;
	pthread_cond_signal(&pack->changed);
	pthread_mutex_unlock(&pack->mutex);

	pthread_join(pack->thread, NULL);
	pthread_cond_destroy(&pack->changed);
	pthread_mutex_destroy(&pack->mutex);
	close(pack->out_dirfd);
	free(pack);
}

void pack_request(struct pack *pack)
{
	if (pack == NULL)
		return;
	pthread_mutex_lock(&pack->mutex);
	pack->is_asked = true;
	pthread_cond_signal(&pack->changed);
	pthread_mutex_unlock(&pack->mutex);
}

void pack_set_keep_free(struct pack *pack, uint64_t keep_free_bytes)
{
	if (pack == NULL)
		return;
	pthread_mutex_lock(&pack->mutex);
	pack->options.keep_free_bytes = keep_free_bytes;
	pthread_mutex_unlock(&pack->mutex);
}

void pack_counts(struct pack *pack, struct pack_counts *ret)
{
	pthread_mutex_lock(&pack->mutex);
	*ret = pack->counts;
	pthread_mutex_unlock(&pack->mutex);
}
