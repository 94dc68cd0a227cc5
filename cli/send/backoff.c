/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in, numbers out: the clock and the chance are the caller's. */
#include "cli/send/backoff.h"

#define DOUBLINGS_MAX 20u

int64_t backoff_fail(struct backoff *backoff, int64_t now_ns, int64_t asked_ns, uint64_t random)
{
	unsigned doublings;
	int64_t wait_ns;

	if (backoff->failures == 0)
		backoff->since_ns = now_ns;
	/* Several that were under way together fail together: they count as one. */
	if (backoff_is_over(backoff, now_ns))
		backoff->failures++;
	doublings = backoff->failures - 1 < DOUBLINGS_MAX ? backoff->failures - 1 : DOUBLINGS_MAX;
	wait_ns = BACKOFF_MIN_NS << doublings;
	if (wait_ns > backoff->max_ns)
		wait_ns = backoff->max_ns;
	/* Many senders that failed at one moment must not come back at one moment. */
	wait_ns -= (int64_t)(random % (uint64_t)(wait_ns / 2 + 1));
	if (asked_ns > BACKOFF_ASKED_NS)
		asked_ns = BACKOFF_ASKED_NS;
	if (asked_ns > wait_ns)
		wait_ns = asked_ns;
	if (now_ns + wait_ns > backoff->until_ns)
		backoff->until_ns = now_ns + wait_ns;
	return backoff->until_ns - now_ns;
}

int64_t backoff_succeed(struct backoff *backoff, int64_t now_ns)
{
	const int64_t failed_ns = backoff->failures > 0 ? now_ns - backoff->since_ns : 0;

	backoff->failures = 0;
	backoff->until_ns = 0;
	return failed_ns;
}
