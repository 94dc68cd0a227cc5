/* SPDX-License-Identifier: Apache-2.0 */
/* The set is a hash table. Its hash has a secret, so that nobody can choose ids that collide. */
#include "base/idset.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

struct idset_id {
	uint64_t id;
	UT_hash_handle hh;
};

void idset_clear(struct idset *set)
{
	struct idset_id *found, *next;

	HASH_ITER(hh, set->ids, found, next)
	{
		HASH_DELETE(hh, set->ids, found);
		free(found);
	}
	set->count = 0;
}

bool idset_has(const struct idset *set, uint64_t id)
{
	struct idset_id *found;

	HASH_FIND(hh, set->ids, &id, sizeof(id), found);
	return found != NULL;
}

int idset_add(struct idset *set, uint64_t id)
{
	struct idset_id *added;

	if (idset_has(set, id))
		return 0;
	if (set->count == IDSET_MAX)
		return -ENOSPC;
	added = malloc(sizeof(*added));
	if (added == NULL)
		return -ENOMEM;
	added->id = id;
	HASH_ADD(hh, set->ids, id, sizeof(added->id), added);
	if (HASH_COUNT(set->ids) == set->count) {
		free(added);
		return -ENOMEM;
	}
	set->count++;
	return 0;
}
