/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files prove about a region: an entry of a batch that counts, told to the ring that it
 * names. The files decide. A region that says something else is wrong about itself alone, and is
 * the caller's to break.
 */
#ifndef OTLPIPE_WRITER_SETTLE_H
#define OTLPIPE_WRITER_SETTLE_H

#include "writer/source.h"

/** Can a writer have written this entry into a batch of this signal, whatever its region was? */
bool settle_makes_sense(const struct batch_entry *entry, enum otlp_signal signal);

/** Is it the region of this entry, and not one that only has its id? */
bool settle_is_of(const struct source *source, const struct batch_entry *entry);

/**
 * Tell a region what a batch took from it. The batches of a file come in their order.
 *
 * @return NULL, or what the region says that cannot be. Of a region that is broken already the
 *         entry only says where its ring ends in the files.
 */
const char *settle_entry(struct source *source, const struct batch_entry *entry);

#endif
