/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables of the environment. A program that runs with more rights than its caller (setuid,
 * setgid, file capabilities) does not read them: the caller could lead it anywhere. White space
 * around a value is cut off: a block of YAML leaves the end of a line there.
 */
#ifndef OTLPIPE_BASE_ENVIRONMENT_H
#define OTLPIPE_BASE_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Look a variable up.
 *
 * @param ret  set to the value, which is not terminated
 * @return false: it is not set, is nothing but white space, or may not be read
 */
bool environment_get(const char *name, const char **ret, size_t *ret_len);

/** Is it set, and may not be read? */
bool environment_is_closed(const char *name);

/** Is it one of the white space characters of ASCII? */
bool environment_is_space(char c);

/** Cut white space off both ends. */
void environment_trim(const char **text, size_t *len);

#endif
