/* SPDX-License-Identifier: Apache-2.0 */
/* LTTng-UST's tracef() with the line of L: it formats the text, and allocates for it. */
#include "bench/tracef.h"

#include <lttng/tracef.h>
#include <unistd.h>

#include "bench/log_line.h"

#define BURST_OPERATIONS 4096
#define PAUSE_US	 3000 /* the consumer takes a burst to the disk */

static int64_t tracef_burst(const struct bench *bench, uint64_t operations)
{
	uint64_t elapsed_ns, started_ns = bench_cpu_ns();

	(void)bench;
	for (uint64_t i = 0; i < operations; i++)
		lttng_ust_tracef(LOG_LINE_FORMAT, LOG_LINE_ARGUMENTS);
	elapsed_ns = bench_cpu_ns() - started_ns;
	usleep(PAUSE_US);
	return (int64_t)elapsed_ns;
}

/* One that nobody records costs nothing, and says nothing. */
static int tracef_setup(const struct bench *bench)
{
	(void)bench;
	return lttng_ust_tracepoint_enabled(lttng_ust_tracef, event) ? 0 : -1;
}

const struct bench bench_tracef_table[] = {
	{.name = "lttng_tracef/L",
	 .setup = tracef_setup,
	 .burst = tracef_burst,
	 .burst_operations = BURST_OPERATIONS,
	 .operation_bytes = LOG_LINE_BYTES},
	{.name = NULL},
};
