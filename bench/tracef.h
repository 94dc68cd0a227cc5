/* SPDX-License-Identifier: Apache-2.0 */
/* tracef()'s part of bench_lttng: a file of its own, as its header defines a tracepoint too. */
#ifndef OTLPIPE_BENCH_TRACEF_H
#define OTLPIPE_BENCH_TRACEF_H

#include "bench/harness.h"

extern const struct bench bench_tracef_table[];

#endif
