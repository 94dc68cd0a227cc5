/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's metrics about itself, in its own output. It is a producer of its own then, for the
 * moment of a report: it opens the library, pushes, and lets go. So there is nothing that the
 * ledger, the recovery or a reader of the files has to know about these records. While nothing
 * changes, nothing is reported: a writer that is idle does not write for ever about itself.
 */
#ifndef OTLPIPE_WRITER_SELF_H
#define OTLPIPE_WRITER_SELF_H

#include <stdint.h>

#include "core/record/signal.h"
#include "shm/status.h"
#include "writer/queue.h"

struct self {
	const char *runtime;	    /* the path of the runtime directory */
	const struct queue *queues; /* one a signal */
	int64_t every_ns;	    /* 0: never */
	int64_t next_ns;	    /* monotonic; INT64_MAX: never */
	uint64_t seen;		    /* what others had made of the counters at the last report */
	uint64_t own_points;	    /* that it pushed since the writer started */
	int said;		    /* the error that was said last */
};

void self_open(struct self *self, const char *runtime, const struct queue *queues, int64_t every_ns,
	       int64_t now_ns);

/** Another interval, which begins now. */
void self_set_interval(struct self *self, int64_t every_ns, int64_t now_ns);

/** To be called in a turn: reports, if it is time and something has changed. @return it did */
int self_report(struct self *self, const struct status_page *page, int64_t now_ns);

/** When the loop has to come back for it; INT64_MAX: nothing has changed. */
int64_t self_deadline_ns(const struct self *self, const struct status_page *page);

#endif
