/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output directory at the start: the one that the last writer wrote to is recovered first, then
 * ours, and only then is ours remembered.
 */
#ifndef OTLPIPE_WRITER_START_OUTPUT_H
#define OTLPIPE_WRITER_START_OUTPUT_H

#include "writer/parts.h"

/**
 * @return 0, and writer->outdir is open; or negative and a line was said; start_output_close() is
 * to be called in any case
 */
int start_output(struct writer *writer);

/** What a flight recorder has open beside writer->outdir. */
void start_output_close(struct writer *writer);

/** The writer ends, or has recovered: keep what is claimed yet, and remember whether it is. */
int start_output_keep_claims(struct writer *writer);

#endif
