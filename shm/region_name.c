/* SPDX-License-Identifier: Apache-2.0 */
/* Names are made without stdio: this runs in the host's process, perhaps in a signal handler. */
#include "shm/region_name.h"

#include <string.h>

static const char region_suffix[] = ".region";

void region_format_name(char ret[REGION_NAME_BYTES_MAX], uint32_t pid, uint64_t id)
{
	static const char hex[] = "0123456789abcdef";
	char digits[12];
	size_t n = 0, at = 0;
	int shift;

	do {
		digits[n++] = (char)('0' + pid % 10);
		pid /= 10;
	} while (pid != 0);
	while (n > 0)
		ret[at++] = digits[--n];
	ret[at++] = '-';
	for (shift = 60; shift >= 0; shift -= 4)
		ret[at++] = hex[id >> shift & 15];
	memcpy(ret + at, region_suffix, sizeof(region_suffix));
}

bool region_parse_name(const char *name, uint32_t *ret_pid, uint64_t *ret_id)
{
	uint64_t pid = 0, id = 0;
	unsigned n;

	for (n = 0; n < 10 && *name >= '0' && *name <= '9'; n++)
		pid = pid * 10 + (uint64_t)(*name++ - '0');
	if (n == 0 || pid > UINT32_MAX || *name++ != '-')
		return false;
	for (n = 0; n < 16; n++, name++) {
		if (*name >= '0' && *name <= '9')
			id = id << 4 | (uint64_t)(*name - '0');
		else if (*name >= 'a' && *name <= 'f')
			id = id << 4 | (uint64_t)(*name - 'a' + 10);
		else
			return false;
	}
	if (strcmp(name, region_suffix) != 0 || id == 0)
		return false;
	*ret_pid = (uint32_t)pid;
	*ret_id = id;
	return true;
}
