/* SPDX-License-Identifier: Apache-2.0 */
/* When the writer may sleep deeply, and the sleeper. */
#include "writer/deep.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "writer/parts.h"
#include "writer/place.h"
#include "writer/snapshot.h"

/* It is looked once in an interval whether anything was drained, but not more or less often than
 * this; and so often nothing was before it sleeps. */
#define DEEP_LOOK_NS_MIN INT64_C(20000000)
#define DEEP_LOOK_NS_MAX INT64_C(1000000000)
#define DEEP_QUIET_LOOKS 2
/* A rare round of housekeeping: what nothing else would tell is noticed then. */
#define DEEP_SLEEP_MAX_NS INT64_C(300000000000)
/* After a failure to make what it takes. */
#define DEEP_RETRY_NS INT64_C(60000000000)
#define DEEP_EVENTS                                                                         \
	(IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_ATTRIB | \
	 IN_MOVE_SELF | IN_DELETE_SELF)
/* The sleeper is called back from wherever it sleeps; the default is to ignore this signal. */
#define DEEP_SIGNAL SIGURG

/* The word that the sleeper sleeps at while it is not at the page. */
#define SLEEPER_READY 0u /* to be moved to the page */
#define SLEEPER_MOVED 1u /* what comes back from there tells, and waits for the next READY */
#define SLEEPER_ENDS  2u

struct deep {
	pthread_t thread;
	uint32_t sleeper; /* SLEEPER_… */
	int event_fd;	  /* the sleeper was woken, or a signal came */
	int watch_fd;	  /* of inotify */
	int watch;
	uint64_t device, inode; /* of the directory that is watched */
	uint32_t number;	/* of the last sleep */
	int64_t looked_ns;
	uint64_t progress; /* at that look */
	unsigned quiet_looks;
	int64_t retry_ns;
	bool is_open;
	bool has_failed; /* said so */
};

/* What the signal handler and other threads write to; DEEP_NO_FD: nothing. */
#define DEEP_NO_FD UINT32_MAX
static uint32_t deep_event_fd = DEEP_NO_FD;

static void deep_tell(int event_fd)
{
	const uint64_t one = 1;

	/* It fails where it was told 2^64 - 2 times already. */
	if (write(event_fd, &one, sizeof(one)) < 0)
		return;
}

void deep_cancel(void)
{
	const uint32_t event_fd = atomic_load_relaxed_u32(&deep_event_fd);
	const int saved = errno;

	if (event_fd != DEEP_NO_FD)
		deep_tell((int)event_fd);
	errno = saved;
}

/* ---- the sleeper ---- */

static void *sleeper_run(void *argument)
{
	struct deep *deep = argument;

	(void)pthread_setname_np(pthread_self(), "sleeper");
	for (;;) {
		const uint32_t state = atomic_load_relaxed_u32(&deep->sleeper);

		if (state == SLEEPER_ENDS)
			return NULL;
		control_doze(&deep->sleeper, state);
		/* Woken at the page; or a stop of the process brought it back from there, where
		 * it finds that its word is another. One time too many costs a look. */
		if (state == SLEEPER_READY)
			deep_tell(deep->event_fd);
	}
}

static void sleeper_call(struct deep *deep, uint32_t state)
{
	atomic_store_relaxed_u32(&deep->sleeper, state);
	(void)pthread_kill(deep->thread, DEEP_SIGNAL);
}

static void sleeper_handle_signal(int number)
{
	(void)number;
}

/* It gets that one signal alone: all others must reach the main loop. */
static int sleeper_start(struct deep *deep)
{
	struct sigaction action = {.sa_handler = sleeper_handle_signal};
	sigset_t most, before;
	int rc;

	if (sigaction(DEEP_SIGNAL, &action, NULL) < 0)
		return -errno;
	sigfillset(&most);
	sigdelset(&most, DEEP_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &most, &before);
	rc = pthread_create(&deep->thread, NULL, sleeper_run, deep);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

/* ---- what it takes ---- */

static void deep_close_files(struct deep *deep)
{
	if (deep->event_fd >= 0)
		close(deep->event_fd);
	if (deep->watch_fd >= 0)
		close(deep->watch_fd);
}

static int deep_open(struct deep *deep)
{
	int rc = 0;

	deep->watch = -1;
	deep->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	deep->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (deep->event_fd < 0 || deep->watch_fd < 0)
		rc = -errno;
	if (rc == 0)
		rc = sleeper_start(deep);
	if (rc < 0) {
		deep_close_files(deep);
		return rc;
	}
	atomic_store_relaxed_u32(&deep_event_fd, (uint32_t)deep->event_fd);
	deep->is_open = true;
	return 0;
}

/* Watch this directory, by the descriptor: its path may lead elsewhere by now. */
static int deep_watch(struct deep *deep, const struct runtime_dir *dir)
{
	char path[32];

	if (deep->watch >= 0)
		(void)inotify_rm_watch(deep->watch_fd, deep->watch);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir->fd);
	deep->watch = inotify_add_watch(deep->watch_fd, path, DEEP_EVENTS | IN_ONLYDIR);
	if (deep->watch < 0)
		return -errno;
	deep->device = dir->device;
	deep->inode = dir->inode;
	return 0;
}

static bool deep_is_watching(const struct deep *deep, const struct runtime_dir *dir)
{
	return deep->watch >= 0 && deep->device == dir->device && deep->inode == dir->inode;
}

/* @return whether anything had been told */
static bool deep_take_events(struct deep *deep)
{
	char events[4096];
	uint64_t count;
	bool any = read(deep->event_fd, &count, sizeof(count)) > 0;

	while (read(deep->watch_fd, events, sizeof(events)) > 0)
		any = true;
	return any;
}

/* Have all that it takes. False: not now, or it was made just now, and all is looked at first. */
static bool deep_is_ready(struct writer *writer, int64_t now_ns)
{
	struct deep *deep = writer->deep;
	int rc = 0;

	if (now_ns < deep->retry_ns)
		return false;
	if (deep->is_open && deep_is_watching(deep, &writer->dir))
		return true;
	if (!deep->is_open)
		rc = deep_open(deep);
	if (rc == 0)
		rc = deep_watch(deep, &writer->dir);
	if (rc < 0) {
		if (!deep->has_failed)
			log_line("the runtime directory cannot be watched (inotify: %s): a writer "
				 "with nothing to do looks there each second instead",
				 strerror(-rc));
		deep->has_failed = true;
		deep->retry_ns = now_ns + DEEP_RETRY_NS;
	}
	return false;
}

/* ---- when ---- */

static bool sources_are_quiet(const struct writer *writer)
{
	const struct source *source;

	for (source = writer->regions.sources; source != NULL; source = source->next) {
		if (!source_is_quiet(source))
			return false;
		/* Such a one does not set the directory's time. In a directory of one user whose
		 * page was never replaced it need not. */
		if (!source->view.is_reached && (writer->dir.group || writer->place.has_moved))
			return false;
	}
	return true;
}

/* Is nothing under way that only another look brings on? */
static bool writer_is_quiet(const struct writer *writer)
{
	enum otlp_signal signal;

	if (writer->is_stopping || snapshot_is_due(writer) || writer->wait.has_begun ||
	    writer->discovery_failed || writer->place.is_leaving || writer->place.olds != NULL ||
	    writer->place.said != 0 || io_in_flight(writer->io) > 0 || log_has_left_out())
		return false;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (writer->close_due[signal] || !queue_is_idle(&writer->queues[signal]) ||
		    queue_count_parts(&writer->queues[signal], writer->regions.sources) > 0)
			return false;
	return sources_are_quiet(writer) && regions_are_all_known(&writer->regions);
}

static uint64_t writer_progress(const struct writer *writer)
{
	const struct source *source;
	uint64_t sum = writer->regions.count;

	for (source = writer->regions.sources; source != NULL; source = source->next)
		sum += source_progress(source);
	return sum;
}

/* Has nothing been done for some time? */
static bool deep_is_time(struct writer *writer, int64_t now_ns)
{
	struct deep *deep = writer->deep;
	int64_t every_ns = writer->options->interval_ns;
	uint64_t progress;

	if (every_ns < DEEP_LOOK_NS_MIN)
		every_ns = DEEP_LOOK_NS_MIN;
	if (every_ns > DEEP_LOOK_NS_MAX)
		every_ns = DEEP_LOOK_NS_MAX;
	if (now_ns - deep->looked_ns < every_ns)
		return false;
	deep->looked_ns = now_ns;
	progress = writer_progress(writer);
	deep->quiet_looks = progress == deep->progress ? deep->quiet_looks + 1 : 0;
	deep->progress = progress;
	return deep->quiet_looks >= DEEP_QUIET_LOOKS;
}

/* ---- the sleep ---- */

static void deep_tell_rings(const struct writer *writer, uint32_t number)
{
	struct source *source;

	for (source = writer->regions.sources; source != NULL; source = source->next)
		source_set_deep_sleep(source, number);
}

static void deep_announce(const struct writer *writer)
{
	struct deep *deep = writer->deep;

	if (++deep->number == 0)
		deep->number++;
	deep_tell_rings(writer, deep->number);
	/* PAIR(deep-sleep): with ring_claim() and flush_request(): they see the number, or the last
	 * look that follows sees the tail that they moved, or what they ask for. */
	atomic_fence_full();
}

/* @return whether it ended by the clock */
static bool deep_poll(const struct deep *deep, int64_t for_ns)
{
	const struct timespec timeout = {.tv_sec = for_ns / 1000000000,
					 .tv_nsec = for_ns % 1000000000};
	struct pollfd fds[] = {
		{.fd = deep->event_fd, .events = POLLIN},
		{.fd = deep->watch_fd, .events = POLLIN},
	};

	/* Interrupted or failed: then there is a look too many. */
	return ppoll(fds, 2, &timeout, NULL) == 0;
}

static void deep_wait(struct writer *writer, int64_t until_ns)
{
	int64_t now_ns = clock_monotonic_ns();
	bool goes_on = true;

	if (until_ns > now_ns + DEEP_SLEEP_MAX_NS)
		until_ns = now_ns + DEEP_SLEEP_MAX_NS;
	while (goes_on && now_ns < until_ns) {
		/* The manager that asks for it is told, and nothing else is done for that. */
		const int64_t tell_ns = writer->watchdog.next_ns;

		goes_on =
			tell_ns <= now_ns ||
			deep_poll(writer->deep, (tell_ns < until_ns ? tell_ns : until_ns) - now_ns);
		now_ns = clock_monotonic_ns();
		watchdog_tell(&writer->watchdog, now_ns);
	}
}

bool deep_enter(struct writer *writer, int64_t now_ns, int64_t clock_ns)
{
	struct deep *deep = writer->deep;

	if (!deep_is_time(writer, now_ns) || !writer_is_quiet(writer))
		return false;
	if (!deep_is_ready(writer, now_ns) || deep_take_events(deep)) {
		/* What changed before the watch, or with these events, is looked at first. */
		writer->care_ns = now_ns;
		return false;
	}
	atomic_store_relaxed_u32(&deep->sleeper, SLEEPER_MOVED);
	if (!control_move_sleeper(&writer->control, &deep->sleeper, SLEEPER_MOVED)) {
		/* It is not back yet. */
		sleeper_call(deep, SLEEPER_READY);
		return false;
	}
	deep_announce(writer);
	if (writer_is_quiet(writer) && place_is_kept(writer))
		deep_wait(writer, clock_ns);
	deep_tell_rings(writer, 0);
	sleeper_call(deep, SLEEPER_READY);
	deep->quiet_looks = 0;
	return true;
}

int deep_start(struct writer *writer)
{
	writer->deep = calloc(1, sizeof(*writer->deep));
	if (writer->deep == NULL)
		return -ENOMEM;
	/* Not the numbers of the writer before: a push that it woke for may still be held up. */
	writer->deep->number = (uint32_t)writer->status.page->epoch;
	return 0;
}

void deep_end(struct writer *writer)
{
	struct deep *deep = writer->deep;

	if (deep != NULL && deep->is_open) {
		atomic_store_relaxed_u32(&deep_event_fd, DEEP_NO_FD);
		sleeper_call(deep, SLEEPER_ENDS);
		pthread_join(deep->thread, NULL);
		deep_close_files(deep);
	}
	free(deep);
	writer->deep = NULL;
}
