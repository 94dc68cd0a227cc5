/* SPDX-License-Identifier: Apache-2.0 */
/* What a library is opened with: the caller's options, and the environment behind them. */
#ifndef OTLPIPE_CORE_OPTIONS_H
#define OTLPIPE_CORE_OPTIONS_H

#include <otlpipe/otlpipe.h>

#include "base/text.h"
#include "core/last_error.h"
#include "shm/budget.h"

/*
 * What an open has to say goes to the caller's function, if there is one, and is kept for
 * otlp_library_last_error().
 */
struct telling {
	otlp_diagnostic_fn diagnostic;
	void *context;
	struct text text;
	char lines[LAST_ERROR_BYTES];
};

void telling_begin(struct telling *telling);

/** Tell of something; options are those of options_read(). */
void options_tell(const struct otlp_options *options, int error, const char *line);

/**
 * Take the caller's struct over, of whatever version; what we do not know must be zero.
 *
 * @param telling  who is told: the copy's diagnostic function tells this one
 * @return 0, or OTLP_ERR_INVALID or _ABI, which was told
 */
int options_read(struct otlp_options *ret, const struct otlp_options *options,
		 struct telling *telling);

/**
 * The sizes of the rings, by the options, else by the environment, else the defaults: what a signal
 * has, divided among its lanes.
 *
 * @param ret  REGION_RINGS_MAX of them, by ring_number()
 * @return 0, or OTLP_ERR_INVALID, which was told
 */
int options_rings(const struct otlp_options *options, uint64_t *ret);

/** What the runtime directory may hold. A variable that is wrong is told of, and left aside. */
void options_budget(const struct otlp_options *options, struct budget *ret);

/** The variables that are read, by number from 0 on. @return NULL: there are no more */
const char *options_variable(size_t number);

/** Tell of variables that are wrong, or may not be read. Nothing depends on it. */
void options_check_environment(const struct otlp_options *options);

#endif
