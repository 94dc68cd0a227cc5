/* SPDX-License-Identifier: Apache-2.0 */
/* How many lanes there are, and what a thread's choice goes by. */
#include "core/lane.h"

#include <sched.h>
#include <sys/auxv.h>
#include <unistd.h>

/*
 * The kernel's struct rseq: a fixed layout that grows at its end (linux/rseq.h). The size of what
 * the kernel fills in stands in the auxiliary vector, since 6.3.
 */
#define RSEQ_PROCESSOR_OFFSET	4
#define RSEQ_CONCURRENCY_OFFSET 24
#define RSEQ_CONCURRENCY_END	28
#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#endif

/* glibc's; another C library, or an older one, has neither. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

void lane_open(struct lanes *lanes)
{
	lanes->number_offset = 0;
	/* The size is 0 where the kernel refused, or the user did (a tunable of glibc). */
	if (&__rseq_offset == NULL || &__rseq_size == NULL || __rseq_size == 0)
		return;
	lanes->number_offset =
		__rseq_offset + (getauxval(AT_RSEQ_FEATURE_SIZE) >= RSEQ_CONCURRENCY_END
					 ? RSEQ_CONCURRENCY_OFFSET
					 : RSEQ_PROCESSOR_OFFSET);
}

/* That this process may run on; where there are more than a set holds, many. */
static unsigned processors_usable(void)
{
	cpu_set_t set;
	int count;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return REGION_LANES_MAX;
	count = CPU_COUNT(&set);
	return count > 0 ? (unsigned)count : 1;
}

unsigned lane_count(uint64_t signal_bytes, unsigned asked)
{
	const uint64_t bytes_min = asked != 0 ? LANE_BYTES_MIN : LANE_BYTES_DEFAULT_MIN;
	unsigned count = 1;

	if (asked == 0)
		asked = processors_usable();
	if (asked > REGION_LANES_MAX)
		asked = REGION_LANES_MAX;
	while (count < asked && lane_bytes(signal_bytes, 2 * count, 2 * count - 1) >= bytes_min)
		count *= 2;
	return count;
}

uint64_t lane_bytes(uint64_t signal_bytes, unsigned count, unsigned lane)
{
	if (count == 1)
		return signal_bytes;
	if (lane == 0)
		return signal_bytes / 2;
	return lane == 1 ? signal_bytes / count : signal_bytes / count / 2;
}

uint32_t lane_hash(uintptr_t thread)
{
	/* Stacks lie at regular distances, and a thread's pointer in its stack: the upper bits of a
	 * product with the golden ratio tell these apart. */
	return (uint32_t)(((uint64_t)thread * UINT64_C(0x9e3779b97f4a7c15)) >> 61);
}
