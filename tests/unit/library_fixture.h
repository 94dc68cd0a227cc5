/* SPDX-License-Identifier: Apache-2.0 */
/* A library handle in the test's own runtime directory, and the smallest valid data. */
#ifndef OTLPIPE_TESTS_UNIT_LIBRARY_FIXTURE_H
#define OTLPIPE_TESTS_UNIT_LIBRARY_FIXTURE_H

#include <otlpipe/otlpipe.h>

#include "tests/unit/region_fixture.h"
#include "tests/unit/shm_fixture.h"

/** What otlp_options_init() sets, in the test's directory. */
struct otlp_options fixture_options(void);

/** With one lane in each ring. */
struct otlp_library *fixture_open_rings(uint32_t span_bytes, uint32_t metric_bytes);

struct otlp_library *fixture_open(void);

struct otlp_stats fixture_stats(struct otlp_library *library);

/** A valid span whose number can be read back from its start time. */
struct otlp_span fixture_span(uint64_t number);

/* A gauge over the caller's points, and all that is around it. */
struct fixture_gauge {
	struct otlp_metric metric;
	struct otlp_scope_metrics scope;
	struct otlp_resource_metrics metrics;
};

void fixture_gauge_init(struct fixture_gauge *gauge, const struct otlp_number_point *points,
			size_t count);

struct otlp_number_point fixture_point(int64_t value);

#endif
