/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers for batches: one mapping for the pool, one mapping for each one-off.
 *
 * Knows addresses and sizes only; who registers them with the kernel is io_uring.c's business.
 */
#include "writer/io/iobuf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

struct iobuf_pool {
	uint8_t *map;
	size_t map_bytes;
	size_t buffer_bytes;
	unsigned count;
	unsigned one_off_count;
	struct iobuf buffers[IOBUF_COUNT_MAX];
};

static size_t round_up(size_t bytes, size_t to_multiple_of)
{
	return (bytes + to_multiple_of - 1) / to_multiple_of * to_multiple_of;
}

/*
 * Maps whole huge pages at a huge-page boundary and touches them: the first batch must not pay
 * for page faults, and pinning one huge page is cheaper than pinning 512 small ones.
 */
static int map_huge_aligned(size_t bytes, uint8_t **ret, size_t *ret_bytes)
{
	size_t wanted = round_up(bytes, HUGE_PAGE_BYTES);
	size_t mapped = wanted + HUGE_PAGE_BYTES;
	uint8_t *base;
	size_t before;

	base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -errno;

	before = round_up((uintptr_t)base, HUGE_PAGE_BYTES) - (uintptr_t)base;
	if (before > 0)
		munmap(base, before);
	base += before;
	if (mapped - before > wanted)
		munmap(base + wanted, mapped - before - wanted);

	(void)madvise(base, wanted, MADV_HUGEPAGE); /* a wish: small pages work as well */
	for (size_t at = 0; at < wanted; at += IOBUF_ALIGN_BYTES)
		*(volatile uint8_t *)(base + at) = 0;

	*ret = base;
	*ret_bytes = wanted;
	return 0;
}

int iobuf_pool_open(struct iobuf_pool **ret, unsigned count, size_t bytes)
{
	struct iobuf_pool *pool;
	int rc;

	if (count == 0 || count > IOBUF_COUNT_MAX || bytes == 0 || bytes > IOBUF_BYTES_MAX ||
	    bytes % IOBUF_ALIGN_BYTES != 0)
		return -EINVAL;

	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;

	rc = map_huge_aligned(count * bytes, &pool->map, &pool->map_bytes);
	if (rc < 0) {
		free(pool);
		return rc;
	}

	pool->count = count;
	pool->buffer_bytes = bytes;
	for (unsigned i = 0; i < count; i++)
		pool->buffers[i] = (struct iobuf){
			.data = pool->map + i * bytes,
			.capacity_bytes = bytes,
			.index = (int)i,
		};

	*ret = pool;
	return 0;
}

void iobuf_pool_close(struct iobuf_pool *pool)
{
	if (!pool)
		return;

	assert(pool->one_off_count == 0);
	for (unsigned i = 0; i < pool->count; i++)
		assert(!pool->buffers[i].in_use);

	munmap(pool->map, pool->map_bytes);
	free(pool);
}

unsigned iobuf_pool_count(const struct iobuf_pool *pool)
{
	return pool->count;
}

const struct iobuf *iobuf_pool_at(const struct iobuf_pool *pool, unsigned index)
{
	assert(index < pool->count);
	return &pool->buffers[index];
}

static int one_off_get(struct iobuf_pool *pool, size_t bytes, struct iobuf **ret)
{
	struct iobuf *buf;
	void *map;

	if (bytes > IOBUF_BYTES_MAX)
		return -EMSGSIZE;
	if (pool->one_off_count >= IOBUF_COUNT_MAX)
		return -EAGAIN;

	buf = calloc(1, sizeof(*buf));
	if (!buf)
		return -ENOMEM;

	bytes = round_up(bytes, IOBUF_ALIGN_BYTES);
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED) {
		free(buf);
		return -ENOMEM;
	}

	*buf = (struct iobuf){.data = map, .capacity_bytes = bytes, .index = -1, .in_use = true};
	pool->one_off_count++;
	*ret = buf;
	return 0;
}

int iobuf_get(struct iobuf_pool *pool, size_t bytes, struct iobuf **ret)
{
	if (bytes > pool->buffer_bytes)
		return one_off_get(pool, bytes, ret);

	for (unsigned i = 0; i < pool->count; i++) {
		if (pool->buffers[i].in_use)
			continue;
		pool->buffers[i].in_use = true;
		*ret = &pool->buffers[i];
		return 0;
	}

	return -EAGAIN;
}

void iobuf_put(struct iobuf_pool *pool, struct iobuf *buf)
{
	assert(buf->in_use);

	if (buf->index >= 0) {
		buf->in_use = false;
		return;
	}

	assert(pool->one_off_count > 0);
	pool->one_off_count--;
	munmap(buf->data, buf->capacity_bytes);
	free(buf);
}
