/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of the flight recorder: when held files go, and when they are moved. */
#include "writer/flight.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

/* The oldest file goes as a whole, so a file is a small part of what is held. */
#define PLAN_PARTS	      16u
#define PLAN_ROTATE_BYTES_MIN (UINT64_C(64) << 10)
#define PLAN_ROTATE_BYTES_MAX (UINT64_C(64) << 20)
#define PLAN_ROTATE_NS_MIN    INT64_C(100000000)
#define PLAN_ROTATE_NS_MAX    INT64_C(60000000000)
/* Where --keep has a time alone: so much of the file system may be taken. */
#define PLAN_FILESYSTEM_PART 4u
/* So much of it is left to producers, who make their regions there. */
#define RESERVE_PART	  16u
#define RESERVE_BYTES_MAX (UINT64_C(64) << 20)
#define LOOK_NS_MAX	  INT64_C(60000000000)

/* When a held file was seen first: by a clock that nobody sets, and that counts on in a sleep. */
struct stamp {
	uint64_t sequence;
	int64_t seen_ns;
};

struct held {
	struct stamp *stamps; /* of the files that are there, in their order */
	size_t count;
};

struct flight {
	struct flight_plan plan;
	struct spool spool; /* the thread's, as is held */
	struct held held[SIGNAL_COUNT];
	const struct outdir *disk;
	const char *disk_path;
	void (*wake)(void);
	bool has_said_full;
	int said_error;
	uint64_t missing_files;		    /* removed by others since a snapshot said so */
	uint64_t found_items[SIGNAL_COUNT]; /* held when it was opened; constant */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* All below under the mutex. */
	bool is_asked;
	bool is_stopping;
	bool wants_snapshot;
	bool has_result;
	uint64_t up_to[SIGNAL_COUNT];
	struct status_snapshot result;
	struct spool_counts let_go;
	uint64_t moved_items[SIGNAL_COUNT];
	uint64_t held_files, held_bytes, held_since_unix_ns;
};

/* ---- the plan ---- */

static uint64_t clamp(uint64_t value, uint64_t min, uint64_t max)
{
	return value < min ? min : value > max ? max : value;
}

static uint64_t filesystem_bytes(int dirfd)
{
	struct statvfs vfs;

	return fstatvfs(dirfd, &vfs) < 0 ? 0 : (uint64_t)vfs.f_blocks * vfs.f_frsize;
}

void flight_plan(struct flight_plan *ret, const struct options *options, int dirfd)
{
	const uint64_t part = filesystem_bytes(dirfd) / PLAN_FILESYSTEM_PART;

	ret->keep_ns = options->keep_ns;
	ret->keep_bytes = options->keep_bytes != 0 ? options->keep_bytes
						   : clamp(part, OPTION_KEEP_BYTES_MIN, UINT64_MAX);
	ret->rotate_bytes =
		clamp(ret->keep_bytes / PLAN_PARTS, PLAN_ROTATE_BYTES_MIN, PLAN_ROTATE_BYTES_MAX);
	ret->rotate_age_ns = ret->keep_ns == 0
				     ? 0
				     : (int64_t)clamp((uint64_t)ret->keep_ns / PLAN_PARTS,
						      PLAN_ROTATE_NS_MIN, PLAN_ROTATE_NS_MAX);
	ret->batch_bytes =
		options->batch_bytes < ret->rotate_bytes ? options->batch_bytes : ret->rotate_bytes;
}

/* ---- what is held ---- */

static int64_t boot_ns(void)
{
	return clock_now_ns(CLOCK_BOOTTIME);
}

/* One that a writer before us has sealed: by its own time, as far as that can be. */
static int64_t seen_before(const struct flight *flight, const struct data_name *name)
{
	int64_t age_ns = clock_now_ns(CLOCK_REALTIME) - name->mtime_ns;

	if (age_ns < 0)
		age_ns = 0;
	if (flight->plan.keep_ns != 0 && age_ns > flight->plan.keep_ns)
		age_ns = flight->plan.keep_ns;
	return boot_ns() - age_ns;
}

/* The files that are there now. Those that are not and should be are counted. */
static int held_list(struct flight *flight, enum otlp_signal signal, struct data_name **ret,
		     size_t *ret_count)
{
	uint64_t missing = 0;
	int rc = spool_miss(&flight->spool, signal, &missing);

	flight->missing_files += missing;
	return rc < 0 ? rc : spool_list(&flight->spool, signal, ret, ret_count);
}

/* The same, with when they were seen first. */
static int held_look(struct flight *flight, enum otlp_signal signal, bool is_first,
		     struct data_name **ret, size_t *ret_count)
{
	struct held *held = &flight->held[signal];
	const int64_t now_ns = boot_ns();
	struct stamp *stamps;
	size_t i, at = 0;
	int rc = held_list(flight, signal, ret, ret_count);

	if (rc < 0)
		return rc;
	stamps = calloc(*ret_count + 1, sizeof(*stamps));
	if (stamps == NULL) {
		free(*ret);
		return -ENOMEM;
	}
	for (i = 0; i < *ret_count; i++) {
		const struct data_name *name = &(*ret)[i];

		while (at < held->count && held->stamps[at].sequence < name->sequence)
			at++;
		stamps[i].sequence = name->sequence;
		if (at < held->count && held->stamps[at].sequence == name->sequence)
			stamps[i].seen_ns = held->stamps[at].seen_ns;
		else
			stamps[i].seen_ns = is_first ? seen_before(flight, name) : now_ns;
	}
	free(held->stamps);
	held->stamps = stamps;
	held->count = *ret_count;
	return 0;
}

struct view {
	struct data_name *names[SIGNAL_COUNT];
	size_t counts[SIGNAL_COUNT];
	size_t gone[SIGNAL_COUNT]; /* from the front */
	uint64_t files, bytes;
};

static void view_free(struct view *view)
{
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		free(view->names[signal]);
}

static int view_make(struct flight *flight, bool is_first, struct view *ret)
{
	enum otlp_signal signal;
	int rc = 0;

	memset(ret, 0, sizeof(*ret));
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		size_t i;

		rc = held_look(flight, signal, is_first, &ret->names[signal], &ret->counts[signal]);
		if (rc < 0) {
			ret->names[signal] = NULL;
			break;
		}
		ret->files += ret->counts[signal];
		for (i = 0; i < ret->counts[signal]; i++)
			ret->bytes += ret->names[signal][i].bytes;
	}
	if (rc < 0)
		view_free(ret);
	return rc;
}

/* The signal whose oldest file is the oldest of all; SIGNAL_COUNT: nothing is held. */
static enum otlp_signal view_oldest(const struct flight *flight, const struct view *view)
{
	enum otlp_signal signal, oldest = SIGNAL_COUNT;
	int64_t oldest_ns = INT64_MAX;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const size_t at = view->gone[signal];

		if (at < view->counts[signal] &&
		    flight->held[signal].stamps[at].seen_ns < oldest_ns) {
			oldest_ns = flight->held[signal].stamps[at].seen_ns;
			oldest = signal;
		}
	}
	return oldest;
}

static int64_t view_seen_ns(const struct flight *flight, const struct view *view,
			    enum otlp_signal signal)
{
	return flight->held[signal].stamps[view->gone[signal]].seen_ns;
}

/* ---- letting go ---- */

static bool is_too_full(struct flight *flight)
{
	const int dirfd = flight->spool.signals[0].held.fd;
	struct statvfs vfs;
	uint64_t reserve;

	if (fstatvfs(dirfd, &vfs) < 0)
		return false;
	reserve = (uint64_t)vfs.f_blocks * vfs.f_frsize / RESERVE_PART;
	if (reserve > RESERVE_BYTES_MAX)
		reserve = RESERVE_BYTES_MAX;
	return (uint64_t)vfs.f_bavail * vfs.f_frsize < reserve;
}

/* What is open of each signal counts as a whole file. */
static bool is_too_much(const struct flight *flight, const struct view *view)
{
	return view->bytes + SIGNAL_COUNT * flight->plan.rotate_bytes > flight->plan.keep_bytes;
}

static bool is_due(struct flight *flight, const struct view *view, enum otlp_signal oldest)
{
	const int64_t age_ns = boot_ns() - view_seen_ns(flight, view, oldest);

	if (is_too_much(flight, view) ||
	    (flight->plan.keep_ns != 0 && age_ns > flight->plan.keep_ns))
		return true;
	if (!is_too_full(flight)) {
		flight->has_said_full = false;
		return false;
	}
	if (!flight->has_said_full)
		log_line("the file system of the runtime directory is nearly full: the flight "
			 "recorder lets go of the oldest sooner than --keep says");
	flight->has_said_full = true;
	return true;
}

static void say_error(struct flight *flight, const char *what, int rc)
{
	if (rc < 0 && rc != flight->said_error)
		log_line("the flight recorder cannot %s: %s", what, strerror(-rc));
	flight->said_error = rc;
}

static void show_view(struct flight *flight, const struct view *view)
{
	enum otlp_signal oldest = view_oldest(flight, view);
	const struct data_name *name =
		oldest != SIGNAL_COUNT ? &view->names[oldest][view->gone[oldest]] : NULL;

	pthread_mutex_lock(&flight->mutex);
	flight->held_files = view->files;
	flight->held_bytes = view->bytes;
	flight->held_since_unix_ns = name != NULL ? (uint64_t)name->wall * 1000000000 : 0;
	pthread_mutex_unlock(&flight->mutex);
}

static int let_go_oldest(struct flight *flight, struct view *view, enum otlp_signal signal)
{
	const struct data_name *name = &view->names[signal][view->gone[signal]];
	struct spool_counts counts = {0};
	int rc = spool_let_go(&flight->spool, signal, name, &counts);

	pthread_mutex_lock(&flight->mutex);
	flight->let_go.files += counts.files;
	flight->let_go.bytes += counts.bytes;
	flight->let_go.let_go_items[signal] += counts.let_go_items[signal];
	pthread_mutex_unlock(&flight->mutex);
	if (rc < 0)
		return rc;
	view->gone[signal]++;
	view->files--;
	view->bytes -= name->bytes;
	return 0;
}

/* Let go of what is due. @return for how long nothing more is */
static int64_t look(struct flight *flight)
{
	int64_t wait_ns = LOOK_NS_MAX;
	enum otlp_signal oldest;
	struct view view;
	uint64_t files;
	int rc = view_make(flight, false, &view);

	if (rc < 0) {
		say_error(flight, "list what it holds", rc);
		return PLAN_ROTATE_NS_MIN;
	}
	files = view.files;
	while (rc == 0 && (oldest = view_oldest(flight, &view)) != SIGNAL_COUNT &&
	       is_due(flight, &view, oldest))
		rc = let_go_oldest(flight, &view, oldest);
	say_error(flight, "let go of what is too old", rc);
	show_view(flight, &view);
	/* A loop that sleeps for long has to tell monitors of it. */
	if (view.files != files)
		flight->wake();
	oldest = view_oldest(flight, &view);
	if (oldest != SIGNAL_COUNT && flight->plan.keep_ns != 0) {
		wait_ns = flight->plan.keep_ns - (boot_ns() - view_seen_ns(flight, &view, oldest)) +
			  1000000;
		wait_ns = (int64_t)clamp((uint64_t)(wait_ns > 0 ? wait_ns : 0), 10000000,
					 (uint64_t)LOOK_NS_MAX);
	}
	view_free(&view);
	return rc < 0 ? PLAN_ROTATE_NS_MIN : wait_ns;
}

/* ---- snapshots ---- */

/* Does the path still lead to the directory that is open? */
static bool disk_is_there(const struct flight *flight)
{
	struct stat by_path, by_fd;

	return stat(flight->disk_path, &by_path) == 0 && fstat(flight->disk->fd, &by_fd) == 0 &&
	       by_path.st_dev == by_fd.st_dev && by_path.st_ino == by_fd.st_ino;
}

static bool is_stopping(struct flight *flight)
{
	bool stopping;

	pthread_mutex_lock(&flight->mutex);
	stopping = flight->is_stopping;
	pthread_mutex_unlock(&flight->mutex);
	return stopping;
}

static int move_oldest(struct flight *flight, enum otlp_signal signal, uint64_t up_to,
		       struct spool_counts *counts, bool *ret_any)
{
	struct data_name *names = NULL;
	const uint64_t items = counts->items[signal];
	size_t count = 0;
	int rc = held_list(flight, signal, &names, &count);

	*ret_any = rc == 0 && count > 0 && names[0].sequence <= up_to;
	if (*ret_any)
		rc = spool_move(&flight->spool, signal, &names[0], counts);
	free(names);
	pthread_mutex_lock(&flight->mutex);
	flight->moved_items[signal] += counts->items[signal] - items;
	pthread_mutex_unlock(&flight->mutex);
	return rc;
}

/* One file after the other, so that a slow disk does not make more be held than may be. */
static int move_signal(struct flight *flight, enum otlp_signal signal, uint64_t up_to,
		       struct spool_counts *counts)
{
	bool any = true;
	int rc = 0;

	while (rc == 0 && any) {
		rc = move_oldest(flight, signal, up_to, counts, &any);
		if (rc == 0 && any && is_stopping(flight))
			rc = -ECANCELED;
		if (rc == 0 && any)
			(void)look(flight);
	}
	return rc == 0 ? spool_move_account(&flight->spool, signal, counts) : rc;
}

static void explain(const struct flight *flight, int rc, const struct spool_counts *counts,
		    char ret[STATUS_SNAPSHOT_BYTES])
{
	const char *rest = "; what is not written is held on";

	if (rc == -ESTALE)
		snprintf(ret, STATUS_SNAPSHOT_BYTES,
			 "the output directory is gone, or another one has its path%s: bring it "
			 "back, or restart the writer",
			 rest);
	else if (rc == -ECANCELED)
		snprintf(ret, STATUS_SNAPSHOT_BYTES,
			 "the writer was told to stop meanwhile%s for the next writer", rest);
	else if (rc == -ENOENT && flight->missing_files > 0)
		snprintf(ret, STATUS_SNAPSHOT_BYTES,
			 "held files that somebody has removed: %llu; their records are lost, and "
			 "what was left is written",
			 (unsigned long long)flight->missing_files);
	else
		snprintf(ret, STATUS_SNAPSHOT_BYTES, "%.40s, after %llu files%s", strerror(-rc),
			 (unsigned long long)counts->files, rest);
	log_line("the snapshot into %.300s failed: %s", flight->disk_path, ret);
}

static void take_snapshot(struct flight *flight, const uint64_t up_to[SIGNAL_COUNT],
			  struct status_snapshot *ret)
{
	struct spool_counts counts = {0};
	int rc = disk_is_there(flight) ? 0 : -ESTALE;
	enum otlp_signal signal;

	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
		rc = move_signal(flight, signal, up_to[signal], &counts);
	/* All that is there is written; but it is not all that was pushed. */
	if (rc == 0 && flight->missing_files > 0)
		rc = -ENOENT;
	memset(ret, 0, sizeof(*ret));
	ret->error = (uint64_t)-rc;
	ret->files = counts.files;
	ret->bytes = counts.bytes;
	ret->begin_unix_ns = counts.begin_unix_ns;
	ret->end_unix_ns = counts.end_unix_ns;
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		ret->items[signal] = counts.items[signal];
		ret->let_go_items[signal] = counts.let_go_items[signal];
	}
	if (rc < 0)
		explain(flight, rc, &counts, ret->problem);
	if (rc == -ENOENT)
		flight->missing_files = 0;
}

/* ---- the thread ---- */

/* The next writer knows nothing of them where the manifest is gone too. */
static void say_missing(struct flight *flight)
{
	enum otlp_signal signal;
	uint64_t missing;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		(void)spool_miss(&flight->spool, signal, &missing);
}

static void wait_for(struct flight *flight, int64_t wait_ns)
{
	const int64_t until_ns = clock_monotonic_ns() + wait_ns;
	const struct timespec until = {.tv_sec = until_ns / 1000000000,
				       .tv_nsec = until_ns % 1000000000};

	while (!flight->is_asked && !flight->is_stopping && !flight->wants_snapshot &&
	       clock_monotonic_ns() < until_ns)
		(void)pthread_cond_timedwait(&flight->changed, &flight->mutex, &until);
}

static void *run_thread(void *argument)
{
	struct flight *flight = argument;
	int64_t wait_ns = 0;

	(void)pthread_setname_np(pthread_self(), "flight");
	pthread_mutex_lock(&flight->mutex);
	for (;;) {
		struct status_snapshot result;
		uint64_t up_to[SIGNAL_COUNT];
		bool is_wanted;

		wait_for(flight, wait_ns);
		is_wanted = flight->wants_snapshot;
		if (flight->is_stopping && !is_wanted)
			break;
		flight->is_asked = false;
		memcpy(up_to, flight->up_to, sizeof(up_to));
		pthread_mutex_unlock(&flight->mutex);

		if (is_wanted)
			take_snapshot(flight, up_to, &result);
		wait_ns = look(flight);

		pthread_mutex_lock(&flight->mutex);
		if (is_wanted) {
			flight->wants_snapshot = false;
			flight->has_result = true;
			flight->result = result;
			flight->wake();
		}
	}
	pthread_mutex_unlock(&flight->mutex);
	say_missing(flight);
	return NULL;
}

static int start_thread(struct flight *flight)
{
	pthread_condattr_t attributes;
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&flight->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&flight->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	/* Inherited: a signal must reach the main loop, which waits for it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&flight->thread, NULL, run_thread, flight);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return 0;
	pthread_cond_destroy(&flight->changed);
	pthread_mutex_destroy(&flight->mutex);
	return -rc;
}

/* ---- for the main loop ---- */

static int count_found(struct flight *flight)
{
	struct spool_counts counts = {0};
	enum otlp_signal signal;
	struct view view;
	size_t i;
	int rc = view_make(flight, true, &view);

	if (rc < 0)
		return rc;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		for (i = 0; rc == 0 && i < view.counts[signal]; i++)
			rc = spool_count(&flight->spool, signal, &view.names[signal][i], &counts);
	memcpy(flight->found_items, counts.items, sizeof(flight->found_items));
	flight->held_files = view.files;
	flight->held_bytes = view.bytes;
	view_free(&view);
	return rc;
}

static void held_free(struct flight *flight)
{
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		free(flight->held[signal].stamps);
}

int flight_open(struct flight **ret, const struct flight_plan *plan, const struct outdir *held,
		const struct outdir *disk, const char *disk_path, void (*wake)(void))
{
	struct flight *flight = calloc(1, sizeof(*flight));
	int rc;

	if (flight == NULL) {
		log_line("no memory for the flight recorder");
		return -ENOMEM;
	}
	flight->plan = *plan;
	flight->disk = disk;
	flight->disk_path = disk_path;
	flight->wake = wake;
	rc = spool_open(&flight->spool, held->fd, held->manifest, disk->fd, disk->manifest);
	if (rc < 0) {
		free(flight);
		return rc;
	}
	rc = count_found(flight);
	if (rc == 0)
		rc = start_thread(flight);
	if (rc < 0) {
		log_line("the flight recorder cannot be started: %s", strerror(-rc));
		held_free(flight);
		spool_close(&flight->spool);
		free(flight);
		return rc;
	}
	*ret = flight;
	return 0;
}

void flight_close(struct flight *flight)
{
	if (flight == NULL)
		return;
	pthread_mutex_lock(&flight->mutex);
	flight->is_stopping = true;
	pthread_cond_signal(&flight->changed);
	pthread_mutex_unlock(&flight->mutex);
	pthread_join(flight->thread, NULL);
	pthread_cond_destroy(&flight->changed);
	pthread_mutex_destroy(&flight->mutex);
	held_free(flight);
	spool_close(&flight->spool);
	free(flight);
}

void flight_request(struct flight *flight)
{
	if (flight == NULL)
		return;
	pthread_mutex_lock(&flight->mutex);
	flight->is_asked = true;
	pthread_cond_signal(&flight->changed);
	pthread_mutex_unlock(&flight->mutex);
}

void flight_snapshot(struct flight *flight, const uint64_t up_to[SIGNAL_COUNT])
{
	pthread_mutex_lock(&flight->mutex);
	memcpy(flight->up_to, up_to, sizeof(flight->up_to));
	flight->wants_snapshot = true;
	flight->has_result = false;
	pthread_cond_signal(&flight->changed);
	pthread_mutex_unlock(&flight->mutex);
}

bool flight_take_result(struct flight *flight, struct status_snapshot *ret)
{
	bool has_result;

	pthread_mutex_lock(&flight->mutex);
	has_result = flight->has_result;
	if (has_result)
		*ret = flight->result;
	flight->has_result = false;
	pthread_mutex_unlock(&flight->mutex);
	return has_result;
}

void flight_show(struct flight *flight, struct status_page *page)
{
	struct status_flight *status = &page->flight;
	enum otlp_signal signal;

	pthread_mutex_lock(&flight->mutex);
	status->keep_ns = (uint64_t)flight->plan.keep_ns;
	status->keep_bytes = flight->plan.keep_bytes;
	status->held_files = flight->held_files;
	status->held_bytes = flight->held_bytes;
	status->held_since_unix_ns = flight->held_since_unix_ns;
	status->let_go_files = flight->let_go.files;
	status->let_go_bytes = flight->let_go.bytes;
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const uint64_t gone = flight->let_go.let_go_items[signal];

		status->let_go_items[signal] = gone;
		/* What the files have that are open now is in the first sum too. */
		status->held_items[signal] = flight->found_items[signal] +
					     page->signals[signal].written_items - gone -
					     flight->moved_items[signal];
	}
	pthread_mutex_unlock(&flight->mutex);
}
