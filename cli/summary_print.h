/* SPDX-License-Identifier: Apache-2.0 */
/* A summary as tables for people, and as JSON for programs. */
#ifndef OTLPIPE_CLI_SUMMARY_PRINT_H
#define OTLPIPE_CLI_SUMMARY_PRINT_H

#include "cli/grow.h"
#include "cli/summary_data.h"

/* rows_max: of each table; the others are counted. 0 or -ENOMEM. */
int summary_print_table(struct grow *grow, const struct summary *summary, uint64_t rows_max);
/* text_bytes_max: of each text of others. */
int summary_print_json(struct grow *grow, const struct summary *summary, uint64_t rows_max,
		       size_t text_bytes_max);

/** The order in which they are shown: spans by calls, the others by their texts. */
int summary_order_spans(const void *a, const void *b);
int summary_order_texts(const void *a, const void *b);

#endif
