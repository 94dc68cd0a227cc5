/* SPDX-License-Identifier: Apache-2.0 */
/* What a sender says of itself: a line on a terminal, counters for Prometheus, one line at the end.
 */
#ifndef OTLPIPE_CLI_SEND_REPORT_H
#define OTLPIPE_CLI_SEND_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/send/destination.h"
#include "cli/send/flow.h"

struct report {
	const struct send_destination *destination;
	const struct flow *flows;
	const bool *is_used; /* of the flows */
	const char *metrics; /* NULL: none; "-": standard output */
	bool is_terminal;
	bool has_line;	 /* there is an unfinished one on the terminal */
	bool has_failed; /* the metrics cannot be written, and it was said */
	int64_t begin_ns;
	int64_t next_line_ns, next_metrics_ns;
	uint64_t last_items; /* when the last line was written */
	int64_t last_ns;
};

void report_begin(struct report *report);

/** Say what it is time for. */
void report_look(struct report *report);

/** Before another line on stderr. */
void report_clear_line(struct report *report);

/** At the end. */
void report_end(struct report *report, bool is_complete);

#endif
