/* SPDX-License-Identifier: Apache-2.0 */
/* Which producers live, and saying so: in the log, on the status page, to systemd. */
#include "writer/wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/units.h"
#include "writer/notify.h"

/* A producer's death wakes nobody. */
#define WAIT_LOOK_NS   INT64_C(200000000)
#define WAIT_NAMED_MAX 4u

void wait_open(struct wait *wait, int64_t for_ns, struct regions *regions, struct status_page *page)
{
	memset(wait, 0, sizeof(*wait));
	wait->for_ns = for_ns;
	wait->regions = regions;
	wait->page = page;
}

/* How many live, and the first of them by name. */
static size_t wait_count(const struct wait *wait, char *ret, size_t ret_bytes)
{
	const struct source *source;
	size_t count = 0, used = 0;

	ret[0] = '\0';
	for (source = wait->regions->sources; source != NULL; source = source->next) {
		/* One that is broken is not drained, so there is nothing to wait for. */
		if (source->is_dead || source->is_broken)
			continue;
		if (count++ < WAIT_NAMED_MAX && used < ret_bytes)
			used += (size_t)snprintf(ret + used, ret_bytes - used,
						 "%spid %" PRIu32 " %s", count > 1 ? ", " : "",
						 source->view.pid, source->view.program);
	}
	if (count > WAIT_NAMED_MAX && used < ret_bytes)
		snprintf(ret + used, ret_bytes - used, ", ...");
	return count;
}

/* The producers as they are now, those that have just come included. */
static size_t wait_look(struct wait *wait, char *ret, size_t ret_bytes)
{
	struct source *source;
	int rc = regions_discover(wait->regions);

	if (rc < 0)
		log_line("the runtime directory cannot be read while waiting for producers: %s",
			 strerror(-rc));
	regions_leave_unknown(wait->regions);
	for (source = wait->regions->sources; source != NULL; source = source->next)
		source_check_alive(source);
	/* Whether those live that there is no room for is not known yet. */
	return wait_count(wait, ret, ret_bytes) + wait->regions->waiting;
}

static void wait_show(struct wait *wait, size_t count)
{
	char state[96];

	wait->page->waits_for_producers = (uint32_t)count;
	snprintf(state, sizeof(state), "STATUS=told to stop, waiting for %zu producers to end",
		 count);
	(void)notify_send(state);
}

static void wait_begin(struct wait *wait, size_t count, const char *names, int64_t now_ns)
{
	const int64_t wait_ns = wait->for_ns;
	char limit[UNITS_TEXT_BYTES + 16] = "";
	char text[UNITS_TEXT_BYTES];
	struct timespec now;

	wait->has_begun = true;
	wait->until_ns = wait_ns < INT64_MAX - now_ns ? now_ns + wait_ns : INT64_MAX;
	if (wait->until_ns != INT64_MAX) {
		clock_gettime(CLOCK_REALTIME, &now);
		wait->page->waits_until_unix_ns = (uint64_t)now.tv_sec * 1000000000 +
						  (uint64_t)now.tv_nsec + (uint64_t)wait_ns;
		snprintf(limit, sizeof(limit), ", at most %s",
			 units_format_duration(wait_ns, text));
	}
	log_line("told to stop: waiting for %zu producers to end%s (%s); if told again, the writer "
		 "stops at once",
		 count, limit, names);
}

static bool wait_end(struct wait *wait)
{
	wait->page->waits_for_producers = 0;
	return true;
}

bool wait_is_over(struct wait *wait, unsigned told, int64_t now_ns)
{
	char names[512];
	size_t count;

	if (wait->for_ns == 0)
		return true;
	if (told > 1) {
		if (wait->has_begun)
			log_line("told to stop again: waiting no longer");
		return wait_end(wait);
	}
	if (wait->has_begun && now_ns < wait->look_ns)
		return false;
	count = wait_look(wait, names, sizeof(names));
	if (count == 0) {
		if (wait->has_begun)
			log_line("the last producer has ended");
		return wait_end(wait);
	}
	if (!wait->has_begun)
		wait_begin(wait, count, names, now_ns);
	if (now_ns >= wait->until_ns) {
		log_line("%zu producers have not ended in that time (%s): what they push from now "
			 "on stays in the runtime directory for the next writer",
			 count, names);
		return wait_end(wait);
	}
	wait_show(wait, count);
	wait->look_ns =
		now_ns + WAIT_LOOK_NS < wait->until_ns ? now_ns + WAIT_LOOK_NS : wait->until_ns;
	return false;
}
