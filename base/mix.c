/* SPDX-License-Identifier: Apache-2.0 */
/* Two rounds of multiplication with the key. The caller decides where a hash is stored. */
#include "base/mix.h"

#include <sys/random.h>

/* Not known to who chooses the numbers. Whether it is random decides about speed alone. */
static uint64_t mix_key(void)
{
	static uint64_t key;

	if (key == 0 && getrandom(&key, sizeof(key), GRND_NONBLOCK) != (ssize_t)sizeof(key))
		key = 0;
	key |= 1;
	return key;
}

uint64_t mix_u64(uint64_t value)
{
	const uint64_t key = mix_key();
	uint64_t mixed = (value ^ key) * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 32) * key;
	return mixed ^ mixed >> 29;
}
