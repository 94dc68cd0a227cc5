/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock against the time since boot, and against the newest time in the manifest. */
#include "writer/file/retain_clock.h"

#include <inttypes.h>
#include <time.h>

#include "base/log.h"
#include "writer/file/manifest_store.h"

#define NS_PER_S INT64_C(1000000000)

static int64_t wait_ns(const struct retain_clock *clock)
{
	if (clock->age_ns < RETAIN_STEP_WAIT_MIN_NS)
		return RETAIN_STEP_WAIT_MIN_NS;
	return clock->age_ns < RETAIN_STEP_WAIT_MAX_NS ? clock->age_ns : RETAIN_STEP_WAIT_MAX_NS;
}

static int64_t boot_ns(void)
{
	return manifest_clock_s(CLOCK_BOOTTIME) * NS_PER_S;
}

void retain_clock_open(struct retain_clock *clock, struct manifest *manifest, int64_t age_ns)
{
	const int64_t newest_s = manifest_newest_s(manifest);
	const int64_t ahead_s = manifest_clock_s(CLOCK_REALTIME) - newest_s;

	clock->manifest = manifest;
	clock->age_ns = age_ns;
	clock->wait_until_ns = 0;
	if (age_ns == 0 || newest_s == 0)
		return;
	if (ahead_s > age_ns / NS_PER_S) {
		/* No writer was here for so long, or the clock is wrong. */
		clock->wait_until_ns = boot_ns() + wait_ns(clock);
		log_line("the clock is %" PRId64 " s ahead of the newest entry in the manifest, "
			 "longer than files are kept: none is removed for its age for %" PRId64
			 " s, in case it is wrong",
			 ahead_s, wait_ns(clock) / NS_PER_S);
	} else if (ahead_s < -MANIFEST_CLOCK_STEP_S) {
		log_line("the clock is %" PRId64 " s behind the newest entry in the manifest: "
			 "files are kept for longer by that much",
			 -ahead_s);
	}
}

bool retain_clock_look(struct retain_clock *clock)
{
	/* Whatever files are removed for: the manifest's times go with it. */
	const int64_t step_s = manifest_look_at_clock(clock->manifest);

	if (step_s != 0 && clock->age_ns != 0) {
		clock->wait_until_ns = boot_ns() + wait_ns(clock);
		log_line("the clock was set %s by %" PRId64 " s: no file is removed for its age "
			 "for %" PRId64 " s, in case it is wrong",
			 step_s > 0 ? "forward" : "back", step_s > 0 ? step_s : -step_s,
			 wait_ns(clock) / NS_PER_S);
	}
	if (clock->wait_until_ns == 0)
		return true;
	if (boot_ns() < clock->wait_until_ns)
		return false;
	clock->wait_until_ns = 0;
	log_line("the clock has kept its pace: files are removed for their age again");
	return true;
}
