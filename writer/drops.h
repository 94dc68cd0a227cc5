/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What producers dropped, as one count that only grows: their own counters go with their regions.
 * Of a region that is over the last entry of the ledger has them; of the others the rings have.
 */
#ifndef OTLPIPE_WRITER_DROPS_H
#define OTLPIPE_WRITER_DROPS_H

#include "shm/status.h"
#include "writer/source.h"

/**
 * Show the count on the writer's page. A monitor sees it no smaller than before, whatever a
 * producer makes of its counters.
 *
 * @param ended  by signal: of the regions whose last entry is in a batch that counts
 */
void drops_show(struct status_page *page, const struct source *sources,
		const struct status_drops *const ended[SIGNAL_COUNT]);

#endif
