/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signals: one row for each kind of telemetry. Their enum is the public one, enum otlp_signal.
 * A signal's number is that of its ring in a region and of its batches in a file, so it never
 * changes. Who handles all signals loops over the rows; there is no other enum for this, and no
 * other list of their names.
 */
#ifndef OTLPIPE_CORE_RECORD_SIGNAL_H
#define OTLPIPE_CORE_RECORD_SIGNAL_H

#include <stdint.h>

#include <otlpipe/otlpipe.h>

/* Those that this version knows; regions and the status page have room for OTLP_SIGNAL_MAX. */
#define SIGNAL_COUNT 3
/* For an enum otlp_signal that is not known, or none in particular. */
#define SIGNAL_NONE 255

struct signal_row {
	const char *name;      /* "traces": of directories and files, in options and in messages */
	const char *ring_name; /* "spans": what is said of its ring */
	const char *item_name; /* "spans": what is counted in it */
	const char *ring_variable; /* the variable of the environment with its ring's size */
	uint32_t ring_bytes_default;
};

extern const struct signal_row signal_rows[SIGNAL_COUNT];

/** "traces" */
static inline const char *signal_name(enum otlp_signal signal)
{
	return signal_rows[signal].name;
}

/**
 * Find a signal by its name.
 *
 * @return SIGNAL_NONE: no signal has that name
 */
enum otlp_signal signal_by_name(const char *name);

#endif
