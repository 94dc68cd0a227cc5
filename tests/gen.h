/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random telemetry, the same for the same seed: borrowed structs that cover
 * every field and kind of the public headers, all of them valid input.
 */
#ifndef OTLPIPE_TESTS_GEN_H
#define OTLPIPE_TESTS_GEN_H

#include <otlpipe/otlpipe.h>

#include "tests/gen_size.h"

struct gen;

/** Aborts when memory runs out: this is for tests. */
struct gen *gen_new(uint64_t seed);
void gen_free(struct gen *gen); /* NULL is fine */
void gen_set_size(struct gen *gen, enum gen_size size);

/**
 * Free all items made since the last reset. Each string and array is an
 * allocation of its exact size, so that a sanitizer sees a read behind it.
 */
void gen_reset(struct gen *gen);

/**
 * One item each, valid until gen_reset() or gen_free(). Resources and scopes
 * come from a small pool most of the time, so that items can be grouped; the
 * resource may be NULL.
 */
const struct otlp_span *gen_span(struct gen *gen);
const struct otlp_log_record *gen_log(struct gen *gen);
const struct otlp_resource_metrics *gen_metrics(struct gen *gen);
const struct otlp_metric *gen_metric(struct gen *gen); /* never without points */
const struct otlp_resource *gen_resource(struct gen *gen);
const struct otlp_scope *gen_scope(struct gen *gen);
struct otlp_attributes gen_attributes(struct gen *gen);
struct otlp_value gen_value(struct gen *gen);
struct otlp_str gen_text(struct gen *gen);

/** The generator's own random numbers: any, and one below a limit (> 0). */
uint64_t gen_u64(struct gen *gen);
uint64_t gen_below(struct gen *gen, uint64_t limit);

#endif
