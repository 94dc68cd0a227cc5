/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the service manager twice in its limit that the loop turns, as sd_watchdog_enabled(3) asks.
 */
#include "writer/watchdog.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "writer/notify.h"

#define WATCHDOG_NS_PER_US    INT64_C(1000)
#define WATCHDOG_TELLS	      2
#define WATCHDOG_LIMIT_US_MAX ((uint64_t)(INT64_MAX / WATCHDOG_NS_PER_US))

/* A variable of another process, such as the one that started us, is not for us. */
static bool is_for_us(void)
{
	const char *text = getenv("WATCHDOG_PID");
	uint64_t pid;

	if (text == NULL || text[0] == '\0')
		return true;
	return units_parse_count(text, 1, INT32_MAX, &pid) == 0 && (pid_t)pid == getpid();
}

void watchdog_open(struct watchdog *watchdog)
{
	const char *text = getenv("WATCHDOG_USEC");
	uint64_t limit_us;

	watchdog->every_ns = 0;
	watchdog->next_ns = INT64_MAX;
	if (text == NULL || text[0] == '\0' || !is_for_us())
		return;
	if (units_parse_count(text, WATCHDOG_TELLS, WATCHDOG_LIMIT_US_MAX, &limit_us) < 0) {
		log_line("$WATCHDOG_USEC is no number of microseconds: \"%.100s\"; the service "
			 "manager is not told that the writer is alive",
			 text);
		return;
	}
	watchdog->every_ns = (int64_t)limit_us * WATCHDOG_NS_PER_US / WATCHDOG_TELLS;
	watchdog->next_ns = 0;
}

void watchdog_tell(struct watchdog *watchdog, int64_t now_ns)
{
	int rc;

	if (now_ns < watchdog->next_ns)
		return;
	watchdog->next_ns =
		now_ns < INT64_MAX - watchdog->every_ns ? now_ns + watchdog->every_ns : INT64_MAX;
	rc = notify_send("WATCHDOG=1");
	if (rc < 0)
		log_line("the service manager cannot be told that the writer is alive: %s",
			 strerror(-rc));
}
