/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signals: one row for each kind of telemetry. A signal's number is that of
 * its ring in a region and of its batches in a file, so it never changes. Who
 * handles all signals loops over the rows; there is no other enum for this, and
 * no other list of their names.
 */
#ifndef OTLPIPE_CORE_RECORD_SIGNAL_H
#define OTLPIPE_CORE_RECORD_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

enum signal {
	SIGNAL_TRACES = 0,
	SIGNAL_METRICS = 1,
	SIGNAL_NONE = 255 /* not known, or none in particular */
};
#define SIGNAL_COUNT 2
/* A region and a batch file have room for so many. */
#define SIGNAL_COUNT_MAX 4

struct signal_row {
	const char *name;      /* "traces": of directories and files, in options and in messages */
	const char *ring_name; /* "spans": what is said of its ring */
	const char *item_name; /* "spans": what is counted in it */
	uint32_t ring_bytes_default;
};

extern const struct signal_row signal_rows[SIGNAL_COUNT];

/** "traces" */
static inline const char *signal_name(enum signal signal)
{
	return signal_rows[signal].name;
}

/**
 * Find a signal by its name.
 *
 * @return SIGNAL_NONE: no signal has that name
 */
enum signal signal_by_name(const char *name);

#endif
