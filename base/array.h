/* SPDX-License-Identifier: Apache-2.0 */
/* How many elements an array has. */
#ifndef OTLPIPE_BASE_ARRAY_H
#define OTLPIPE_BASE_ARRAY_H

/** Of an array, not of a pointer. */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
