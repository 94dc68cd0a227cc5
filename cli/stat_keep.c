/* SPDX-License-Identifier: Apache-2.0 */
/* By the region's id, which is in its name. */
#include "cli/stat_keep.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/hash.h"

#define KEPT_MAX	 4096u
#define STAT_BLOCK_BYTES 512u /* of st_blocks, whatever the file system has */

struct stat_kept {
	struct stat_open open; /* where it is the guard knows, so it stays there */
	uint64_t id;
	uint64_t look; /* the last one that met it */
	UT_hash_handle hh;
};

/* Half of the descriptors: the rest are for what is looked at beside. */
static uint64_t room_of_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	return limit.rlim_cur / 2 < KEPT_MAX ? limit.rlim_cur / 2 : KEPT_MAX;
}

void stat_keep_begin(struct stat_keep *keep)
{
	if (keep == NULL)
		return;
	keep->look_count++;
	keep->room = room_of_limit();
}

static void kept_free(struct stat_keep *keep, struct stat_kept *kept)
{
	HASH_DEL(keep->by_id, kept);
	guard_remove(&kept->open.guard);
	region_detach(&kept->open.view);
	free(kept);
}

/*
 * Is it still the file that has this name, as large as it was, and is what a look touches there? A
 * program that ends in order gives back what it did not use, and to read that would make it again.
 */
static bool is_same(struct stat_open *open)
{
	const struct region_view *view = &open->view;
	struct stat st;

	if (fstat(view->fd, &st) < 0 || st.st_nlink != 1 || (uint64_t)st.st_size != view->bytes)
		return false;
	open->held_bytes = (uint64_t)st.st_blocks * STAT_BLOCK_BYTES;
	return open->held_bytes >= view->bytes || region_is_reserved(view) > 0;
}

static struct stat_kept *find(struct stat_keep *keep, const char *name)
{
	struct stat_kept *kept;
	uint32_t pid;
	uint64_t id;

	if (keep == NULL || !region_parse_name(name, &pid, &id))
		return NULL;
	HASH_FIND(hh, keep->by_id, &id, sizeof(id), kept);
	if (kept == NULL)
		return NULL;
	/* Two names with one id are a copy: what is met again in the same look is another file. */
	if (kept->open.view.pid != pid || kept->look == keep->look_count)
		return NULL;
	if (is_same(&kept->open))
		return kept;
	kept_free(keep, kept);
	return NULL;
}

/* Room for one more; NULL: it is looked at without. */
static struct stat_kept *kept_new(struct stat_keep *keep, uint64_t id)
{
	struct stat_kept *kept, *other;
	size_t count;

	if (keep == NULL || HASH_COUNT(keep->by_id) >= keep->room)
		return NULL;
	HASH_FIND(hh, keep->by_id, &id, sizeof(id), other);
	if (other != NULL)
		return NULL;
	kept = calloc(1, sizeof(*kept));
	if (kept == NULL)
		return NULL;
	kept->id = id;
	count = HASH_COUNT(keep->by_id);
	HASH_ADD(hh, keep->by_id, id, sizeof(kept->id), kept);
	if (HASH_COUNT(keep->by_id) != count)
		return kept;
	free(kept);
	return NULL;
}

int stat_keep_open(struct stat_keep *keep, const struct runtime_dir *dir, const char *name,
		   struct stat_open *own, struct stat_open **ret)
{
	struct stat_kept *kept = find(keep, name);
	struct region_view view;
	struct stat st;
	int rc;

	if (kept != NULL) {
		kept->look = keep->look_count;
		*ret = &kept->open;
		return 0;
	}
	rc = region_attach(&view, dir, name, false);
	if (rc < 0)
		return rc;
	kept = kept_new(keep, view.region_id);
	*ret = kept != NULL ? &kept->open : own;
	if (kept != NULL)
		kept->look = keep->look_count;
	(*ret)->view = view;
	(*ret)->held_bytes =
		fstat(view.fd, &st) == 0 ? (uint64_t)st.st_blocks * STAT_BLOCK_BYTES : 0;
	(*ret)->service[0] = '\0';
	(*ret)->kept = kept;
	guard_add(&(*ret)->guard, view.header, view.bytes);
	return 0;
}

void stat_keep_close(struct stat_keep *keep, struct stat_open *open)
{
	if (open->kept != NULL) {
		if (open->guard.has_failed)
			kept_free(keep, open->kept);
		return;
	}
	guard_remove(&open->guard);
	region_detach(&open->view);
}

void stat_keep_end(struct stat_keep *keep)
{
	struct stat_kept *kept, *next;

	if (keep == NULL)
		return;
	HASH_ITER(hh, keep->by_id, kept, next)
	{
		if (kept->look != keep->look_count)
			kept_free(keep, kept);
	}
}

void stat_keep_forget(struct stat_keep *keep)
{
	if (keep == NULL)
		return;
	keep->look_count++;
	stat_keep_end(keep);
}
