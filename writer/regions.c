/* SPDX-License-Identifier: Apache-2.0 */
/* The list of sources, kept equal to what is in the runtime directory. */
#include "writer/regions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/mix.h"
#include "writer/settle.h"

/* Files have the time of the kernel's last tick: 10 ms with the slowest clock, and to spare. */
#define REGIONS_TICK_NS INT64_C(20000000)

/* A step of discovery, and how many times as long as it took it rests then. */
#define REGIONS_STEP_NAMES   1024
#define REGIONS_STEP_FILES   32
#define REGIONS_REST	     8

#define REGIONS_LOCK_STEP_NS INT64_C(10000000)

void regions_open(struct regions *regions, const struct runtime_dir *dir)
{
	memset(regions, 0, sizeof(*regions));
	regions->dir = dir;
	regions->sources_end = &regions->sources;
	owners_open(&regions->owners);
	capacity_measure(&regions->capacity, REGIONS_MAX);
	regions->room = regions->capacity;
}

/* ---- the list, and the same by id ---- */

static int source_compare(const void *a, const void *b)
{
	const uint64_t x = ((const struct source *)a)->view.region_id;
	const uint64_t y = ((const struct source *)b)->view.region_id;

	return x < y ? -1 : x > y;
}

struct source *regions_find(const struct regions *regions, uint64_t id)
{
	const struct source key = {.view.region_id = id};
	struct source *const *found = tfind(&key, &regions->by_id, source_compare);

	return found != NULL ? *found : NULL;
}

static int regions_add(struct regions *regions, struct owner *owner, struct source *source)
{
	if (tsearch(source, &regions->by_id, source_compare) == NULL)
		return -ENOMEM;
	owners_add(&regions->owners, owner, source);
	*regions->sources_end = source;
	regions->sources_end = &source->next;
	regions->count++;
	return 0;
}

/* Take one out of the list; *at is the next one then. */
static struct source *regions_remove(struct regions *regions, struct source **at)
{
	struct source *source = *at;

	*at = source->next;
	if (source->next == NULL)
		regions->sources_end = at;
	(void)tdelete(source, &regions->by_id, source_compare);
	owners_remove(&regions->owners, source);
	regions->count--;
	return source;
}

static void regions_end(struct regions *regions)
{
	if (regions->stream != NULL)
		closedir(regions->stream);
	regions->stream = NULL;
}

void regions_close(struct regions *regions)
{
	while (regions->sources != NULL)
		source_close(regions_remove(regions, &regions->sources));
	owners_close(&regions->owners);
	regions_end(regions);
	idset_clear(&regions->known);
	claims_close(&regions->claims);
}

static bool regions_differ(const struct regions *regions)
{
	struct stat st;

	if (fstat(regions->dir->fd, &st) < 0)
		return true;
	return st.st_mtim.tv_sec != regions->seen_mtime.tv_sec ||
	       st.st_mtim.tv_nsec != regions->seen_mtime.tv_nsec;
}

bool regions_have_changed(const struct regions *regions, int64_t now_ns)
{
	return now_ns >= regions->next_ns && regions_differ(regions);
}

bool regions_are_all_known(const struct regions *regions)
{
	return regions->stream == NULL && regions->look_ns == INT64_MAX && regions->waiting == 0 &&
	       !regions->drained_elsewhere && !regions_differ(regions);
}

int64_t regions_deadline_ns(const struct regions *regions)
{
	if (regions->stream != NULL || regions_differ(regions))
		return regions->next_ns;
	return regions->look_ns > regions->next_ns ? regions->look_ns : regions->next_ns;
}

/*
 * Names are remembered, not ids: who sees the name of a region can put the same id into another,
 * and that one's refusal must not be taken for this one's. So that nobody can choose a name that
 * passes for another, the hash of it has a key.
 */
static uint64_t name_key(uint32_t pid, uint64_t id)
{
	const uint64_t key = mix_u64(mix_u64(id) + pid);

	return key != 0 ? key : 1;
}

/* So that it is not opened again. Where there is no memory for that, it costs time only. */
static void regions_remember(struct regions *regions, uint32_t pid, uint64_t id)
{
	const struct source *source;

	if (idset_add(&regions->known, name_key(pid, id)) != -ENOSPC)
		return;
	/* What is gone makes room; what was refused is looked at once more. */
	idset_clear(&regions->known);
	for (source = regions->sources; source != NULL; source = source->next)
		(void)idset_add(&regions->known,
				name_key(source->view.pid, source->view.region_id));
	(void)idset_add(&regions->known, name_key(pid, id));
}

/* Errors that are ours and pass, not the region's. */
static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static void regions_refuse(struct regions *regions, const char *name, const char *why)
{
	uint32_t pid;
	uint64_t id;

	if (region_parse_name(name, &pid, &id))
		regions_remember(regions, pid, id);
	regions->broken_count++;
	log_line("%s is left aside: %s", name, why);
}

/*
 * Why there is no room for one more region of this user; empty: there is. In a group directory a
 * user may have no more than are still free: the first half of all, the next a quarter, and so
 * always room is left for one who comes later, and who had no part in filling it.
 */
static void regions_room(const struct regions *regions, const struct owner *owner,
			 char ret[REGIONS_WHY_BYTES])
{
	const size_t max = regions->room.regions;

	ret[0] = '\0';
	if (regions->count >= max)
		snprintf(ret, REGIONS_WHY_BYTES, "this writer can hold %zu regions (%s)", max,
			 regions->room.reason);
	else if (regions->dir->group && owner->count >= REGIONS_PER_USER_MAX)
		snprintf(ret, REGIONS_WHY_BYTES,
			 "user %u has %zu regions, and no user may have more", owner->uid,
			 owner->count);
	else if (regions->dir->group && owner->count > 0 && owner->count >= max - regions->count)
		snprintf(
			ret, REGIONS_WHY_BYTES,
			"user %u has %zu regions, and what is left of the %zu that this writer can "
			"hold (%s) is kept for other users",
			owner->uid, owner->count, max, regions->room.reason);
}

/* It is looked at again with the next look at the directory. */
static void regions_leave(struct regions *regions, const char *name, const char *why)
{
	if (regions->waiting_now++ == 0)
		snprintf(regions->waiting_why, sizeof(regions->waiting_why), "%s: %s", name, why);
}

/* The directory is read to its end: does any wait, or twice as many as was said? */
static void regions_say_waiting(struct regions *regions)
{
	const bool is_news = regions->waiting_now > 2 * regions->waiting_said;

	if (is_news)
		log_line("regions that there is no room for: %zu; they are not drained until "
			 "others are removed. The first is %s",
			 regions->waiting_now, regions->waiting_why);
	if (is_news || regions->waiting_now == 0)
		regions->waiting_said = regions->waiting_now;
	regions->waiting = regions->waiting_now;
}

/* What cannot be opened for want of something of ours waits: it has done nothing wrong. */
static void regions_open_failed(struct regions *regions, const char *name, int error)
{
	if (error == -ENOENT)
		return; /* gone again */
	if (is_shortage(error)) {
		/* So others hold descriptors of ours, or of the machine's: we have room for no
		 * more until we look again. */
		if (error != -ENOMEM && regions->count < regions->room.regions) {
			regions->room.regions = regions->count;
			snprintf(regions->room.reason, sizeof(regions->room.reason), "%s",
				 strerror(-error));
		}
		regions_leave(regions, name, strerror(-error));
		return;
	}
	if (error == -EBUSY) {
		/* Not remembered: once that writer has let go of it, it is ours. */
		if (!regions->said_drained)
			log_line("%s is drained by another writer, which keeps this region and its "
				 "others as long as it runs",
				 name);
		regions->said_drained = true;
		regions->drained_elsewhere = true;
		return;
	}
	regions_refuse(regions, name,
		       error == -EPROTO ? "its layout is of another version"
		       /* A region gets its name when it is ready. */
		       : error == -EBADMSG || error == -EAGAIN ? "it is no valid region"
		       : error == -ENODATA		       ? "its space is not reserved"
		       : error == -ENOTUNIQ		       ? "it carries the id of another file"
							       : strerror(-error));
}

/* Whose a file is, before it is opened. @return 0, or a negative errno */
static int regions_find_owner(struct regions *regions, const char *name, struct owner **ret)
{
	struct stat st;

	if (fstatat(regions->dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = owners_get(&regions->owners, st.st_uid);
	return *ret != NULL ? 0 : -ENOMEM;
}

/* The lock of a writer that was killed may linger. */
static int regions_open_source(struct regions *regions, const char *name, struct source **ret)
{
	const struct timespec step = {.tv_nsec = REGIONS_LOCK_STEP_NS};
	int rc;

	for (;;) {
		rc = source_open(ret, regions->dir, name, regions->epoch);
		if (rc != -EBUSY || regions->lock_wait_ns <= 0)
			return rc;
		nanosleep(&step, NULL);
		regions->lock_wait_ns -= REGIONS_LOCK_STEP_NS;
	}
}

/* Its id is that of one which is attached. The set of what is known may have lost that one. */
static void regions_refuse_twin(struct regions *regions, const char *name,
				const struct source *first)
{
	char why[REGION_NAME_BYTES_MAX + 64];

	if (strcmp(first->name, name) == 0) {
		regions_remember(regions, first->view.pid, first->view.region_id);
		return;
	}
	snprintf(why, sizeof(why), "it carries the id of %s, which is drained", first->name);
	regions_refuse(regions, name, why);
}

void regions_have_recovered(struct regions *regions, uint64_t output_id)
{
	if (output_id != 0 && regions->recovered_count < REGIONS_OUTPUTS_MAX)
		regions->recovered[regions->recovered_count++] = output_id;
}

/* May it be drained? What the files have of it has been told to it, or will never be known. */
static bool regions_is_settled(struct regions *regions, struct source *source)
{
	const uint64_t output_id = region_unsettled(&source->view);
	const struct claim *claim;
	unsigned i;

	if (output_id == 0 || !regions->has_recovered)
		return true;
	for (i = 0; i < regions->recovered_count; i++)
		if (regions->recovered[i] == output_id)
			break;
	if (i == regions->recovered_count && !regions->accepts_unsettled &&
	    claims_of(&regions->claims, source->view.region_id, &claim) == 0)
		return false;
	region_set_unsettled(&source->view, 0);
	return true;
}

static void regions_say_unsettled(struct regions *regions, const struct source *source)
{
	if (!regions->said_unsettled)
		log_line("%s, and others like it, are not drained: a writer that was killed has "
			 "written some of what is in them, into an output directory that nobody "
			 "has recovered since, and that %s no longer names. Start a writer with "
			 "that directory as --output; or, if it is gone for good, with "
			 "--lost-output=rewrite",
			 source->name, RUNTIME_WRITER_LOCK);
	regions->said_unsettled = true;
}

void regions_end_recovery(struct regions *regions)
{
	struct source **at = &regions->sources;

	regions->has_recovered = true;
	while (*at != NULL) {
		if (regions_is_settled(regions, *at)) {
			at = &(*at)->next;
			continue;
		}
		regions_say_unsettled(regions, *at);
		/* With its name, and not looked at again: this writer never comes to know it. */
		source_close(regions_remove(regions, at));
	}
}

/* @return whether a file was opened, which takes its time */
static bool regions_attach(struct regions *regions, const char *name, uint64_t id)
{
	char why[REGIONS_WHY_BYTES];
	struct owner *owner = NULL;
	struct source *source = regions_find(regions, id);
	int rc;

	if (source != NULL) {
		regions_refuse_twin(regions, name, source);
		return false;
	}
	rc = regions_find_owner(regions, name, &owner);
	if (rc < 0) {
		regions_open_failed(regions, name, rc);
		return false;
	}
	regions_room(regions, owner, why);
	if (why[0] != '\0') {
		regions_leave(regions, name, why);
		return false;
	}
	rc = regions_open_source(regions, name, &source);
	if (rc == 0 && !regions_is_settled(regions, source)) {
		regions_say_unsettled(regions, source);
		regions_remember(regions, source->view.pid, id);
		source_close(source);
		return true;
	}
	/* Another file may have come under this name meanwhile. */
	if (rc == 0 && source->view.uid != owner->uid) {
		source_close(source);
		return true;
	}
	if (rc == 0) {
		rc = regions_add(regions, owner, source);
		if (rc < 0)
			source_close(source);
	}
	if (rc < 0) {
		regions_open_failed(regions, name, rc);
		return true;
	}
	regions_remember(regions, source->view.pid, id);
	/* Before anything is drained from it. */
	regions_settle_claims(regions, source);
	return true;
}

/* Is the directory's time so young that what changes now may leave it as it is? */
static bool regions_may_change_unseen(const struct timespec *mtime)
{
	struct timespec now;
	int64_t age_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	if (mtime->tv_sec < now.tv_sec - 1 || mtime->tv_sec > now.tv_sec)
		return false;
	age_ns = (int64_t)(now.tv_sec - mtime->tv_sec) * 1000000000 + now.tv_nsec - mtime->tv_nsec;
	return age_ns < REGIONS_TICK_NS;
}

static int regions_begin(struct regions *regions)
{
	struct stat st;

	regions->room = regions->capacity;
	regions->waiting_now = 0;
	regions->drained_elsewhere = false;
	/* Before it is read: what comes in meanwhile changes it again, if not in the same tick. */
	regions->look_ns = INT64_MAX;
	if (fstat(regions->dir->fd, &st) == 0) {
		regions->seen_mtime = st.st_mtim;
		if (regions_may_change_unseen(&st.st_mtim))
			regions->look_ns = clock_monotonic_ns() + REGIONS_TICK_NS;
	}
	return descriptor_opendir(regions->dir->fd, &regions->stream);
}

/* Read on: so many names, so many files to open. @return 1: there is more; 0: the end */
static int regions_read(struct regions *regions, size_t names_max, size_t files_max)
{
	int rc = 1;

	while (rc == 1 && names_max-- > 0 && files_max > 0) {
		struct dirent *entry;
		uint32_t pid;
		uint64_t id;

		errno = 0;
		entry = readdir(regions->stream);
		if (entry == NULL) {
			rc = -errno;
		} else if (region_parse_name(entry->d_name, &pid, &id) &&
			   !idset_has(&regions->known, name_key(pid, id))) {
			files_max -= regions_attach(regions, entry->d_name, id);
		}
	}
	if (rc == 0)
		regions_say_waiting(regions);
	if (rc <= 0)
		regions_end(regions);
	return rc;
}

int regions_discover(struct regions *regions)
{
	int rc;

	regions_end(regions);
	rc = regions_begin(regions);
	return rc < 0 ? rc : regions_read(regions, SIZE_MAX, SIZE_MAX);
}

int regions_discover_some(struct regions *regions, int64_t now_ns, bool anyway)
{
	int64_t begin_ns;
	int rc = 0;

	if (now_ns < regions->next_ns)
		return 0;
	if (regions->stream == NULL) {
		if (!anyway && now_ns < regions->look_ns && !regions_differ(regions))
			return 0;
		rc = regions_begin(regions);
		if (rc < 0)
			return rc;
	}
	begin_ns = clock_monotonic_ns();
	rc = regions_read(regions, REGIONS_STEP_NAMES, REGIONS_STEP_FILES);
	now_ns = clock_monotonic_ns();
	regions->next_ns = now_ns + (now_ns - begin_ns) * REGIONS_REST;
	return rc < 0 ? rc : 0;
}

void regions_leave_unknown(struct regions *regions)
{
	struct source **at = &regions->sources;

	while (*at != NULL) {
		struct source *source = *at;
		char why[96];

		if (source->unknown_ring == 0) {
			at = &source->next;
			continue;
		}
		(void)regions_remove(regions, at);
		snprintf(
			why, sizeof(why),
			"this writer does not know the signal of its ring %u; it waits for a newer "
			"writer",
			source->unknown_ring);
		regions_refuse(regions, source->name, why);
		source_close(source);
	}
}

void regions_break(struct regions *regions, struct source *source, const char *why)
{
	char broken[OWNER_NAME_BYTES];

	if (source->is_broken)
		return;
	source_break(source);
	regions->broken_count++;
	snprintf(broken, sizeof(broken), "%s.broken", source->name);
	/* The name is gone already where somebody removed it. */
	if (renameat(source->dir->fd, source->name, source->dir->fd, broken) < 0)
		broken[0] = '\0';
	log_line("%s (pid %u, %s) is broken, %s: it is drained no further%s%s", source->name,
		 source->view.pid, source->view.program, why,
		 broken[0] != '\0' ? ", and kept as " : "", broken);
}

void regions_break_unreadable(struct regions *regions, struct source *source)
{
	char broken[OWNER_NAME_BYTES], oldest[OWNER_NAME_BYTES];

	if (source->is_broken)
		return;
	regions_break(regions, source, source->fault);
	snprintf(broken, sizeof(broken), "%s.broken", source->name);
	owner_keep_broken(source->owner, broken, oldest);
	if (oldest[0] == '\0')
		return;
	if (unlinkat(source->dir->fd, oldest, 0) == 0)
		log_line("%s is removed: of regions that nobody can read any more, only the newest "
			 "%u of "
			 "user %u are kept",
			 oldest, OWNER_BROKEN_KEPT, source->owner->uid);
	else if (errno != ENOENT)
		log_line("%s cannot be removed: %s", oldest, strerror(errno));
}

void regions_settle(struct regions *regions, struct source *source, const struct batch_entry *entry)
{
	const char *why = settle_entry(source, entry);

	if (why == NULL)
		return;
	regions_break(regions, source, why);
	/* Its last entry goes on where this one ends. */
	(void)settle_entry(source, entry);
}

void regions_settle_claims(struct regions *regions, struct source *source)
{
	const struct claim *claim;
	size_t count = claims_of(&regions->claims, source->view.region_id, &claim);

	for (; count > 0; count--, claim++)
		regions_settle(regions, source, &claim->entry);
}

void regions_move(struct regions *regions, const struct runtime_dir *from)
{
	struct source *source;

	for (source = regions->sources; source != NULL; source = source->next)
		if (source->dir == regions->dir)
			source->dir = from;
	regions_end(regions);
	regions->next_ns = regions->look_ns = 0;
	memset(&regions->seen_mtime, 0, sizeof(regions->seen_mtime));
}

bool regions_are_of(const struct regions *regions, const struct runtime_dir *dir)
{
	const struct source *source;

	for (source = regions->sources; source != NULL; source = source->next)
		if (source->dir == dir)
			return true;
	return false;
}

size_t regions_let_go(struct regions *regions, bool accept_busy)
{
	struct source **at = &regions->sources;
	size_t count = 0;

	while (*at != NULL) {
		struct source *source = *at;

		if (!source_is_at_limit(source, accept_busy)) {
			at = &source->next;
			continue;
		}
		/* With its name: it is the next one's to go on with. */
		source_close(regions_remove(regions, at));
		count++;
	}
	return count;
}

void regions_reap(struct regions *regions)
{
	struct source **at = &regions->sources;

	while (*at != NULL) {
		struct source *source = *at;

		if (!source_is_finished(source)) {
			at = &source->next;
			continue;
		}
		(void)regions_remove(regions, at);
		if (!source->is_broken && unlinkat(source->dir->fd, source->name, 0) < 0 &&
		    errno != ENOENT)
			log_line("%s cannot be removed: %s", source->name, strerror(errno));
		source_close(source);
	}
}
