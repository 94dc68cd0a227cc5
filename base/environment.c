/* SPDX-License-Identifier: Apache-2.0 */
/* What may be read of the environment, and how. */
#include "base/environment.h"

#include <stdlib.h>
#include <string.h>

bool environment_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void environment_trim(const char **text, size_t *len)
{
	while (*len > 0 && environment_is_space(**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && environment_is_space((*text)[*len - 1]))
		(*len)--;
}

bool environment_get(const char *name, const char **ret, size_t *ret_len)
{
	const char *text = secure_getenv(name);
	size_t len;

	if (text == NULL)
		return false;
	len = strlen(text);
	environment_trim(&text, &len);
	*ret = text;
	*ret_len = len;
	return len > 0;
}

bool environment_is_closed(const char *name)
{
	return secure_getenv(name) == NULL && getenv(name) != NULL;
}
