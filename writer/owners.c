/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of users. regions.c and drain.c decide what is done with them. */
#include "writer/owners.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int owner_compare(const void *a, const void *b)
{
	const uint32_t x = ((const struct owner *)a)->uid, y = ((const struct owner *)b)->uid;

	return x < y ? -1 : x > y;
}

void owners_open(struct owners *owners)
{
	unsigned signal;

	memset(owners, 0, sizeof(*owners));
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		TAILQ_INIT(&owners->turns[signal]);
}

static void owner_free(void *node)
{
	struct owner *owner = node;

	free(owner->broken);
	free(owner);
}

void owners_close(struct owners *owners)
{
	tdestroy(owners->by_uid, owner_free);
	owners_open(owners);
}

struct owner *owners_get(struct owners *owners, uint32_t uid)
{
	const struct owner key = {.uid = uid};
	struct owner *const *found = tfind(&key, &owners->by_uid, owner_compare);
	struct owner *owner;
	unsigned signal;

	if (found != NULL)
		return *found;
	owner = calloc(1, sizeof(*owner));
	if (owner == NULL)
		return NULL;
	owner->uid = uid;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		TAILQ_INIT(&owner->sources[signal]);
	if (tsearch(owner, &owners->by_uid, owner_compare) == NULL) {
		free(owner);
		return NULL;
	}
	return owner;
}

void owners_add(struct owners *owners, struct owner *owner, struct source *source)
{
	unsigned signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		if (owner->count == 0)
			TAILQ_INSERT_TAIL(&owners->turns[signal], owner, in_turn[signal]);
		TAILQ_INSERT_TAIL(&owner->sources[signal], source, in_turn[signal]);
	}
	owners->count += owner->count++ == 0;
	source->owner = owner;
}

void owners_remove(struct owners *owners, struct source *source)
{
	struct owner *owner = source->owner;
	unsigned signal;

	owner->count--;
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		TAILQ_REMOVE(&owner->sources[signal], source, in_turn[signal]);
		if (owner->count == 0)
			TAILQ_REMOVE(&owners->turns[signal], owner, in_turn[signal]);
	}
	owners->count -= owner->count == 0;
	source->owner = NULL;
}

void owner_keep_broken(struct owner *owner, const char *name, char ret[OWNER_NAME_BYTES])
{
	char *slot;

	ret[0] = '\0';
	if (owner->broken == NULL)
		owner->broken = calloc(OWNER_BROKEN_KEPT, sizeof(owner->broken[0]));
	if (owner->broken == NULL)
		return;
	slot = owner->broken[owner->broken_count++ % OWNER_BROKEN_KEPT];
	memcpy(ret, slot, OWNER_NAME_BYTES);
	snprintf(slot, OWNER_NAME_BYTES, "%s", name);
}
