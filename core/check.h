/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an open of the library would say here, for the tool, which asks without opening anything:
 * the same parsers, the same limits, the same words. It is no part of the library.
 */
#ifndef OTLPIPE_CORE_CHECK_H
#define OTLPIPE_CORE_CHECK_H

#include <stdint.h>

#include <otlpipe/otlpipe.h>

#include "shm/failure.h"
#include "shm/runtime.h"

#define CHECK_TEXT_BYTES 1024

/** The variables that the library reads, by number from 0 on. @return NULL: there are no more */
const char *check_variable(unsigned number);

/** Have told what is wrong with those that are set. Each line begins with the variable's name. */
void check_variables(otlp_diagnostic_fn diagnostic, void *context);

/* May a program of this user, with these limits and this environment, have a region? */
struct check_region {
	uint64_t bytes; /* what it takes */
	enum failure_step step;
	int error;		     /* 0, or the negative errno that it would meet */
	char text[CHECK_TEXT_BYTES]; /* as otlp_library_last_error() says it */
};

/** Each asks for one reason. The limits are those of this process. */
void check_limits(struct check_region *ret, const char *path);
void check_address_space(struct check_region *ret, const char *path);
void check_budget(struct check_region *ret, const char *path, const struct runtime_dir *dir);
void check_space(struct check_region *ret, const char *path, const struct runtime_dir *dir);

#endif
