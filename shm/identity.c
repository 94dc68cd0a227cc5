/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two forms of an id. Producers and the writer both compute them, so they have no secret key:
 * what nobody can choose comes from the file, not from the hash.
 */
#include "shm/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "shm/layout.h"

#define BIRTH_RANDOM_BITS 24
#define INODE_RANDOM_BITS 32

/* What the kernel says of a file. */
struct birth {
	uint64_t inode;
	uint64_t ns;
	bool is_known; /* ns */
};

static int birth_of(int fd, struct birth *ret)
{
	struct statx stx;
	struct stat st;

	/* A sandbox may refuse the newer call, and allow the older one. */
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx) == 0) {
		ret->inode = stx.stx_ino;
		ret->is_known = (stx.stx_mask & STATX_BTIME) != 0;
		ret->ns = (uint64_t)stx.stx_btime.tv_sec * 1000000000 + stx.stx_btime.tv_nsec;
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	ret->inode = st.st_ino;
	ret->is_known = false;
	ret->ns = 0;
	return 0;
}

/* Each of these is one to one: what differs before differs after. */
static uint64_t mix64(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint32_t mix32(uint32_t x)
{
	x = (x ^ x >> 16) * UINT32_C(0x85ebca6b);
	x = (x ^ x >> 13) * UINT32_C(0xc2b2ae35);
	return x ^ x >> 16;
}

/* The part of the id that is the file's, with zeros for the random one. */
static uint64_t bound_part(bool with_birth, const struct birth *birth)
{
	if (with_birth)
		return mix64(mix64(birth->inode) + birth->ns) >> BIRTH_RANDOM_BITS
									 << BIRTH_RANDOM_BITS;
	return (uint64_t)mix32((uint32_t)(birth->inode ^ birth->inode >> 32)) << INODE_RANDOM_BITS;
}

static uint64_t random_mask(bool with_birth)
{
	return (UINT64_C(1) << (with_birth ? BIRTH_RANDOM_BITS : INODE_RANDOM_BITS)) - 1;
}

int identity_make(int fd, uint32_t *ret_flags, uint64_t *ret_id)
{
	struct birth birth;
	uint64_t random, id;
	int rc;

	rc = birth_of(fd, &birth);
	if (rc < 0)
		return rc;
	do {
		ssize_t n = getrandom(&random, sizeof(random), GRND_NONBLOCK);

		if (n != (ssize_t)sizeof(random))
			return n < 0 ? -errno : -EIO;
		id = bound_part(birth.is_known, &birth) | (random & random_mask(birth.is_known));
	} while (id == 0);
	if (birth.is_known)
		*ret_flags |= REGION_FLAG_BIRTH;
	*ret_id = id;
	return 0;
}

int identity_check(int fd, uint32_t flags, uint64_t id)
{
	const bool with_birth = (flags & REGION_FLAG_BIRTH) != 0;
	struct birth birth;
	int rc;

	rc = birth_of(fd, &birth);
	if (rc < 0)
		return rc;
	/* We are the one who may not see it: its maker could. */
	if (with_birth && !birth.is_known)
		return 0;
	return (id & ~random_mask(with_birth)) == bound_part(with_birth, &birth) ? 0 : -ENOTUNIQ;
}
