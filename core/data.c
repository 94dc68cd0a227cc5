/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small functions of <otlpipe/data.h> as exported ones. Their bodies stand there, for programs
 * to inline.
 */
#define OTLP_INLINE
#include <otlpipe/data.h>
