/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stat_look.c and stat_output.c look at, as OpenMetrics text, for `otlpipe stat --prometheus`
 * and for the writer's own page: the numbers of `otlpipe stat --json`, by the conventions of
 * Prometheus. docs/metrics.md is its list.
 */
#ifndef OTLPIPE_CLI_OPENMETRICS_H
#define OTLPIPE_CLI_OPENMETRICS_H

#include "cli/stat_view.h"

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/*
 * So many producers have rows of their own, the living ones first, and of those the oldest: each
 * row is a time series for whoever stores it. The sums are of all.
 */
#define OPENMETRICS_REGIONS_MAX 100u

/**
 * @param ret  the text, with its end, for free()
 * @return 0 or -ENOMEM
 */
int openmetrics_write(const struct stat_view *view, char **ret, size_t *ret_bytes);

#endif
