/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main loop: look at the rings, take what is there, close batches when they
 * are due, let the queues go on, sleep. One thread; deletion of old files is the
 * one thing that another does.
 */
#include "writer/writer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "shm/control.h"
#include "writer/deep.h"
#include "writer/drain.h"
#include "writer/drops.h"
#include "writer/early.h"
#include "writer/flight.h"
#include "writer/notify.h"
#include "writer/place.h"
#include "writer/regions.h"
#include "writer/reload.h"
#include "writer/snapshot.h"
#include "writer/start.h"
#include "writer/start_output.h"

/* Producers are looked after at least this often, however long the interval is. */
#define WRITER_CARE_NS INT64_C(1000000000)
/* Files get old, and others fill the disk; what we seal or cannot write asks for itself. */
#define WRITER_RETAIN_NS INT64_C(10000000000)
/* While writes are in flight the rings are looked at this often. */
#define WRITER_IO_WAIT_NS INT64_C(1000000)
/* And this often by a writer whose place another one has taken. */
#define WRITER_LEAVE_WAIT_NS INT64_C(10000000)
/* The first sleep while a claim holds a ring up; each further one is twice as long. */
#define WRITER_CLAIM_WAIT_NS INT64_C(1000000)
/* Turns in a row without anything to do, and how many times as long the writer rests then. */
#define WRITER_IDLE_TURNS	2
#define WRITER_IDLE_REST	8
#define WRITER_IDLE_REST_MAX_NS INT64_C(5000000)
#define WRITER_REAP_MAX		16
/* How long a stopping writer waits for a disk that takes nothing. */
#define WRITER_STOP_STALLED_NS INT64_C(10000000000)
/* The first may be a request to wait for the producers; what comes behind the second is the same.
 */
#define WRITER_STOPS_MAX 2
/* And for a claim that its producer has not committed; its lock may linger after its death. */
#define WRITER_STOP_BUSY_NS INT64_C(1000000000)

static volatile sig_atomic_t signal_stops, signal_rotate, signal_snapshot;
static struct control *signal_control;

static void writer_handle_signal(int number)
{
	if (number == SIGHUP)
		signal_rotate = 1;
	else if (number == SIGUSR1)
		signal_snapshot = 1;
	else if (signal_stops < WRITER_STOPS_MAX)
		signal_stops++;
	/* If it comes just before the sleep, the sleep must not begin. */
	if (signal_control != NULL)
		control_cancel_sleep(signal_control);
	deep_cancel();
}

static int writer_catch_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	struct sigaction action;
	size_t i;

	memset(&action, 0, sizeof(action));
	/* One after the other: they count. */
	sigfillset(&action.sa_mask);
	action.sa_handler = writer_handle_signal;
	for (i = 0; i < COUNT_OF(numbers); i++)
		if (sigaction(numbers[i], &action, NULL) < 0)
			return -errno;
	action.sa_handler = SIG_IGN;
	/* A file size limit is an error of the write then, a closed log none of anything. */
	if (sigaction(SIGXFSZ, &action, NULL) < 0 || sigaction(SIGPIPE, &action, NULL) < 0)
		return -errno;
	return 0;
}

/*
 * Close the batch that is being made, if it is time, or if somebody asks for it and may. Whether
 * its writing has begun is answered in the second case only; the caller goes on with it anyway.
 */
static bool writer_close(struct writer *writer, struct queue *queue)
{
	const enum otlp_signal signal = queue->signal;
	const int64_t begin_ns = clock_monotonic_ns();
	int64_t now_ns;
	bool any;

	if (writer->close_due[signal]) {
		writer->close_due[signal] = queue_close_batch(queue, writer->regions.sources) < 0;
		return false;
	}
	if (!early_is_wanted(&writer->regions, signal, begin_ns, &writer->early_ns))
		return false;
	writer->close_due[signal] = queue_close_batch(queue, writer->regions.sources) < 0;
	any = queue_pump(queue, begin_ns);
	now_ns = clock_monotonic_ns();
	early_pay(&writer->regions, signal, now_ns - begin_ns, now_ns);
	return any;
}

static bool writer_reap(struct writer *writer, int64_t timeout_ns)
{
	struct io_result results[WRITER_REAP_MAX];
	unsigned count, i;

	count = io_reap(writer->io, results, WRITER_REAP_MAX, timeout_ns);
	for (i = 0; i < count; i++)
		queue_complete(&results[i], clock_monotonic_ns());
	return count > 0;
}

/* A writer that stops takes no new regions: it would never be done. */
static void writer_discover(struct writer *writer, int64_t now, bool anyway)
{
	int rc = 0;

	if (!writer->is_stopping && !writer->place.is_leaving)
		rc = regions_discover_some(&writer->regions, now, anyway);

	regions_leave_unknown(&writer->regions);
	if (rc < 0 && !writer->discovery_failed)
		log_line("the runtime directory cannot be read: %s", strerror(-rc));
	if (rc < 0 || anyway)
		writer->discovery_failed = rc < 0;
}

static bool writer_is_stalled(const struct writer *writer)
{
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (writer->queues[signal].is_stalled)
			return true;
	return false;
}

static void writer_show_retention(const struct writer *writer)
{
	struct status_retention *status = &writer->status.page->retention;
	struct retain_counts counts;

	retain_counts(writer->retain, &counts);
	status->runs = counts.runs;
	status->removed_files = counts.removed_files;
	status->removed_bytes = counts.removed_bytes;
	status->missing_files = counts.missing_files;
	status->failures = counts.failures;
	status->waits_on_clock = counts.is_waiting;
	snprintf(status->problem, sizeof(status->problem), "%s", counts.problem);
}

static void writer_show_drops(struct writer *writer)
{
	const struct status_drops *ended[SIGNAL_COUNT];
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		ended[signal] = &writer->queues[signal].ended_drops;
	drops_show(writer->status.page, writer->regions.sources, ended);
}

/* What does not need to be done in every round. */
static void writer_care(struct writer *writer)
{
	struct status_page *status = writer->status.page;
	struct source *source;
	struct timespec now;

	/* The new ones too: a writer that stops looks at them no second time. */
	for (source = writer->regions.sources; source != NULL; source = source->next) {
		source_check_alive(source);
		source_find_used(source);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	status->heartbeat_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	status->regions = (uint32_t)writer->regions.count;
	status->regions_broken = writer->regions.broken_count;
	status->regions_waiting = writer->regions.waiting;
	writer_show_retention(writer);
	writer_show_drops(writer);
	if (writer->flight != NULL)
		flight_show(writer->flight, status);
	log_sum_up();
	status->state = writer_is_stalled(writer) ? STATUS_STALLED : STATUS_RUNNING;
}

/* One round. @return whether anything was done */
static bool writer_turn(struct writer *writer, int64_t now)
{
	bool any = writer_reap(writer, 0), released = false;
	struct source *source;
	unsigned i;

	watchdog_tell(&writer->watchdog, now);
	if (signal_rotate) {
		signal_rotate = 0;
		for (i = 0; i < SIGNAL_COUNT; i++)
			queue_rotate(&writer->queues[i]);
		reload(writer, now);
	}

	if (signal_snapshot) {
		signal_snapshot = 0;
		snapshot_ask(writer);
	}

	if (now >= writer->care_ns) {
		writer->care_ns = now + (writer->options->interval_ns < WRITER_CARE_NS
						 ? writer->options->interval_ns
						 : WRITER_CARE_NS);
		if (!writer->is_stopping)
			place_look(writer, now);
		writer_discover(writer, now, true);
		writer_care(writer);
		if (!writer->is_stopping)
			any |= self_report(&writer->self, writer->status.page, now);
		if (now >= writer->retain_ns) {
			writer->retain_ns = now + WRITER_RETAIN_NS;
			retain_request(writer->retain);
		}
	} else {
		writer_discover(writer, now, false);
	}
	if (now >= writer->close_ns) {
		writer->close_ns = now + writer->options->interval_ns;
		for (i = 0; i < SIGNAL_COUNT; i++)
			writer->close_due[i] = true;
	}
	writer->early_ns = INT64_MAX;
	for (i = 0; i < SIGNAL_COUNT; i++) {
		struct queue *queue = &writer->queues[i];

		any |= drain_rings(&writer->drain, &writer->regions, queue);
		any |= writer_close(writer, queue);
		while (queue_pump(queue, now))
			any = true;
		released |= queue->has_released_flush;
		queue->has_released_flush = false;
	}
	for (source = writer->regions.sources; source != NULL; source = source->next)
		released |= source_take_late_flush(source);
	if (released)
		control_notify_flushed(&writer->control);
	any |= snapshot_turn(writer, now);
	regions_reap(&writer->regions);
	place_leave(writer, now);
	return any;
}

static bool writer_has_news(const struct writer *writer)
{
	const struct source *source;

	for (source = writer->regions.sources; source != NULL; source = source->next)
		if (source_has_news(source))
			return true;
	return regions_have_changed(&writer->regions, clock_monotonic_ns());
}

/* Does the barrier before a sleep reach all producers? */
static bool writer_reaches_all(const struct writer *writer)
{
	const struct source *source;

	for (source = writer->regions.sources; source != NULL; source = source->next)
		if (!source->view.is_reached)
			return false;
	return true;
}

/* Until somebody wakes us, or there is news. */
static void writer_sleep_until(struct writer *writer, int64_t until)
{
	int64_t slice = control_slice_ns(&writer->control, writer_reaches_all(writer));

	for (;;) {
		int64_t left = until - clock_monotonic_ns();

		control_announce_sleep(&writer->control);
		if (left <= 0 || writer_has_news(writer) || signal_stops != writer->stops_heard ||
		    signal_rotate || signal_snapshot) {
			control_cancel_sleep(&writer->control);
			return;
		}
		if (control_sleep(&writer->control, left < slice ? left : slice))
			return;
		slice = slice > INT64_MAX / 2 ? slice : slice * 2;
	}
}

/* How long at most, where a claim that is not committed holds a ring up. */
static int64_t writer_claim_wait_ns(struct writer *writer)
{
	const struct source *source;

	for (source = writer->regions.sources; source != NULL; source = source->next)
		if (source_waits_for_claim(source))
			break;
	if (source == NULL)
		writer->claim_wait_ns = 0;
	else if (writer->claim_wait_ns == 0)
		writer->claim_wait_ns = WRITER_CLAIM_WAIT_NS;
	else if (writer->claim_wait_ns < WRITER_CARE_NS)
		writer->claim_wait_ns *= 2;
	return source == NULL ? INT64_MAX : writer->claim_wait_ns;
}

/* When something is to be done that nobody asks for: an open file gets old, sealed ones are to go.
 */
static int64_t writer_clock_ns(const struct writer *writer)
{
	const struct retain_limits *retain = &writer->options->retain;
	int64_t clock_ns = self_deadline_ns(&writer->self, writer->status.page);
	unsigned i;

	if ((retain->total_bytes > 0 || retain->age_ns > 0 || retain->free_bytes > 0) &&
	    writer->retain_ns < clock_ns)
		clock_ns = writer->retain_ns;
	for (i = 0; i < SIGNAL_COUNT; i++) {
		int64_t deadline = queue_deadline_ns(&writer->queues[i]);

		clock_ns = deadline < clock_ns ? deadline : clock_ns;
	}
	return clock_ns;
}

/* It was asleep for any time: look at all now, and close what comes when it is due. */
static void writer_wake(struct writer *writer)
{
	const int64_t now = clock_monotonic_ns();

	writer->care_ns = now;
	if (writer->close_ns < now)
		writer->close_ns = now + writer->options->interval_ns;
	writer->idle_turns = 0;
}

static void writer_sleep(struct writer *writer)
{
	int64_t until = writer->care_ns < writer->close_ns ? writer->care_ns : writer->close_ns;
	int64_t now = clock_monotonic_ns(), claim_wait_ns = writer_claim_wait_ns(writer);
	unsigned i;

	if (deep_enter(writer, now, writer_clock_ns(writer))) {
		writer_wake(writer);
		return;
	}
	if (writer->watchdog.next_ns < until)
		until = writer->watchdog.next_ns;
	if (claim_wait_ns < until - now)
		until = now + claim_wait_ns;
	if (regions_deadline_ns(&writer->regions) < until)
		until = regions_deadline_ns(&writer->regions);
	if (writer->early_ns < until)
		until = writer->early_ns;
	if (snapshot_deadline_ns(writer, now) < until)
		until = snapshot_deadline_ns(writer, now);
	if (writer->wait.has_begun && writer->wait.look_ns < until)
		until = writer->wait.look_ns;
	for (i = 0; i < SIGNAL_COUNT; i++) {
		int64_t deadline = queue_deadline_ns(&writer->queues[i]);

		until = deadline < until ? deadline : until;
	}
	/* What is given back meanwhile is to be let go of soon: another writer waits for it. */
	if (writer->place.is_leaving && until > now + WRITER_LEAVE_WAIT_NS)
		until = now + WRITER_LEAVE_WAIT_NS;
	if (until <= now)
		return;
	if (io_in_flight(writer->io) > 0) {
		int64_t wait = until - now < WRITER_IO_WAIT_NS ? until - now : WRITER_IO_WAIT_NS;

		writer_reap(writer, wait);
		return;
	}
	writer_sleep_until(writer, until);
}

/*
 * Somebody woke us, and there was nothing to do; and again. Each time costs a barrier on all
 * processors, so whoever does that for fun must not have all of our time.
 */
static void writer_rest(struct writer *writer, int64_t turn_ns)
{
	const int64_t rest_ns = turn_ns * WRITER_IDLE_REST;
	const struct timespec pause = {
		.tv_nsec = rest_ns < WRITER_IDLE_REST_MAX_NS ? rest_ns : WRITER_IDLE_REST_MAX_NS};

	if (++writer->idle_turns > WRITER_IDLE_TURNS && io_in_flight(writer->io) == 0)
		nanosleep(&pause, NULL);
}

/* Has everything that was pushed before the stop been written? */
static bool writer_is_drained(struct writer *writer, bool accept_busy)
{
	struct source *source;
	unsigned i;

	for (i = 0; i < SIGNAL_COUNT; i++)
		if (!queue_is_idle(&writer->queues[i]) ||
		    queue_count_parts(&writer->queues[i], writer->regions.sources) > 0)
			return false;
	for (source = writer->regions.sources; source != NULL; source = source->next) {
		uint32_t bits;

		for (bits = source->present; bits != 0; bits &= bits - 1) {
			const struct source_ring *ring = source_ring(source, ring_first(bits));

			if (source->is_broken || ring->final_taken ||
			    ring->reader.read == ring->limit)
				continue;
			if (ring->is_busy && accept_busy)
				continue;
			source_check_alive(source);
			return false;
		}
	}
	return true;
}

/* Seal what is open. False: a file failed, and what is not safe in it is queued again. */
static bool writer_seal(struct writer *writer)
{
	bool all = true;
	unsigned i;

	for (i = 0; i < SIGNAL_COUNT; i++)
		all &= queue_finish(&writer->queues[i]) == 0;
	return all;
}

/* Of a writer that stops: attach what there is room for, and take from it what it holds now. */
static void writer_take_last(struct writer *writer)
{
	struct source *source;

	/* What cannot be found now is the next writer's. */
	if (!writer->place.is_leaving && regions_discover(&writer->regions) < 0)
		log_line("some regions cannot be found: they stay for the next writer");
	regions_leave_unknown(&writer->regions);
	writer_care(writer);
	for (source = writer->regions.sources; source != NULL; source = source->next)
		if (!source->is_limited)
			source_limit(source);
}

/* Is there room now for regions that there was none for, since others are done with? */
static bool writer_takes_waiting(struct writer *writer)
{
	size_t before;

	regions_reap(&writer->regions);
	before = writer->regions.count;
	if (writer->regions.waiting > 0 && !writer->place.is_leaving)
		writer_take_last(writer);
	return writer->regions.count > before;
}

/* Write what the rings hold now, and seal. @return an exit status */
static int writer_stop(struct writer *writer)
{
	int64_t now = clock_monotonic_ns(), give_up_ns = now + WRITER_STOP_STALLED_NS;
	const int64_t busy_until_ns = now + WRITER_STOP_BUSY_NS;

	(void)notify_send("STOPPING=1");
	/* All that was pushed before the stop. */
	writer_take_last(writer);
	writer->is_stopping = true;
	/* Each ring is looked at once: only then it is known which of them are over. */
	(void)writer_turn(writer, now);
	/* A claim that is not committed for so long waits for the next writer. */
	while (!writer_is_drained(writer, now >= busy_until_ns) || writer_takes_waiting(writer) ||
	       snapshot_is_due(writer) || !writer_seal(writer)) {
		now = clock_monotonic_ns();

		writer->close_ns = now; /* no batch waits any more */
		/* A snapshot that was asked for ends by itself, as slow as the disk may be. */
		if (!writer_is_stalled(writer))
			give_up_ns = now + WRITER_STOP_STALLED_NS;
		if (now >= give_up_ns) {
			log_line("stopped while the disk takes nothing: what is not written "
				 "stays in the rings for the next writer");
			return 1;
		}
		if (!writer_turn(writer, now)) {
			const struct timespec pause = {.tv_nsec = 1000000};

			if (!writer_reap(writer, WRITER_IO_WAIT_NS) &&
			    io_in_flight(writer->io) == 0)
				nanosleep(&pause, NULL);
		}
	}
	regions_reap(&writer->regions);
	place_give_up_nameless(writer);
	if (writer->regions.waiting > 0)
		log_line("regions for which there was no room, and that stay for the next writer: "
			 "%zu",
			 writer->regions.waiting);
	return start_output_keep_claims(writer) < 0;
}

static void writer_log_end(const struct writer *writer)
{
	char text[OTLP_SIGNAL_MAX * 80] = "";
	uint64_t invalid_items = 0, lost_items = 0;
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct status_signal *status = &writer->status.page->signals[signal];
		const size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%llu %s in %llu bytes, ",
			 (unsigned long long)status->written_items, signal_rows[signal].item_name,
			 (unsigned long long)status->batch_bytes);
		invalid_items += status->invalid_items;
		lost_items += status->lost_items;
	}
	log_line("stopped: %s%llu invalid, %llu lost", text, (unsigned long long)invalid_items,
		 (unsigned long long)lost_items);
}

/* --drain is being told to stop at once. */
static bool writer_is_to_stop(struct writer *writer)
{
	int told;

	writer->stops_heard = signal_stops;
	told = writer->stops_heard + writer->options->drain;
	return told > 0 && wait_is_over(&writer->wait, (unsigned)told, clock_monotonic_ns());
}

int writer_run(struct options *options)
{
	struct writer writer;
	int status;

	/* Before the start: a signal during a recovery ends the writer in order, and after it. */
	if (writer_catch_signals() < 0) {
		log_line("signals cannot be caught: %s", strerror(errno));
		return 1;
	}
	if (writer_start(&writer, options) < 0) {
		log_end();
		return 1;
	}
	signal_control = &writer.control;
	(void)notify_send("READY=1");
	watchdog_open(&writer.watchdog);
	while (!writer_is_to_stop(&writer) && !place_is_left(&writer)) {
		const int64_t begin_ns = clock_monotonic_ns();

		health_turn(&writer.health, begin_ns);
		if (writer_turn(&writer, begin_ns)) {
			writer.idle_turns = 0;
			continue;
		}
		health_sleep(&writer.health);
		writer_rest(&writer, clock_monotonic_ns() - begin_ns);
		writer_sleep(&writer);
	}
	health_stop(&writer.health);
	status = writer_stop(&writer) | writer.place.is_leaving;
	writer_show_drops(&writer);
	writer_log_end(&writer);
	writer.status.page->state = STATUS_STOPPED;
	signal_control = NULL;
	writer_end(&writer);
	log_end();
	return status;
}
